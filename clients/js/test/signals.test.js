// Signals up: numbers, acknowledgements, the window, the outbox.

import assert from "node:assert/strict";
import { test } from "node:test";
import { addSender, connected, FakeNet, FakeClock, reconnected, rejects, settle, welcome } from "./help.js";
import { connect } from "../sig.js";

test("a sender declares its events and requests", async () => {
  const t = await connected();
  const { call } = await addSender(t, "lorem", { events: ["ipsum"], retain: ["dolor", "ipsum"], requests: { get: () => 1 }, requestRest: () => 2 });
  assert.deepEqual(call.params, { sender: "lorem", events: ["ipsum", "dolor"], retain: ["dolor", "ipsum"], requests: ["get", null] });
});

test("a sender may ask for a grace", async () => {
  const t = await connected();
  const { call } = await addSender(t, "lorem", { events: "ipsum", grace: 1500 });
  assert.deepEqual(call.params, { sender: "lorem", events: ["ipsum"], retain: [], requests: [], grace_ms: 1500 });
});

test("events may be one name", async () => {
  const t = await connected();
  const { call } = await addSender(t, "lorem", { events: "ipsum" });
  assert.deepEqual(call.params.events, ["ipsum"]);
});

test("a name that is taken is refused", async () => {
  const t = await connected();
  const adding = t.c.addSender("lorem", { events: ["x"] });
  t.link.fail(t.link.next({ method: "add_sender" }), -2, "taken");
  await rejects(adding, { code: "taken" });
  await addSender(t, "lorem", { events: ["x"] });
  await rejects(t.c.addSender("lorem", {}), { code: "taken" });
  t.link.none();
});

test("signals are numbered from 1, and their promise waits for the acknowledgement", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic", "toc"] });
  const done = [];
  sender.trigger("tic", 42).then(() => done.push(1));
  sender.trigger("toc").then(() => done.push(2));
  sender.trigger("tic", { a: [null] }, { traceparent: "00-1" }).then(() => done.push(3));
  assert.deepEqual(t.link.next(), { n: 1, method: "signal", params: { info: { sender: "timer", event: "tic" }, data: 42 } });
  assert.deepEqual(t.link.next(), { n: 2, method: "signal", params: { info: { sender: "timer", event: "toc" }, data: null } });
  assert.deepEqual(t.link.next(), { n: 3, method: "signal", params: { info: { sender: "timer", event: "tic" }, data: { a: [null] }, traceparent: "00-1" } });
  await settle();
  assert.deepEqual(done, []);
  t.link.say({ ack: 2 });
  await settle();
  assert.deepEqual(done, [1, 2]);
  t.link.say({ ack: 2 }, { ack: 3 });
  await settle();
  assert.deepEqual(done, [1, 2, 3]);
});

test("a refused signal rejects, the others do not", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const [a, b, c] = [1, 2, 3].map((n) => sender.trigger("tic", n));
  t.link.say({ refused: 2, status: -5, exception: "not yours", error: { code: "refused", data: { why: 1 } } }, { ack: 3 });
  await a;
  await rejects(b, { status: -5, code: "refused", message: "not yours", data: { why: 1 } });
  await c;
  t.link.say({ refused: 2, status: -5 }, { refused: 9, status: -5 }); // nothing to refuse any more
  assert.equal(t.c.state, "connected");
});

test("nobody has to wait: a failure nobody waits for is an error of the client", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  sender.trigger("tic", 1); // an unhandled rejection would fail this test
  sender.trigger("nonsense");
  const awaited = sender.trigger("tic", 3);
  t.link.say({ refused: 1, status: -5, exception: "first" }, { refused: 2, status: -5, exception: "third" });
  await rejects(awaited, { message: "third" });
  await rejects(sender.trigger("nonsense"), { code: "no_event" });
  await t.clock.advance(0);
  assert.deepEqual(t.errors.map((e) => e.message), ["sender timer has not declared event nonsense", "first"]);
});

test("trigger's promise is one, in every way it is used", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  assert.ok(sender.trigger("x") instanceof Promise);
  assert.equal(await sender.trigger("x").catch((e) => e.code), "no_event");
  let finished = false;
  await sender.trigger("x").finally(() => { finished = true; }).catch(() => {});
  assert.ok(finished);
  const [one, two] = await Promise.allSettled([sender.trigger("x"), sender.trigger("y")]);
  assert.deepEqual([one.status, two.status], ["rejected", "rejected"]);
});

