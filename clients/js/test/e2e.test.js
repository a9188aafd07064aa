// The client and the real server, over real connections.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import WebSocket from "ws";
import { connect, SigError } from "../sig-node.js";
import { build, proxy, serve, skip } from "./server.js";

describe("with the server", { skip, timeout: 120_000 }, () => {
  let built, server;
  before(async () => {
    built = build();
    server = await serve(built);
  });
  after(async () => {
    await server?.stop();
    built?.cleanUp();
  });

  /** Connects, and closes when the test ends. Errors nobody expected fail the test. */
  async function client(ctx, url, options = {}) {
    const c = await connect(url, { WebSocket, name: "test", ...options });
    c.errors = [];
    c.on("error", (err) => c.errors.push(err));
    ctx.after(() => c.close({ timeout: 0 }));
    return c;
  }

  const state = (c, wanted) => new Promise((resolve) => {
    const off = c.on("state", (s) => {
      if (s.state !== wanted) return;
      off();
      resolve(s);
    });
  });

  /** Takes n values from a listener. */
  async function listening(c, sender, event, options) {
    const got = [];
    const waiting = [];
    const sub = await c.addListener(sender, event, (e) => {
      got.push(e);
      waiting.splice(0).forEach((check) => check());
    }, options);
    const until = (cond) => new Promise((resolve) => {
      const check = () => (cond(got) ? resolve(got) : waiting.push(check));
      check();
    });
    return { got, sub, until };
  }

  for (const scheme of ["ws:", "tcp:", "unix:"]) {
    describe(scheme, () => {
      test("signals arrive in order, once, with their data", async (ctx) => {
        const a = await client(ctx, server.url(scheme));
        const b = await client(ctx, server.url(scheme));
        assert.equal(a.server.classic, false);
        const { until, got } = await listening(b, "timer", "tic");
        const sender = await a.addSender("timer", { events: ["tic"] });
        const acks = [];
        for (let n = 0; n < 5000; n++) acks.push(sender.trigger("tic", { n, text: `\u00fc \u{1f600} "\\ \n${n}` }));
        await Promise.all(acks);
        await until(() => got.length >= 5000);
        assert.deepEqual(got.map((e) => e.data.n), Array.from({ length: 5000 }, (_, n) => n));
        assert.deepEqual(got[7], { sender: "timer", event: "tic", data: { n: 7, text: `\u00fc \u{1f600} "\\ \n7` }, retained: false });
        await sender.remove();
        assert.deepEqual([a.errors, b.errors], [[], []]);
      });

      test("requests run both ways, and errors keep their code and data", async (ctx) => {
        const a = await client(ctx, server.url(scheme));
        const b = await client(ctx, server.url(scheme));
        await a.addSender("door", {
          requests: {
            open: async (p) => ({ opened: p.by }),
            back: async (p) => a.request("window", "shut", p),
            locked: () => { throw new SigError("locked", { code: "locked", data: { by: "ana" } }); },
            wait: (_, { signal }) => new Promise((resolve, reject) => signal.addEventListener("abort", () => { aborted.push(signal.reason.code); reject(signal.reason); })),
          },
          requestRest: (p, { method }) => method,
        });
        const aborted = [];
        await b.addSender("window", { requests: { shut: (p) => [p] } });
        assert.deepEqual(await b.request("door", "open", { by: "bo" }), { opened: "bo" });
        assert.deepEqual(await b.request("door", "back", 5), [5]);
        assert.equal(await b.request("door", "else"), "else");
        await assert.rejects(b.request("door", "locked"), { name: "SigError", status: -2, code: "locked", message: "locked", data: { by: "ana" } });
        await assert.rejects(b.request("nobody", "open"), { code: "no_sender" });
        await assert.rejects(b.request("window", "open"), { code: "no_method" });
        const many = await Promise.all(Array.from({ length: 1000 }, (_, i) => b.request("door", "open", { by: i })));
        assert.deepEqual(many.map((r) => r.opened), many.map((_, i) => i));
        await assert.rejects(b.request("door", "wait", null, { timeout: 50 }), { code: "timeout" });
        await b.request("door", "open", {}); // after the cancel on the same way
        assert.deepEqual(aborted, ["canceled"]);
      });

      test("senders are listed; names are checked by the server", async (ctx) => {
        const c = await client(ctx, server.url(scheme));
        await c.addSender("caf\u00e9", { events: ["tic"], retain: "last" });
        const list = await c.senders({ events: true });
        const mine = list.find((s) => s.name === "caf\u00e9");
        assert.equal(mine.connected, true);
        assert.ok(["tic", "last"].every((e) => mine.events.includes(e)), mine.events.join());
        assert.ok(list.some((s) => s.name === null));
        for (const name of ["", "a\nb", "a.*", "x".repeat(256), "\ud800", null, 5]) await assert.rejects(c.addSender(name, { events: ["x"] }), { name: "SigError" }, String(name));
        await assert.rejects(c.addListener("a.>.b", null, () => {}), { code: "invalid" });
        assert.ok(await c.ping() >= 0);
      });
    });
  }

  test("retained values, patterns, below, and built-in events", async (ctx) => {
    const a = await client(ctx, server.url("ws:"));
    const b = await client(ctx, server.url("tcp:"));
    const connects = await listening(b, null, "#connect");
    const sender = await a.addSender("house.kitchen", { retain: ["temp"], events: ["door.front"] });
    await sender.trigger("temp", 20);
    await sender.trigger("temp", 21);
    const temp = await listening(b, "house.*", "temp");
    await temp.until((got) => got.length > 0);
    assert.deepEqual(temp.got.map((e) => [e.data, e.retained]), [[21, true]]);
    const skipped = await listening(b, "house.kitchen", "temp", { skipRetained: true });
    const below = await listening(b, "house.kitchen", "door", { below: true });
    await sender.trigger("door.front", "open");
    await sender.trigger("temp", 22);
    await skipped.until((got) => got.length > 0);
    assert.deepEqual(skipped.got.map((e) => e.data), [22]);
    assert.deepEqual(below.got.map((e) => [e.event, e.data]), [["door.front", "open"]]);
    assert.equal(connects.got[0].sender, "house.kitchen");
    assert.ok(connects.got[0].data.events.includes("temp"));
    await assert.rejects(sender.trigger("#connect"), { code: "no_event" });
  });

  test("#subscribe tells a sender when somebody listens", async (ctx) => {
    const a = await client(ctx, server.url("ws:"));
    const b = await client(ctx, server.url("ws:"));
    const told = await listening(a, "cam", "#subscribe");
    const left = await listening(a, "cam", "#unsubscribe");
    await a.addSender("cam", { events: ["frame"] });
    const { sub } = await listening(b, "cam", "frame");
    await told.until((got) => got.some((e) => e.data.listeners === 1));
    sub.remove();
    await left.until((got) => got.some((e) => e.data.listeners === 0));
  });

  test("a stream of events", async (ctx) => {
    const c = await client(ctx, server.url("ws:"));
    const stream = c.events("counter", "up");
    await c.senders(); // the listener was added before
    const sender = await c.addSender("counter", { events: ["up"] });
    for (let n = 1; n <= 2000; n++) sender.trigger("up", n);
    let sum = 0;
    for await (const e of stream) {
      sum += e.data;
      if (e.data === 2000) break;
    }
    assert.equal(sum, 2001000);
  });

  test("promise 13: for a slow reader, delivered and reported as dropped is all there was", async (ctx) => {
    const a = await client(ctx, server.url("ws:"));
    const b = await client(ctx, server.url("ws:"));
    let dropped = 0;
    const stream = b.events("fast", "tic", { queue: 10, policy: "drop_oldest", onDrop: (d) => { dropped += d.count; } });
    await b.senders();
    const sender = await a.addSender("fast", { events: ["tic"] });
    const total = 20_000;
    for (let from = 0; from < total; from += 1000) await Promise.all(Array.from({ length: 1000 }, (_, i) => sender.trigger("tic", from + i)));
    let delivered = 0, last = -1;
    for await (const e of stream) {
      assert.ok(e.data > last);
      last = e.data;
      delivered++;
      if (last === total - 1) break;
    }
    assert.ok(dropped > 0, "nothing was dropped: the reader was not slow");
    assert.equal(delivered + dropped, total);
    assert.deepEqual(b.errors, []);
  });

  for (const scheme of ["ws:", "tcp:"]) {
    test(`${scheme} what this client lets through, the server takes`, async (ctx) => {
      const c = await client(ctx, server.url(scheme));
      const { got, until } = await listening(c, "odd", "data");
      const sender = await c.addSender("odd", { events: ["data"] });
      const deep = (n) => JSON.parse("[".repeat(n) + "]".repeat(n));
      const values = [undefined, NaN, -0, 1e308, "\ud800", "\u2028\0", "x".repeat(1024), deep(64), { __proto__: null, constructor: 1 }, new Date(0), { toJSON: () => [1] }];
      for (const v of values) await sender.trigger("data", v);
      await assert.rejects(sender.trigger("data", deep(65)), { code: "limit" });
      await assert.rejects(sender.trigger("data", "x".repeat(1 << 20)), { code: "limit" });
      const fit = "x".repeat((1 << 20) - 300);
      await sender.trigger("data", fit);
      await until(() => got.length > values.length);
      assert.deepEqual(got.map((e) => e.data), [...values, fit].map((v) => JSON.parse(JSON.stringify(v) ?? "null")));
      assert.equal(c.stats.connects, 1);
    });

    test(`${scheme} promise 14: through cuts nothing is lost, twice or out of order, either way`, async (ctx) => {
      const way = await proxy(server.url(scheme));
      ctx.after(() => way.close());
      const a = await client(ctx, way.url);
      const b = await client(ctx, way.url);
      const { got, until } = await listening(b, "cuts", "tic");
      const sender = await a.addSender("cuts", { events: ["tic"] });
      const acks = [];
      for (let round = 0; round < 10; round++) {
        for (let i = 0; i < 300; i++) acks.push(sender.trigger("tic", acks.length));
        await acks[acks.length - 150]; // in the middle of things
        const back = Promise.all([state(a, "connected"), state(b, "connected")]);
        way.cut();
        for (let i = 0; i < 100; i++) acks.push(sender.trigger("tic", acks.length));
        for (const s of await back) assert.equal(s.resumed, true);
      }
      await Promise.all(acks);
      await until(() => got.length >= acks.length);
      assert.deepEqual(got.map((e) => e.data), acks.map((_, i) => i));
      assert.equal(a.stats.unsure, 0);
      assert.deepEqual([a.errors, b.errors], [[], []]);
    });
  }

  test("promise 12: requests fail at once when the connection is cut, later ones wait for it", async (ctx) => {
    const way = await proxy(server.url("ws:"));
    ctx.after(() => way.close());
    const a = await client(ctx, way.url);
    const b = await client(ctx, server.url("ws:"));
    let asked = 0;
    await b.addSender("slow", { requests: { wait: () => { asked++; return new Promise(() => {}); }, now: () => "now" } });
    const waiting = a.request("slow", "wait");
    await assert.rejects(a.request("slow", "wait", null, { timeout: 20 }), { code: "timeout" });
    way.split();
    await assert.rejects(waiting, { code: "not_connected" });
    const later = a.request("slow", "now");
    way.heal();
    assert.equal(await later, "now");
    assert.equal(asked, 2);
  });

  for (const [how, signal] of [["asked to stop", "SIGTERM"], ["killed", "SIGKILL"]]) {
    test(`the server is ${how} and starts again: everything is added again, nothing is lost`, async (ctx) => {
      const first = await serve(built, ["ws://127.0.0.1:0/sig"]);
      let second;
      ctx.after(() => second?.stop());
      const a = await client(ctx, first.urls[0], { name: "a" });
      const b = await client(ctx, first.urls[0], { name: "b" });
      const { got, until } = await listening(b, "phoenix", "tic");
      const sender = await a.addSender("phoenix", { events: ["tic"], requests: { age: () => 5 } });
      for (let n = 0; n < 100; n++) await sender.trigger("tic", n);
      await until(() => got.length >= 100);
      const gone = Promise.all([state(a, "reconnecting"), state(b, "reconnecting")]);
      await first.stop(signal);
      const [why] = await gone;
      if (signal === "SIGTERM") assert.match(why.error.message, /goodbye/);
      const meanwhile = [100, 101, 102].map((n) => sender.trigger("tic", n));
      const back = state(b, "connected");
      second = await serve(built, [first.urls[0]]);
      assert.equal((await back).resumed, false);
      await Promise.all(meanwhile); // whether b hears these depends on who came back first
      await sender.trigger("tic", 999);
      await until((all) => all.at(-1).data === 999);
      const numbers = got.map((e) => e.data);
      assert.deepEqual(numbers, [...new Set(numbers)].sort((x, y) => x - y), "in order, none twice");
      assert.equal(await b.request("phoenix", "age"), 5);
      assert.equal((await a.senders()).filter((s) => s.name === "phoenix" && s.connected).length, 1);
      assert.deepEqual([a.errors, b.errors], [[], []]);
    });
  }

  test("an origin that is none of the server's gets nowhere, and the error says why it ended", async () => {
    class Page extends WebSocket {
      constructor(url) { super(url, { origin: "http://evil.example" }); }
    }
    await assert.rejects(connect(server.url("ws:"), { WebSocket: Page }), { code: "not_connected", message: /403/ });
    await assert.rejects(connect("ws://127.0.0.1:1/sig", { WebSocket }), { message: /ECONNREFUSED/ });
    await assert.rejects(connect("tcp://127.0.0.1:1"), { code: "not_connected", message: /ECONNREFUSED/ });
  });

  /** Runs a module text as a program of its own, beside sig.js. */
  async function program(text, preload = "") {
    const dir = new URL("../", import.meta.url);
    const child = spawn(process.execPath, ["--input-type=module", "--eval", preload + text.replace(/ from "\.\//g, ` from "${dir}`)], { cwd: dir });
    let out = "";
    child.stdout.on("data", (d) => { out += d; });
    child.stderr.on("data", (d) => { out += d; });
    return { child, out: () => out, exited: once(child, "exit") };
  }

  test("the program of the README runs as it stands", async () => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const [, text] = /```js\n([^]*?)```/.exec(readme);
    const p = await program(text.replace("tcp://127.0.0.1:3000", server.url("tcp:")));
    await p.exited;
    assert.equal(p.out(), "{ on: true }\nlamp on true\n");
  });

  test("the page of the README is that of examples/browser, and works", async (ctx) => {
    const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
    const [, html] = /```html\n([^]*?)```/.exec(readme);
    const [, script] = /<script type="module">([^]*)<\/script>/.exec(html);
    assert.ok(html.split("\n").length <= 26, "a page of 20 lines and their frame");
    const file = `${built.dir}/browser`;
    execFileSync("go", ["build", "-o", file, "./examples/browser"], { cwd: new URL("../../..", import.meta.url) });
    const web = spawn(file, ["-http", "127.0.0.1:0", "-listen", "tcp://127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
    ctx.after(() => web.kill());
    const [base] = await once(createInterface(web.stdout), "line");
    assert.equal(await (await fetch(base)).text(), html);
    assert.equal(await (await fetch(`${base}/sig.js`)).text(), readFileSync(new URL("../sig.js", import.meta.url), "utf8"));
    const { host } = new URL(base);
    // As much of a page as the script touches; the real browser's turn comes elsewhere.
    const page = await program(script, `
      import { WebSocket } from "ws";
      const parts = { pre: { prepend: (t) => process.stdout.write(t) }, button: {}, output: {} };
      globalThis.document = { title: "Sig in a page", querySelector: (name) => parts[name], addEventListener() {} };
      globalThis.location = { href: "http://${host}/" };
      globalThis.WebSocket = class extends WebSocket { constructor(url) { super(url, { origin: "http://${host}" }); } };
      setInterval(() => parts.button.onclick?.(), 20);
    `);
    ctx.after(() => page.child.kill());
    const c = await client(ctx, `ws://${host}/sig`);
    const knocks = await listening(c, null, "knock");
    const [knock] = await knocks.until((got) => got.length > 0);
    assert.deepEqual(knock.data, { times: 1 });
    assert.equal(await c.request(knock.sender, "title"), "Sig in a page");
    const tic = await listening(c, "timer", "tic");
    await tic.until((got) => got.length > 0);
    while (!/^timer tic "\d\d:/m.test(page.out())) await once(page.child.stdout, "data");
  });

  test("close lets what was said arrive, and leaves no handle open", async (ctx) => {
    const b = await client(ctx, server.url("tcp:"));
    const { got, until } = await listening(b, "last", "words");
    for (const scheme of ["ws:", "tcp:", "unix:"]) {
      const a = await connect(server.url(scheme), { WebSocket });
      const sender = await a.addSender("last", { events: ["words"] });
      for (let n = 0; n < 500; n++) sender.trigger("words", `${scheme}${n}`);
      await a.close();
      await until(() => got.at(-1)?.data === `${scheme}499`);
    }
    assert.equal(got.length, 1500);
  });
});
