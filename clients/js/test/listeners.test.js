// Signals down: listeners, acknowledgements, gaps, streams of events.

import assert from "node:assert/strict";
import { test } from "node:test";
import { addListener, addSender, connected, reconnected, rejects, settle } from "./help.js";

test("a listener is called with each event", async () => {
  const t = await connected();
  const events = [];
  const { call } = await addListener(t, 3, (e) => events.push(e));
  assert.deepEqual(call.params, { sender: "timer", event: "tic" });
  t.link.signal(1, [3], 42);
  t.link.signal(2, [3], { a: 1 }, { sender: "timer", event: "tic", retained: true });
  t.link.say('{"n":3,"method":"signal","params":{"listeners":[3],"info":{"sender":"timer","event":"tic"},"traceparent":"00-1","hops":2}}');
  assert.deepEqual(events, [
    { sender: "timer", event: "tic", data: 42, retained: false },
    { sender: "timer", event: "tic", data: { a: 1 }, retained: true },
    { sender: "timer", event: "tic", data: null, retained: false, traceparent: "00-1", hops: 2 },
  ]);
});

test("null and nothing mean any; options go to the server", async () => {
  const t = await connected();
  t.c.addListener(null, "tic", () => {}, { below: true, policy: "drop_oldest", skipRetained: true });
  assert.deepEqual(t.link.next().params, { sender: null, event: "tic", below: true, policy: "drop_oldest", skip_retained: true });
  t.c.addListener(undefined, undefined, () => {});
  assert.deepEqual(t.link.next().params, { sender: null, event: null });
  await rejects(t.c.addListener("a", "b"), { code: "invalid", message: /function/ });
});

test("a refused listener rejects, and is not added again", async () => {
  const t = await connected();
  const adding = t.c.addListener("a", "b", () => {});
  t.link.fail(t.link.next(), -5, "refused", "not yours to hear");
  await rejects(adding, { status: -5 });
  const link = await reconnected(t);
  link.none();
});

test("one message serves all listeners it names, in order; a signal may follow the reply at once", async () => {
  const t = await connected();
  const calls = [];
  t.c.addListener("timer", "tic", () => calls.push("a"));
  t.c.addListener("timer", null, () => calls.push("b"));
  const [a, b] = [t.link.next(), t.link.next()];
  t.link.reply(a, { listener_id: 0 });
  t.link.reply(b, { listener_id: 1 });
  t.link.signal(1, [1, 0], null);
  assert.deepEqual(calls, ["b", "a"]);
});

test("a listener that throws is reported; the others are called", async () => {
  const t = await connected();
  let called = 0;
  await addListener(t, 1, () => { throw new Error("broken"); });
  await addListener(t, 2, async () => { throw new Error("broken later"); });
  await addListener(t, 3, () => called++);
  t.link.signal(1, [1, 2, 3], 0);
  t.link.signal(2, [3], 0);
  await settle();
  assert.equal(called, 2);
  assert.deepEqual(t.errors.map((e) => e.message), ["broken", "broken later"]);
});

test("without an error handler errors go to the console, not into nothing", async (ctx) => {
  const log = ctx.mock.method(console, "error", () => {});
  const t = await connected();
  await addListener(t, 1, () => { throw new Error("broken"); });
  t.c.on("error", () => { throw new Error("handler broken"); });
  t.link.signal(1, [1], 0);
  assert.deepEqual(t.errors.map((e) => e.message), ["broken"]);
  assert.deepEqual(log.mock.calls.map((c) => c.arguments[0].message), ["handler broken"]);
});

test("acknowledgements cover several signals and do not wait long", async () => {
  const t = await connected();
  await addListener(t, 1, () => {});
  for (let n = 1; n <= 5; n++) t.link.signal(n, [1], n);
  t.link.none();
  await t.clock.advance(10);
  assert.deepEqual(t.link.next(), { ack: 5 });
  for (let n = 6; n <= 600; n++) t.link.signal(n, [1], n);
  assert.deepEqual(t.link.sent.splice(0), [{ ack: 261 }, { ack: 517 }]);
  await t.clock.advance(10);
  assert.deepEqual(t.link.next(), { ack: 600 });
  t.link.signal(601, [1], "x".repeat(300_000));
  assert.deepEqual(t.link.next(), { ack: 601 });
  await t.clock.advance(100);
  t.link.none();
});

test("a signal that was had already is ignored and acknowledged", async () => {
  const t = await connected();
  let calls = 0;
  await addListener(t, 1, () => calls++);
  t.link.signal(1, [1], 0);
  t.link.signal(2, [1], 0);
  await t.clock.advance(10);
  t.link.next({ ack: 2 });
  t.link.signal(1, [1], 0);
  t.link.signal(2, [1], 0);
  assert.equal(calls, 2);
  assert.equal(t.c.stats.duplicates, 2);
  assert.deepEqual(t.link.sent.at(-1), { ack: 2 });
});

