// Requests, both ways.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { SigError } from "../sig.js";
import { addSender, connected, reconnected, rejects, settle } from "./help.js";

test("a request is answered, or fails as the far side says", async () => {
  const t = await connected();
  const asking = t.c.request("timer", "interval", { ms: 5 });
  const call = t.link.next();
  assert.deepEqual(call, { id: call.id, method: "request", params: { sender: "timer", method: "interval", params: { ms: 5 } } });
  t.link.reply(call, { ms: 5 });
  assert.deepEqual(await asking, { ms: 5 });
  const failing = t.c.request("timer", "interval");
  t.link.say({ id: t.link.next().id, status: -2, response: null, exception: "no such timer", error: { code: "no_timer", data: [1] } });
  await rejects(failing, { status: -2, code: "no_timer", message: "no such timer", data: [1] });
  const bare = t.c.request("timer", "interval");
  t.link.say({ id: t.link.next().id, status: -2 });
  await rejects(bare, { status: -2, code: "", message: "failed with status -2" });
});

test("replies may come in any order, and an empty one is null", async () => {
  const t = await connected();
  const [a, b] = [t.c.request("x", "a"), t.c.request("x", "b")];
  const [first, second] = [t.link.next(), t.link.next()];
  t.link.say({ id: second.id, status: 0 });
  assert.equal(await b, null);
  t.link.reply(first, 1);
  assert.equal(await a, 1);
});

test("a request that takes too long fails, and is canceled", async () => {
  const t = await connected();
  const asking = t.c.request("a", "b", null, { timeout: 100 });
  const call = t.link.next();
  asking.catch(() => {});
  await t.clock.advance(100);
  await rejects(asking, { status: -7, code: "timeout", message: /100 ms/ });
  assert.deepEqual(t.link.next(), { method: "cancel", params: { id: call.id } });
  t.link.reply(call, 1); // late
  assert.equal(t.c.stats.strays, 1);
});

test("30 s are the default", async () => {
  const t = await connected();
  const asking = t.c.request("a", "b");
  asking.catch(() => {});
  t.link.next();
  for (let i = 0; i < 29; i++) {
    await t.clock.advance(1000);
    t.link.say({ id: 1000 + i, method: "ping" });
  }
  assert.deepEqual(t.link.sent.filter((m) => m.method === "cancel"), []);
  await t.clock.advance(1000);
  await rejects(asking, { code: "timeout" });
  const patient = t.c.request("a", "b", null, { timeout: Infinity });
  t.link.sent.length = 0;
  for (let i = 0; i < 40; i++) {
    await t.clock.advance(1000);
    t.link.say({ id: 2000 + i, method: "ping" });
  }
  assert.deepEqual(t.link.sent.filter((m) => m.method === "cancel"), []);
  t.link.cut();
  await rejects(patient, { code: "not_connected" });
});

test("a request ends with its AbortSignal, and is canceled", async () => {
  const t = await connected();
  const ctl = new AbortController();
  const asking = t.c.request("a", "b", null, { signal: ctl.signal });
  const call = t.link.next();
  ctl.abort("enough");
  await rejects(asking, { status: -10, code: "canceled", cause: "enough" });
  t.link.next({ method: "cancel", params: { id: call.id } });
  await rejects(t.c.request("a", "b", null, { signal: ctl.signal }), { code: "canceled" });
  t.link.none();
  const whole = new AbortController();
  const answered = t.c.request("a", "b", null, { signal: whole.signal });
  t.link.reply(t.link.next());
  await answered;
  assert.deepEqual(getEventListeners(whole.signal, "abort"), []);
});

test("promise 12: requests under way fail at once when the connection is lost, and are not sent again", async () => {
  const t = await connected();
  const asking = t.c.request("a", "b");
  t.link.cut("reset by peer");
  await rejects(asking, { status: -8, code: "not_connected", message: /reset by peer/ });
  await t.clock.advance(250);
  t.net.last.greet({ resumed: true });
  t.net.last.none();
});

test("a request made without a connection waits for one, as long as it may", async () => {
  const t = await connected();
  t.link.cut();
  const short = t.c.request("a", "b", null, { timeout: 100 });
  short.catch(() => {});
  const long = t.c.request("a", "c");
  const ctl = new AbortController();
  const aborted = t.c.request("a", "d", null, { signal: ctl.signal });
  ctl.abort();
  await rejects(aborted, { code: "canceled" });
  await t.clock.advance(250);
  await rejects(short, { status: -8, message: /not connected to ws:\/\/router\/sig for 100 ms/ });
  t.net.last.greet({ resumed: true });
  const call = t.net.last.next({ method: "request", params: { method: "c" } });
  t.net.last.none();
  t.net.last.reply(call, 5);
  assert.equal(await long, 5);
});

