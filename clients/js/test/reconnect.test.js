// Coming back: waits, goodbyes, silence, hidden tabs; and servers without a fast lane.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { connect } from "../sig.js";
import { addListener, addSender, connected, FakeClock, FakeNet, reconnected, rejects, settle } from "./help.js";

test("the first try comes within 250 ms, the next in waits that double up to 4 s", async () => {
  const t = await connected();
  t.clock.randomness = 0.999999;
  t.link.cut("gone");
  const waits = [];
  for (let i = 0; i < 7; i++) {
    waits.push(Math.round(t.states.at(-1).wait));
    const before = t.net.links.length;
    await t.clock.advance(t.states.at(-1).wait + 1);
    assert.equal(t.net.links.length, before + 1);
    t.net.last.cut("refused");
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 4000, 4000]);
  assert.match(t.states[0].error.message, /gone/);
  // A connection that does not hold does not begin anew.
  await t.clock.advance(4001);
  t.net.last.greet();
  t.net.last.cut();
  await t.clock.advance(251);
  t.net.last.cut();
  assert.equal(Math.round(t.states.at(-1).wait), 4000);
  // One that holds does.
  await t.clock.advance(4001);
  t.net.last.greet({ ping_ms: 60_000, dead_ms: 120_000 });
  await t.clock.advance(30_001);
  t.net.last.cut();
  await t.clock.advance(251);
  t.net.last.cut();
  assert.equal(Math.round(t.states.at(-1).wait), 500);
});

test("waits are drawn at random, down to nothing", async () => {
  const t = await connected({ maxBackoff: 1000 });
  t.clock.randomness = 0;
  t.link.cut();
  for (let i = 0; i < 20; i++) {
    await t.clock.advance(0);
    assert.equal(t.net.links.length, i + 2);
    t.net.last.cut();
  }
  t.clock.randomness = 1;
  await t.clock.advance(0);
  t.net.last.cut();
  assert.equal(t.states.at(-1).wait, 1000);
});

test("who is refused asks again slowly", async () => {
  const t = await connected();
  t.clock.randomness = 0;
  t.link.cut();
  await t.clock.advance(1);
  t.net.last.transport.onopen();
  t.net.last.fail(t.net.last.next({ method: "hello" }), -5, "refused", "token revoked");
  assert.deepEqual([t.states.at(-1).wait, t.states.at(-1).error.message], [15_000, "token revoked"]);
  await t.clock.advance(15_000);
  t.net.last.greet();
  assert.equal(t.c.state, "connected");
});

test("bye: nothing more is sent, and the client comes back when it was told to", async () => {
  const t = await connected();
  t.clock.randomness = 0;
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const asking = t.c.request("a", "b");
  const call = t.link.next({ method: "request" });
  t.link.say({ method: "bye", params: { reason: "restart", retry_ms: 350 } });
  const ack = sender.trigger("tic", 1);
  const later = t.c.request("a", "c");
  t.link.none();
  t.link.reply(call, 7); // what runs is finished
  assert.equal(await asking, 7);
  t.link.cut();
  assert.match(t.states.at(-1).error.message, /goodbye: restart/);
  await t.clock.advance(349);
  assert.equal(t.net.links.length, 1);
  await t.clock.advance(1);
  const link = t.net.last;
  link.greet({ session: "s2" });
  link.reply(link.next({ method: "add_sender" }));
  link.reply(link.next({ method: "request", params: { method: "c" } }), 8);
  assert.equal(await later, 8);
  link.next({ n: 1 });
  link.say({ ack: 1 });
  await ack;
});

test("a server that says bye and does not close is left, whatever it said of coming back", async () => {
  const t = await connected();
  t.link.say({ method: "bye", params: { retry_ms: "soon" } });
  for (let i = 0; i < 10; i++) {
    t.link.say({ id: i, method: "ping" });
    await t.clock.advance(1000);
  }
  assert.equal(t.c.state, "reconnecting");
  assert.ok(t.link.closed);
  assert.ok(t.states.at(-1).wait <= 250);
});

