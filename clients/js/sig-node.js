// The client of sig.js for Node, with byte streams besides WebSocket: tcp://host:port,
// tls://host:port and unix:///path. Everything of sig.js can be imported from here.

import { connect as connectTCP } from "node:net";
import { connect as connectTLS } from "node:tls";
import { connect as connectWith, SigError } from "./sig.js";

export * from "./sig.js";

const GAP = 10; // ms between two writes to a classic server, which takes each read for one message

/**
 * Connects to a server at a tcp:, tls:, unix:, ws: or wss: address. Options are those of
 * connect of sig.js, and tls, which goes to tls.connect of Node.
 */
export async function connect(url, options = {}) {
  const dialer = dialers[/^[a-z]+:/.exec(url)?.[0]];
  return connectWith(url, dialer ? { transport: (address) => new Stream(dialer(new URL(address), options)), ...options } : options);
}

const host = (u) => u.hostname.replace(/^\[|\]$/g, "");
const dialers = {
  "tcp:": (u) => connectTCP({ host: host(u), port: Number(u.port || 3000), noDelay: true }),
  "tls:": (u, { tls }) => connectTLS({ host: host(u), port: Number(u.port || 3000), servername: /[a-z]/i.test(host(u)) ? host(u) : undefined, ...tls }),
  "unix:": (u) => connectTCP({ path: decodeURIComponent(u.pathname) }),
};

/** A transport over a byte stream: one JSON object follows another. */
class Stream {
  #socket;
  #paced = false;
  #lines = [];
  #timer;

  constructor(socket) {
    this.#socket = socket;
    const splitter = new Splitter();
    const opened = () => this.onopen();
    let why = "closed without a word";
    socket.on(socket.encrypted ? "secureConnect" : "connect", opened);
    socket.on("error", (err) => { why = err.message || String(err.errors?.[0]?.message ?? err.code); });
    socket.on("close", () => {
      clearTimeout(this.#timer);
      this.onclose(why);
    });
    socket.on("data", (chunk) => {
      try {
        splitter.add(chunk, (text) => this.onmessage(text));
      } catch (err) {
        why = err.message;
        socket.destroy();
      }
    });
  }

  /** The server reads by messages, not by lines: one write each, with pauses. */
  classic() { this.#paced = true; }

  send(text) {
    if (this.#paced) {
      this.#lines.push(text);
      if (!this.#timer) this.#next();
      return;
    }
    if (!this.#socket.writableCorked) { // what one turn sends goes out in one write
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(`${text}\n`);
  }

  #next() {
    const text = this.#lines.shift();
    if (text !== undefined) this.#socket.write(text);
    this.#timer = text === undefined ? undefined : setTimeout(() => this.#next(), GAP);
  }

  close() { this.#socket.end(); }
  abort() { this.#socket.destroy(); }
}

/** Finds the JSON objects in a stream of bytes, however reads split or join them. */
export class Splitter {
  #parts = []; // of the object begun
  #length = 0;
  #open = []; // brackets to be closed
  #inString = false;
  #escaped = false;
  #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(maxMessage = 16 << 20) { this.maxMessage = maxMessage; }

  /** Calls each with the text of each object that is whole. Throws at what cannot be one. */
  add(chunk, each) {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const c = chunk[i];
      if (this.#open.length === 0) {
        if (c === 123) {
          this.#open.push(125);
          from = i;
        } else if (c !== 10 && c !== 32 && c !== 13 && c !== 9) throw malformed("the server sent something that is no JSON object");
      } else if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (c === 92) this.#escaped = true;
        else if (c === 34) this.#inString = false;
      } else if (c === 34) this.#inString = true;
      else if (c === 123 || c === 91) {
        if (this.#open.push(c + 2) > 80) throw malformed("the server sent an object nested too deep");
      } else if (c === 125 || c === 93) {
        if (this.#open.pop() !== c) throw malformed("the server sent brackets that do not match");
        if (this.#open.length === 0) each(this.#take(chunk.subarray(from, i + 1)));
      }
    }
    if (this.#open.length > 0) this.#keep(chunk.subarray(from));
  }

  #keep(part) {
    this.#length += part.length;
    if (this.#length > this.maxMessage) throw malformed(`the server sent a message longer than ${this.maxMessage} bytes`);
    this.#parts.push(part);
  }

  #take(last) {
    const bytes = this.#parts.length > 0 ? Buffer.concat([...this.#parts, last]) : last;
    this.#parts = [];
    this.#length = 0;
    try {
      return this.#decoder.decode(bytes);
    } catch {
      throw malformed("the server sent text that is not UTF-8");
    }
  }
}

const malformed = (text) => new SigError(text, { code: "malformed" });