test("256 calls are in flight at most; the rest waits, up to a bound", async () => {
  const t = await connected();
  const all = Array.from({ length: 300 }, (_, i) => t.c.request("a", "b", i));
  assert.equal(t.link.sent.length, 256);
  const calls = t.link.sent.splice(0);
  t.link.reply(calls[0], 0);
  assert.equal(t.link.sent.length, 1);
  for (const call of calls.slice(1)) t.link.reply(call, call.params.params);
  for (const call of t.link.sent.splice(0)) t.link.reply(call, call.params.params);
  assert.deepEqual(await Promise.all(all), all.map((_, i) => i));
  t.link.cut();
  const waiting = Array.from({ length: 8192 }, () => t.c.request("a", "b"));
  for (const w of waiting) w.catch(() => {});
  await rejects(t.c.request("a", "b"), { code: "limit", message: /8192/ });
});

test("a sender answers requests", async () => {
  const t = await connected();
  const seen = [];
  await addSender(t, "door", {
    requests: {
      open: (params, context) => { seen.push([params, context.sender, context.method, context.signal.aborted]); return { open: true }; },
      slow: async () => { await settle(); return undefined; },
    },
  });
  t.link.say({ id: 1, method: "request", params: { sender: "door", method: "open", params: [1] } });
  t.link.say({ id: "2", method: "request", params: { sender: "door", method: "slow" } });
  await settle();
  await settle();
  t.link.next({ id: 1, status: 0, response: { open: true } });
  t.link.next({ id: "2", status: 0, response: null });
  assert.deepEqual(seen, [[[1], "door", "open", false]]);
});

test("a request carries the trace it belongs to, both ways", async () => {
  const t = await connected();
  const asking = t.c.request("a", "b", 1, { traceparent: "00-1" });
  const call = t.link.next();
  assert.deepEqual(call.params, { sender: "a", method: "b", traceparent: "00-1", params: 1 });
  t.link.reply(call, 2);
  assert.equal(await asking, 2);
  const seen = [];
  await addSender(t, "door", { requests: { open: (_, context) => { seen.push(context.traceparent); } } });
  t.link.say({ id: 1, method: "request", params: { sender: "door", method: "open", traceparent: "00-2" } });
  t.link.say({ id: 2, method: "request", params: { sender: "door", method: "open" } });
  await settle();
  assert.deepEqual(seen, ["00-2", undefined]);
});

test("a request and an event say what they are because of", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "door", {
    events: "opened",
    requests: { open: (_, context) => {
      sender.trigger("opened", 1, { cause: context });
      return t.c.request("a", "b", 1, { cause: context });
    } },
  });
  for (const [given, want] of [[{}, { hops: 1 }], [{ hops: 3, traceparent: "00-1" }, { hops: 4, traceparent: "00-1" }]]) {
    t.link.say({ id: 7, method: "request", params: { sender: "door", method: "open", ...given } });
    await settle();
    assert.deepEqual(t.link.next().params, { info: { sender: "door", event: "opened" }, data: 1, ...want });
    const call = t.link.next();
    assert.deepEqual(call.params, { sender: "a", method: "b", params: 1, ...want });
    t.link.reply(call, 2);
    await settle();
    t.link.next({ id: 7, status: 0, response: 2 });
  }
  t.c.request("a", "b", 1, { cause: { traceparent: "00-1" }, traceparent: "00-2" }).catch(() => {});
  assert.deepEqual(t.link.next().params, { sender: "a", method: "b", params: 1, hops: 1, traceparent: "00-2" });
});

test("errors of handlers become failed replies", async () => {
  const t = await connected();
  await addSender(t, "door", {
    requests: {
      plain: () => { throw new TypeError("no key"); },
      typed: async () => { throw new SigError("locked", { code: "locked", data: { by: "ana" } }); },
      refused: () => { throw new SigError("not you", { code: "refused" }); },
      string: () => { throw "text"; },
      nothing: () => { throw undefined; },
      bigint: () => 10n,
      badData: () => { throw new SigError("x", { code: "y", data: 10n }); },
    },
  });
  for (const [i, method] of ["plain", "typed", "refused", "string", "nothing", "bigint", "badData"].entries()) t.link.say({ id: i, method: "request", params: { sender: "door", method } });
  await settle();
  const replies = t.link.sent.splice(0).sort((a, b) => a.id - b.id);
  assert.deepEqual(replies.slice(0, 5), [
    { id: 0, status: -2, response: null, exception: "no key" },
    { id: 1, status: -2, response: null, exception: "locked", error: { code: "locked", data: { by: "ana" } } },
    { id: 2, status: -5, response: null, exception: "not you", error: { code: "refused" } },
    { id: 3, status: -2, response: null, exception: "text" },
    { id: 4, status: -2, response: null, exception: "undefined" },
  ]);
  assert.equal(replies[5].error.code, "invalid");
  assert.equal(replies[6].exception, "x");
});