test("after 5 s of silence a ping, after 15 s the connection counts as lost", async () => {
  const t = await connected();
  await t.clock.advance(4000);
  t.link.none();
  await t.clock.advance(1000);
  const ping = t.link.next({ method: "ping" });
  await t.clock.advance(4000);
  t.link.none(); // one at a time
  t.link.reply(ping);
  await t.clock.advance(5000);
  t.link.next({ method: "ping" });
  const asking = t.c.request("a", "b");
  asking.catch(() => {});
  await t.clock.advance(9000);
  assert.equal(t.c.state, "connected");
  await t.clock.advance(1000);
  assert.equal(t.c.state, "reconnecting");
  assert.match(t.states.at(-1).error.message, /silent for 15 s/);
  await rejects(asking, { code: "not_connected" });
  assert.equal(t.link.closed.reason, "aborted");
});

test("the server decides how long, and anything it sends is a sign of life", async () => {
  const t = await connected({}, { ping_ms: 1000, dead_ms: 3000 });
  for (let i = 0; i < 20; i++) {
    await t.clock.advance(900);
    t.link.say({ ack: 0 });
  }
  t.link.none();
  await t.clock.advance(3000);
  assert.equal(t.c.state, "reconnecting");
});

test("silence while timers did not run is not held against the server", async () => {
  const t = await connected();
  t.clock.sleep(600_000); // the computer slept, or the tab was hidden
  await t.clock.advance(0);
  assert.equal(t.c.state, "connected");
  t.link.next({ method: "ping" });
  await t.clock.advance(9000);
  assert.equal(t.c.state, "connected");
  await t.clock.advance(2000);
  assert.equal(t.c.state, "reconnecting");
});

test("in a hidden tab, where timers run once a minute, the connection holds", async () => {
  const t = await connected();
  for (let i = 0; i < 10; i++) {
    for (let s = 0; s < 12; s++) { // the server pings after 5 s of silence
      t.clock.sleep(5000);
      t.link.say({ id: `p${i}.${s}`, method: "ping" });
      t.link.next({ status: 0 });
    }
    await t.clock.advance(0);
    for (const m of t.link.sent.splice(0)) t.link.reply(m);
    assert.equal(t.c.state, "connected");
  }
});

/** A page, as far as the client looks at one. */
function page(ctx) {
  const target = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  globalThis.addEventListener = target.addEventListener.bind(target);
  globalThis.removeEventListener = target.removeEventListener.bind(target);
  globalThis.document = document;
  ctx.after(() => { for (const name of ["addEventListener", "removeEventListener", "document"]) delete globalThis[name]; });
  return {
    listeners: () => [getEventListeners(target, "online"), getEventListeners(target, "pageshow"), getEventListeners(document, "visibilitychange")].map((l) => l.length),
    fire: (type) => target.dispatchEvent(new Event(type)),
    show(state) {
      document.visibilityState = state;
      document.dispatchEvent(new Event("visibilitychange"));
    },
  };
}

test("a page that is shown again, or online again, looks at once", async (ctx) => {
  const p = page(ctx);
  const t = await connected();
  p.show("hidden");
  t.link.none();
  p.show("visible");
  t.link.reply(t.link.next({ method: "ping" }));
  t.clock.randomness = 1;
  t.link.cut();
  for (let i = 0; i < 5; i++) {
    await t.clock.advance(t.states.at(-1).wait);
    t.net.last.cut();
  }
  const before = t.net.links.length;
  p.fire("online");
  await t.clock.advance(250);
  assert.equal(t.net.links.length, before + 1);
  t.net.last.cut();
  p.fire("pageshow");
  await t.clock.advance(250);
  t.net.last.greet();
  const closing = t.c.close();
  t.net.last.cut();
  await closing;
  p.fire("online");
  assert.equal(t.clock.timers, 0);
  assert.deepEqual(p.listeners(), [0, 0, 0]);
});

test("a refused client does not hurry because its page is shown", async (ctx) => {
  const p = page(ctx);
  const t = await connected();
  t.link.cut();
  await t.clock.advance(250);
  t.net.last.transport.onopen();
  t.net.last.fail(t.net.last.next({ method: "hello" }), -5, "refused");
  const before = t.net.links.length;
  p.show("visible");
  await t.clock.advance(14_000);
  assert.equal(t.net.links.length, before);
});

test("a hidden page acknowledges at once, since its timers do not run", async (ctx) => {
  const p = page(ctx);
  const t = await connected();
  await addListener(t, 1, () => {});
  p.show("hidden");
  t.link.signal(1, [1], 0);
  assert.deepEqual(t.link.next(), { ack: 1 });
});

