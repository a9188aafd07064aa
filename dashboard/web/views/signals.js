// All signals, as a tree by the dots in their names, with live values.

import { attr, button, flash, h, name, text, toggle } from "../dom.js";
import { count, rate, some, span } from "../format.js";
import { Grid } from "../grid.js";
import { Tree } from "../tree.js";

const CLOSED = new Set(); // of branches, as long as the page is open

export function signals(app) {
  const { store } = app;
  const tree = new Tree(CLOSED);
  const flashing = new Map(); // signal id to when it changed
  let structure = -1, query, rows = [];

  const search = h("input", {
    type: "search", placeholder: "Find a signal", "aria-label": "Find signals", value: app.params.get("q") ?? "", spellcheck: "false", autocomplete: "off",
    on: { input: () => { app.keep({ q: search.value }); app.draw(); } },
  });
  const summary = h("p", { class: "summary" });
  const toggleRow = (row) => { tree.toggle(row); redraw(true); };
  const open = (row) => {
    if (row.signal) app.go("signal", { s: row.signal.sender, e: row.signal.event });
    else toggleRow(row);
  };
  const key = (k, row) => {
    if (row.signal) {
      if (k === "ArrowLeft" && row.parent?.depth >= 0) return grid.activate(row.parent), true;
      return false;
    }
    if (k === " " || (k === "ArrowRight" && row.closed) || (k === "ArrowLeft" && !row.closed)) return toggleRow(row), true;
    if (k === "ArrowLeft" && row.parent?.depth >= 0) return grid.activate(row.parent), true;
    return false;
  };
  const grid = new Grid({
    name: "signals", label: "Signals", role: "treegrid", template: "minmax(14rem, 2fr) minmax(10rem, 3fr) 7rem 6rem 7rem 6rem",
    open, key, id: (row) => row.signal?.id ?? row.key,
    mark: (el, row, fresh) => {
      attr(el, "aria-level", row.depth + 1);
      if (fresh) el.style.setProperty("--depth", row.depth);
      attr(el, "aria-expanded", row.signal ? null : String(!row.closed));
      toggle(el, "branch", !row.signal);
      toggle(el, "orphan", row.signal?.listeners === 0);
      toggle(el, "busy", row.rate > 0);
      const changed = row.signal ? flashing.get(row.signal.id) : row.closed ? row.changed : undefined;
      if (!fresh && changed && changed !== el.flashed) flash(el);
      el.flashed = changed;
    },
    columns: [
      {
        id: "name", title: "Signal",
        make: (cell, row) => {
          cell.twist = h("span", { class: "twist", "aria-hidden": "true", on: { click: (e) => { e.stopPropagation(); toggleRow(row()); } } });
          cell.link = h("a", { tabindex: "-1" });
          cell.more = h("span", { class: "more" });
          cell.append(cell.twist, cell.link, cell.more);
        },
        set: (cell, row, fresh) => {
          if (fresh) {
            cell.link.replaceChildren(...names(row));
            attr(cell.link, "href", row.signal ? app.href("signal", { s: row.signal.sender, e: row.signal.event }) : null);
          }
          text(cell.twist, row.signal ? "" : row.closed ? "▸" : "▾");
          text(cell.more, row.signal ? "" : count(row.size));
        },
      },
      {
        id: "value", title: "Last value",
        make: (cell) => cell.append(cell.value = h("bdi", { class: "value", dir: "auto" })),
        set: (cell, row) => {
          const { last } = row.signal ?? {};
          text(cell.value, last ? last.data : row.signal ? "–" : "");
          toggle(cell, "none", !last);
        },
      },
      { id: "age", title: "Changed", num: true, minor: true, text: (row) => (row.signal?.last && row.signal.last.n > 0 ? `${span(store.since(row.signal.last.time))} ago` : "") },
      { id: "rate", title: "Rate /s", label: "per second", num: true, set: (cell, row) => { text(cell, row.rate > 0.049 ? rate(row.rate) : "·"); toggle(cell, "idle", row.rate < 0.05); } },
      { id: "count", title: "Count", num: true, minor: true, text: (row) => (row.signal ? count(row.signal.count) : "") },
      {
        id: "listeners", title: "Heard by", num: true,
        set: (cell, row) => text(cell, row.signal ? (row.signal.listeners === 0 ? "nobody" : count(row.signal.listeners)) : ""),
      },
    ],
  });

  function redraw(force) {
    const q = search.value.trim().toLowerCase();
    if (store.structure !== structure) tree.build(store.signals.values());
    if (force || store.structure !== structure || q !== query) {
      rows = q ? tree.find(q) : tree.rows();
      grid.set(rows);
    } else grid.refresh();
    if (q && q !== query && rows.length === 0) grid.empty.replaceChildren("Nothing is called that.");
    else if (!q) grid.empty.replaceChildren("No sender has declared a signal yet. ", h("code", {}, "sig trigger lamp on true"), " makes one.");
    structure = store.structure;
    query = q;
    const found = q ? ` · ${count(rows.length)} found` : "";
    text(summary, `${some(store.signals.size, "signal")} of ${some(store.senders.size, "sender")}${found}`);
  }

  return {
    title: "Signals",
    element: [app.heading("Signals", summary, h("div", { class: "controls" }, search,
      button("Open all", () => { tree.openAll(); redraw(true); }), button("Close all", () => { tree.closeAll(); redraw(true); }))), grid.element],
    jobs: [{
      every: 250,
      run: async () => {
        const values = grid.visible().filter((r) => r.signal).slice(0, 500).map((r) => [r.signal.id, r.signal.last?.n ?? 0]);
        const more = await store.follow("signals", values);
        tree.count();
        return more;
      },
    }],
    value: (s) => flashing.set(s.id, performance.now()),
    draw: () => redraw(false),
    close: () => grid.destroy(),
  };
}

/** The name of a row: what it adds to that of its branch. */
function names(row) {
  if (!row.signal) return [name(row.sender || row.event)].concat(row.sender && row.event ? [" ", name(row.event, "event")] : []);
  return [row.sender && name(row.sender, "sender"), row.sender && " ", name(row.event, "event")].filter(Boolean);
}
