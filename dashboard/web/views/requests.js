// How requests go: under way, how long they take, how they fail.

import { attr, fill, h, list, name, orNone, text, toggle } from "../dom.js";
import { count, rate, span, took } from "../format.js";
import { Grid } from "../grid.js";

const by = {
  name: (m) => `${m.sender} ${m.method}`, count: (m) => m.count, rate: (m) => m.rate, flight: (m) => m.in_flight,
  p50: (m) => m.p50_ns, p95: (m) => m.p95_ns, p99: (m) => m.p99_ns, max: (m) => m.max_ns, failed: (m) => m.failed,
};

export function requests(app) {
  const { store } = app;
  let found, order = app.params.get("sort") ?? "p99", descending = app.params.get("up") === null, drawn, worst = 1;

  const summary = h("p", { class: "summary" });
  const calls = h("ul", { class: "calls" }), lost = h("ul", { class: "listeners" });
  const codes = h("ul", { class: "chips" });
  const search = h("input", { type: "search", placeholder: "Find a method", "aria-label": "Find methods", value: app.params.get("q") ?? "", spellcheck: "false", autocomplete: "off", on: { input: () => { app.keep({ q: search.value }); drawn = undefined; app.draw(); } } });
  const sort = (id) => {
    descending = id === order ? !descending : id !== "name";
    order = id;
    app.keep({ sort: id, up: descending ? "" : 1 });
    drawn = undefined;
    app.draw();
  };
  const time = (id, title) => ({
    id, title, sortable: true, num: true, minor: id === "p50",
    make: (c) => c.append(c.bar = h("i", { class: "bar", "aria-hidden": "true" }), c.value = h("span")),
    set: (c, m) => { const ns = by[id](m); text(c.value, took(ns)); c.bar.style.setProperty("--part", ns > 0 ? Math.max(0.02, Math.log1p(ns / 1e4) / Math.log1p(worst / 1e4)).toFixed(3) : 0); },
  });
  const grid = new Grid({
    name: "methods", label: "Methods", template: "minmax(9rem, 2fr) 4rem 3.5rem 4rem 5rem 5rem 5rem 5rem minmax(6rem, 1.2fr)", sort,
    open: (m) => app.go("send", { kind: "request", sender: m.sender, name: m.method }), id: (m) => `${m.sender}\n${m.method}`,
    mark: (el, m) => toggle(el, "failing", m.failed > 0),
    columns: [
      { id: "name", title: "Sender and method", sortable: true, make: (c) => c.append(c.s = name("", "sender"), " ", c.m = name("", "event")), set: (c, m) => { text(c.s, m.sender); text(c.m, m.method); } },
      { id: "count", title: "Count", sortable: true, num: true, minor: true, text: (m) => count(m.count) },
      { id: "rate", title: "Rate /s", sortable: true, num: true, text: (m) => rate(m.rate) },
      { id: "flight", title: "In flight", sortable: true, num: true, text: (m) => (m.in_flight ? count(m.in_flight) : "·") },
      time("p50", "p50"), time("p95", "p95"), time("p99", "p99"), time("max", "Slowest"),
      {
        id: "failed", title: "Failed", sortable: true,
        set: (c, m) => {
          const said = JSON.stringify([m.failed, m.codes]);
          if (c.said === said) return;
          c.said = said;
          fill(c, ...(m.failed ? Object.entries(m.codes ?? { failed: m.failed }).sort((a, b) => b[1] - a[1]).map(([code, n]) => h("span", { class: "tag bad" }, h("bdi", {}, code.slice(0, 40)), ` ${count(n)}`)) : [h("span", { class: "none" }, "·")]));
        },
      },
    ],
  });
  grid.empty.textContent = "No request has been made since the router was first looked at.";

  function methods() {
    const q = search.value.trim().toLowerCase();
    const all = found.methods.filter((m) => `${m.sender} ${m.method}`.toLowerCase().includes(q));
    const of = by[order] ?? by.p99;
    return all.sort((a, b) => { const x = of(a), y = of(b); return (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1); });
  }

  return {
    title: "Requests",
    element: [
      app.heading("Requests", summary, h("div", { class: "controls" }, search)),
      h("div", { class: "split" }, grid.element,
        h("aside", { class: "side" },
          h("section", { class: "panel" }, h("h3", {}, "Under way"), calls, h("p", { class: "none" }, "None.")),
          h("section", { class: "panel" }, h("h3", {}, "Failures by code"), codes, h("p", { class: "none" }, "None.")),
          h("section", { class: "panel" }, h("h3", {}, "Nobody answers"), lost, h("p", { class: "none" }, "None.")))),
    ],
    jobs: [{ every: 500, run: async () => { found = await store.ask("requests"); } }],
    draw: () => {
      if (!found) return;
      if (drawn !== found) {
        drawn = found;
        worst = Math.max(1e5, ...found.methods.map((m) => m.max_ns));
        grid.sorted(order, descending);
        grid.set(methods());
      }
      const st = store.status;
      text(summary, st ? `${count(st.requests)} answered · ${count(st.failed)} of them failed · ${count(found.calls.length)} under way` : "");
      list(calls, found.calls.slice(0, 50), (c) => `${c.sender}\n${c.method}\n${c.caller}`, (c) => h("li", {}, h("span", {}, name(c.sender, "sender"), " ", name(c.method, "event")), h("span", { class: "num" }), h("span", { class: "note" }, "for ", orNone(c.caller, "this program"))), (el, c) => text(el.children[1], took(c.for_ns)));
      const sums = new Map();
      for (const m of found.methods) for (const [code, n] of Object.entries(m.codes ?? {})) sums.set(code, (sums.get(code) ?? 0) + n);
      list(codes, [...sums].sort((a, b) => b[1] - a[1]), ([c]) => c, ([c]) => h("li", {}, h("span", { class: "tag bad" }, h("bdi", {}, c)), " ", h("span", { class: "num" })), (el, [, n]) => text(el.lastChild, count(n)));
      list(lost, found.missed.toReversed().slice(0, 50), (m) => `${m.sender}\n${m.method}`, (m) => h("li", {}, name(m.sender, "sender"), " ", name(m.method, "event"), h("span", { class: "note" })), (el, m) => text(el.lastChild, ` ${count(m.count)}×, ${span(store.since(m.last))} ago`));
      for (const of of [calls, codes, lost]) attr(of.nextElementSibling, "hidden", of.firstChild !== null);
    },
    close: () => grid.destroy(),
  };
}
