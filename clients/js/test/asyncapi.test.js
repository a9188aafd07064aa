// The AsyncAPI documents that sig gen makes are what the schema of AsyncAPI 3.1 asks for.
import { test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const read = (file) => JSON.parse(readFileSync(file, "utf8"));

function validator() {
  const schema = read(createRequire(import.meta.url).resolve("@asyncapi/specs/schemas/3.1.0.json"));
  delete schema.definitions["http://json-schema.org/draft-07/schema"]; // Ajv has it
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats(ajv);
  return ajv.compile(schema);
}

test("AsyncAPI documents are valid", () => {
  const valid = validator();
  const golden = new URL("../../../idl/gen/testdata/golden/", import.meta.url);
  const made = readdirSync(golden).filter((name) => name.endsWith(".asyncapi.json"));
  assert.ok(made.length >= 4, "files that sig gen made");
  for (const name of made) {
    const doc = read(new URL(name, golden));
    valid(doc);
    assert.deepEqual(valid.errors ?? [], [], name);

    for (const operation of Object.values(doc.operations)) operation.action = "call"; // what it would not let through
    assert.equal(valid(doc), false, `${name}: an operation that neither sends nor receives`);
  }
});