test("a signal that leaves one out ends the connection", async () => {
  const t = await connected();
  t.link.signal(2, [1], 0);
  assert.equal(t.c.state, "reconnecting");
  assert.equal(t.link.closed.code, 4002);
});

test("a signal as a call is answered after the listener has run", async () => {
  const t = await connected();
  const seen = [];
  await addListener(t, 1, (e) => seen.push(e.data));
  t.link.say({ id: 7, method: "signal", params: { listener_id: 1, info: { sender: "timer", event: "tic" }, data: 5 } });
  t.link.next({ id: 7, status: 0 });
  assert.deepEqual(seen, [5]);
  t.link.say({ id: 8, method: "signal", params: { listener_id: 9, info: { sender: "timer", event: "tic" } } });
  t.link.next({ id: 8, status: -2, error: { code: "no_listener" } });
  t.link.say({ id: 9, method: "signal", params: { listener_id: 1 } });
  t.link.next({ id: 9, status: -2, error: { code: "invalid" } });
  t.link.say({ id: 10, method: "signal", params: [1] });
  t.link.next({ id: 10, status: -2, error: { code: "invalid" } });
});

test("promise 13: what the server dropped is told in its place", async () => {
  const t = await connected();
  const seen = [];
  const { sub } = await addListener(t, 3, (e) => seen.push(e.data), "timer", "tic", { onDrop: (d) => seen.push(d) });
  await addListener(t, 4, () => {});
  t.link.signal(1, [3], 1);
  t.link.say({ n: 2, gap: { listeners: [3], sender: "timer", event: "tic", count: 12 } }, { n: 3, gap: { listeners: [3, 4], count: 2 } });
  t.link.signal(4, [3], 2);
  assert.deepEqual(seen, [1, { sender: "timer", event: "tic", count: 12 }, { sender: undefined, event: undefined, count: 2 }, 2]);
  assert.equal(sub.dropped, 14);
  assert.deepEqual(t.errors.map((e) => [e.code, e.data.count]), [["slow", 2]]); // of 4, which has no onDrop
  await t.clock.advance(10);
  t.link.next({ ack: 4 });
});

test("promise 3: a removed listener is not called, whatever is under way", async () => {
  const t = await connected();
  const { sub } = await addListener(t, 3, () => assert.fail("called after remove"));
  sub.remove();
  const call = t.link.next({ method: "remove_listener", params: { listener_id: 3 } });
  t.link.signal(1, [3], 0);
  t.link.signal(2, [3], 0);
  t.link.none();
  t.link.reply(call);
  sub.remove();
  await t.clock.advance(10);
  t.link.next({ ack: 2 });
  t.link.none();
});

test("a listener may remove itself and others from inside its call", async () => {
  const t = await connected();
  let calls = 0;
  const first = await addListener(t, 1, () => {
    calls++;
    first.sub.remove();
    second.sub.remove();
  });
  const second = await addListener(t, 2, () => calls++);
  t.link.signal(1, [1, 2], 0);
  t.link.signal(2, [1, 2], 0);
  assert.equal(calls, 1);
});

test("a listener may close the client", async () => {
  const t = await connected();
  let closing;
  await addListener(t, 1, () => { closing = t.c.close(); });
  t.link.signal(1, [1], 0);
  t.link.cut();
  await closing;
  assert.equal(t.c.state, "closed");
  assert.equal(t.clock.timers, 0);
});

test("resume: listeners stay, the server goes on with the next signal", async () => {
  const t = await connected();
  const seen = [];
  await addListener(t, 3, (e) => seen.push(e.data));
  t.link.signal(1, [3], 1);
  const link = await reconnected(t, { resumed: true, last: 0 });
  assert.equal(link.hello.resume.last, 1);
  link.none();
  link.signal(1, [3], 1); // again, in case
  link.signal(2, [3], 2);
  assert.deepEqual(seen, [1, 2]);
  await t.clock.advance(10);
  assert.deepEqual(link.sent.at(-1), { ack: 2 });
});

test("no resume: listeners are added again, and their new ids count", async () => {
  const t = await connected();
  const seen = [];
  const { sub } = await addListener(t, 3, (e) => seen.push(e.data), "timer", "tic", { below: true });
  t.link.signal(1, [3], 1);
  const link = await reconnected(t, { session: "s2" });
  assert.equal(t.c.state, "reconnecting");
  link.reply(link.next({ method: "add_listener", params: { sender: "timer", event: "tic", below: true } }), { listener_id: 8 });
  assert.equal(t.c.state, "connected");
  link.signal(1, [8], 2);
  link.signal(2, [3], 3); // an id of before means nothing
  link.next({ method: "remove_listener", params: { listener_id: 3 } });
  assert.deepEqual(seen, [1, 2]);
  sub.remove();
  link.next({ method: "remove_listener", params: { listener_id: 8 } });
});

