// The JavaScript client of Sig, for browsers and Node: senders, listeners and requests over
// WebSocket, with reconnect. One module without dependencies; docs/protocol.md of the
// project is what it speaks, README.md beside this file how to use it.

const SECOND = 1000;
const MAX_DEPTH = 64; // nesting of data, as the protocol has it
const MAX_CALLS = 256; // calls in flight, as the protocol has it
const MAX_WAITING = 8192; // calls that wait for their turn
const MAX_ANSWERS = 1024; // requests being answered

// ---- Errors -----------------------------------------------------------------------------

/** Statuses of the wire. */
export const Status = Object.freeze({
  done: 0, noMethod: -1, failed: -2, noName: -3, malformed: -4, refused: -5,
  limit: -6, timeout: -7, notConnected: -8, shuttingDown: -9, canceled: -10,
});

const statusOfCode = Object.freeze({
  __proto__: null,
  malformed: -4, refused: -5, limit: -6, slow: -6, timeout: -7, not_connected: -8, shutting_down: -9, canceled: -10,
});
const codeOfStatus = Object.freeze({
  __proto__: null,
  "-1": "no_method", "-4": "malformed", "-5": "refused", "-6": "limit", "-7": "timeout",
  "-8": "not_connected", "-9": "shutting_down", "-10": "canceled",
});

/**
 * A failure, here or at the far side: a status and a code to act on, a message to read, and
 * data for errors that carry some. Thrown by a request's handler it reaches the caller as it is.
 */
export class SigError extends Error {
  /** Without a status the code decides it; -2, the method failed, when neither is given. */
  constructor(message, { status, code, data, cause } = {}) {
    status ??= statusOfCode[code] ?? Status.failed;
    super(message || `failed with status ${status}`, cause === undefined ? undefined : { cause });
    this.name = "SigError";
    this.status = status;
    this.code = code ?? codeOfStatus[status] ?? "";
    this.data = data;
  }
}

const fail = (code, message, more) => new SigError(message, { code, ...more });

// ---- Messages ---------------------------------------------------------------------------

const enveloped = new Set([
  "id", "method", "params", "status", "response", "exception", "error", "code", "n", "ack", "refused", "gap", "info",
  "sender", "event", "events", "requests", "retain", "retained", "data", "listeners", "listener_id", "count", "traceparent", "hops",
]);
const isSpace = (c) => c === 32 || c === 10 || c === 13 || c === 9;

/** Where a JSON string that begins at i ends; -1: it does not. */
function skipString(s, i) {
  for (;;) {
    i = s.indexOf('"', i + 1);
    if (i < 0) return -1;
    let b = i;
    while (s.charCodeAt(b - 1) === 92) b--;
    if ((i - b) % 2 === 0) return i + 1;
  }
}

/** Where a JSON value that begins at i ends; -1: it does not. It may nest as deep as given. */
function skipValue(s, i, deep) {
  for (let depth = 0; i < s.length; i++) {
    switch (s.charCodeAt(i)) {
      case 34: // "
        i = skipString(s, i) - 1;
        if (i < 0) return -1;
        if (depth === 0) return i + 1;
        break;
      case 91: case 123: // [ {
        if (++depth > deep) throw fail("limit", `nested deeper than ${MAX_DEPTH}`);
        break;
      case 93: case 125: // ] }
        if (depth === 0) return i;
        if (--depth === 0) return i + 1;
        break;
      case 44: case 32: case 10: case 13: case 9: // a number or word ends at a comma or space
        if (depth === 0) return i;
    }
  }
  return -1;
}

/**
 * Finds the members of the object that text begins with: name to text of the value, without
 * those that are null. It relies on JSON.parse to complain of what is not JSON, and stops there.
 */
function members(s, { into = new Map(), fault, deeper = false }) {
  const seen = new Set();
  let i = 0;
  const space = () => { while (isSpace(s.charCodeAt(i))) i++; };
  space();
  if (s[i] !== "{") return into;
  for (i++; ; i++) {
    space();
    if (s[i] !== '"') return into;
    const end = skipString(s, i);
    if (end < 0) return into;
    let name = s.slice(i + 1, end - 1);
    if (name.includes("\\")) {
      try { name = JSON.parse(s.slice(i, end)); } catch { return into; }
    }
    i = end;
    space();
    if (s[i++] !== ":") return into;
    space();
    const to = skipValue(s, i, deeper && (name === "params" || name === "error") ? MAX_DEPTH + 1 : MAX_DEPTH);
    if (to < 0) return into;
    const text = s.slice(i, to);
    if (seen.has(name)) fault(`${name} is given twice`);
    else if (text !== "null") into.set(name, text);
    if (enveloped.has(name)) seen.add(name);
    i = to;
    space();
    if (s[i] !== ",") return into;
  }
}

function byteLength(s) {
  let n = s.length;
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c > 0x7f) n += c > 0x7ff && (c < 0xd800 || c > 0xdfff) ? 2 : 1;
  }
  return n;
}

const longerThan = (text, bytes) => text.length > bytes || (text.length * 3 > bytes && byteLength(text) > bytes);

function countValues(v) {
  let n = 1;
  if (v !== null && typeof v === "object") for (const part of Object.values(v)) n += countValues(part);
  return n;
}

/**
 * Reads one message. connect uses it by itself; it is exported for transports and tests. See
 * sig.d.ts for what it returns.
 *
 * @throws {SigError} malformed, or limit. Its id is the text of the message's id as far as
 * it was seen; fatal says that what follows on a byte stream cannot be trusted.
 */
