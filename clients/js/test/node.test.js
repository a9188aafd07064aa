// sig-node.js: byte streams.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, Socket } from "node:net";
import { Writable } from "node:stream";
import { test } from "node:test";
import { connect, Splitter } from "../sig-node.js";
import { rejects } from "./help.js";

/** A server on TCP that does as told with each connection. */
async function listen(ctx, serve) {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ctx.after(() => {
    for (const s of sockets) s.destroy();
    server.close();
  });
  return `tcp://127.0.0.1:${server.address().port}`;
}

test("everything of sig.js is here", async () => {
  const [all, here] = await Promise.all([import("../sig.js"), import("../sig-node.js")]);
  for (const name of Object.keys(all)) assert.ok(name in here, name);
  assert.notEqual(here.connect, all.connect);
});

test("the types name what there is", async () => {
  for (const name of ["sig", "sig-node"]) {
    const types = readFileSync(new URL(`../${name}.d.ts`, import.meta.url), "utf8");
    let names = [...types.matchAll(/^export declare (?:class|const|function) (\w+)/gm)].map((m) => m[1]);
    if (/^export \* from/m.test(types)) names.push(...Object.keys(await import("../sig.js")));
    assert.deepEqual([...new Set(names)].sort(), Object.keys(await import(`../${name}.js`)).sort());
  }
});

test("a classic server gets one call a write, with a pause between, and no line breaks", async (ctx) => {
  const writes = [];
  const url = await listen(ctx, (socket) => {
    const splitter = new Splitter(); // two writes may come in one read when this process is held up
    socket.on("data", (chunk) => splitter.add(chunk, (text) => {
      const m = JSON.parse(text);
      if (m.status !== undefined) return;
      if (m.method === "hello") socket.write(`{"id": ${m.id}, "status": -1}`);
      else if (m.method === "add_listener") {
        // Two messages in one write, and one in several, cut inside a character.
        socket.write(`{"id": ${m.id}, "status": 0, "response": {"listener_id": 140245302912}}{"id": 1, "method": "signal", "params": {"listener_id": 140245302912, "info": {"sender": "t", "event": "e"}, "data": "\u00fc}"}}`);
        const second = Buffer.from('{"id": 2, "method": "signal", "params": {"listener_id": 140245302912, "info": {"sender": "t", "event": "e"}, "data": "\u00fc{"}}');
        const at = second.indexOf(0xc3) + 1;
        setTimeout(() => socket.write(second.subarray(0, at)), 5);
        setTimeout(() => socket.write(second.subarray(at, at + 2)), 10);
        setTimeout(() => socket.write(second.subarray(at + 2)), 15);
      } else socket.write(`{"id": ${m.id}, "status": 0, "response": null}`);
    }));
  });
  const { port } = new URL(url);
  ctx.mock.method(Socket.prototype, "write", function write(text, ...more) {
    if (this.remotePort === Number(port)) writes.push([text, performance.now()]);
    return Writable.prototype.write.call(this, text, ...more);
  });
  const c = await connect(url);
  ctx.after(() => c.close({ timeout: 0 }));
  assert.equal(c.server.classic, true);
  const seen = [];
  await new Promise((resolve) => c.addListener("t", "e", (e) => seen.push(e.data) === 2 && resolve()));
  assert.deepEqual(seen, ["\u00fc}", "\u00fc{"]);
  const sender = await c.addSender("s", { events: ["x"] });
  await Promise.all([sender.trigger("x", 1), sender.trigger("x", 2), c.request("a", "b")]);
  assert.deepEqual(writes.map(([text]) => JSON.parse(text).method ?? "reply"), ["hello", "add_listener", "reply", "reply", "add_sender", "signal", "request", "signal"]);
  for (let i = 2; i < writes.length; i++) {
    assert.ok(!writes[i][0].endsWith("\n"));
    assert.ok(writes[i][1] - writes[i - 1][1] > 8, `write ${i} came ${writes[i][1] - writes[i - 1][1]} ms after the last`);
  }
});

test("a server that is none is told apart", async (ctx) => {
  for (const [text, like] of [
    ["HTTP/1.1 400 Bad Request\r\n\r\n", /no JSON object/],
    ["{]", /brackets/],
    ['{"a":"\xff"}', /UTF-8/],
    [`{"a":${"[".repeat(100)}`, /too deep/],
  ]) {
    const url = await listen(ctx, (socket) => socket.write(Buffer.from(text, "latin1")));
    await rejects(connect(url), { code: "not_connected", message: like });
  }
});

test("a message without end is not kept for ever", async (ctx) => {
  const url = await listen(ctx, (socket) => {
    socket.write('{"a":"');
    const more = () => { while (!socket.destroyed && socket.write("x".repeat(1 << 16))); };
    socket.on("drain", more);
    more();
  });
  await rejects(connect(url), { message: /longer than 16777216 bytes/ });
});

test("addresses", async () => {
  await rejects(connect("tcp://[::1]:1"), { message: /ECONNREFUSED|EADDRNOTAVAIL|EAFNOSUPPORT/ });
  await rejects(connect("unix:///nowhere/no%20socket"), { message: /ENOENT.*no socket/ });
  await rejects(connect("tls://127.0.0.1:1"), { code: "not_connected" });
  class WebSocket {}
  await rejects(connect("nonsense", { WebSocket }), { code: "invalid", message: /nonsense/ });
  await rejects(connect("serial:///dev/ttyUSB0", { WebSocket }), { code: "invalid", message: /serial:/ });
});