test("what cannot be JSON is refused here", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const ring = {};
  ring.ring = ring;
  await rejects(sender.trigger("tic", ring), { code: "invalid", message: /circular/i });
  await rejects(sender.trigger("tic", 10n), { code: "invalid", message: /BigInt/ });
  await rejects(t.c.request("a", "b", 10n), { code: "invalid" });
  t.link.none();
  sender.trigger("tic", undefined);
  sender.trigger("tic", () => {});
  sender.trigger("tic", NaN);
  for (let i = 0; i < 3; i++) t.link.next({ params: { data: null } });
});

test("what the server would close the connection for is not sent", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"], requests: { deep: () => nested(65) } });
  await rejects(sender.trigger("tic", nested(65)), { code: "limit", message: /64/ });
  await rejects(t.c.request("a", "b", nested(65)), { code: "limit" });
  for (const name of ["\ud800", null, 5, undefined]) {
    await rejects(t.c.addSender(name, { events: ["x"] }), { code: "invalid" });
    await rejects(t.c.addSender("a", { events: [name] }), { code: "invalid" });
    await rejects(t.c.request("a", name), { code: "invalid" });
    if (name != null) await rejects(t.c.addListener(name, "b", () => {}), { code: "invalid" });
  }
  t.link.none();
  sender.trigger("tic", nested(64));
  t.link.next({ n: 1 });
  t.c.request("a", "b", nested(64)).catch(() => {});
  t.link.next({ method: "request" });
  t.link.say({ id: 1, method: "request", params: { sender: "timer", method: "deep" } });
  await settle();
  t.link.next({ id: 1, status: -6 });

  const odd = await connected({ stringify: () => "NaN" });
  const { sender: writer } = await addSender(odd, "timer", { events: ["tic"] });
  await rejects(writer.trigger("tic", 1), { code: "invalid", message: /cannot be written as JSON/ });
});

function nested(depth) {
  let v = [];
  for (let i = 1; i < depth; i++) v = [v];
  return v;
}

test("messages longer than the server takes are refused here", async () => {
  const t = await connected({}, { max_message: 1000 });
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  await rejects(sender.trigger("tic", "x".repeat(900)), { code: "limit", message: /1000 bytes/ });
  await rejects(sender.trigger("tic", "\u4e16".repeat(310)), { code: "limit" });
  await rejects(t.c.request("a", "b", "x".repeat(900)), { code: "limit" });
  sender.trigger("tic", "x".repeat(800));
  t.link.next({ n: 1 });
  t.link.none();
});

test("no more signals are under way than the server's window", async () => {
  const t = await connected({}, { window: 3 });
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  for (let i = 1; i <= 8; i++) sender.trigger("tic", i);
  assert.deepEqual(t.link.sent.splice(0).map((m) => m.n), [1, 2, 3]);
  t.link.say({ ack: 1 });
  assert.deepEqual(t.link.sent.splice(0).map((m) => m.n), [4]);
  t.link.say({ ack: 4 });
  assert.deepEqual(t.link.sent.splice(0).map((m) => m.n), [5, 6, 7]);
});

test("nor more bytes", async () => {
  const t = await connected({}, { window_bytes: 1000 });
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  for (let i = 1; i <= 5; i++) sender.trigger("tic", "x".repeat(600));
  assert.deepEqual(t.link.sent.splice(0).map((m) => m.n), [1, 2]);
  t.link.say({ ack: 1 });
  assert.deepEqual(t.link.sent.splice(0).map((m) => m.n), [3]);
});

test("an acknowledgement of what was not sent ends the connection", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  sender.trigger("tic");
  t.link.say({ ack: 2 });
  assert.equal(t.c.state, "reconnecting");
});

test("promise 14: signals wait for the connection, in a bounded outbox", async () => {
  const t = await connected({ outbox: 3 });
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  t.link.cut();
  const acks = [1, 2, 3].map((n) => sender.trigger("tic", n));
  await rejects(sender.trigger("tic", 4), { status: -6, code: "slow", message: /outbox is full: 3 signals/ });
  await t.clock.advance(250);
  const link = t.net.last;
  link.greet({ session: "s2", epoch: "e2" });
  const add = link.next({ method: "add_sender", params: { sender: "timer" } });
  link.none(); // signals wait until their sender is there
  link.reply(add);
  assert.deepEqual(link.sent.splice(0).map((m) => [m.n, m.params.data]), [[1, 1], [2, 2], [3, 3]]);
  link.say({ ack: 3 });
  await Promise.all(acks);
  sender.trigger("tic", 5);
  link.next({ n: 4 });
});

