// Connecting, and what goes wrong with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, SigError, Status } from "../sig.js";
import { connected, FakeClock, FakeNet, rejects, settle } from "./help.js";

test("hello says who the client is and what it understands", async () => {
  const t = await connected({ name: "page", token: "secret" });
  assert.deepEqual(t.link.hello, { version: 1, name: "page", envelope: "json", codecs: ["json"], token: "secret", window: 1024, window_bytes: 1 << 20 });
  assert.equal(t.link.url, "ws://router/sig");
  assert.equal(t.c.state, "connected");
  assert.deepEqual(t.c.server, { name: "router", classic: false });
});

test("nothing is sent before hello is answered", async () => {
  const net = new FakeNet();
  const c = await connect("ws://router", { transport: net.dial, clock: new FakeClock(), lazy: true });
  const adding = c.addListener("timer", "tic", () => {});
  const asking = c.request("timer", "interval");
  net.last.transport.onopen();
  const hello = net.last.next({ method: "hello" });
  net.last.none();
  net.last.reply(hello, { session: "s", epoch: "e" });
  net.last.listen(1);
  await adding;
  net.last.reply(net.last.next({ method: "request", params: { sender: "timer", method: "interval" } }), 5);
  assert.equal(await asking, 5);
});

test("the token may be a function, asked at each attempt", async () => {
  let n = 0;
  const t = { net: new FakeNet(), clock: new FakeClock() };
  const dialled = connect("ws://router", { transport: t.net.dial, clock: t.clock, token: async () => `t${++n}` });
  t.net.last.transport.onopen();
  await settle();
  assert.equal(t.net.last.sent[0].params.token, "t1");
  t.net.last.greet = undefined;
  t.net.last.reply(t.net.last.next({ method: "hello" }), { session: "s", epoch: "e" });
  await dialled;
  t.net.last.cut();
  await t.clock.advance(250);
  t.net.last.transport.onopen();
  await settle();
  assert.equal(t.net.last.next({ method: "hello" }).params.token, "t2");
});

test("without lazy the first attempt decides", async () => {
  for (const [name, play, like] of [
    ["closed", (link) => link.cut("ECONNREFUSED"), { code: "not_connected", message: /ws:\/\/router.*ECONNREFUSED/ }],
    ["refused", (link) => { link.transport.onopen(); link.fail(link.next({ method: "hello" }), -5, "refused", "no such token"); }, { status: -5, message: "no such token" }],
    ["turned away", (link) => { link.transport.onopen(); link.say({ id: null, status: -6, exception: "10000 connections are the most", error: { code: "limit" } }); }, { status: -6, message: /most/ }],
    ["silent", (link, clock) => { link.transport.onopen(); return clock.advance(10_000); }, { code: "timeout", message: /10000 ms/ }],
    ["never open", (link, clock) => clock.advance(10_000), { code: "timeout" }],
    ["no object", (link) => { link.transport.onopen(); link.say("[1]"); }, { code: "malformed" }],
    ["binary", (link) => { link.transport.onopen(); link.transport.onmessage(new ArrayBuffer(3)); }, { code: "malformed" }],
    ["other envelope", (link) => { link.transport.onopen(); link.reply(link.next({ method: "hello" }), { envelope: "frame" }); }, { code: "malformed" }],
  ]) {
    const net = new FakeNet();
    const clock = new FakeClock();
    const dialled = connect("ws://router", { transport: net.dial, clock });
    dialled.catch(() => {});
    await play(net.last, clock);
    await rejects(dialled, like);
    await clock.advance(60_000);
    assert.equal(net.links.length, 1, name);
    assert.equal(clock.timers, 0, name);
  }
});

test("lazy: returns at once and goes on trying", async () => {
  const net = new FakeNet();
  const clock = new FakeClock();
  const c = await connect("ws://router", { transport: net.dial, clock, lazy: true });
  assert.equal(c.state, "connecting");
  net.last.cut("refused");
  assert.equal(c.state, "reconnecting");
  await clock.advance(500);
  assert.equal(net.links.length, 2);
  net.last.greet();
  assert.equal(c.state, "connected");
});

test("an address that cannot work is an error at once, even when lazy", async () => {
  class WebSocket {}
  await rejects(connect("tcp://127.0.0.1:3000", { WebSocket }), { code: "invalid", message: /sig-node\.js/ });
  const c = await connect("tcp://127.0.0.1:3000", { WebSocket, lazy: true });
  await new Promise((resolve) => c.on("state", ({ state }) => state === "closed" && resolve()));
  await rejects(c.request("a", "b"), { code: "shutting_down" });
});