test("a listener removed during a cut is removed after it", async () => {
  const t = await connected();
  const { sub } = await addListener(t, 3, () => assert.fail("called"));
  t.link.cut();
  sub.remove();
  await t.clock.advance(250);
  t.net.last.greet({ resumed: true });
  t.net.last.signal(1, [3], 1);
  const call = t.net.last.next({ method: "remove_listener", params: { listener_id: 3 } });
  t.net.last.none();
  // It was cut again before it was answered: said again.
  const third = await reconnected(t, { resumed: true });
  third.reply(third.next({ method: "remove_listener", params: call.params }));
  const fourth = await reconnected(t, { resumed: true });
  fourth.none();
  assert.equal(t.c.state, "connected");
});

test("a listener removed during a cut is nothing to a server started anew", async () => {
  const t = await connected();
  const { sub } = await addListener(t, 3, () => assert.fail("called"));
  await addListener(t, 4, () => {});
  t.link.cut();
  sub.remove();
  await t.clock.advance(250);
  t.net.last.greet({ session: "s2" });
  t.net.last.listen(3); // the id is another listener's now
  t.net.last.none();
});

test("a listener removed before it was added is removed when it is", async () => {
  const t = await connected();
  const stream = t.c.events("timer", "tic");
  stream.return();
  t.link.listen(3);
  t.link.next({ method: "remove_listener", params: { listener_id: 3 } });
});

test("a listener being added at the cut is added after it, and its ghost removed", async () => {
  const t = await connected();
  const seen = [];
  const adding = t.c.addListener("timer", "tic", (e) => seen.push(e.data));
  t.link.next({ method: "add_listener" }); // the server added it as 5; the reply is lost
  const link = await reconnected(t, { resumed: true });
  link.listen(6);
  await adding;
  link.signal(1, [5, 6], 1);
  assert.deepEqual(seen, [1]);
  link.next({ method: "remove_listener", params: { listener_id: 5 } });
});

test("a listener that is not taken again is reported", async () => {
  const t = await connected();
  await addListener(t, 3, () => {});
  const link = await reconnected(t, { session: "s2" });
  link.fail(link.next({ method: "add_listener" }), -5, "refused", "not any more");
  assert.equal(t.c.state, "connected");
  assert.deepEqual(t.errors.map((e) => [e.code, e.message]), [["refused", "a listener could not be added again: not any more"]]);
});

