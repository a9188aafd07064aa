// Values as JSON in colours, and what has changed from one to the next.

import { h } from "./dom.js";
import { diff, pretty } from "./format.js";

const parts = /("(?:[^"\\]|\\.)*"?)(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;

/** A line of JSON with its parts told apart. */
export function line(s) {
  const out = [];
  let at = 0;
  for (const m of s.matchAll(parts)) {
    out.push(s.slice(at, m.index));
    const cls = m[1] ? (m[2] ? "j-key" : "j-text") : m[3] ? "j-number" : "j-word";
    out.push(h("bdi", { class: cls }, m[1] ?? m[0]), m[2] ?? "");
    at = m.index + m[0].length;
  }
  out.push(s.slice(at));
  return out;
}

/** A value, laid out; one that is short stands large. */
export function json(text) {
  const laid = pretty(text);
  const large = laid.length <= 24 && !laid.includes("\n");
  return h("pre", { class: large ? "json large" : "json", tabindex: "0" }, laid.split("\n").map((l) => h("span", { class: "line" }, line(l), "\n")));
}

/** A value, with the lines marked that are others than in the one before. */
export function changes(before, after) {
  return h("pre", { class: "json diff", tabindex: "0" }, diff(pretty(before), pretty(after)).map(([sign, l]) => {
    const cls = { "=": "line", "-": "line gone", "+": "line new" }[sign];
    const said = sign === "=" ? null : h("span", { class: "unseen" }, sign === "-" ? "removed: " : "added: ");
    return h("span", { class: cls }, said, line(l), "\n");
  }));
}
