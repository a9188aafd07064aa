// The types of the client, and of what sig gen makes, are right TypeScript and say what users
// may and may not do.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

function compile(...files) {
  const tsc = here("../node_modules/typescript/bin/tsc");
  const options = ["--noEmit", "--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "--lib", "es2023,dom"];
  const run = spawnSync(process.execPath, [tsc, ...options, ...files], { encoding: "utf8" });
  assert.equal(run.status, 0, run.stdout + run.stderr);
}

test("types compile", () => {
  const golden = here("../../../idl/gen/testdata/golden/");
  const made = readdirSync(golden).filter((name) => name.endsWith(".d.ts")).map((name) => golden + name);
  assert.ok(made.length >= 4, "files that sig gen made");
  compile(here("../sig.d.ts"), here("types/usage.ts"), ...made);
});
