// What a sender says of itself: types of events and methods, as its interface file or its Go
// types have them. Senders that are exposed answer it.

import { h, name } from "./dom.js";

const METHOD = "describe";

/** Asks a sender what it declares; undefined when it does not say, or may not be asked. */
export async function describe(store, methods, sender) {
  if (!store.unlocked || !methods.includes(METHOD)) return undefined;
  try {
    const d = await store.client.request(sender, METHOD, null, { timeout: 5000 });
    return d && typeof d === "object" && Array.isArray(d.methods) ? d : undefined;
  } catch {
    return undefined; // it may have gone, or mean something else by the name
  }
}

/** A type as interface files write it. */
export function type(t) {
  if (!t) return "any";
  if (t.kind === "list") return `*${type(t.elem)}`;
  if (t.kind === "map") return `map of ${type(t.elem)}`;
  return t.name || t.kind;
}

/** A method as one would declare it. */
export function usage(m) {
  const params = (m.params ?? []).map((p) => `${p.name}${p.optional && p.default === undefined ? "?" : ""}: ${type(p.type)}${p.default === undefined ? "" : ` = ${JSON.stringify(p.default)}`}`);
  const results = (m.results ?? []).map(type).join(", ");
  return `${m.name}(${params.join(", ")})${results ? `: ${results}` : ""}`;
}

/** What is declared of an event: its type, and the members of that. */
export function eventSchema(d, event) {
  const e = d.events?.find((x) => x.name === event);
  if (!e) return [];
  let t = e.type;
  while (t?.elem) t = t.elem;
  const fields = t?.kind === "object" ? d.types?.[t.name]?.fields ?? [] : [];
  return [
    h("h3", {}, "Declared as"),
    h("p", {}, h("code", {}, name(type(e.type))), e.doc && h("span", { class: "note" }, " ", name(e.doc))),
    fields.length > 0 && h("dl", { class: "pairs" }, fields.map((f) => h("div", {}, h("dt", {}, name(f.name)), h("dd", {}, h("code", {}, name(type(f.type))), f.doc && h("span", { class: "note" }, " ", name(f.doc)))))),
  ];
}