test("the outbox is bounded in bytes, too", async () => {
  const t = await connected({ outboxBytes: 1000 });
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  t.link.cut();
  sender.trigger("tic", "x".repeat(800)).catch(() => {});
  await rejects(sender.trigger("tic", "x".repeat(300)), { code: "slow" });
});

test("resume: what the server has had is not sent again, the rest keeps its number", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const acks = [1, 2, 3, 4].map((n) => sender.trigger("tic", n));
  t.link.say({ ack: 1 });
  t.link.sent.length = 0;
  const link = await reconnected(t, { resumed: true, last: 3 });
  assert.deepEqual(link.hello.resume, { session: "s1", epoch: "e1", last: 0 });
  link.reply(link.next({ method: "add_sender" }));
  await acks[2];
  assert.deepEqual(link.sent.splice(0).map((m) => [m.n, m.params.data]), [[4, 4]]);
  sender.trigger("tic", 5);
  link.next({ n: 5 });
  assert.deepEqual(t.states.at(-1), { state: "connected", resumed: true, unsure: 0 });
});

test("no resume: what was not acknowledged is sent again, and said to be unsure", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  for (let n = 1; n <= 4; n++) sender.trigger("tic", n);
  t.link.say({ ack: 1 });
  const link = await reconnected(t, { session: "s2", epoch: "e2" });
  link.reply(link.next({ method: "add_sender" }));
  assert.deepEqual(link.sent.splice(0).map((m) => [m.n, m.params.data]), [[1, 2], [2, 3], [3, 4]]);
  assert.deepEqual(t.states.at(-1), { state: "connected", resumed: false, unsure: 3 });
  assert.equal(t.c.stats.unsure, 3);
});

test("a server that says to have more than was sent is not believed", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  sender.trigger("tic", 1);
  const link = await reconnected(t, { resumed: true, last: 7 });
  link.reply(link.next({ method: "add_sender" }));
  link.next({ n: 1 });
  assert.equal(t.states.at(-1).resumed, false);
});

test("nor one that has forgotten what it acknowledged", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  for (let n = 1; n <= 3; n++) sender.trigger("tic", n);
  t.link.say({ ack: 2 });
  const link = await reconnected(t, { resumed: true, last: 1 });
  link.reply(link.next({ method: "add_sender" }));
  link.next({ n: 1, params: { data: 3 } });
  assert.deepEqual(t.states.at(-1), { state: "connected", resumed: false, unsure: 1 });
});

test("a cut in the middle of a second attempt loses nothing", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const ack = sender.trigger("tic", 1);
  const second = await reconnected(t, { resumed: true, last: 0 });
  second.next({ method: "add_sender" });
  second.cut();
  await t.clock.advance(500);
  const third = t.net.last;
  third.greet({ resumed: true, last: 0 });
  third.reply(third.next({ method: "add_sender" }));
  third.next({ n: 1, params: { data: 1 } });
  third.say({ ack: 1 });
  await ack;
});

test("a signal too long for the server that came back is refused here, not sent in a circle", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const long = sender.trigger("tic", "x".repeat(2000));
  const short = sender.trigger("tic", 1);
  const link = await reconnected(t, { session: "s2", max_message: 1000 });
  link.reply(link.next({ method: "add_sender" }));
  await rejects(long, { code: "limit" });
  link.next({ n: 1, params: { data: 1 } });
  link.say({ ack: 1 });
  await short;
});

test("a removed sender triggers nothing, and goes after what it triggered before", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  sender.trigger("tic", 1);
  const removing = sender.remove();
  await rejects(sender.trigger("tic", 2), { code: "removed" });
  t.link.next({ n: 1 });
  t.link.none();
  t.link.say({ ack: 1 });
  t.link.reply(t.link.next({ method: "remove_sender", params: { sender: "timer" } }));
  await removing;
  await sender.remove(); // again does nothing
  t.link.none();
  await addSender(t, "timer", { events: ["tic"] });
});

test("a refused signal counts once when its sender waits for the others", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  sender.trigger("tic", 1).catch(() => {});
  sender.trigger("tic", 2);
  t.link.sent.length = 0;
  t.link.say({ refused: 1, status: -5 }, { ack: 1 });
  sender.remove();
  t.link.none();
  t.link.say({ ack: 2 });
  t.link.next({ method: "remove_sender" });
});

