// Who hears what; what nobody hears, nobody sends and nobody answers is marked.

import { button, fill, h, list, name, orNone, text, toggle } from "../dom.js";
import { count, some, span } from "../format.js";

const PAGE = 100;

export function routes(app) {
  const { store } = app;
  let found, missed = [], offset = Number(app.params.get("from")) || 0;

  const again = () => { offset = 0; app.keep({ q: search.value, unheard: unheard.checked ? 1 : "", from: "" }); app.hurry(); };
  const search = h("input", { type: "search", placeholder: "Find a sender or event", "aria-label": "Find routes", value: app.params.get("q") ?? "", spellcheck: "false", autocomplete: "off", on: { input: again } });
  const unheard = h("input", { type: "checkbox", checked: app.params.has("unheard"), on: { change: again } });
  const summary = h("p", { class: "summary" });
  const body = h("tbody");
  const waiting = h("ul", { class: "listeners" }), lost = h("ul", { class: "listeners" });
  const turn = (by) => () => { offset = Math.max(0, offset + by); app.keep({ from: offset || "" }); app.hurry(); };
  const before = button("Before", turn(-PAGE)), after = button("After", turn(PAGE));
  const where = h("span", { class: "note" });

  const ear = (l) => {
    const policy = l.policy ? ` ${l.policy.replaceAll("_", " ")}` : "";
    const label = orNone(l.where, l.peer ? `peer ${l.peer}` : "this program");
    const pattern = `${l.sender === ">" ? "any sender" : l.sender} · ${l.event === ">" ? "any event" : l.event}`;
    const title = `listens to ${pattern}${policy ? `; when it is slow:${policy}` : ""}`;
    return h("li", {}, l.peer ? h("a", { class: "chip", href: app.href("peer", { id: l.peer }), title }, label) : h("span", { class: "chip own", title }, label),
      l.dropped > 0 && h("span", { class: "tag bad" }, `${count(l.dropped)} dropped`));
  };

  function row(r) {
    return h("tr", {},
      h("th", { scope: "row" }, name(r.sender, "sender"), r.peer ? h("a", { class: "note", href: app.href("peer", { id: r.peer }) }, ` peer ${r.peer}`) : h("span", { class: "note" }, " this program")),
      h("td", {}, h("a", { href: app.href("signal", { s: r.sender, e: r.event }) }, name(r.event, "event"))),
      h("td", { class: "arrow", "aria-hidden": "true" }, "→"),
      h("td", {}));
  }

  function update(el, r) {
    const said = JSON.stringify(r.listeners);
    if (el.said === said) return;
    el.said = said;
    toggle(el, "orphan", r.count === 0);
    fill(el.lastChild, r.count === 0
      ? h("span", { class: "tag warn" }, "nobody hears it")
      : h("ul", { class: "ears" }, r.listeners.map(ear), r.count > r.listeners.length ? h("li", { class: "note" }, `and ${count(r.count - r.listeners.length)} more`) : ""));
  }

  return {
    title: "Who hears what",
    element: [
      app.heading("Who hears what", summary, h("div", { class: "controls" }, search, h("label", { class: "check" }, unheard, "only what nobody hears"), before, where, after)),
      h("div", { class: "scroll" },
        h("div", { class: "columns orphans" },
          h("section", { class: "panel", hidden: true }, h("h3", {}, "Heard of, but never sent"), h("p", { class: "note" }, "Somebody listens to these, and no sender has them."), waiting),
          h("section", { class: "panel", hidden: true }, h("h3", {}, "Asked for, but never answered"), h("p", { class: "note" }, "Requests to a sender or method that is not there."), lost)),
        h("table", { class: "routes" }, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Sender"), h("th", { scope: "col" }, "Event"), h("th", { "aria-hidden": "true" }), h("th", { scope: "col" }, "Heard by"))), body)),
    ],
    jobs: [
      { every: 1000, run: async () => { found = await store.ask("routes", { query: search.value.trim(), unheard: unheard.checked, offset, limit: PAGE }); } },
      { every: 2000, run: async () => { missed = (await store.ask("requests")).missed; } },
    ],
    draw: () => {
      if (!found) return;
      if (offset > 0 && offset >= found.total) turn(-PAGE)();
      text(summary, `${some(found.total, "signal")} · ${count(found.unheard)} that nobody hears`);
      text(where, found.total > PAGE ? `${offset + 1}–${Math.min(offset + PAGE, found.total)} of ${count(found.total)}` : "");
      before.hidden = after.hidden = found.total <= PAGE;
      before.disabled = offset === 0;
      after.disabled = offset + PAGE >= found.total;
      list(body, found.routes, (r) => r.id, row, update);
      waiting.parentElement.hidden = found.waiting.length === 0;
      list(waiting, found.waiting, (l) => l.id, (l) => h("li", {}, name(l.sender === ">" ? "any sender" : l.sender, "sender"), " ", name(l.event === ">" ? "any event" : l.event, "event"), h("span", { class: "note" }, " waited for by "), orNone(l.where, "this program"), " ", h("span", { class: "tag warn" }, "nobody sends it")));
      lost.parentElement.hidden = missed.length === 0;
      list(lost, missed.toReversed(), (m) => `${m.sender}\n${m.method}`, (m) => h("li", {}, name(m.sender, "sender"), " ", name(m.method, "event"), h("span", { class: "note" }), " ", h("span", { class: "tag warn" }, "nobody answers")),
        (el, m) => text(el.querySelector(".note"), ` ${count(m.count)} times, last ${span(store.since(m.last))} ago`));
    },
  };
}