test("events() is for `for await`, from the moment it is called", async () => {
  const t = await connected();
  const stream = t.c.events("timer", "tic");
  t.link.listen(1);
  t.link.signal(1, [1], "a");
  t.link.signal(2, [1], "b");
  const seen = [];
  const loop = (async () => {
    for await (const e of stream) {
      seen.push(e.data);
      if (e.data === "c") break;
    }
  })();
  await settle();
  assert.deepEqual(seen, ["a", "b"]);
  t.link.signal(3, [1], "c");
  await loop;
  t.link.next({ method: "remove_listener", params: { listener_id: 1 } });
  t.link.signal(4, [1], "d");
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test("a stream ends with its signal, and with the client", async () => {
  const t = await connected();
  const ctl = new AbortController();
  const run = async (stream) => {
    const seen = [];
    for await (const e of stream) seen.push(e.data);
    return seen;
  };
  const one = run(t.c.events("timer", "tic", { signal: ctl.signal }));
  t.link.listen(1);
  const two = run(t.c.events("timer", null));
  t.link.listen(2);
  t.link.signal(1, [1, 2], "a");
  await settle();
  ctl.abort();
  assert.deepEqual(await one, ["a"]);
  t.link.reply(t.link.next({ method: "remove_listener" }));
  t.link.signal(2, [2], "b");
  const closing = t.c.close();
  t.link.cut();
  await closing;
  assert.deepEqual(await two, ["a", "b"]);
  assert.deepEqual(await run(t.c.events("timer", "tic")), []);
  assert.deepEqual(await run(t.c.events("timer", "tic", { signal: ctl.signal })), []);
});

test("a stream whose listener is refused fails its reader, once", async () => {
  const t = await connected();
  const stream = t.c.events("timer", "tic");
  const reading = stream.next();
  t.link.fail(t.link.next({ method: "add_listener" }), -5, "refused");
  await rejects(reading, { status: -5 });
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test("several readers of one stream take turns", async () => {
  const t = await connected();
  const stream = t.c.events("timer", "tic");
  t.link.listen(1);
  const reads = [stream.next(), stream.next(), stream.next()];
  t.link.signal(1, [1], "a");
  t.link.signal(2, [1], "b");
  stream.return();
  assert.deepEqual((await Promise.all(reads)).map((r) => r.value?.data), ["a", "b", undefined]);
});

test("a slow reader holds back acknowledgements, so that the server's policy decides", async () => {
  const t = await connected();
  const stream = t.c.events("timer", "tic", { queue: 2 });
  t.link.listen(1);
  for (let n = 1; n <= 4; n++) t.link.signal(n, [1], n);
  await t.clock.advance(10);
  assert.deepEqual(t.link.next(), { ack: 2 });
  assert.equal((await stream.next()).value.data, 1);
  assert.equal((await stream.next()).value.data, 2);
  t.link.none();
  assert.equal((await stream.next()).value.data, 3);
  assert.deepEqual(t.link.next(), { ack: 3 });
  stream.return();
  assert.deepEqual(t.link.next({}).method, "remove_listener");
  assert.deepEqual(t.link.next(), { ack: 4 });
});

test("the slowest of several readers decides", async () => {
  const t = await connected();
  const [one, two] = [t.c.events("timer", "tic", { queue: 1 }), t.c.events("timer", "tic", { queue: 1 })];
  t.link.listen(1);
  t.link.listen(2);
  t.link.signal(1, [1, 2], 1);
  t.link.signal(2, [1, 2], 2);
  await one.next();
  await one.next();
  t.link.next({ ack: 1 });
  await t.clock.advance(10);
  t.link.none();
  await two.next();
  await two.next();
  t.link.next({ ack: 2 });
});

test("what a slow reader holds back from a server before does not concern the next", async () => {
  const t = await connected();
  const stream = t.c.events("timer", "tic", { queue: 1 });
  t.link.listen(1);
  for (let n = 1; n <= 3; n++) t.link.signal(n, [1], n);
  const link = await reconnected(t, { session: "s2" });
  link.listen(2);
  await stream.next();
  await stream.next();
  await stream.next();
  link.signal(1, [2], 4);
  await t.clock.advance(10);
  assert.deepEqual(link.next(), { ack: 1 });
});

test("numbers beyond 2^53: parse and stringify decide", async () => {
  const plain = await connected();
  const seen = [];
  await addListener(plain, 1, (e) => seen.push(e.data));
  plain.link.say('{"n":1,"method":"signal","params":{"listeners":[1],"info":{"sender":"a","event":"b"},"data":12345678901234567890}}');
  assert.deepEqual(seen, [12345678901234567000]);

  const texts = [];
  const t = await connected({
    parse: (text) => { texts.push(text); return /^\d+$/.test(text) ? BigInt(text) : JSON.parse(text); },
    stringify: (v) => (typeof v === "bigint" ? String(v) : JSON.stringify(v, (_, x) => (typeof x === "bigint" ? Number(x) : x))),
  });
  await addListener(t, 1, (e) => seen.push(e.data));
  t.link.say('{"n":1,"method":"signal","params":{"listeners":[1],"info":{"sender":"a","event":"b"},"data":12345678901234567890}}');
  assert.equal(seen[1], 12345678901234567890n);
  const { sender } = await addSender(t, "a", { events: ["b"], requests: { get: (p) => [typeof p] } });
  const sent = [];
  t.link.transport.send = (text) => sent.push(text);
  sender.trigger("b", 12345678901234567890n);
  assert.match(sent[0], /"data":12345678901234567890\}/);
  const asking = t.c.request("x", "y");
  t.link.say(`{"id":${JSON.parse(sent[1]).id},"status":0,"response":9007199254740993}`);
  assert.equal(await asking, 9007199254740993n);
  t.link.say('{"id":1,"method":"request","params":{"sender":"a","method":"get","params":7}}');
  await settle();
  assert.match(sent[2], /"response":\["bigint"\]/);
});

test("a parse that throws is reported and costs one event only", async () => {
  const t = await connected({ parse: (text) => { if (text === '"bad"') throw new Error("cannot read"); return text; } });
  const seen = [];
  await addListener(t, 1, (e) => seen.push(e.data));
  for (const [n, data] of [[1, 5], [2, "bad"], [3, 6]]) t.link.signal(n, [1], data);
  assert.deepEqual(seen, ["5", "6"]);
  assert.deepEqual(t.errors.map((e) => e.message), ["cannot read"]);
  await t.clock.advance(10);
  t.link.next({ ack: 3 });
  const asking = t.c.request("a", "b");
  t.link.reply(t.link.next(), "bad");
  await assert.rejects(asking, /cannot read/);
});
