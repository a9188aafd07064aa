// Events as they pass: sampled by the router, so that looking costs nobody anything.

import { attr, button, copy, download, field, fill, flash, h, list, name, text, toggle } from "../dom.js";
import { bytes, clock, count } from "../format.js";
import { Grid } from "../grid.js";
import { json } from "../values.js";

const KEPT = 5000;
const ID = Math.random().toString(36).slice(2); // tells this page's tail from those of others

export function tail(app) {
  const { store } = app;
  let rows = [], waiting = [], gaps = 0, paused = false, skipped = 0, seen = 0, total = 0, missed = 0, fresh = 0, wrong, picked, offered;

  const pattern = (id, label, placeholder) => {
    const input = h("input", { type: "search", value: app.params.get(id) ?? "", placeholder, spellcheck: "false", autocomplete: "off", list: `tail-${id}`, "aria-describedby": "tail-error", on: { change: restart } });
    return { input, field: field(label, input) };
  };
  const sender = pattern("s", "Sender", "any, or kitchen.*");
  const event = pattern("e", "Event", "any, or temp.>");
  const senders = h("datalist", { id: "tail-s" });
  const events = h("datalist", { id: "tail-e" });
  const error = h("p", { class: "error", id: "tail-error", role: "alert" });
  const pause = button("Pause", () => { paused = !paused; if (!paused) release(); app.draw(); }, { class: "primary" });
  const numbers = h("p", { class: "summary" });
  const said = h("p", { class: "unseen", role: "status" });
  const detail = h("section", { class: "panel tail-detail", hidden: true });
  const grid = new Grid({
    name: "tail", label: "Events, newest first", template: "7rem minmax(7rem, 1fr) minmax(6rem, 1fr) minmax(10rem, 4fr) 4.5rem",
    open: (row) => { picked = row === picked ? undefined : row; show(); }, id: (row) => row.key,
    mark: (el, row) => { toggle(el, "gap", row.gap > 0); attr(el, "aria-selected", String(row === picked)); },
    columns: [
      { id: "time", title: "Time", text: (r) => clock(r.time, true) },
      { id: "sender", title: "Sender", make: bdi, set: (c, r) => text(c.bdi, r.gap ? "" : r.sender) },
      { id: "event", title: "Event", make: bdi, set: (c, r) => text(c.bdi, r.gap ? "" : r.event) },
      { id: "data", title: "Value", make: bdi, set: (c, r) => text(c.bdi, r.gap ? `${count(r.gap)} skipped here` : r.data) },
      { id: "size", title: "Size", num: true, minor: true, text: (r) => (r.gap ? "" : bytes(r.size)) },
    ],
  });
  grid.empty.textContent = "Nothing has passed yet.";

  function restart() {
    app.keep({ s: sender.input.value.trim(), e: event.input.value.trim() });
    rows = []; waiting = [];
    gaps = 0;
    skipped = missed = seen = 0;
    picked = undefined;
    show();
    grid.set(rows);
    app.hurry();
    app.draw();
  }

  function release() {
    fresh = add(waiting.splice(0));
  }

  /** Puts what came before the rows; the newest first. */
  function add(batch) {
    if (batch.length === 0) return 0;
    rows = batch.reverse().concat(rows.length + batch.length > KEPT ? rows.slice(0, Math.max(0, KEPT - batch.length)) : rows);
    gaps = rows.reduce((n, r) => n + (r.gap > 0), 0);
    return batch.length;
  }

  async function ask() {
    const first = seen === 0;
    try {
      const part = await store.ask("tail", { id: ID, sender: sender.input.value.trim(), event: event.input.value.trim(), most: 100 });
      wrong = undefined;
      if (part.seen < seen) missed = skipped = 0; // the router began the tail anew
      seen = part.seen;
      const batch = part.events.map((e) => ({ ...e, key: ++total }));
      if (part.skipped > 0 && !first) batch.push({ gap: part.skipped, time: batch.at(-1)?.time ?? new Date(store.now()).toISOString(), key: ++total });
      skipped += part.skipped;
      if (!paused) fresh += add(batch);
      else {
        waiting.push(...batch);
        missed += Math.max(0, waiting.length - KEPT);
        waiting = waiting.slice(-KEPT);
      }
    } catch (err) {
      wrong = ["invalid", "limit"].includes(err.code) ? err.message : undefined;
      if (!wrong) throw err;
    }
  }

  function show() {
    detail.hidden = !picked || picked.gap > 0;
    if (detail.hidden) return void grid.refresh();
    fill(detail, 
      h("div", { class: "panel-head" }, h("h3", {}, name(picked.sender, "sender"), " ", name(picked.event, "event")),
        h("a", { class: "button", href: app.href("signal", { s: picked.sender, e: picked.event }) }, "Its page"),
        button("Copy", () => copy(ndjson([picked]))), button("Close", () => { picked = undefined; show(); })),
      json(picked.data), picked.size > picked.data.length ? h("p", { class: "note" }, `cut off, ${bytes(picked.size)} in all`) : "");
    grid.refresh();
  }

  const keep = () => rows.filter((r) => !r.gap);
  const copied = button("Copy", async () => {
    const shown = keep();
    text(said, await copy(ndjson(shown)) ? `${count(shown.length)} events copied` : "The browser does not let this page copy.");
    flash(copied, "flash");
  });
  const saved = button("Export NDJSON", () => download(`sig-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.ndjson`, ndjson(keep()), "application/x-ndjson"));

  return {
    title: "Tail",
    element: [
      app.heading("Tail", numbers, h("div", { class: "controls" }, sender.field, event.field, pause, copied, saved, button("Clear", () => { rows = []; waiting = []; gaps = 0; picked = undefined; show(); grid.set(rows); app.draw(); })), senders, events),
      error, said, detail, grid.element,
    ],
    jobs: [
      { every: 200, run: ask },
      { every: 5000, run: () => store.follow("signals") },
    ],
    draw: () => {
      if (fresh > 0 || rows.length === 0) grid.set(rows, Math.min(fresh, rows.length));
      fresh = 0;
      text(error, wrong ?? "");
      text(pause, paused ? `Resume · ${count(waiting.filter((r) => !r.gap).length + missed)} wait` : "Pause");
      attr(pause, "aria-pressed", String(paused));
      text(numbers, `${count(seen)} passed · ${count(rows.length - gaps)} here${skipped ? ` · ${count(skipped)} skipped` : ""}`);
      if (offered === store.structure) return;
      offered = store.structure;
      offer(senders, store.senders.values(), (s) => s.name);
      offer(events, store.signals.values(), (s) => s.event);
    },
    close: () => grid.destroy(),
  };
}

const bdi = (cell) => cell.append(cell.bdi = h("bdi", { class: "name", dir: "auto" }));

/** Events as lines of JSON, as sig record writes them; the oldest first. */
function ndjson(rows) {
  const whole = (r) => r.size === new TextEncoder().encode(r.data).length;
  return rows.toReversed().map((r) => {
    const head = JSON.stringify({ time: r.time, sender: r.sender, event: r.event }).slice(0, -1);
    return `${head},"data":${whole(r) ? r.data : JSON.stringify(r.data)}${whole(r) ? "" : `,"cut_from":${r.size}`}}\n`;
  }).join("");
}

/** Fills a list of suggestions, with the first few names there are. */
export function offer(datalist, items, of) {
  const names = new Set();
  for (const item of items) {
    names.add(of(item));
    if (names.size === 200) break;
  }
  list(datalist, names, (n) => n, (n) => h("option", { value: n }));
}