test("a sender that is taken after a reconnect is tried again, and that is reported once", async () => {
  const t = await connected();
  await addSender(t, "timer", { events: ["tic"] });
  const link = await reconnected(t, { session: "s2" });
  for (let i = 0; i < 3; i++) {
    link.fail(link.next({ method: "add_sender" }), -2, "taken", "the name has a holder");
    await t.clock.advance(2500);
  }
  assert.deepEqual(t.errors.map((e) => [e.code, e.message]), [["taken", "sender timer could not be added again: the name has a holder"]]);
  link.reply(link.next({ method: "add_sender" }));
  await t.clock.advance(4000);
  assert.deepEqual(link.sent.filter((m) => m.method === "add_sender"), []);
});

test("close drains: it waits for acknowledgements, says goodbye and ends what waits", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const ack = sender.trigger("tic", 1);
  const asking = t.c.request("a", "b");
  t.link.next({ n: 1 });
  const call = t.link.next({ method: "request" });
  const closing = t.c.close();
  assert.equal(t.c.state, "closing");
  assert.equal(t.c.close(), closing);
  await rejects(sender.trigger("tic", 2), { code: "shutting_down" });
  await rejects(t.c.request("a", "b"), { code: "shutting_down" });
  await rejects(t.c.addSender("b"), { code: "shutting_down" });
  await rejects(t.c.addListener("b", null, () => {}), { code: "shutting_down" });
  t.link.none();
  t.link.say({ ack: 1 });
  t.link.none();
  t.link.reply(call, 5);
  await ack;
  assert.equal(await asking, 5);
  t.link.next({ method: "bye", params: { reason: "the client is closing" } });
  assert.deepEqual(t.link.closed, { code: 1000, reason: "bye" });
  t.link.cut();
  await closing;
  assert.equal(t.c.state, "closed");
  assert.equal(t.clock.timers, 0);
  assert.equal(t.net.links.length, 1);
});

test("close waits 5 s at most, and what is lost is told", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const ack = sender.trigger("tic", 1);
  const closing = t.c.close();
  await t.clock.advance(4999);
  assert.equal(t.c.state, "closing");
  await t.clock.advance(1);
  await rejects(ack, { code: "shutting_down" });
  await t.clock.advance(1000); // for a server that does not close its end
  await closing;
  assert.equal(t.clock.timers, 0);
});

test("close without a connection tries on while signals wait, and no longer", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  t.link.cut();
  const ack = sender.trigger("tic", 1);
  const closing = t.c.close();
  await t.clock.advance(250);
  const link = t.net.last;
  link.greet({ session: "s2" });
  link.reply(link.next({ method: "add_sender" }));
  link.next({ n: 1 });
  link.say({ ack: 1 });
  await ack;
  link.next({ method: "bye" });
  link.cut();
  await closing;

  const idle = await connected();
  idle.link.cut();
  await idle.c.close();
  assert.equal(idle.clock.timers, 0);
});

test("close does not wait for a connection that will not come back", async () => {
  const t = await connected({ reconnect: false });
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  const ack = sender.trigger("tic", 1);
  const closing = t.c.close();
  t.link.cut();
  await rejects(ack, { code: "not_connected" });
  await closing;
  assert.equal(t.clock.timers, 0);
});

test("close ends a client that never was connected", async () => {
  const net = new FakeNet();
  const clock = new FakeClock();
  const c = await connect("ws://router", { transport: net.dial, clock, lazy: true });
  const adding = c.addListener(null, null, () => {});
  const sender = c.addSender("a");
  const asking = c.request("a", "b");
  const closing = c.close({ timeout: 100 });
  await Promise.all([rejects(adding, { code: "shutting_down" }), rejects(sender, { code: "shutting_down" }), rejects(asking, { code: "shutting_down" }), clock.advance(1200)]);
  await closing;
  assert.equal(clock.timers, 0);
});

test("65,536 signals wait and leave in order", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "timer", { events: ["tic"] });
  t.link.cut();
  for (let n = 1; n <= 65536; n++) sender.trigger("tic", n);
  await rejects(sender.trigger("tic", 0), { code: "slow" });
  await t.clock.advance(250);
  const link = t.net.last;
  link.greet({ ...welcome, session: "s2" });
  link.reply(link.next({ method: "add_sender" }));
  let last = 0;
  while (link.sent.length > 0) {
    for (const m of link.sent.splice(0)) assert.equal(m.params.data, ++last);
    link.say({ ack: last });
  }
  assert.equal(last, 65536);
});