test("1,000 reconnects leave nothing behind", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"], requests: { get: () => 1 } });
  await addListener(t, 1, () => {});
  let acked = 0;
  for (let i = 0; i < 1000; i++) {
    sender.trigger("tic", i).then(() => acked++);
    t.c.request("a", "b").catch(() => {});
    const link = await reconnected(t, { resumed: true, last: i });
    link.reply(link.next({ method: "add_sender" }));
  }
  t.net.last.say({ ack: 1000 });
  await settle();
  assert.equal(acked, 1000);
  assert.ok(t.clock.timers < 5, `${t.clock.timers} timers`);
  assert.equal(t.c.stats.connects, 1001);
});

// ---- Classic servers ----

async function classic(options = {}, extra = undefined) {
  const net = new FakeNet();
  net.extra = extra;
  const clock = new FakeClock();
  const dialled = connect("ws://router", { transport: net.dial, clock, ...options });
  net.last.transport.onopen();
  const hello = net.last.next({ method: "hello" });
  net.last.say({ id: hello.id, status: -1 });
  const c = await dialled;
  const errors = [];
  c.on("error", (err) => errors.push(err));
  return { c, net, clock, link: net.last, errors };
}

test("a server that knows no hello is a classic one: one call at a time", async () => {
  const t = await classic();
  assert.equal(t.c.server.classic, true);
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const acks = [sender.trigger("tic", 1), sender.trigger("tic", 2)];
  const asking = t.c.request("a", "b");
  const first = t.link.next();
  assert.deepEqual(first, { id: first.id, method: "signal", params: { info: { sender: "timer", event: "tic" }, data: 1 } });
  t.link.none();
  t.link.reply(first);
  await acks[0];
  t.link.reply(t.link.next({ method: "request" }), 5);
  assert.equal(await asking, 5);
  t.link.say({ id: t.link.next({ method: "signal", params: { data: 2 } }).id, status: -2, exception: "sender timer not found" });
  await rejects(acks[1], { status: -2, message: /not found/ });
  await t.clock.advance(60_000); // no pings
  t.link.none();
});

test("a classic server calls with each event", async () => {
  const t = await classic();
  const seen = [];
  await addListener(t, 140245302912, (e) => seen.push(e.data));
  t.link.say({ id: 3, method: "signal", params: { listener_id: 140245302912, info: { sender: "timer", event: "tic" }, data: [1] } });
  t.link.next({ id: 3, status: 0 });
  assert.deepEqual(seen, [[1]]);
});

test("a classic server that does not answer a signal holds up the next for 10 s", async () => {
  const t = await classic();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const ack = sender.trigger("tic", 1);
  ack.catch(() => {});
  sender.trigger("tic", 2);
  t.link.next({ params: { data: 1 } });
  await t.clock.advance(9999);
  t.link.none();
  await t.clock.advance(1);
  await rejects(ack, { code: "timeout" });
  t.link.next({ params: { data: 2 } }); // and no cancel, which it does not know
  t.link.none();
});

test("a signal to a classic server that was cut off is sent again", async () => {
  const t = await classic();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const ack = sender.trigger("tic", 1);
  t.link.next({ method: "signal" });
  t.link.cut();
  await t.clock.advance(250);
  t.net.last.transport.onopen();
  const hello = t.net.last.next({ method: "hello" });
  assert.equal(hello.params.resume, undefined);
  t.net.last.say({ id: hello.id, status: -1 });
  t.net.last.reply(t.net.last.next({ method: "add_sender" }));
  t.net.last.reply(t.net.last.next({ method: "signal", params: { data: 1 } }));
  await ack;
  assert.equal(t.c.stats.unsure, 1);
  const closing = t.c.close();
  t.net.last.none(); // no bye
  t.net.last.cut();
  await closing;
});

test("on a byte stream a classic server gets at most 4096 bytes, paced", async () => {
  let paced = 0;
  const t = await classic({}, { classic: () => paced++ });
  assert.equal(paced, 1);
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  await rejects(sender.trigger("tic", "x".repeat(4096)), { code: "limit", message: /4096/ });
  sender.trigger("tic", "x".repeat(3900));
  t.link.next({ method: "signal" });
});
