// What the tests have in common: a transport without a network whose other end the test
// plays, and a clock that the test turns.

import assert from "node:assert/strict";
import { connect } from "../sig.js";

/** Lets everything that is ready run. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** A clock that stands still until it is advanced; random is what it says. */
export class FakeClock {
  time = 1000;
  randomness = 0.5;
  #timers = new Map();
  #last = 0;
  now = () => this.time;
  random = () => this.randomness;
  setTimeout = (fn, ms) => {
    this.#timers.set(++this.#last, { fn, at: this.time + ms });
    return this.#last;
  };
  clearTimeout = (id) => { this.#timers.delete(id); };

  /** How many timers are running. */
  get timers() { return this.#timers.size; }

  /** Runs the timers of the next ms, each at its time. */
  async advance(ms) {
    const end = this.time + ms;
    for (;;) {
      await settle();
      let next;
      for (const [id, t] of this.#timers) if (t.at <= end && !(next?.at <= t.at)) next = { id, ...t };
      if (!next) break;
      this.#timers.delete(next.id);
      this.time = Math.max(this.time, next.at);
      next.fn();
    }
    this.time = end;
    await settle();
  }

  /** Time passes and no timer runs, as in a computer that sleeps. */
  sleep(ms) { this.time += ms; }
}

/** One connection, as the server sees it. */
export class FakeLink {
  sent = []; // what the client sent and nobody has looked at, oldest first
  late = []; // what it sent after it closed the connection
  closed = undefined; // { code, reason } after the client closed it

  constructor(url, text) {
    this.url = url;
    this.transport = {
      send: (message) => {
        (this.closed ? this.late : this.sent).push(JSON.parse(message));
      },
      close: (code, reason) => { this.closed ??= { code, reason }; },
      abort: () => {
        this.closed ??= { code: 0, reason: "aborted" };
        this.transport.onclose("aborted");
      },
    };
    if (text) Object.assign(this.transport, text);
  }

  /** The next message of the client, which has to be like this. */
  next(like = {}) {
    const m = this.sent.shift();
    assert.ok(m, `the client sent nothing, wanted ${JSON.stringify(like)}`);
    partly(m, like);
    return m;
  }

  none() { assert.deepEqual(this.sent, []); }
  say(...messages) { for (const m of messages) this.transport.onmessage(typeof m === "string" ? m : JSON.stringify(m)); }
  reply(call, response = null) { this.say({ id: call.id, status: 0, response }); }
  fail(call, status, code, exception = "no") { this.say({ id: call.id, status, response: null, exception, error: { code } }); }
  cut(why = "cut") { this.transport.onclose(why); }

  /** Opens the connection and answers hello; returns what hello said. */
  greet(answer) {
    this.transport.onopen();
    const hello = this.next({ method: "hello" });
    this.reply(hello, { ...welcome, ...answer });
    return hello.params;
  }

  /** Answers the client's next add_listener. */
  listen(id, like = {}) {
    const call = this.next({ method: "add_listener", params: like });
    this.reply(call, { listener_id: id });
    return call;
  }

  /** A signal down for listeners. */
  signal(n, listeners, data, info = { sender: "timer", event: "tic" }) {
    this.say({ n, method: "signal", params: { listeners, info, data } });
  }
}

export const welcome = {
  version: 1, name: "router", envelope: "json", codec: "json", session: "s1", epoch: "e1", last: 0, resumed: false,
  window: 1024, window_bytes: 1 << 20, max_message: 1 << 20, ping_ms: 5000, dead_ms: 15000,
};

/** Fails unless each member of like is in m and fits. */
export function partly(m, like, path = "") {
  if (like === null || typeof like !== "object") {
    assert.deepEqual(m, like, `${path} of ${JSON.stringify(m)}`);
    return;
  }
  for (const [key, want] of Object.entries(like)) partly(m?.[key], want, `${path}.${key}`);
}

/** Connections as the client dials them. */
export class FakeNet {
  links = [];
  dial = (url) => {
    const link = new FakeLink(url, this.extra);
    this.links.push(link);
    return link.transport;
  };
  get last() { return this.links.at(-1); }
}

/** A client connected to a test that plays the server. */
export async function connected(options = {}, answer = {}) {
  const net = new FakeNet();
  const clock = new FakeClock();
  const errors = [];
  const states = [];
  const dialled = connect("ws://router/sig", { transport: net.dial, clock, ...options });
  await settle();
  const link = net.last;
  link.hello = link.greet(answer);
  const c = await dialled;
  c.on("error", (err) => errors.push(err));
  c.on("state", (s) => states.push(s));
  return { c, net, clock, link, errors, states };
}

/** Cuts the connection and lets the client connect again; returns the new one. */
export async function reconnected(t, answer = {}, why) {
  t.net.last.cut(why);
  await t.clock.advance(250);
  const link = t.net.last;
  link.hello = link.greet(answer);
  await settle();
  return link;
}

/** An added sender and its link's answer. */
export async function addSender(t, name, declared) {
  const adding = t.c.addSender(name, declared);
  const call = t.net.last.next({ method: "add_sender", params: { sender: name } });
  t.net.last.reply(call);
  return { sender: await adding, call };
}

/** An added listener with the id given. */
export async function addListener(t, id, fn, sender = "timer", event = "tic", options = undefined) {
  const adding = t.c.addListener(sender, event, fn, options);
  const call = t.net.last.listen(id, { sender, event });
  return { sub: await adding, call };
}

/** Fails unless the promise rejects with a SigError like this; returns it. */
export async function rejects(promise, like) {
  const err = await promise.then(() => assert.fail("did not reject"), (e) => e);
  assert.equal(err.name, "SigError", err.stack);
  for (const [key, want] of Object.entries(like)) {
    if (want instanceof RegExp) assert.match(err[key], want);
    else assert.deepEqual(err[key], want);
  }
  return err;
}
