// One signal: its last values, a chart when they are numbers, and who hears it.

import { attr, button, copy, fill, h, list, name, orNone, text } from "../dom.js";
import { bytes, clock, count, numbers, parsed, rate } from "../format.js";
import { Chart } from "../chart.js";
import { Grid } from "../grid.js";
import { describe, eventSchema } from "../schema.js";
import { changes, json } from "../values.js";

const MOST = 100;

export function signal(app) {
  const { store } = app;
  const sender = app.params.get("s") ?? "", event = app.params.get("e") ?? "";
  let detail, values = [], after = 0, picked, wrong, drawn, epoch, path = app.params.get("v") ?? undefined;

  const fact = (label) => { const value = h("dd", {}, "–"); return { label, value, el: h("div", {}, h("dt", {}, label), value) }; };
  const facts = { rate: fact("Rate"), count: fact("Count"), heard: fact("Heard by"), peer: fact("Comes from"), retained: fact("Kept") };
  const problem = h("p", { class: "error", role: "status" });
  const chart = new Chart();
  const choose = h("select", { "aria-label": "Number to draw", hidden: true, on: { change: () => { path = choose.value; app.keep({ v: path }); drawn = undefined; app.draw(); } } });
  const shownTitle = h("h3", {}, "Last value");
  const shown = h("div", { class: "shown" });
  const mode = h("select", { "aria-label": "How to show it", on: { change: () => { app.keep({ diff: mode.value === "diff" ? 1 : "" }); drawn = undefined; app.draw(); } } },
    h("option", { value: "json" }, "whole"), h("option", { value: "diff", selected: app.params.has("diff") }, "what changed"));
  const latest = button("Follow the last", () => { picked = undefined; drawn = undefined; app.draw(); }, { hidden: true });
  const listeners = h("ul", { class: "listeners" });
  const methods = h("p", { class: "methods" });
  const declared = h("div", { class: "declared" });
  let described;
  const grid = new Grid({
    name: "values", label: "The last values, newest first", template: "6.25rem 3.25rem minmax(0, 1fr)",
    open: (row) => { picked = row; drawn = undefined; app.draw(); }, id: (row) => row.n,
    mark: (el, row) => attr(el, "aria-selected", String(row === (picked ?? values.at(-1)))),
    columns: [
      { id: "time", title: "Time", text: (v) => clock(v.time, true) },
      { id: "n", title: "No.", num: true, text: (v) => v.n.toLocaleString("en-GB") },
      { id: "data", title: "Value", make: (c) => c.append(c.bdi = h("bdi", { class: "value", dir: "auto" })), set: (c, v) => text(c.bdi, v.data) },
    ],
  });
  grid.empty.textContent = "No value has come since the router was first looked at.";

  async function ask() {
    try {
      const d = await store.ask("signal", { sender, event, after });
      if (epoch !== store.status?.epoch || d.id !== detail?.id) {
        values = [];
        if (after > 0 && detail) { // another run: its numbers begin anew
          after = 0;
          detail = undefined;
          epoch = store.status?.epoch;
          return true;
        }
      }
      epoch = store.status?.epoch;
      detail = d;
      values = [...values, ...d.values].slice(-MOST);
      after = values.at(-1)?.n ?? 0;
      wrong = undefined;
    } catch (err) {
      if (err.code !== "no_event" && err.code !== "no_sender") throw err;
      wrong = `${err.message}. It may have gone, or not have come yet; this page waits for it.`;
    }
    return false;
  }

  function drawFacts() {
    text(facts.rate.value, `${rate(detail.rate)} /s`);
    text(facts.count.value, `${detail.approximate ? "about " : ""}${count(detail.count)}`);
    text(facts.heard.value, detail.route.count === 0 ? "nobody" : count(detail.route.count));
    facts.heard.el.classList.toggle("bad", detail.route.count === 0);
    text(facts.retained.value, detail.retained ? "yes, for new listeners" : "no");
    const peer = detail.route.peer;
    if (facts.peer.value.peer !== peer) {
      facts.peer.value.peer = peer;
      fill(facts.peer.value, peer ? h("a", { href: app.href("peer", { id: peer }) }, `peer ${peer}`) : "the router’s own program");
    }
    list(listeners, detail.route.listeners, (l) => l.id, () => h("li"), (el, l) => {
      const said = `${l.id} ${l.sender} ${l.event} ${l.where} ${l.policy} ${l.queue} ${l.dropped}`;
      if (el.said === said) return;
      el.said = said;
      fill(el, l.peer ? h("a", { href: app.href("peer", { id: l.peer }) }, orNone(l.where, `peer ${l.peer}`)) : orNone(l.where, "in the router’s program"),
        h("span", { class: "pattern" }, name(l.sender || "any"), " ", name(l.event || "any")),
        l.policy && h("span", { class: "tag" }, l.policy.replaceAll("_", " ")), l.queue > 0 && h("span", { class: "tag" }, `${l.queue} wait`), l.dropped > 0 && h("span", { class: "tag bad" }, `${l.dropped} dropped`));
    });
    if (detail.methods.join() !== methods.said) {
      methods.said = detail.methods.join();
      fill(methods, ...detail.methods.flatMap((m) => [h("a", { class: "chip", href: app.href("send", { kind: "request", sender, name: m === "*" ? "" : m }) }, name(m)), " "]));
      if (detail.methods.length === 0) methods.textContent = "It answers no requests.";
    }
  }

  /** Asks for what is declared, once there is a token to ask with. */
  async function schema() {
    const key = `${store.unlocked} ${detail.id} ${epoch}`;
    if (described === key) return;
    described = key;
    const d = await describe(store, detail.methods, sender);
    fill(declared, d && eventSchema(d, event));
  }

  function drawChart() {
    const sets = values.map((v) => [v, numbers(parsed(v.data))]);
    const paths = [...new Set(sets.flatMap(([, set]) => [...set.keys()]))].slice(0, 40);
    if (paths.join("\n") !== choose.said) {
      choose.said = paths.join("\n");
      fill(choose, ...paths.map((p) => h("option", { value: p, selected: p === path }, p || "value")));
      choose.hidden = paths.length < 2;
    }
    const p = paths.includes(path) ? path : paths[0];
    if (choose.value !== p && p !== undefined) choose.value = p;
    chart.set(sets.filter(([, set]) => set.has(p)).map(([v, set]) => ({ t: Date.parse(v.time), v: set.get(p) })), p || "value");
  }

  function drawValue() {
    const v = picked ?? values.at(-1);
    const before = v && values[values.indexOf(v) - 1];
    text(shownTitle, picked ? `Value ${picked.n} of ${clock(picked.time, true)}` : "Last value");
    latest.hidden = picked === undefined;
    if (!v) return fill(shown);
    const cut = v.size > v.data.length && h("p", { class: "note" }, `cut off after ${bytes(new TextEncoder().encode(v.data).length)} of ${bytes(v.size)}`);
    fill(shown, ...[mode.value === "diff" && before ? changes(before.data, v.data) : json(v.data), cut].filter(Boolean));
  }

  return {
    title: `${sender} ${event}`,
    element: [
      h("header", { class: "view-head" }, h("h2", {}, h("a", { class: "up", href: app.href("signals") }, "Signals"), " ", name(sender, "sender"), " ", name(event, "event")),
        h("div", { class: "controls" }, h("a", { class: "button", href: app.href("tail", { s: sender, e: event }) }, "Tail"), h("a", { class: "button", href: app.href("send", { kind: "trigger", sender, name: event }) }, "Trigger"))),
      problem,
      h("div", { class: "scroll" },
        h("dl", { class: "facts" }, Object.values(facts).map((f) => f.el)),
        h("div", { class: "panel chart-panel" }, choose, chart.element),
        h("div", { class: "columns" },
          h("section", { class: "panel" }, h("div", { class: "panel-head" }, shownTitle, latest, mode, button("Copy", () => copy(pick()?.data ?? ""))), shown),
          h("section", { class: "panel values" }, h("h3", {}, `The last ${MOST} kept`), grid.element),
          h("section", { class: "panel" }, h("h3", {}, "Heard by"), listeners, declared, h("h3", {}, "Requests of this sender"), methods))),
    ],
    jobs: [{ every: 250, run: ask }],
    draw: () => {
      text(problem, wrong ?? "");
      if (!detail) return;
      drawFacts();
      schema();
      const now = values.at(-1);
      if (drawn === now && drawn !== undefined) return;
      drawn = now;
      drawChart();
      drawValue();
      grid.set(values.toReversed());
    },
    close: () => grid.destroy(),
  };

  function pick() { return picked ?? values.at(-1); }
}
