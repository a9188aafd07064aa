import { connect } from "./sig.js";

const client = await connect("socket", { name: "dashboard", lazy: true });
client.on("state", ({ state }) => { document.getElementById("state").textContent = state; });
const signals = new Map();
let cursor = "";

async function look() {
  const c = await client.request("#router", "changes", { cursor, parts: ["status", "signals"] });
  cursor = c.cursor;
  if (c.reset) signals.clear();
  for (const s of c.signals ?? []) signals.set(s.id, s);
  for (const id of c.signals_gone ?? []) signals.delete(id);
  for (const [id, count, rate] of c.counts ?? []) if (signals.has(id)) Object.assign(signals.get(id), { count, rate });
  const terms = Object.entries({ peers: c.status.peers, signals: c.status.signals, events: c.status.events });
  document.getElementById("figures").replaceChildren(...terms.flatMap(([k, v]) => [["dt", k], ["dd", v]].map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text }))));
  document.getElementById("signals").replaceChildren(...[...signals.values()].slice(0, 100).map((s) => {
    const row = document.createElement("tr");
    for (const v of [s.sender, s.event, s.count, s.rate]) row.insertCell().textContent = v;
    return row;
  }));
}

for (;;) {
  if (!document.hidden) await look().catch((err) => { document.getElementById("state").textContent = err.message; });
  await new Promise((done) => setTimeout(done, 1000));
}
