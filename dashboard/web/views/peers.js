// Who is connected, and one of them.

import { attr, button, fill, h, list, name, orNone, text, toggle } from "../dom.js";
import { bytes, clock, count, isTime, rate, some, span, took } from "../format.js";
import { Grid } from "../grid.js";
import { confirm } from "../login.js";

/** What a column sorts by; those that begin with the largest come in down. */
const by = {
  name: (p) => p.name.toLowerCase(), carrier: (p) => p.carrier, address: (p) => p.address, identity: (p) => p.identity,
  since: (p) => p.since, heard: (p) => p.heard, trip: (p) => p.round_trip_ns, queue: (p) => p.queue_bytes,
  in: (p) => p.rates.in, out: (p) => p.rates.out, dropped: (p) => p.dropped, codec: (p) => p.codec,
};
const down = new Set(["since", "heard", "trip", "queue", "in", "out", "dropped"]);

export function peers(app) {
  const { store } = app;
  let order = app.params.get("sort") ?? "", descending = app.params.has("down"), stamp;

  const search = h("input", {
    type: "search", placeholder: "Find a peer", "aria-label": "Find peers", value: app.params.get("q") ?? "", spellcheck: "false", autocomplete: "off",
    on: { input: () => { app.keep({ q: search.value }); app.draw(); } },
  });
  const slow = h("input", { type: "checkbox", checked: app.params.has("slow"), on: { change: () => { app.keep({ slow: slow.checked ? 1 : "" }); app.draw(); } } });
  const summary = h("p", { class: "summary" });
  const sort = (id) => {
    descending = id === order ? !descending : down.has(id);
    order = id;
    app.keep({ sort: order, down: descending ? 1 : "" });
    app.draw();
  };
  const grid = new Grid({
    name: "peers", label: "Peers", template: "minmax(9rem, 2fr) 4rem minmax(8.5rem, 1.2fr) minmax(4rem, .8fr) 5.5rem 4.5rem 4rem 7rem 4.5rem 4.5rem 4rem 4rem", sort,
    open: (p) => app.go("peer", { id: p.id }), id: (p) => p.id,
    mark: (el, p) => { toggle(el, "slow", p.slow); attr(el, "aria-label", p.slow ? `${p.name}, does not keep up` : null); },
    columns: [
      {
        id: "name", title: "Name", sortable: true,
        make: (cell) => { cell.link = h("a", { tabindex: "-1" }, cell.bdi = h("bdi", { class: "name", dir: "auto" })); cell.append(cell.link, cell.tag = h("span", { class: "tag bad" }, "slow")); },
        set: (cell, p) => { text(cell.bdi, p.name || p.address || p.carrier); toggle(cell.bdi, "none", !p.name); attr(cell.link, "href", app.href("peer", { id: p.id })); if (cell.tag.hidden === p.slow) cell.tag.hidden = !p.slow; },
      },
      { id: "carrier", title: "Carrier", sortable: true, text: (p) => p.carrier },
      { id: "address", title: "Address", sortable: true, minor: true, make: bdi, set: (c, p) => text(c.bdi, p.address) },
      { id: "identity", title: "User", sortable: true, minor: true, make: bdi, set: (c, p) => text(c.bdi, p.identity || "–") },
      { id: "since", title: "Connected", sortable: true, num: true, minor: true, text: (p) => span(store.since(p.since)) },
      { id: "heard", title: "Heard", hint: "when it was heard of last", sortable: true, num: true, minor: true, text: (p) => (isTime(p.heard) ? span(store.since(p.heard)) : "–") },
      { id: "trip", title: "Trip", hint: "round trip", sortable: true, num: true, minor: true, text: (p) => took(p.round_trip_ns) },
      { id: "queue", title: "Queue", sortable: true, num: true, text: (p) => (p.queue ? `${count(p.queue)} · ${bytes(p.queue_bytes)}` : "·") },
      { id: "in", title: "In /s", sortable: true, num: true, text: (p) => rate(p.rates.in) },
      { id: "out", title: "Out /s", sortable: true, num: true, text: (p) => rate(p.rates.out) },
      { id: "dropped", title: "Drops", sortable: true, num: true, set: (c, p) => { text(c, p.dropped ? count(p.dropped) : "·"); toggle(c, "bad", p.dropped > 0); } },
      { id: "codec", title: "Codec", sortable: true, minor: true, text: (p) => (p.classic ? "classic" : p.codec) },
    ],
  });
  grid.empty.textContent = "No such peer is connected.";

  function rows() {
    const q = search.value.trim().toLowerCase();
    let all = [...store.peers.values()];
    if (q) all = all.filter((p) => `${p.name} ${p.carrier} ${p.address} ${p.identity}`.toLowerCase().includes(q));
    if (slow.checked) all = all.filter((p) => p.slow);
    const of = by[order];
    if (of) all.sort((a, b) => { const x = of(a), y = of(b); return (x < y ? -1 : x > y ? 1 : a.id - b.id) * (descending ? -1 : 1); });
    else all.sort((a, b) => a.id - b.id);
    return all;
  }

  return {
    title: "Peers",
    element: [app.heading("Peers", summary, h("div", { class: "controls" }, search, h("label", { class: "check" }, slow, "only slow ones"))), grid.element],
    jobs: [{ every: 1000, run: () => store.follow("peers") }],
    draw: () => {
      const now = `${store.answers} ${search.value} ${slow.checked} ${order} ${descending}`;
      if (now !== stamp) {
        stamp = now;
        grid.sorted(order, descending);
        grid.set(rows());
      }
      const n = store.status;
      text(summary, `${count(store.peers.size)} connected${n?.away ? ` · ${count(n.away)} away, may come back` : ""}${n?.slow ? ` · ${count(n.slow)} slow` : ""}`);
    },
    close: () => grid.destroy(),
  };
}

