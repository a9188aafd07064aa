// Numbers, times and JSON as people read them.

const MS = 1e6; // in nanoseconds

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** 950, 12,345, 1.24 M */
export function count(n) {
  if (n < 1e5) return whole.format(n);
  if (n < 1e6) return `${(n / 1e3).toFixed(0)} k`;
  if (n < 1e9) return `${(n / 1e6).toFixed(2)} M`;
  return `${(n / 1e9).toFixed(2)} G`;
}

/** A rate: 0, 0.4, 12, 1,234, 56.7 k */
export function rate(n) {
  if (n === 0) return "0";
  if (n < 10) return n.toFixed(1);
  if (n < 1e4) return whole.format(n);
  if (n < 1e6) return `${(n / 1e3).toFixed(1)} k`;
  return `${(n / 1e6).toFixed(2)} M`;
}

export function bytes(n) {
  if (n < 1024) return `${whole.format(n)} B`;
  for (const unit of ["KiB", "MiB", "GiB", "TiB"]) {
    n /= 1024;
    if (n < 1024 || unit === "TiB") return `${n < 10 ? n.toFixed(1) : whole.format(n)} ${unit}`;
  }
}

/** A duration in nanoseconds: 85 µs, 1.2 ms, 340 ms, 2.5 s, 3 min */
export function took(ns) {
  if (!(ns > 0)) return "–";
  if (ns < MS) return `${Math.max(1, Math.round(ns / 1e3))} µs`;
  if (ns < 10 * MS) return `${(ns / MS).toFixed(1)} ms`;
  if (ns < 1000 * MS) return `${Math.round(ns / MS)} ms`;
  if (ns < 60_000 * MS) return `${(ns / MS / 1000).toFixed(1)} s`;
  return span(ns / MS);
}

/** A length of time in ms, at one glance: 4 s, 12 min, 3 h 20 min, 5 d 2 h */
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s < 600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

const two = (n) => String(n).padStart(2, "0");

/** The time of day, with milliseconds if wanted. */
export function clock(t, ms = false) {
  const d = new Date(t);
  const s = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return ms ? `${s}.${String(d.getMilliseconds()).padStart(3, "0")}` : s;
}

/** A router without any value says so by the year 1. */
export const isTime = (t) => Boolean(t) && !t.startsWith("0001-");

// ---- JSON -------------------------------------------------------------------------------

const tokens = /"(?:[^"\\]|\\.)*"?|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Lays JSON out in lines. It may be cut off anywhere; its numbers stay as they were written. */
export function pretty(json) {
  let out = "", depth = 0, before = "";
  const line = () => `\n${"  ".repeat(Math.max(depth, 0))}`;
  for (const [t] of json.matchAll(tokens)) {
    const empty = (before === "{" && t === "}") || (before === "[" && t === "]");
    if (t === "}" || t === "]") depth--;
    if (!empty && (t === "}" || t === "]" || before === "{" || before === "[" || before === ",")) out += line();
    out += t === ":" ? ": " : t;
    if (t === "{" || t === "[") depth++;
    before = t;
  }
  return out;
}

/** The value, or undefined when it is cut off or no JSON. */
export function parsed(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The numbers in a value, by their paths; "" is the value itself. */
export function numbers(v, path = "", into = new Map(), depth = 0) {
  if (typeof v === "number") into.set(path, v);
  else if (typeof v === "boolean") into.set(path, v ? 1 : 0);
  else if (v && typeof v === "object" && depth < 4) {
    for (const [k, part] of Object.entries(v)) {
      if (into.size >= 40) break;
      numbers(part, path ? `${path}.${k}` : k, into, depth + 1);
    }
  }
  return into;
}

/** Compares two texts by line: ["=" | "-" | "+", line]. */
export function diff(before, after) {
  const a = before.split("\n"), b = after.split("\n");
  let start = 0, end = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const x = a.slice(start, a.length - end), y = b.slice(start, b.length - end);
  const middle = x.length * y.length > 40_000 ? [...x.map((l) => ["-", l]), ...y.map((l) => ["+", l])] : longest(x, y);
  return [...a.slice(0, start).map((l) => ["=", l]), ...middle, ...b.slice(b.length - end).map((l) => ["=", l])];
}

/** The diff that keeps the most lines. */
function longest(x, y) {
  const n = y.length + 1;
  const kept = new Uint16Array((x.length + 1) * n);
  for (let i = x.length - 1; i >= 0; i--) {
    for (let j = y.length - 1; j >= 0; j--) {
      kept[i * n + j] = x[i] === y[j] ? kept[(i + 1) * n + j + 1] + 1 : Math.max(kept[(i + 1) * n + j], kept[i * n + j + 1]);
    }
  }
  const out = [];
  for (let i = 0, j = 0; i < x.length || j < y.length;) {
    if (i < x.length && j < y.length && x[i] === y[j]) { out.push(["=", x[i++]]); j++; }
    else if (i < x.length && (j === y.length || kept[(i + 1) * n + j] >= kept[i * n + j + 1])) out.push(["-", x[i++]]);
    else out.push(["+", y[j++]]);
  }
  return out;
}

/** 1 signal, 2 signals */
export const some = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