export function parse(text, maxMessage = 1 << 20) {
  const m = { kind: "call", n: 0, status: 0, exception: "", code: "" };
  const refuse = (err, fatal) => { throw Object.assign(err, { id: m.id, fatal }); };
  const top = new Map();
  const long = longerThan(text, maxMessage);
  let fault, sound = false;
  try {
    const note = (what) => { fault ??= fail("malformed", what); };
    try {
      members(long ? text.slice(0, maxMessage) : text, { into: top, fault: note, deeper: true });
    } finally {
      const id = top.get("id");
      if (id === undefined || !/^["\d-]/.test(id)) {
        if (id !== undefined) note("id is neither a string nor a number");
      } else if (longerThan(id, 256)) fault ??= fail("limit", "id is longer than 256 bytes");
      else m.id = id;
    }
    if (long) throw fail("limit", `the message is longer than ${maxMessage} bytes`);
    const value = parseJSON(text);
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw fail("malformed", "not a JSON object");
    sound = true;
    if (!fault) interpret(m, value, top, note);
  } catch (err) {
    refuse(err, !sound);
  }
  if (fault) refuse(fault, false);
  return m;
}

function parseJSON(text) {
  try {
    return JSON.parse(text);
  } catch (err) {
    throw fail("malformed", `not JSON: ${err.message}`);
  }
}

/** Finds out what kind of message it is and reads the members of that kind into m. */
function interpret(m, value, top, fault) {
  if (top.has("refused") && !top.has("method") && !top.has("id")) {
    m.kind = "refused";
    m.n = numbered(value, top, "refused", 1);
    readOutcome(m, value, top, fault);
  } else if (top.has("status")) {
    m.kind = "reply";
    readOutcome(m, value, top, fault);
    m.response = payload(value, "response", top);
  } else if (top.has("method")) {
    readCall(m, value, top, fault);
  } else if (top.has("ack")) {
    m.kind = "ack";
    m.n = numbered(value, top, "ack", 0);
  } else if (top.has("gap")) {
    m.kind = "gap";
    m.n = numbered(value, top, "n", 1);
    readGap(m, value.gap);
    members(top.get("gap"), { fault });
  }
}

const bad = (what) => { throw fail("malformed", what); };
const payload = (object, name, texts) => (Object.hasOwn(object, name) ? { text: texts.get(name) ?? "null", value: object[name] } : undefined);
const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);

function numbered(value, top, name, least) {
  const n = value[name];
  if (!/^\d{1,16}$/.test(top.get(name)) || !Number.isSafeInteger(n) || n < least) bad(`${name} is not a whole number from ${least} to 2^53-1`);
  return n;
}

function named(what, v) {
  if (typeof v !== "string") bad(`${what} is not a string`);
  if (/\p{Cs}/u.test(v)) bad(`${what} has half of a surrogate pair, which is no character`);
  return v;
}

function listenerIDs(list) {
  if (!Array.isArray(list) || !list.every((v) => Number.isInteger(v) && v >= 0 && v <= 0xffffffff)) bad("listeners is not a list of listener ids");
  return list;
}

function readOutcome(m, value, top, fault) {
  if (top.has("status")) {
    if (!/^-?\d+$/.test(top.get("status")) || (value.status | 0) !== value.status) bad("status is not a whole number");
    m.status = value.status;
  }
  if (top.has("exception")) m.exception = typeof value.exception === "string" ? value.exception : top.get("exception");
  if (!top.has("error")) return;
  const { code } = value.error;
  if (!isObject(value.error) || (code != null && typeof code !== "string")) bad("error is not an object with a code");
  m.code = code ?? "";
  m.errorData = payload(value.error, "data", members(top.get("error"), { fault }));
}

function readGap(m, gap) {
  const { listeners, sender, event, count } = gap;
  if (!isObject(gap) || !Number.isSafeInteger(count) || count < 0) bad("gap is not an object with a count");
  m.gap = { listeners: listenerIDs(listeners ?? []), sender: undefined, event: undefined, count };
  if (sender != null) m.gap.sender = named("sender", sender);
  if (event != null) m.gap.event = named("event", event);
}

/** The members for what a request or an event is made because of. */
function causeText({ cause, traceparent = cause?.traceparent } = {}) {
  const trace = traceparent === undefined ? "" : `,"traceparent":${JSON.stringify(String(traceparent))}`;
  return cause ? `${trace},"hops":${(cause.hops ?? 0) + 1}` : trace;
}

/** How many hops a signal or a request has behind it; undefined for none. */
function hopsOf(params, texts) {
  if (params.hops == null) return undefined;
  if (!/^\d{1,10}$/.test(texts.get("hops")) || params.hops > 0xFFFFFFFF) bad("hops is not a whole number from 0 to 2^32-1");
  return params.hops || undefined;
}

function readCall(m, value, top, fault) {
  m.method = named("method", value.method);
  if (top.has("params") && !isObject(value.params)) {
    m.paramsBad = true;
    return;
  }
  if (top.has("params")) m.params = payload(value, "params", top);
  const p = value.params ?? {};
  const inside = m.params ? members(m.params.text, { fault }) : new Map();
  if (m.method === "signal" || m.method === "request") {
    if (p.traceparent != null && typeof p.traceparent !== "string") bad("traceparent is not a string");
    m.traceparent = p.traceparent ?? undefined;
    m.hops = hopsOf(p, inside);
  }
  if (m.method === "signal") {
    if (top.has("n")) {
      m.kind = "signal";
      m.n = numbered(value, top, "n", 1);
    }
    if (p.listeners != null) m.listeners = listenerIDs(p.listeners);
    m.listenerId = inside.get("listener_id");
    m.data = payload(p, "data", inside);
    if (isObject(p.info)) {
      members(inside.get("info"), { fault });
      m.info = { sender: named("sender", p.info.sender), event: named("event", p.info.event), retained: p.info.retained === true };
    }
  } else if (m.method === "request") {
    if (typeof p.sender === "string") m.sender = named("sender", p.sender);
    if (typeof p.method === "string") m.target = named("method", p.method);
    m.args = payload(p, "params", inside);
  } else {
    if (typeof p.sender === "string") named("sender", p.sender);
    if (countValues(p) > 4096) throw fail("limit", "more than 4096 values");
  }
}

// ---- Small parts ------------------------------------------------------------------------

/**
 * What trigger returns: a promise that never is an unhandled rejection. Nobody has to wait
 * for it; when nobody does, its failure is reported as an error of the client.
 */
class Acknowledgement extends Promise {
  static get [Symbol.species]() { return Promise; }
  #observed = false;

  static make(report) {
    let resolve, reject;
    const promise = new Acknowledgement((a, b) => { resolve = a; reject = b; });
    Promise.prototype.then.call(promise, undefined, (err) => promise.#observed || report(err, () => promise.#observed));
    return { promise, resolve, reject };
  }

  then(...callbacks) {
    this.#observed = true;
    return super.then(...callbacks);
  }
}

/**
 * The signals on their way up, in order: the first `sent` of them have been sent on this
 * connection and wait for their acknowledgement, the rest waits for room. Numbers follow from
 * the place, so what is sent again after a cut gets the number it had.
 */
class Outbox {
  items = new Map(); // by place, which counts on
  bytes = 0;
  last = 0; // place of the last one
  done = 0; // place of the last one acknowledged
  base = 0; // place before number 1
  sent = 0;
  sentBytes = 0;

  push(item) {
    this.items.set(++this.last, item);
    this.bytes += item.bytes;
  }

