// What the page knows of the router, and the connection by which it asks. Everything goes
// through the JavaScript client, to the built-in sender.

import { connect } from "./sig.js";

const ROUTER = "#router";
const LATE = 3500; // ms without an answer, after which the page is stale

/** Members that a feed asks for, and the maps they fill. */
const feeds = {
  head: ["status", "samples"],
  peers: ["peers"],
  signals: ["senders", "signals"],
};

export class Store {
  state = "connecting"; // "live", "stale", or "refused"
  error = undefined; // why
  staleSince = undefined; // Date
  status = undefined;
  samples = [];
  peers = new Map(); // by id, as the two after it
  senders = new Map();
  signals = new Map();
  structure = 0; // goes up when signals come or go
  roster = 0; // the same for peers
  offset = 0; // of the router's clock to ours, in ms
  answers = 0;
  onchange = () => {};
  onvalue = () => {}; // with each signal that has another value

  #url;
  #key;
  #client;
  #token = "";
  #waiting; // for whether a token is good
  #cursors = {};
  #heard = 0;

  constructor(url) {
    this.#url = url;
    this.#key = `sig.token ${location.pathname}`;
    this.#token = sessionStorage.getItem(this.#key) ?? "";
  }

  /** Whether a token was shown that the router took. */
  get unlocked() { return this.#token !== "" && this.#client !== undefined && !this.#waiting; }

  get client() { return this.#client; }

  /** The time at the router, in ms. */
  now() { return Date.now() + this.offset; }

  /** How long ago a time of the router is, in ms. */
  since(t) { return this.now() - Date.parse(t); }

  // -- connecting

  /** Says goodbye when the page goes, so that the router keeps nothing for it. */
  leave() {
    this.#client?.close({ timeout: 0 });
    this.#client = undefined;
  }

  async start() {
    const client = await connect(this.#url, { name: "dashboard", lazy: true, token: this.#token || undefined });
    this.#client = client;
    client.on("state", (s) => { if (client === this.#client) this.#connection(s); });
    client.on("error", (err) => console.warn(err));
  }

  #connection({ state, error }) {
    if (state === "connected") {
      this.#cursors = {};
      this.error = undefined;
      if (this.#waiting) sessionStorage.setItem(this.#key, this.#token);
      this.#settle();
    } else if (state === "reconnecting" || state === "closed") {
      this.error = error;
      if (error?.code === "refused" && this.#token) this.#refuse(error);
      else this.#stale(error?.code === "refused" ? "refused" : "stale");
    }
    this.onchange();
  }

  #settle(err) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (err) waiting?.reject(err);
    else waiting?.resolve();
  }

  /** Goes on without a token that the router does not know. */
  #refuse(err) {
    this.#token = "";
    sessionStorage.removeItem(this.#key);
    const waited = this.#waiting !== undefined;
    this.#settle(err);
    this.#again();
    if (!waited) this.error = err;
  }

  #again() {
    this.#client?.close({ timeout: 0 });
    this.#client = undefined;
    return this.start();
  }

  /** Shows a token to the router. Rejects when it is not good; the page then reads on. */
  unlock(token) {
    this.#token = token;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#again();
    });
  }

  /** Forgets the token. */
  lock() {
    this.#token = "";
    sessionStorage.removeItem(this.#key);
    return this.#again();
  }

  #stale(state) {
    this.staleSince ??= new Date(this.#heard || Date.now());
    this.state = state;
  }

  /** Notes that the router has not been heard of for too long. */
  check() {
    if (this.state === "live" && performance.now() + performance.timeOrigin - this.#heard > LATE) this.#stale("stale");
  }

  /** What went on before does not count as silence: the page was not looking. */
  wake() { if (this.state === "live") this.#heard = performance.now() + performance.timeOrigin; }

  // -- asking

  /** Asks the router about itself. */
  async ask(method, params) {
    const client = this.#client;
    if (client?.state !== "connected") throw new Error("not connected");
    try {
      const answer = await client.request(ROUTER, method, params, { timeout: 8000 });
      this.#alive();
      return answer;
    } catch (err) {
      if (err.code === "refused" && method !== "disconnect") {
        this.error = err;
        this.#stale("refused");
      } else if (err.code !== "timeout" && err.code !== "not_connected") this.#alive();
      throw err;
    }
  }

  #alive() {
    this.#heard = performance.now() + performance.timeOrigin;
    this.answers++;
    this.state = "live";
    this.error = undefined;
    this.staleSince = undefined;
  }

  /** Asks what has changed; resolves to true when there is more already. */
  async follow(feed, values = []) {
    const c = await this.ask("changes", { cursor: this.#cursors[feed] ?? "", parts: feeds[feed], values });
    this.#cursors[feed] = c.cursor;
    if (c.reset) this.#reset(feed);
    this.#take(c);
    return c.more === true;
  }

  #reset(feed) {
    if (feed === "head") this.samples = [];
    if (feed === "peers") { this.peers.clear(); this.roster++; }
    if (feed === "signals") { this.senders.clear(); this.signals.clear(); this.structure++; }
  }

  #take(c) {
    if (c.status) {
      this.status = c.status;
      this.offset = Date.parse(c.status.now) - Date.now();
    }
    if (c.samples) this.samples = [...this.samples, ...c.samples].slice(-120);
    for (const p of c.peers ?? []) {
      if (!this.peers.has(p.id)) this.roster++;
      this.peers.set(p.id, p);
    }
    for (const id of c.peers_gone ?? []) { this.peers.delete(id); this.roster++; }
    for (const s of c.senders ?? []) this.senders.set(s.id, s);
    for (const id of c.senders_gone ?? []) this.senders.delete(id);
    for (const s of c.signals ?? []) {
      const known = this.signals.get(s.id);
      if (known) Object.assign(known, s, { last: known.last });
      else this.#come(s);
    }
    for (const id of c.signals_gone ?? []) if (this.signals.delete(id)) this.structure++;
    for (const [id, n, rate, listeners] of c.counts ?? []) {
      const s = this.signals.get(id);
      if (s) Object.assign(s, { count: n, rate, listeners });
    }
    for (const { id, ...value } of c.values ?? []) {
      const s = this.signals.get(id);
      if (!s) continue;
      const changed = s.last !== null && s.last.n !== value.n;
      s.last = value;
      if (changed) this.onvalue(s);
    }
  }

  #come(s) {
    s.last ??= null;
    this.signals.set(s.id, s);
    this.structure++;
  }

  /** The sender of a name. */
  sender(name) {
    for (const s of this.senders.values()) if (s.name === name) return s;
    return undefined;
  }
}
