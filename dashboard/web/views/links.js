// Where the router listens, devices with their lines, what it logs, and its limits.

import { attr, h, list, name, text, toggle } from "../dom.js";
import { bytes, clock, count, span, took } from "../format.js";
import { Grid } from "../grid.js";

const levels = ["DEBUG", "INFO", "WARN", "ERROR"];
const LINES = 2000;

export function links(app) {
  const { store } = app;
  let found, lines = [], after = 0, unkept, stamp;

  const cards = h("ul", { class: "links" });
  const level = h("select", { "aria-label": "Least level", on: { change: () => { app.keep({ level: level.value === "INFO" ? "" : level.value }); app.draw(); } } },
    levels.map((l) => h("option", { value: l, selected: l === (app.params.get("level") ?? "INFO") }, l.toLowerCase())));
  const search = h("input", { type: "search", placeholder: "Find in the log", "aria-label": "Find in the log", value: app.params.get("q") ?? "", spellcheck: "false", on: { input: () => { app.keep({ q: search.value }); app.draw(); } } });
  const summary = h("p", { class: "summary" });
  const facts = h("dl", { class: "pairs" }), limits = h("dl", { class: "pairs" });
  const grid = new Grid({
    name: "log", label: "Log, newest first", template: "7rem 4.5rem minmax(10rem, 2fr) minmax(10rem, 3fr)", id: (l) => l.n,
    mark: (el, l) => { for (const k of levels) toggle(el, `level-${k.toLowerCase()}`, l.level.startsWith(k)); },
    columns: [
      { id: "time", title: "Time", text: (l) => clock(l.time, true) },
      { id: "level", title: "Level", text: (l) => l.level.toLowerCase() },
      { id: "message", title: "Message", make: bdi, set: (c, l) => text(c.bdi, l.message) },
      { id: "attrs", title: "More", make: bdi, set: (c, l) => text(c.bdi, (l.attrs ?? []).map((a) => `${a.key}=${a.value}`).join("  ")) },
    ],
  });

  function card() {
    return h("li", { class: "link" }, h("div", { class: "link-head" }, h("span", { class: "pill" }, h("i"), h("span")), h("bdi", { class: "name", dir: "auto" })), h("p", { class: "query" }), h("p", { class: "error" }), h("p", { class: "last" }), h("dl", { class: "pairs" }));
  }

  function show(el, l) {
    const [head, query, error, last, counters] = el.children;
    const [place, how] = l.url.split("?");
    head.firstChild.dataset.state = ["listening", "open", "connected", "up"].includes(l.state) ? "live" : "stale";
    text(head.firstChild.lastChild, l.state);
    text(head.lastChild, place || "mounted in another server");
    text(query, how ? decode(how) : "");
    const next = l.next ? ` · again in ${span(Date.parse(l.next) - store.now())}` : "";
    text(error, l.error ? `${l.error}${l.attempts ? ` · tried ${count(l.attempts)} times` : ""}${next}` : "");
    text(last, l.last ? `${l.last}   ${l.last_at ? `${span(store.since(l.last_at))} ago` : ""}` : "");
    list(counters, Object.entries(l.counters ?? {}).filter(([k, v]) => v > 0 || k === "frames"), ([k]) => k, ([k]) => h("div", {}, h("dt", {}, k.replaceAll("_", " ")), h("dd")), (row, [, v]) => text(row.lastChild, count(v)));
  }

  async function log() {
    try {
      const more = await store.ask("log", { after });
      if (more.length && more[0].n <= after) lines = []; // of another run
      lines = [...lines, ...more].slice(-LINES);
      after = lines.at(-1)?.n ?? 0;
      unkept = undefined;
    } catch (err) {
      if (err.code !== "invalid") throw err;
      unkept = err.message;
    }
  }

  return {
    title: "Links",
    element: [
      app.heading("Links and log", summary, h("div", { class: "controls" }, search, level)),
      h("div", { class: "scroll stretch" }, cards,
        h("section", { class: "panel log" }, h("h3", {}, "Log"), grid.element),
        h("div", { class: "columns" }, h("section", { class: "panel" }, h("h3", {}, "The router"), facts), h("section", { class: "panel wide" }, h("h3", {}, "Limits"), limits))),
    ],
    jobs: [
      { every: 1000, run: async () => { found = await store.ask("links"); } },
      { every: 500, run: log },
    ],
    draw: () => {
      if (found) {
        list(cards, found, (l) => l.url, card, show);
        text(summary, `${count(found.length)} ${found.length === 1 ? "address" : "addresses"} · ${count(found.filter((l) => l.error).length)} with an error`);
      }
      const now = `${after} ${level.value} ${search.value}`;
      if (now !== stamp) {
        stamp = now;
        const least = levels.indexOf(level.value), q = search.value.trim().toLowerCase();
        grid.set(lines.filter((l) => rank(l.level) >= least && (q === "" || `${l.message} ${(l.attrs ?? []).map((a) => `${a.key}=${a.value}`).join(" ")}`.toLowerCase().includes(q))).reverse());
      }
      grid.empty.textContent = unkept ? `${unkept}.` : "Nothing of that kind was logged.";
      const st = store.status;
      if (!st) return;
      pairs(facts, { Version: st.version || "devel", "Looked at since": clock(st.started), Events: count(st.events), "Sent to peers": count(st.sent), Dropped: count(st.dropped), "Could not be encoded": count(st.unencodable), "Turned away": count(st.turned_away), "Wait for peers": bytes(st.queued_bytes), "Kept values": bytes(st.kept_bytes), "Bytes in": bytes(st.bytes_in), "Bytes out": bytes(st.bytes_out), Heap: bytes(st.heap), Goroutines: count(st.goroutines) });
      pairs(limits, Object.fromEntries(Object.entries(st.limits ?? {}).map(([k, v]) => [words(k), limit(k, v)])));
    },
    close: () => grid.destroy(),
  };
}

const bdi = (cell) => cell.append(cell.bdi = h("bdi", { class: "name", dir: "auto" }));
/** The settings in an address, as people read them. */
const decode = (query) => [...new URLSearchParams(query)].map(([k, v]) => `${k} ${v}`).join(" · ");
const rank = (level) => Math.max(0, levels.findIndex((l) => level.startsWith(l)));

function pairs(dl, all) {
  list(dl, Object.entries(all), ([k]) => k, ([k]) => h("div", {}, h("dt", {}, k), h("dd", {}, name(""))), (el, [, v]) => text(el.lastChild.firstChild, v));
}

/** MaxMessage is "max message". */
const words = (k) => k.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();

function limit(k, v) {
  if (typeof v !== "number") return String(v);
  if (/timeout|after|for$|_ns|dead|ping|wait/i.test(k) && v >= 1e6) return span(v / 1e6);
  return /bytes|message|frame/i.test(k) && v >= 1024 ? bytes(v) : count(v);
}
