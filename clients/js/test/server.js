// The real server, built from this repository and run as a process.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** A reason to skip tests with the real server; never one in CI. */
export const skip = !process.env.CI && spawnSync("go", ["version"]).error ? "go is not installed" : false;

/** Builds the command into a directory of its own, which cleanUp removes. */
export function build() {
  const dir = mkdtempSync(join(tmpdir(), "sig-js-"));
  const file = join(dir, "sig");
  execFileSync("go", ["build", "-o", file, "./cmd/sig"], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  return { file, dir, cleanUp: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Starts the server and waits until it is ready. */
export async function serve(built, listen = ["ws://127.0.0.1:0/sig", "tcp://127.0.0.1:0", `unix://${built.dir}/s.sock`], flags = []) {
  const child = spawn(built.file, ["serve", "--until-eof", "--quiet", ...flags, ...listen.flatMap((url) => ["--listen", url])], { stdio: ["pipe", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => { log += text; });
  const exited = once(child, "exit");
  const ready = await Promise.race([once(createInterface(child.stdout), "line"), exited.then(() => { throw new Error(`the server ended: ${log}`); })]);
  const urls = JSON.parse(ready[0]).listen;
  return {
    urls,
    url: (scheme) => urls.find((u) => u.startsWith(scheme)),
    log: () => log,
    /** Ends it and waits until it has gone. */
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await exited;
    },
  };
}

/** A way to a server that can be cut. */
export async function proxy(url) {
  const { hostname: host, port } = new URL(url);
  const sockets = new Set();
  let open = true;
  const server = createServer((near) => {
    if (!open) {
      near.destroy();
      return;
    }
    const far = createConnection({ host, port: Number(port), noDelay: true });
    for (const [a, b] of [[near, far], [far, near]]) {
      sockets.add(a);
      a.on("error", () => {});
      a.on("close", () => {
        sockets.delete(a);
        b.destroy();
      });
      a.pipe(b);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const here = new URL(url);
  here.port = String(server.address().port);
  const cut = () => { for (const s of sockets) s.resetAndDestroy(); };
  return {
    url: here.href,
    /** Cuts what is connected. */
    cut,
    /** Cuts, and takes nobody until heal. */
    split() {
      open = false;
      cut();
    },
    heal() { open = true; },
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