test("what is not there says so", async () => {
  const t = await connected();
  const { sender } = await addSender(t, "door", { requests: { open: () => 1 } });
  const ask = async (params) => {
    t.link.say({ id: 1, method: "request", params });
    await settle();
    return t.link.next().error.code;
  };
  assert.equal(await ask({ sender: "window", method: "open" }), "no_sender");
  assert.equal(await ask({ sender: "door", method: "close" }), "no_method");
  assert.equal(await ask({ sender: "door", method: "constructor" }), "no_method");
  assert.equal(await ask({ sender: "door" }), "invalid");
  assert.equal(await ask([1]), "invalid");
  sender.remove();
  t.link.next({ method: "remove_sender" });
  assert.equal(await ask({ sender: "door", method: "open" }), "no_sender");
});

test("requestRest answers every method without a handler of its own", async () => {
  const t = await connected();
  await addSender(t, "door", { requests: { open: () => "own" }, requestRest: (params, { method }) => [method, params] });
  t.link.say({ id: 1, method: "request", params: { sender: "door", method: "open" } }, { id: 2, method: "request", params: { sender: "door", method: "toString", params: 3 } });
  await settle();
  t.link.next({ id: 1, response: "own" });
  assert.deepEqual(t.link.next().response, ["toString", 3]);
});

test("a handler learns that its caller gave up, or that the connection is lost", async () => {
  const t = await connected();
  const reasons = [];
  await addSender(t, "door", { requests: { wait: (_, { signal }) => new Promise((resolve, reject) => signal.addEventListener("abort", () => { reasons.push(signal.reason.code); reject(signal.reason); })) } });
  t.link.say({ id: 5, method: "request", params: { sender: "door", method: "wait" } }, { id: "x", method: "request", params: { sender: "door", method: "wait" } }, { id: 7, method: "request", params: { sender: "door", method: "wait" } });
  t.link.say({ method: "cancel", params: { id: 5 } }, { method: "cancel", params: { id: "x" } }, { method: "cancel", params: { id: 99 } }, { method: "cancel" });
  await settle();
  t.link.next({ id: 5, status: -10, error: { code: "canceled" } });
  t.link.next({ id: "x", status: -10 });
  t.link.cut();
  await settle();
  assert.deepEqual(reasons, ["canceled", "canceled", "not_connected"]);
});

test("an answer after the connection was lost goes nowhere, least of all to the next one", async () => {
  const t = await connected();
  let answer;
  await addSender(t, "door", { requests: { wait: () => new Promise((resolve) => { answer = resolve; }) } });
  t.link.say({ id: 5, method: "request", params: { sender: "door", method: "wait" } });
  const link = await reconnected(t, { resumed: true });
  link.reply(link.next({ method: "add_sender" }));
  answer(1);
  await settle();
  link.none();
  assert.deepEqual(t.link.late, []);
});

test("1,024 requests are answered at a time", async () => {
  const t = await connected();
  const answers = [];
  await addSender(t, "door", { requests: { wait: () => new Promise((resolve) => answers.push(resolve)) } });
  for (let id = 1; id <= 1025; id++) t.link.say({ id, method: "request", params: { sender: "door", method: "wait" } });
  await settle();
  t.link.next({ id: 1025, status: -6, error: { code: "limit" } });
  for (const answer of answers) answer();
  await settle();
  assert.equal(t.link.sent.length, 1024);
});

test("a response too long for the server is a failure", async () => {
  const t = await connected({}, { max_message: 1000 });
  await addSender(t, "door", { requests: { long: () => "x".repeat(1000) } });
  t.link.say({ id: 1, method: "request", params: { sender: "door", method: "long" } });
  await settle();
  t.link.next({ id: 1, status: -6, error: { code: "limit" } });
});

test("close lets a request that is being answered finish", async () => {
  const t = await connected();
  let answer;
  await addSender(t, "door", { requests: { wait: () => new Promise((resolve) => { answer = resolve; }) } });
  t.link.say({ id: 5, method: "request", params: { sender: "door", method: "wait" } });
  const closing = t.c.close();
  await settle();
  t.link.none();
  answer("done");
  await settle();
  t.link.next({ id: 5, response: "done" });
  t.link.next({ method: "bye" });
  t.link.cut();
  await closing;
});

test("senders are listed", async () => {
  const t = await connected();
  const list = t.c.senders();
  t.link.reply(t.link.next({ method: "list_senders", params: { list_events: false } }), [{ sender: null, connected: true }, { sender: "a", connected: false }]);
  assert.deepEqual(await list, [{ name: null, connected: true }, { name: "a", connected: false }]);
  const events = t.c.senders({ events: true });
  t.link.reply(t.link.next({ params: { list_events: true } }), [{ sender: "a", connected: true, events: [{ event: null }, { event: "tic" }] }]);
  assert.deepEqual(await events, [{ name: "a", connected: true, events: ["tic"] }]);
});

test("ping measures", async () => {
  const t = await connected();
  const took = t.c.ping();
  const call = t.link.next({ method: "ping" });
  await t.clock.advance(30);
  t.link.reply(call);
  assert.equal(await took, 30);
});
