// Trigger an event or send a request, by hand.

import { button, copy, field, fill, h, list, name, text } from "../dom.js";
import { clock, took } from "../format.js";
import { describe, usage } from "../schema.js";
import { json } from "../values.js";
import { offer } from "./tail.js";

const HISTORY = "sig.sent", PRESETS = "sig.presets";
const MOST = 20;

const load = (key) => {
  try {
    const v = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(v) ? v : [];
  } catch {
    return [];
  }
};
const save = (key, v) => { try { localStorage.setItem(key, JSON.stringify(v)); } catch { /* the browser keeps nothing: then not */ } };

export function send(app) {
  const { store } = app;
  const p = app.params;
  const radio = (value, label) => h("label", { class: "choice" }, h("input", { type: "radio", name: "kind", value, checked: (p.get("kind") ?? "trigger") === value, on: { change: changed } }), label);
  const kinds = h("fieldset", { class: "choices" }, h("legend", {}, "What"), radio("trigger", "Trigger an event"), radio("request", "Send a request"));
  const kind = () => kinds.querySelector(":checked").value;
  const input = (id, props) => h("input", { type: "text", name: id, value: p.get(id) ?? "", required: true, spellcheck: "false", autocomplete: "off", on: { input: changed }, ...props });
  const sender = input("sender", { list: "send-senders" });
  const what = input("name", { list: "send-names" });
  const timeout = input("timeout", { type: "number", min: "0.1", max: "600", step: "any", value: p.get("timeout") ?? "10" });
  const data = h("textarea", { name: "data", rows: "6", spellcheck: "false", "aria-describedby": "send-json", on: { input: changed, keydown: (e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) form.requestSubmit(); } } }, p.get("data") ?? "");
  const checked = h("p", { class: "check-json", id: "send-json", role: "status" });
  const says = h("p", { class: "usage note", role: "status" });
  let asked, description;
  const what_ = field("Event", what);
  const data_ = field("Data, as JSON", data, checked);
  const timeout_ = field("Timeout, in seconds", timeout);
  const go = h("button", { class: "primary" }, "Trigger");
  const senders = h("datalist", { id: "send-senders" }), names = h("datalist", { id: "send-names" });
  const linked = h("span", { class: "note", role: "status" });
  const form = h("form", { class: "panel send-form", on: { submit } }, kinds, h("div", { class: "pair" }, field("Sender", sender), what_), says, data_, timeout_,
    h("div", { class: "buttons" }, go, button("Copy link", async () => text(linked, await copy(location.href) ? "Copied: whoever opens it sees this form." : location.href)), button("Save as preset", preset), linked), senders, names);
  const reply = h("section", { class: "panel reply", "aria-live": "polite" }, h("h3", {}, "Reply"), h("p", { class: "none" }, "Nothing sent yet."));
  const presets = h("ul", { class: "sent" }), sent = h("ul", { class: "sent sent-before" });
  let running;

  function values() {
    return { kind: kind(), sender: sender.value, name: what.value, data: data.value, timeout: kind() === "request" ? timeout.value : "" };
  }

  function take(v) {
    kinds.querySelector(`[value="${v.kind === "request" ? "request" : "trigger"}"]`).checked = true;
    sender.value = v.sender ?? "";
    what.value = v.name ?? "";
    data.value = v.data ?? "";
    timeout.value = v.timeout || "10";
    changed();
  }

  function changed() {
    const request = kind() === "request";
    text(what_.firstChild, request ? "Method" : "Event");
    text(data_.firstChild, request ? "Params, as JSON" : "Data, as JSON");
    timeout_.hidden = !request;
    timeout.disabled = !request;
    text(go, store.unlocked ? (request ? "Send" : "Trigger") : "Enter a token to send");
    app.keep(values());
    valid();
    suggest();
  }

  function valid() {
    let wrong = "";
    if (data.value.trim() !== "") {
      try {
        JSON.parse(data.value);
      } catch (err) {
        wrong = err.message;
      }
    }
    data.setCustomValidity(wrong);
    checked.classList.toggle("error", wrong !== "");
    text(checked, wrong ? `Not JSON: ${wrong}. Text needs quotes.` : data.value.trim() === "" ? "Empty means null." : "Good JSON.");
    return !wrong;
  }

  function suggest() {
    offer(senders, store.senders.values(), (s) => s.name);
    const of = store.sender(sender.value);
    const known = kind() === "request" ? of?.methods.filter((m) => m !== "*") ?? [] : [...store.signals.values()].filter((s) => !sender.value || s.sender === sender.value).map((s) => s.event);
    offer(names, known, (n) => n);
    hintUsage(of);
  }

  /** Says how the method is called, if its sender tells. */
  async function hintUsage(of) {
    const key = of && store.unlocked ? of.id : undefined;
    if (asked !== key) {
      asked = key;
      description = undefined;
      const d = of && await describe(store, of.methods, of.name);
      if (asked !== key) return;
      description = d;
    }
    const m = kind() === "request" ? description?.methods.find((x) => x.name === what.value) : undefined;
    fill(says, m && [h("code", {}, name(usage(m))), m.doc && [" ", name(m.doc)]]);
    says.hidden = !m;
  }

  async function submit(e) {
    e.preventDefault();
    if (!store.unlocked) return app.login.ask();
    if (!valid() || running) return;
    const v = values();
    running = true;
    go.disabled = true;
    show("", h("p", { class: "none" }, "waiting"));
    const began = performance.now();
    try {
      const response = v.kind === "request" ? await request(v) : await trigger(v);
      const ns = (performance.now() - began) * 1e6;
      show("ok", h("p", { class: "verdict" }, h("strong", {}, v.kind === "request" ? "Answered" : "Triggered"), ` in ${took(ns)}`), v.kind === "request" && json(JSON.stringify(response)));
      remember(v, took(ns));
    } catch (err) {
      const ns = (performance.now() - began) * 1e6;
      show("failed", h("p", { class: "verdict" }, h("strong", {}, "Failed"), ` after ${took(ns)}`, err.code ? h("span", { class: "tag bad" }, err.code) : ""), h("p", {}, err.message, hint(err)), err.data !== undefined && json(JSON.stringify(err.data)));
      remember(v, err.code || "failed");
    } finally {
      running = false;
      go.disabled = false;
    }
  }

  const body = (v) => (v.data.trim() === "" ? null : JSON.parse(v.data));
  const request = (v) => store.client.request(v.sender, v.name, body(v), { timeout: Number(v.timeout || 10) * 1000 });

  /** Triggers as a sender that is there for the moment. */
  async function trigger(v) {
    const s = await store.client.addSender(v.sender, { events: [v.name] });
    try {
      await s.trigger(v.name, body(v));
    } finally {
      await s.remove();
    }
  }

  const hint = ({ code }) => ({
    taken: " Only its holder can trigger its events. Use a name of your own here.",
    refused: " The token does not permit it.",
  })[code] ?? "";

  function show(state, ...content) {
    reply.dataset.state = state;
    fill(reply, h("h3", {}, "Reply"), ...content.filter(Boolean));
  }

  function remember(v, result) {
    const key = JSON.stringify(v);
    save(HISTORY, [{ ...v, result, at: Date.now() }, ...load(HISTORY).filter(({ result: _, at: __, ...old }) => JSON.stringify(old) !== key)].slice(0, MOST));
    lists();
  }

  function preset() {
    if (!form.reportValidity()) return;
    const title = h("input", { type: "text", required: true, "aria-label": "Name", maxlength: "60", value: `${sender.value} ${what.value}` });
    const dialog = h("dialog", { "aria-label": "Save as preset", on: { close: () => dialog.remove() } }, h("form", { method: "dialog", on: { submit: () => { save(PRESETS, [...load(PRESETS).filter((x) => x.title !== title.value), { ...values(), title: title.value }]); lists(); } } },
      h("h2", {}, "Save as preset"), field("Name", title), h("div", { class: "buttons" }, button("Cancel", () => dialog.close()), h("button", { class: "primary" }, "Save"))));
    document.body.append(dialog);
    dialog.showModal();
    title.select();
  }

  function lists() {
    const row = (v, head, more) => h("li", {}, h("button", { type: "button", class: "again", on: { click: () => take(v) } }, h("span", { class: "tag" }, v.kind), " ", head, h("span", { class: "note" }, more)));
    const saved = load(PRESETS);
    fill(presets, ...saved.map((v) => {
      const li = row(v, name(v.title), ` ${v.data}`);
      li.append(button("Delete", () => { save(PRESETS, load(PRESETS).filter((x) => x.title !== v.title)); lists(); }, { class: "quiet", "aria-label": `Delete ${v.title}` }));
      return li;
    }));
    presets.parentElement.hidden = saved.length === 0;
    const past = load(HISTORY);
    fill(sent, ...past.map((v) => row(v, [name(v.sender), " ", name(v.name)], ` ${v.data.slice(0, 60)} · ${v.result} · ${clock(v.at)}`)));
    sent.parentElement.hidden = past.length === 0;
  }

  const element = [
    app.heading("Send", h("p", { class: "summary" }, "What is sent from here is sent as a client of its own.")),
    h("div", { class: "scroll" }, h("div", { class: "columns two" }, form, h("div", {}, reply,
      h("section", { class: "panel" }, h("h3", {}, "Presets"), presets), h("section", { class: "panel" }, h("h3", {}, "Sent before"), sent)))),
  ];
  let stamp;
  lists();
  changed();
  return {
    title: "Send",
    element,
    jobs: [{ every: 2000, run: () => store.follow("signals") }],
    draw: () => {
      const now = `${store.structure} ${store.unlocked}`;
      if (now === stamp) return;
      stamp = now;
      changed();
    },
  };
}