const bdi = (cell) => cell.append(cell.bdi = h("bdi", { class: "name", dir: "auto" }));

/** The facts of a peer, in groups. */
const facts = (p, store) => ({
  "Who": {
    Carrier: p.carrier, Address: p.address, User: p.identity || "nobody in particular", Codec: p.classic ? "classic, no hello" : p.codec,
    Connected: `${clock(p.since)}, ${span(store.since(p.since))} ago`, Heard: isTime(p.heard) ? `${span(store.since(p.heard))} ago` : "not yet", "Round trip": took(p.round_trip_ns),
  },
  "Traffic": {
    "In": `${rate(p.rates.in)} /s · ${bytes(p.rates.bytes_in)}/s`, "Out": `${rate(p.rates.out)} /s · ${bytes(p.rates.bytes_out)}/s`,
    "Messages in": count(p.messages_in), "Messages out": count(p.messages_out), "Bytes in": bytes(p.bytes_in), "Bytes out": bytes(p.bytes_out),
    "Events sent": count(p.sent),
  },
  "Waiting": {
    Queue: `${count(p.queue)} events, ${bytes(p.queue_bytes)}`, "Not acknowledged": count(p.in_flight), "Calls to it": count(p.calls), "Calls of it": count(p.answering),
    Dropped: count(p.dropped), Refused: count(p.refused), "Stray replies": count(p.strays), Duplicates: count(p.duplicates),
    ...Object.fromEntries(Object.entries(p.counters ?? {}).map(([k, v]) => [k.replaceAll("_", " "), count(v)])),
  },
});

export function peer(app) {
  const { store } = app;
  const id = Number(app.params.get("id"));
  let known;
  const title = h("h2");
  const note = h("p", { class: "error", role: "status" });
  const groups = h("div", { class: "columns" });
  const senders = h("ul", { class: "chips" });
  const listening = h("ul", { class: "listeners" });
  const noSenders = h("p", { class: "none" }, "None."), noListeners = h("p", { class: "none" }, "Nothing.");
  const end = button("Disconnect", disconnect, { class: "danger" });
  let heard = [];

  async function disconnect() {
    const p = known;
    if (!store.unlocked) return app.login.ask();
    const reason = h("input", { type: "text", name: "reason", placeholder: "disconnected by the operator", "aria-label": "Reason", autocomplete: "off" });
    if (!await confirm("Disconnect?", `${p.name || `Peer ${id}`} at ${p.address || p.carrier} loses its connection, and its senders go. A client that connects again is let in again.`, "Disconnect", h("label", { class: "field" }, h("span", { class: "label" }, "Reason it is told"), reason))) return;
    try {
      await store.ask("disconnect", { peer: id, reason: reason.value });
      text(note, "Disconnected.");
    } catch (err) {
      text(note, err.code === "refused" ? `Not permitted: ${err.message}` : err.message);
    }
    app.hurry();
  }

  return {
    title: `Peer ${id}`,
    element: [
      h("header", { class: "view-head" }, title, h("div", { class: "controls" }, end)), note,
      h("div", { class: "scroll" }, groups, h("section", { class: "panel" }, h("h3", {}, "Its senders"), senders, noSenders), h("section", { class: "panel" }, h("h3", {}, "It listens to"), listening, noListeners)),
    ],
    jobs: [
      { every: 1000, run: () => store.follow("peers") },
      { every: 2000, run: () => store.follow("signals") },
      { every: 2000, run: async () => { heard = await store.ask("listeners", { peer: id }); } },
    ],
    draw: () => {
      const p = store.peers.get(id);
      end.disabled = !p;
      text(end, store.unlocked ? "Disconnect" : "Disconnect…");
      if (!p && store.roster > 0) text(note, note.textContent || `Peer ${id} is not connected${known ? " any more" : ""}.`);
      if (!p) return;
      if (known?.name !== p.name || !known) fill(title, h("a", { class: "up", href: app.href("peers") }, "Peers"), " ", orNone(p.name, `peer ${id}`), " ");
      known = p;
      list(groups, Object.entries(facts(p, store)), ([k]) => k, ([k]) => h("section", { class: "panel" }, h("h3", {}, k), h("dl", { class: "pairs" })), (el, [, pairs]) => {
        list(el.lastChild, Object.entries(pairs), ([k]) => k, ([k]) => h("div", {}, h("dt", {}, k), h("dd", {}, h("bdi", { dir: "auto" }))), (row, [, v]) => text(row.lastChild.firstChild, v));
      });
      const own = [...store.senders.values()].filter((s) => s.peer === id).slice(0, 200);
      list(senders, own, (s) => s.id, (s) => h("li", {}, h("a", { class: "chip", href: app.href("signals", { q: `${s.name}` }) }, name(s.name)), h("span", { class: "note" }, ` ${some(s.events, "event")}, ${some(s.methods.length, "request")}`)));
      list(listening, heard, (l) => l.id, (l) => h("li", {}, name(l.sender === ">" ? "any sender" : l.sender, "sender"), " ", name(l.event === ">" ? "any event" : l.event, "event"), l.policy && h("span", { class: "tag" }, l.policy.replaceAll("_", " "))));
      attr(noSenders, "hidden", own.length > 0);
      attr(noListeners, "hidden", heard.length > 0);
    },
  };
}