test("without a WebSocket the error says what to do", { skip: globalThis.WebSocket && "this Node has one" }, async () => {
  await rejects(connect("ws://127.0.0.1:1"), { code: "invalid", message: /import WebSocket from "ws"/ });
});

test("addresses of pages become those of sockets", async () => {
  const seen = [];
  class WebSocket {
    constructor(url) {
      seen.push(url);
      setTimeout(() => this.onclose({ code: 1006, reason: "" }));
    }
    close() {}
  }
  globalThis.location = { href: "https://example.com/app/page.html#x" };
  try {
    for (const url of ["http://a/sig", "https://a/sig", "wss://a:1/", "/sig", "sig"]) await rejects(connect(url, { WebSocket }), { message: /without a word/ });
  } finally {
    delete globalThis.location;
  }
  assert.deepEqual(seen, ["ws://a/sig", "wss://a/sig", "wss://a:1/", "wss://example.com/sig", "wss://example.com/app/sig"]);
});

test("reconnect: false ends the client with its connection", async () => {
  const t = await connected({ reconnect: false });
  const asking = t.c.request("a", "b");
  t.link.cut();
  await rejects(asking, { code: "not_connected" });
  assert.equal(t.c.state, "closed");
  await rejects(t.c.request("a", "b"), { code: "shutting_down" });
  await t.c.close();
  assert.equal(t.clock.timers, 0);
});

test("a ping of the server is answered", async () => {
  const { link } = await connected();
  link.say({ id: 9, method: "ping" }, { id: "x", method: "ping" });
  link.next({ id: 9, status: 0, response: null });
  link.next({ id: "x", status: 0 });
});

test("ids come back as they were sent", async () => {
  const { link } = await connected();
  const sent = [];
  link.transport.send = (text) => sent.push(text);
  for (const id of ["1.50", "1E+2", "12345678901234567890123", '"a\\u0062"', '""']) link.say(`{"id":${id},"method":"ping"}`);
  assert.deepEqual(sent, ["1.50", "1E+2", "12345678901234567890123", '"a\\u0062"', '""'].map((id) => `{"id":${id},"status":0,"response":null}`));
});

test("calls a client does not know are refused", async () => {
  const { link } = await connected();
  link.say({ id: 1, method: "get_version" }, { id: 2 }, { id: 3, method: "constructor" }, { method: "x" });
  link.next({ id: 1, status: -1, exception: 'no method "get_version" at a client' });
  link.next({ id: 2, status: -3 });
  link.next({ id: 3, status: -1 });
  link.next({ id: null, status: -1 });
});

test("a malformed message ends the connection, not the client", async () => {
  const t = await connected();
  t.link.say('{"id":7,"method":"ping","method":"ping"}');
  t.link.next({ id: 7, status: -4 });
  assert.equal(t.link.closed.code, 4002);
  assert.equal(t.c.state, "reconnecting");
});

test("replies nobody waits for are counted", async () => {
  const t = await connected();
  t.link.say({ id: 99, status: 0, response: 1 }, { id: "2", status: -2, exception: "x" });
  assert.equal(t.c.stats.strays, 2);
  assert.equal(t.c.state, "connected");
});

test("errors carry status and code, whichever is known", () => {
  assert.deepEqual({ ...new SigError("x", { code: "timeout" }) }, { name: "SigError", status: -7, code: "timeout", data: undefined });
  assert.equal(new SigError("x", { status: -5 }).code, "refused");
  assert.equal(new SigError("x", { status: -2 }).code, "");
  assert.equal(new SigError("x").status, Status.failed);
  assert.equal(new SigError("", { status: -2 }).message, "failed with status -2");
  assert.equal(new SigError("x", { code: "constructor" }).status, -2);
  assert.ok(new SigError("x") instanceof Error);
});

test("on knows its two events", async () => {
  const { c, link } = await connected();
  assert.throws(() => c.on("stat", () => {}), { code: "invalid" });
  assert.throws(() => c.on("constructor", () => {}), { code: "invalid" });
  const off = c.on("state", () => assert.fail("called after it was taken off"));
  off();
  const closing = c.close();
  link.cut();
  await closing;
});
