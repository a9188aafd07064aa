// The vectors that all implementations share: testdata/wire of the project.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { parse, SigError } from "../sig.js";
import { Splitter } from "../sig-node.js";

const vectors = (file) => JSON.parse(readFileSync(new URL(`../../../testdata/wire/${file}`, import.meta.url), "utf8"));
const join = (p) => (p === undefined || typeof p === "string" ? p : p.map((x) => (typeof x === "string" ? x : x.repeat.repeat(x.times))).join(""));
const bytes = (v) => (v.hex ? Buffer.from(v.hex, "hex") : Buffer.from(join(v.text)));

// The client asks for JSON envelopes, so it never gets a binary frame.
const isBinary = (v) => /binary/i.test(v.name);

/** What the parser made of a message, in the words of the vectors. */
function meaning(m) {
  const text = (p) => p && { text: withoutBreaks(p.text), value: p.value };
  const out = {
    kind: m.kind, id: m.id, n: m.n || undefined, method: m.method, params: undefined, params_bad: m.paramsBad, info: undefined,
    listeners: m.listeners, listener_id: m.listenerId, data: text(m.data), args: text(m.args), response: text(m.response),
    error_data: text(m.errorData), sender: m.sender, target: m.target, status: m.status || undefined,
    exception: m.exception || undefined, code: m.code || undefined, traceparent: m.traceparent, hops: m.hops, gap: undefined,
  };
  if (m.info) out.info = { sender: m.info.sender, event: m.info.event, ...(m.info.retained && { retained: true }) };
  if (m.gap) out.gap = JSON.parse(JSON.stringify(m.gap));
  if (m.method !== "signal" && m.method !== "request") out.params = text(m.params);
  return out;
}

function wanted(means) {
  const out = { ...means, n: means.n || undefined, status: means.status || undefined };
  for (const key of ["params", "data", "args", "response", "error_data"]) {
    if (means[key] !== undefined) out[key] = { text: join(means[key]), value: JSON.parse(join(means[key])) };
  }
  for (const key of ["id", "listener_id"]) out[key] = join(means[key]);
  return out;
}

/** A router removes line breaks between tokens; the client need not. */
const withoutBreaks = (text) => text.replace(/"(?:[^"\\]|\\.)*"|[\r\n]/g, (s) => (s[0] === '"' ? s : ""));
const defined = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));

describe("accept.json", () => {
  for (const v of vectors("accept.json").filter((v) => !isBinary(v))) {
    test(v.name, () => {
      const want = [v.means].flat();
      for (const size of [1, 2, 7, Infinity]) { // as reads may split it
        const got = [];
        const splitter = new Splitter();
        const all = bytes(v);
        if (all.length > 100 && size < Infinity) continue;
        for (let i = 0; i < all.length; i += size) splitter.add(all.subarray(i, i + size), (text) => got.push(parse(text)));
        assert.deepEqual(got.map((m) => defined(meaning(m))), want.map((m) => defined(wanted(m))));
      }
      if (!Array.isArray(v.means)) assert.deepEqual(defined(meaning(parse(bytes(v).toString()))), defined(wanted(v.means)), "as one frame");
    });
  }

  test("no beginning of a message is a message, nor refused by a stream", () => {
    for (const v of vectors("accept.json")) {
      if (isBinary(v) || Array.isArray(v.means) || bytes(v).length > 300) continue;
      const whole = bytes(v).toString().trim();
      for (let i = 0; i < Buffer.from(whole).length; i++) {
        const part = Buffer.from(whole).subarray(0, i);
        new Splitter().add(part, () => assert.fail(`took ${part} of ${whole}`));
        if (i > 0) assert.throws(() => parse(part.toString()), SigError, part.toString());
      }
    }
  });
});

describe("refuse.json", () => {
  for (const v of vectors("refuse.json").filter((v) => !isBinary(v))) {
    test(v.name, () => {
      let text;
      try {
        text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes(v));
      } catch {
        // What is not UTF-8 does not reach parse: WebSocket refuses it, and so does a Splitter.
        assert.throws(() => new Splitter().add(bytes(v), assert.fail), { status: v.status });
          return;
      }
      assert.throws(() => parse(text), (err) => {
        assert.ok(err instanceof SigError, err.stack);
        assert.equal(err.status, v.status);
        assert.equal(err.fatal, v.stream === "ends");
        if (v.id !== undefined) assert.equal(err.id, join(v.id));
        return true;
      });
      // On a byte stream too, without waiting for more.
      let seen = false;
      const take = (message) => {
        seen = true;
        parse(message);
      };
      if (Buffer.byteLength(text) <= 1 << 20) assert.throws(() => new Splitter().add(bytes(v), take), { name: "SigError" }, seen ? "taken" : "waited for");
    });
  }
});

test("names of members that objects have by nature are only names", () => {
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
    const m = parse(`{"id":1,"${name}":{"method":"x"},"method":"signal","n":1,"params":{"${name}":{"sender":1},"info":{"sender":"a","event":"${name}","${name}":2},"data":{"${name}":3}}}`);
    assert.equal(m.info.event, name);
    assert.equal(m.data.text, `{"${name}":3}`);
    assert.equal(m.listeners, undefined);
    assert.throws(() => parse(`{"id":1,"${name}":${"[".repeat(65)}${"]".repeat(65)}}`), { code: "limit" });
  }
});

test("a message of 1 MiB is read in good time, whatever is in it", () => {
  for (const piece of ["\\\\", '\\"', '","', "[],", "\u00fc", "{},"]) {
    const inner = /[[{]/.test(piece) ? `[${piece.repeat((1 << 19) / piece.length)}0]` : `["${piece.repeat((1 << 18) / piece.length)}"]`;
    const start = performance.now();
    assert.equal(parse(`{"n":1,"method":"signal","params":{"info":{"sender":"a","event":"b"},"data":${inner}}}`).data.text.length, inner.length);
    assert.ok(performance.now() - start < 1000, `${piece}: ${performance.now() - start} ms`);
  }
});