  /** Sends the next signal, with its number, if the window has room for it. */
  next(window, windowBytes, send) {
    if (this.sent >= this.items.size || this.sent >= window || this.sentBytes >= windowBytes) return false;
    const place = this.done + ++this.sent;
    const item = this.items.get(place);
    this.sentBytes += item.bytes;
    send(item, place - this.base);
    return true;
  }

  /** Settles signal n as refused; its acknowledgement is still to come. */
  refuse(n, err) { if (n <= this.done - this.base + this.sent) this.items.get(n + this.base)?.settle(err); }

  /** Forgets all up to number n; false: n was not sent. */
  ack(n) {
    const to = n + this.base;
    if (to > this.done + this.sent) return false;
    while (this.done < to) {
      this.sent--;
      this.sentBytes -= this.items.get(++this.done).bytes;
      this.forget(this.done);
    }
    return true;
  }

  forget(place, err) {
    const item = this.items.get(place);
    this.items.delete(place);
    this.bytes -= item.bytes;
    item.settle(err);
  }

  /** Begins again after number n; false: that was not sent, or is long gone. */
  resume(n) {
    if (n < this.done - this.base || !this.ack(n)) return false;
    this.sent = this.sentBytes = 0;
    return true;
  }

  /** Begins anew at number 1, without what is refused; returns how many may reach the far side twice. */
  restart(refuse) {
    const unsure = this.sent;
    const items = [...this.items];
    for (const [place, item] of items) {
      const err = refuse(item);
      if (err) this.forget(place, err);
    }
    const kept = [...this.items.values()];
    this.items.clear();
    this.bytes = this.last = this.done = this.base = this.sent = this.sentBytes = 0;
    for (const item of kept) this.push(item);
    return unsure;
  }
}

const clockOfTheSystem = Object.freeze({
  now: () => performance.now(), // no wall clock: that one jumps
  random: () => Math.random(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (timer) => clearTimeout(timer),
});

const ignore = () => {};
const tooLong = (max) => fail("limit", `longer than the ${max} bytes of a message`);
const checkNames = (...names) => {
  for (const name of names) {
    if (typeof name === "string" && !/\p{Cs}/u.test(name)) continue;
    throw fail("invalid", `${JSON.stringify(name)} is no name: that is a string without half surrogate pairs`);
  }
};
const lost = (err) => (err.code === "not_connected" ? err : fail("not_connected", `connection lost: ${err.message}`, { cause: err }));
const again = (what, err) => new SigError(`${what} could not be added again: ${err.message}`, { status: err.status, code: err.code, cause: err });
const hidden = () => globalThis.document?.visibilityState === "hidden";

/** The transport of browsers, and of Node with the constructor of package ws. */
function webSocket(address, WebSocket = globalThis.WebSocket) {
  if (!WebSocket) throw fail("invalid", 'there is no WebSocket here; pass one: import WebSocket from "ws", then connect(url, { WebSocket })');
  const url = new URL(address, globalThis.location?.href);
  url.protocol = { "http:": "ws:", "https:": "wss:" }[url.protocol] ?? url.protocol;
  url.hash = "";
  if (!/^wss?:$/.test(url.protocol)) throw fail("invalid", `${url.protocol}// is no address for a WebSocket; in Node, connect of sig-node.js knows tcp:, tls: and unix:`);
  const ws = new WebSocket(url.href);
  let why;
  const t = {
    send: (text) => ws.send(text),
    close: (code, reason) => ws.close(code, reason),
    abort: () => (ws.terminate ? ws.terminate() : ws.close()),
  };
  ws.onopen = () => t.onopen();
  ws.onmessage = (e) => t.onmessage(e.data);
  ws.onerror = (e) => { why ??= e.message || e.error?.message; };
  ws.onclose = (e) => t.onclose(e.reason || why || (e.code && e.code !== 1006 ? `closed with code ${e.code}` : "closed without a word"));
  return t;
}

// ---- The session ------------------------------------------------------------------------

/** One connection, from dialling to its end. */
class Link {
  transport = undefined;
  greeted = false; // hello is answered
  ready = false; // and everything is added again: signals and requests may go
  classic = false; // the server knows no hello
  bye = undefined; // what the server said before it closes
  window = 1024;
  windowBytes = 1 << 20;
  since = 0;
  heard = 0;
  pinging = false;
  lastID = 0;
  pending = new Map(); // calls that wait for their reply, by id
  urgent = new Set(); // calls of our own that wait to be sent
  answers = new Map(); // requests being answered: AbortController by id
  told = 0; // number of the last acknowledgement
  untold = 0; // bytes received since
  timers = new Set();
}

/** Everything behind a Client. */
class Session {
  state = "connecting";
  link = undefined;
  outbox = new Outbox();
  waiting = new Set(); // requests until the link is ready
  senders = new Map();
  subs = new Set();
  byID = new Map(); // subscriptions by listener id
  stale = new Map(); // ids of listeners we do not want any more; to the link that was told so
  handlers = { state: new Set(), error: new Set() };
  stats = { strays: 0, duplicates: 0, connects: 0, unsure: 0 };
  received = 0; // number of the last signal that came
  held = new Map(); // signals that came and may not be acknowledged yet, with how often
  resume = undefined; // session and epoch
  max = 1 << 20; // bytes of a message, as the server said last
  bound = 0.5 * SECOND; // of the next wait
  closing = undefined; // the promise of close
  drained = undefined; // called when nothing is left to do
  first = { resolve: ignore, reject: ignore }; // for who waits for the first connection

  constructor(url, options) {
    this.url = String(url);
    this.options = { timeout: 10 * SECOND, reconnect: true, maxBackoff: 4 * SECOND, outbox: 65536, outboxBytes: 8 << 20, ...options };
    this.clock = this.options.clock ?? clockOfTheSystem;
    this.decode = this.options.parse && ((p) => this.options.parse(p.text));
    this.encode = this.options.stringify ?? JSON.stringify;
    this.dial = this.options.transport ?? ((address) => webSocket(address, this.options.WebSocket));
  }

  value(p) { return p === undefined ? null : this.decode ? this.decode(p) : p.value; }

  /** A payload as JSON. What the server could not pass on it answers by closing: better not sent. */
  text(v) {
    let text;
    try {
      text = this.encode(v === undefined ? null : v) ?? "null";
      if (this.options.stringify) JSON.parse(text);
    } catch (err) {
      throw fail("invalid", `cannot be written as JSON: ${err.message}`, { cause: err });
    }
    skipValue(text, 0, MAX_DEPTH);
    return text;
  }

  // -- telling the application

  emit(type, arg) {
    for (const fn of [...this.handlers[type]]) {
      try {
        fn(arg);
      } catch (err) {
        console.error(err);
      }
    }
  }

  report(err) {
    if (this.handlers.error.size > 0) this.emit("error", err);
    else console.error(err);
  }

  setState(state, more) {
    if (this.state === "closed" || (this.state === "closing" && state !== "closed")) return;
    this.state = state;
    this.emit("state", { state, ...more });
  }

  // -- connecting

  start() {
    this.watchPage();
    this.open();
  }

  open() {
    const link = new Link();
    this.link = link;
    this.retry = undefined;
    this.later(link, this.options.timeout, () => link.ready || this.drop(link, fail("timeout", `no connection to ${this.url} within ${this.options.timeout} ms`)));
    try {
      const t = link.transport = this.dial(this.url);
      t.onopen = () => this.hello(link).catch((err) => this.drop(link, err));
      t.onmessage = (text) => this.receive(link, text);
      t.onclose = (why) => {
        const text = link.bye ? `the server said goodbye: ${link.bye.reason ?? ""}` : `connection to ${this.url} lost: ${why}`;
        this.drop(link, fail("not_connected", text));
      };
    } catch (err) { // it will not be better next time
      const e = err instanceof SigError ? err : fail("invalid", `cannot connect to ${this.url}: ${err.message}`, { cause: err });
      this.later(link, 0, () => this.drop(link, e));
    }
  }

  later(link, ms, fn) {
    const timer = this.clock.setTimeout(() => {
      link.timers.delete(timer);
      fn();
    }, ms);
    link.timers.add(timer);
    return timer;
  }

  async hello(link) {
    let { token } = this.options;
    if (typeof token === "function") token = await token();
    if (link !== this.link) return;
    const params = {
      version: 1, name: this.options.name, envelope: "json", codecs: ["json"], token,
      resume: this.resume && { ...this.resume, last: this.received }, window: 1024, window_bytes: 1 << 20,
    };
    this.send(link, { method: "hello", params: JSON.stringify(params), done: (err, r) => {
      if (err?.status === Status.noMethod) this.agree(link);
      else if (err) this.drop(link, err);
      else if (!isObject(r?.value) || (r.value.envelope ?? "json") !== "json") this.drop(link, fail("malformed", "the server's answer to hello is not understood"));
      else this.agree(link, r.value);
    } });
  }

  /** Takes over what the server answered; nothing: it is a classic one. */
  agree(link, r) {
    let resumed = false;
    if (!r) {
      link.classic = true;
      link.transport.classic?.(); // a byte stream paces itself from now on
      this.max = link.transport.classic ? 4096 : 1 << 20;
    } else {
      link.name = r.name;
      link.window = r.window || link.window;
      link.windowBytes = r.window_bytes || link.windowBytes;
      this.max = r.max_message || 1 << 20;
      resumed = r.resumed === true && this.outbox.resume(r.last);
      this.watch(link, r.ping_ms || 5 * SECOND, r.dead_ms || 15 * SECOND);
    }
    this.resume = r?.session ? { session: r.session, epoch: r.epoch } : undefined;
    this.restore(link, resumed);
  }

  /** Adds at the server what we have there, then lets signals and requests flow. */
  restore(link, resumed) {
    link.greeted = true;
    let unsure = 0;
    if (!resumed) {
      unsure = this.outbox.restart((item) => item.bytes > this.max - 64 && tooLong(this.max));
      this.received = 0;
      this.held = new Map();
      this.stale.clear();
      this.byID.clear();
      for (const sub of this.subs) sub.id = undefined;
    }
    let left = 1;
    const done = () => { if (--left === 0 && link === this.link) this.begin(link, resumed, unsure); };
    for (const s of this.senders.values()) { left++; this.registerSender(link, s, done); }
    for (const sub of this.subs) if (sub.id === undefined) { left++; this.register(link, sub, done); }
    for (const id of [...this.stale.keys()]) this.unlisten(link, id);
    done();
  }

  begin(link, resumed, unsure) {
    link.ready = true;
    link.since = this.clock.now();
    this.stats.connects++;
    this.stats.unsure += unsure;
    this.setState("connected", { resumed, unsure });
    this.first.resolve();
    this.pump(link);
  }

  /** Ends a link, for a reason; what comes next depends on the options. */
  drop(link, err) {
    if (link !== this.link) return;
    this.link = undefined;
    const t = link.transport;
    if (t) {
      t.onopen = t.onmessage = t.onclose = ignore;
      if (err.code === "malformed" || err.code === "limit") t.close(4002, err.code);
      else t.abort();
    }
    this.clear(link, lost(err));
    if (this.state === "closed") return;
    if (!this.options.reconnect || err.code === "invalid" || (this.stats.connects === 0 && !this.options.lazy)) this.finish(err);
    else this.schedule(link, err);
  }

  /** Ends what a link had going. */
  clear(link, err) {
    for (const timer of link.timers) this.clock.clearTimeout(timer);
    for (const call of [...link.pending.values(), ...link.urgent]) this.finishCall(call, err);
    for (const ctl of link.answers.values()) ctl.abort(err);
  }

  schedule(link, err) {
    const { now, random } = this.clock;
    const refused = err.status === Status.refused;
    let wait;
    if (link.ready) {
      if (now() - link.since > 30 * SECOND) this.bound = 0.5 * SECOND;
      wait = 250 * random() + Math.min(Math.max(Number(link.bye?.retry_ms) || 0, 0), 300 * SECOND);
    } else {
      wait = this.bound * random();
      this.bound = Math.min(2 * this.bound, this.options.maxBackoff);
    }
    if (refused) wait = (15 + 15 * random()) * SECOND; // asking oftener would only be held against us
    this.setState("reconnecting", { error: err, wait });
    if (this.link || this.state === "closed") return;
    this.retry = this.clock.setTimeout(() => this.open(), wait);
    this.retryRefused = refused;
  }

  // -- keepalive

  /** Asks for a sign of life after a silence, and gives up after a longer one. */
  watch(link, ping, dead) {
    const step = Math.min(ping, dead) / 5;
    let due = this.clock.now() + step;
    const check = () => {
      const now = this.clock.now();
      // Timers of hidden tabs, and of computers that slept, run late: the silence was ours.
      if (now - due > Math.max(2 * step, SECOND)) link.heard = Math.max(link.heard, now - ping);
      const silent = now - link.heard;
      if (silent >= dead) {
        this.drop(link, fail("not_connected", `connection to ${this.url} lost: silent for ${Math.round(silent / SECOND)} s`));
        return;
      }
      if (silent >= ping) this.ping(link);
      due = now + step;
      this.later(link, step, check);
    };
    link.heard = this.clock.now();
    this.later(link, step, check);
  }

  ping(link) {
    if (link.pinging) return;
    link.pinging = true;
    this.send(link, { method: "ping", done: () => { link.pinging = false; } });
  }

  /** In a browser: look at once when the page is shown or the network is back. */
  watchPage() {
    if (typeof globalThis.addEventListener !== "function") return;
    const wake = () => {
      if (hidden()) return;
      if (this.link?.ready && !this.link.classic) this.ping(this.link);
      if (this.retry === undefined || this.retryRefused) return;
      this.clock.clearTimeout(this.retry);
      this.retry = this.clock.setTimeout(() => this.open(), 250 * this.clock.random());
    };
    const on = [[globalThis, "online"], [globalThis, "pageshow"], [globalThis.document, "visibilitychange"]].filter(([target]) => target?.addEventListener);
    for (const [target, type] of on) target.addEventListener(type, wake);
    this.unwatch = () => { for (const [target, type] of on) target.removeEventListener(type, wake); };
  }

  // -- calls

  /** Sends a call now. done(err, payload) is called once, in the order of what arrives. */
  send(link, call) {
    call.link = link;
    call.id = String(++link.lastID);
    link.pending.set(call.id, call);
    link.transport.send(`{"id":${call.id},"method":${JSON.stringify(call.method)},"params":${call.params ?? "{}"}}`);
  }

  /** Calls the server as part of keeping senders and listeners there. */
  manage(link, method, params, done) {
    const call = { method, params: JSON.stringify(params), done };
    const limit = 30 * SECOND;
    call.timer = this.clock.setTimeout(() => this.giveUp(call, fail("timeout", `the server did not answer ${method} within ${limit} ms`)), limit);
    link.urgent.add(call);
    this.pump(link);
  }

  /** Calls the server for the application: waits for the connection if need be. */
  call(method, params, { timeout = 30 * SECOND, signal } = {}) {
    return new Promise((resolve, reject) => {
      const canceled = () => fail("canceled", "canceled by the caller", { cause: signal.reason });
      if (this.closing) throw fail("shutting_down", "the client is closed");
      if (signal?.aborted) throw canceled();
      if (this.waiting.size >= MAX_WAITING) throw fail("limit", `more than ${MAX_WAITING} calls wait for the server`);
      if (longerThan(params, this.max - 128)) throw tooLong(this.max);
      const abort = () => this.giveUp(call, canceled());
      const call = { method, params, done: (err, p) => {
        signal?.removeEventListener("abort", abort);
        if (err) reject(err);
        else resolve(p);
      } };
      signal?.addEventListener("abort", abort, { once: true });
      if (timeout > 0 && timeout !== Infinity) {
        const late = () => (call.link ? fail("timeout", `no answer within ${timeout} ms`) : fail("not_connected", `not connected to ${this.url} for ${timeout} ms`));
        call.timer = this.clock.setTimeout(() => this.giveUp(call, late()), timeout);
      }
      this.waiting.add(call);
      this.pump(this.link);
    });
  }

  finishCall(call, err, p) {
    this.waiting.delete(call);
    this.link?.urgent.delete(call);
    call.link?.pending.delete(call.id);
    this.clock.clearTimeout(call.timer);
    const done = call.done;
    call.done = ignore;
    done(err, p);
    this.checkDrained();
  }

  giveUp(call, err) {
    const { link } = call;
    if (link && link === this.link && !link.classic && link.pending.has(call.id)) link.transport.send(`{"method":"cancel","params":{"id":${call.id}}}`);
    this.finishCall(call, err);
    if (link === this.link) this.pump(link);
  }

  /** Sends what waits and may be sent. */
  pump(link) {
    if (!link?.greeted || link !== this.link) return;
    const room = () => link.pending.size < (link.classic ? 1 : MAX_CALLS);
    const sendAll = (calls) => {
      for (const call of calls) {
        if (!room()) return;
        calls.delete(call);
        this.send(link, call);
      }
    };
    sendAll(link.urgent);
    if (!link.ready || link.bye) return;
    sendAll(this.waiting);
    if (link.classic) while (room() && this.outbox.next(1, Infinity, (item, n) => this.sendClassic(link, item, n)));
    else while (this.outbox.next(link.window, link.windowBytes, (item, n) => link.transport.send(`{"n":${n},"method":"signal",${item.text}`)));
  }

  /** A signal to a server without numbers is a call. */
  sendClassic(link, item, n) {
    const call = { method: "signal", params: item.text.slice('"params":'.length, -1), done: (err) => {
      if (link !== this.link) return; // it stays in the outbox
      if (err) item.settle(err);
      this.outbox.ack(n);
    } };
    call.timer = this.clock.setTimeout(() => this.giveUp(call, fail("timeout", "the server did not acknowledge the signal within 10 s")), 10 * SECOND);
    this.send(link, call);
  }

  // -- what arrives

  receive(link, text) {
    link.heard = this.clock.now();
    if (typeof text !== "string") {
      this.drop(link, fail("malformed", "the server sent binary data, which was not agreed on"));
      return;
    }
    let m;
    try {
      m = parse(text, Math.max(this.max, 1 << 20));
    } catch (err) {
      this.replyError(link, err.id, err);
      this.drop(link, fail(err.code, `the server sent something that is no message: ${err.message}`, { cause: err }));
      return;
    }
    switch (m.kind) {
      case "reply": this.receiveReply(link, m); break;
      case "call": this.receiveCall(link, m); break;
      case "signal":
      case "gap": this.receiveSignal(link, m, text.length); break;
      case "ack":
        if (!this.outbox.ack(m.n)) this.drop(link, fail("malformed", `the server acknowledged signal ${m.n}, which was not sent`));
        break;
      case "refused": this.outbox.refuse(m.n, this.errorOf(m)); break;
    }
    this.pump(this.link);
    this.checkDrained();
  }

  errorOf(m) {
    let data = m.errorData?.value;
    try {
      if (m.errorData) data = this.value(m.errorData);
    } catch { /* the data as JSON.parse reads them will have to do */ }
    return new SigError(m.exception, { status: m.status, code: m.code || undefined, data });
  }

  receiveReply(link, m) {
    const call = link.pending.get(m.id);
    if (call) this.finishCall(call, m.status === 0 ? undefined : this.errorOf(m), m.response);
    else if (!link.greeted && m.id === undefined && m.status !== 0) this.drop(link, this.errorOf(m)); // turned away
    else this.stats.strays++;
  }

  receiveCall(link, m) {
    switch (m.method) {
      case "ping": this.reply(link, m.id, "null"); break;
      case "request": this.answer(link, m); break;
      case "signal": this.receiveSignalCall(link, m); break;
      case "cancel": link.answers.get(JSON.stringify(m.params?.value.id))?.abort(fail("canceled", "canceled by the caller")); break;
      case "bye":
        link.bye = m.params?.value ?? {};
        this.later(link, 10 * SECOND, () => this.drop(link, fail("not_connected", "the server said goodbye")));
        break;
      case undefined: this.replyError(link, m.id, new SigError("the call names no method", { status: Status.noName })); break;
      default: this.replyError(link, m.id, new SigError(`no method ${JSON.stringify(m.method)} at a client`, { status: Status.noMethod }));
    }
  }

  reply(link, id, text) { if (link === this.link) link.transport.send(`{"id":${id ?? null},"status":0,"response":${text}}`); }

  replyError(link, id, err) {
    if (link !== this.link) return;
    const e = err instanceof SigError ? err : new SigError(String(err?.message ?? err));
    let error = e.code ? { code: e.code } : undefined;
    if (e.data !== undefined) error = { code: e.code || undefined, data: e.data };
    let text = "";
    try {
      text = error ? `,"error":${this.text(error)}` : "";
    } catch { /* what cannot be written stays here */ }
    link.transport.send(`{"id":${id ?? null},"status":${e.status},"response":null,"exception":${JSON.stringify(e.message.slice(0, 4096))}${text}}`);
  }

  /** What a handler is told of a request beside its params. */
  asked(m, signal) {
    const context = { sender: m.sender, method: m.target, signal };
    if (m.traceparent) context.traceparent = m.traceparent;
    if (m.hops) context.hops = m.hops;
    return context;
  }

  /** Has a sender's handler answer a request. */
  async answer(link, m) {
    const ctl = new AbortController();
    const key = m.id ?? ctl;
    try {
      if (m.sender === undefined || m.target === undefined) throw fail("invalid", "invalid arguments: sender or method are missing");
      if (link.answers.size >= MAX_ANSWERS) throw fail("limit", `more than ${MAX_ANSWERS} requests to answer`);
      const s = this.senders.get(m.sender);
      if (!s || s.removed) throw fail("no_sender", `sender ${m.sender} not found`);
      const fn = s.requests.get(m.target) ?? s.rest;
      if (!fn) throw fail("no_method", `sender ${m.sender} has no method ${m.target}`);
      link.answers.set(key, ctl);
      const text = this.text(await fn(this.value(m.args), this.asked(m, ctl.signal)));
      if (longerThan(text, this.max - 300)) throw tooLong(this.max);
      this.reply(link, m.id, text);
    } catch (err) {
      this.replyError(link, m.id, err);
    } finally {
      if (link.answers.get(key) === ctl) link.answers.delete(key);
      this.checkDrained();
    }
  }

  receiveSignal(link, m, bytes) {
    if (m.n <= this.received) {
      this.stats.duplicates++;
      link.told = Math.min(link.told, m.n - 1);
      this.acknowledge(link);
      return;
    }
    if (m.n !== this.received + 1 || (m.kind === "signal" && !m.info)) {
      this.drop(link, fail("malformed", `the server sent signal ${m.n} after ${this.received}, or without names`));
      return;
    }
    this.received = m.n;
    const ids = m.kind === "gap" ? m.gap.listeners : m.listeners ?? [];
    const event = m.kind === "gap" ? undefined : this.event(m);
    for (const id of ids) {
      const sub = this.byID.get(id);
      if (!sub) this.unlisten(link, id);
      else if (m.kind === "gap") this.gap(sub, m.gap);
      else if (event) this.deliver(sub, event, m.n);
    }
    if (link !== this.link) return; // a listener closed the client
    link.untold += bytes;
    if (hidden() || this.received - link.told >= 256 || link.untold >= 256 << 10) this.acknowledge(link);
    else link.acking ??= this.later(link, 10, () => this.acknowledge(link));
  }

  /** The event as listeners see it; undefined when the application's parse throws. */
  event(m) {
    try {
      const e = { sender: m.info.sender, event: m.info.event, data: this.value(m.data), retained: m.info.retained };
      if (m.traceparent) e.traceparent = m.traceparent;
      if (m.hops) e.hops = m.hops;
      return e;
    } catch (err) {
      this.report(err);
      return undefined;
    }
  }

  deliver(sub, event, n) {
    try {
      const result = sub.fn(event, n);
      if (typeof result?.then === "function") result.then(ignore, (err) => this.report(err));
    } catch (err) {
      this.report(err);
    }
  }

  gap(sub, { sender, event, count }) {
    sub.dropped += count;
    const told = { sender, event, count };
    if (sub.onDrop) this.deliver({ fn: sub.onDrop }, told);
    else {
      const whose = `${sub.params.sender ?? "any sender"}, ${sub.params.event ?? "any event"}`;
      this.report(fail("slow", `${count} events for the listener of ${whose} were dropped by the server: too slow`, { data: told }));
    }
  }

  receiveSignalCall(link, m) {
    const sub = this.byID.get(Number(m.listenerId));
    if (m.listenerId === undefined || !m.info) this.replyError(link, m.id, fail("invalid", "listener_id or info is missing"));
    else if (!sub) this.replyError(link, m.id, fail("no_listener", `listener id ${m.listenerId} not found`));
    else {
      const event = this.event(m);
      if (event) this.deliver(sub, event, 0);
      this.reply(link, m.id, "null");
    }
  }

  /** Tells the server how far the signals have been handed over. */
  acknowledge(link) {
    if (link !== this.link || link.classic) return;
    this.clock.clearTimeout(link.acking);
    link.timers.delete(link.acking);
    link.acking = undefined;
    const n = this.held.size > 0 ? this.held.keys().next().value - 1 : this.received;
    link.untold = 0;
    if (n <= link.told) return;
    link.told = n;
    link.transport.send(`{"ack":${n}}`);
  }

  /** Keeps signal n from being acknowledged until the function returned is called. */
  hold(n) {
    const { held } = this;
    held.set(n, (held.get(n) ?? 0) + 1);
    return () => {
      const count = held.get(n) - 1;
      if (count > 0) held.set(n, count);
      else held.delete(n);
      if (this.link) this.acknowledge(this.link);
    };
  }

  // -- senders and listeners

  addSender(name, { events = [], retain = [], requests = {}, requestRest, grace = 0 } = {}) {
    return new Promise((resolve, reject) => {
      if (this.closing) throw fail("shutting_down", "the client is closed");
      checkNames(name, ...[events, retain].flat(), ...Object.keys(requests));
      if (this.senders.has(name)) throw fail("taken", `this client has a sender ${name} already`);
      const answered = new Map(Object.entries(requests));
      const params = { sender: name, events: [...new Set([events, retain].flat())], requests: [...answered.keys()], retain: [retain].flat() };
      if (requestRest) params.requests.push(null);
      if (grace > 0) params.grace_ms = Math.ceil(grace);
      const s = { name, params, events: new Set(params.events), requests: answered, rest: requestRest, removed: false, pending: 0, idle: ignore, resolve, reject };
      this.senders.set(name, s);
      if (this.link?.greeted) this.registerSender(this.link, s, ignore);
    });
  }

  registerSender(link, s, then) {
    this.manage(link, "add_sender", s.params, (err) => {
      if (!err) {
        s.complained = false;
        s.resolve?.(new Sender(this, s));
        s.resolve = undefined;
      } else if (link === this.link) this.senderRefused(link, s, err);
      then();
    });
  }

  senderRefused(link, s, err) {
    if (s.resolve) {
      this.senders.delete(s.name);
      s.reject(err);
      return;
    }
    if (!s.complained) this.report(again(`sender ${s.name}`, err));
    s.complained = true;
    // Its name may still be held by our own connection before this one, until that is missed.
    this.later(link, (1 + 3 * this.clock.random()) * SECOND, () => this.senders.get(s.name) === s && this.registerSender(link, s, ignore));
  }

  removeSender(s) {
    s.removed = true;
    s.removing ??= new Promise((resolve) => {
      s.idle = () => {
        s.idle = ignore;
        this.senders.delete(s.name);
        if (!this.link?.greeted) resolve();
        else this.manage(this.link, "remove_sender", { sender: s.name }, (err) => {
          if (err && err.code !== "not_connected") this.report(err);
          resolve();
        });
      };
      if (s.pending === 0) s.idle();
    });
    return s.removing;
  }

  trigger(s, event, data, options) {
    const { promise, resolve, reject } = Acknowledgement.make((err, observed) => this.clock.setTimeout(() => observed() || this.report(err), 0));
    try {
      if (s.removed) throw fail("removed", `sender ${s.name} was removed`);
      if (this.closing) throw fail("shutting_down", "the client is closed");
      if (!s.events.has(event)) throw fail("no_event", `sender ${s.name} has not declared event ${event}`);
      let text = `"params":{"info":${JSON.stringify({ sender: s.name, event })},"data":${this.text(data)}${causeText(options)}`;
      const bytes = byteLength(text);
      if (bytes > this.max - 64) throw tooLong(this.max);
      if (this.outbox.items.size >= this.options.outbox || this.outbox.bytes + bytes > this.options.outboxBytes) {
        throw fail("slow", `the outbox is full: ${this.outbox.items.size} signals of ${this.outbox.bytes} bytes wait for the server`);
      }
      s.pending++;
      let settled = false;
      this.outbox.push({ text: `${text}}}`, bytes, settle: (err) => {
        if (settled) return; // it was refused, and is now covered by an acknowledgement
        settled = true;
        if (err) reject(err);
        else resolve();
        if (--s.pending === 0) s.idle();
      } });
      this.pump(this.link);
    } catch (err) {
      reject(err);
    }
    return promise;
  }

  addListener(sender, event, fn, { below, policy, skipRetained, onDrop } = {}) {
    const params = { sender: sender ?? null, event: event ?? null, below, policy, skip_retained: skipRetained };
    const sub = { params, fn, onDrop, dropped: 0, id: undefined };
    sub.added = new Promise((resolve, reject) => {
      if (this.closing) throw fail("shutting_down", "the client is closed");
      checkNames(params.sender ?? "", params.event ?? "");
      Object.assign(sub, { resolve, reject });
      this.subs.add(sub);
      if (this.link?.greeted) this.register(this.link, sub, ignore);
    });
    return sub;
  }

  register(link, sub, then) {
    this.manage(link, "add_listener", sub.params, (err, p) => {
      if (!err) {
        const id = p?.value?.listener_id;
        if (!this.subs.has(sub)) this.unlisten(link, id);
        else this.byID.set(sub.id = id, sub);
        sub.resolve();
      } else if (link === this.link) {
        if (sub.settled) this.report(again("a listener", err));
        else this.subs.delete(sub);
        sub.reject(err);
      }
      sub.settled ||= !err;
      then();
    });
  }

  removeListener(sub) {
    if (!this.subs.delete(sub)) return;
    sub.resolve();
    if (sub.id === undefined) return;
    this.byID.delete(sub.id);
    if (this.link?.greeted) this.unlisten(this.link, sub.id);
    else this.stale.set(sub.id, undefined);
  }

  /** Has the server forget a listener; signals for it may still be under way. */
  unlisten(link, id) {
    if (this.stale.get(id) === link) return;
    this.stale.set(id, link);
    this.manage(link, "remove_listener", { listener_id: id }, () => { if (link === this.link) this.stale.delete(id); });
  }

  // -- closing

  close(timeout) {
    if (this.closing) return this.closing;
    this.closing = new Promise((resolve) => {
      this.drained = () => {
        this.drained = undefined;
        this.clock.clearTimeout(timer);
        this.goodbye(resolve);
      };
      const timer = this.clock.setTimeout(() => this.drained(), timeout);
    });
    this.setState("closing");
    this.checkDrained();
    return this.closing;
  }

  checkDrained() {
    if (!this.drained || this.outbox.items.size > 0 || this.waiting.size > 0) return;
    const { link } = this;
    if (!link?.ready || link.pending.size + link.urgent.size + link.answers.size === 0) this.drained();
  }

  /** Ends a connection in good order, and the client with it. */
  goodbye(resolve) {
    const { link } = this;
    const t = link?.transport;
    if (link?.greeted && !link.classic) {
      this.acknowledge(link);
      t.send('{"method":"bye","params":{"reason":"the client is closing"}}');
    }
    this.finish(fail("shutting_down", "the client is closed"));
    if (!t) return resolve();
    const timer = this.clock.setTimeout(() => { // not every transport tells of its own end
      t.onclose();
      t.abort();
    }, SECOND);
    t.onopen = t.onmessage = ignore;
    t.onclose = () => {
      this.clock.clearTimeout(timer);
      resolve();
    };
    t.close(1000, "bye");
  }

  /** The end: whatever waits is told so. */
  finish(err) {
    const { link } = this;
    this.link = undefined;
    this.closing ??= Promise.resolve();
    this.setState("closed", { error: err });
    this.unwatch?.();
    this.clock.clearTimeout(this.retry);
    if (link) this.clear(link, err);
    for (const call of this.waiting) this.finishCall(call, err);
    this.outbox.restart(() => err);
    for (const s of this.senders.values()) s.reject(err);
    for (const sub of this.subs) {
      sub.reject(err);
      sub.end?.();
    }
    this.subs.clear();
    this.byID.clear();
    this.first.reject(err);
    this.drained?.();
  }
}

// ---- What the application sees ----------------------------------------------------------

/** A subscription: one listener's registration. */
export class Subscription {
  #session;
  #sub;
  constructor(session, sub) {
    this.#session = session;
    this.#sub = sub;
  }

  /** How many events the listener's policy has dropped. */
  get dropped() { return this.#sub.dropped; }

  /** Ends it: the listener is not called again. The server is told in the background. */
  remove() { this.#session.removeListener(this.#sub); }
}

/** The holder's handle to a sender. */
export class Sender {
  #session;
  #s;
  constructor(session, s) {
    this.#session = session;
    this.#s = s;
  }

  get name() { return this.#s.name; }

  /**
   * Triggers one of the declared events. The promise resolves when the server has dispatched
   * it, and rejects when it was refused or did not fit into the outbox. Nobody has to wait for
   * it: a failure nobody waits for goes to the "error" handlers.
   */
  trigger(event, data, options) { return this.#session.trigger(this.#s, event, data, options); }

  /** Takes the sender out of the server, after the signals triggered before. */
  remove() { return this.#session.removeSender(this.#s); }
}

/** What Client.events returns. Holds back acknowledgements when its reader is slow. */
class EventStream {
  #session;
  #sub;
  #queue = [];
  #readers = [];
  #ended = false;
  #error;

  constructor(session, sender, event, { signal, queue = 1024, ...options }) {
    this.#session = session;
    this.#sub = session.addListener(sender, event, (e, n) => this.#push(e, n, queue), options);
    this.#sub.end = () => this.#end();
    this.#sub.added.catch((err) => this.#end(err));
    if (signal?.aborted) this.return();
    else signal?.addEventListener("abort", () => this.return(), { once: true });
  }

  #push(event, n, most) {
    if (this.#readers.length > 0) this.#readers.shift().resolve({ value: event, done: false });
    else this.#queue.push({ event, release: n > 0 && this.#queue.length >= most ? this.#session.hold(n) : ignore });
  }

  #end(err) {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = err?.code === "shutting_down" ? undefined : err;
    for (const reader of this.#readers.splice(0)) this.next().then(reader.resolve, reader.reject);
  }

  next() {
    const item = this.#queue.shift();
    item?.release();
    if (item) return Promise.resolve({ value: item.event, done: false });
    if (!this.#ended) return new Promise((resolve, reject) => this.#readers.push({ resolve, reject }));
    const err = this.#error;
    this.#error = undefined;
    return err ? Promise.reject(err) : Promise.resolve({ value: undefined, done: true });
  }

  return() {
    this.#session.removeListener(this.#sub);
    for (const { release } of this.#queue.splice(0)) release();
    this.#end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator]() { return this; }
}

/** A client: senders and listeners at a server, and requests to it. Made by connect. */
export class Client {
  #session;
  constructor(session) { this.#session = session; }

  /** "connecting", "connected", "reconnecting", "closing" or "closed". */
  get state() { return this.#session.state; }

  /** What the server calls itself, and whether it is a classic one, without a fast lane. */
  get server() { return { name: this.#session.link?.name, classic: this.#session.link?.classic ?? false }; }

  /** Counters: replies nobody waited for, signals that came twice, connections, signals perhaps dispatched twice. */
  get stats() { return { ...this.#session.stats }; }

  /** Calls fn with each change of the connection ("state"), or what nobody else is told of ("error"). Returns a function that ends it. */
  on(type, fn) {
    const set = Object.hasOwn(this.#session.handlers, type) && this.#session.handlers[type];
    if (!set) throw fail("invalid", `no event ${type}; there are "state" and "error"`);
    set.add(fn);
    return () => { set.delete(fn); };
  }

  /** Calls fn with each event that matches: names, patterns, or null for any. */
  async addListener(sender, event, fn, options) {
    if (typeof fn !== "function") throw fail("invalid", "the listener is not a function");
    const sub = this.#session.addListener(sender, event, fn, options);
    await sub.added;
    return new Subscription(this.#session, sub);
  }

  /** The events that match, for `for await`. Begins to listen at once. */
  events(sender, event, options = {}) { return new EventStream(this.#session, sender, event, options); }

  /** Adds a sender. It is added again after each reconnect. */
  addSender(name, declared) { return this.#session.addSender(name, declared); }

  /** Asks a sender, at most for options.timeout ms (30 s), and returns what it answers. Never sent twice. */
  async request(sender, method, params, options) {
    checkNames(sender, method);
    const text = `{"sender":${JSON.stringify(sender)},"method":${JSON.stringify(method)}${causeText(options)},"params":${this.#session.text(params)}}`;
    return this.#session.value(await this.#session.call("request", text, options));
  }

  /** Lists the senders. The one whose name is null stands for all. */
  async senders({ events = false, ...options } = {}) {
    const list = (await this.#session.call("list_senders", `{"list_events":${Boolean(events)}}`, options)).value;
    return list.map((s) => ({ name: s.sender, connected: s.connected, ...(events && { events: (s.events ?? []).map((e) => e.event).filter((e) => e !== null) }) }));
  }

  /** How many ms the server takes to answer. */
  async ping(options) {
    const { clock, link } = this.#session;
    const start = clock.now();
    await this.#session.call(link?.classic ? "get_version" : "ping", "{}", options);
    return clock.now() - start;
  }

  /** Ends the client, after what was begun, at most after options.timeout ms (5 s). */
  close({ timeout = 5 * SECOND } = {}) { return this.#session.close(timeout); }
}

/**
 * Connects to a server, such as "ws://127.0.0.1:3080/sig". Rejects when the first attempt
 * fails, unless options.lazy; later the client connects again by itself. See sig.d.ts for
 * the options.
 */
export async function connect(url, options) {
  const session = new Session(url, options);
  const first = new Promise((resolve, reject) => { session.first = { resolve, reject }; });
  session.start();
  if (session.options.lazy) first.catch(ignore);
  else await first;
  return new Client(session);
}
