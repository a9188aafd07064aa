// Making and changing elements. Whatever comes from the router becomes text, never markup.

const shown = Symbol("shown");

/**
 * Makes an element. Props: class, on (listeners by type), dataset, style (custom properties),
 * and attributes; a null or false prop is left out, true is an attribute without a value.
 */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [name, v] of Object.entries(props ?? {})) {
    if (v === null || v === undefined || v === false) continue;
    if (name === "class") el.className = v;
    else if (name === "on") for (const [type, fn] of Object.entries(v)) el.addEventListener(type, fn);
    else if (name === "dataset") Object.assign(el.dataset, v);
    else if (name === "style") for (const [key, value] of Object.entries(v)) el.style.setProperty(key, value);
    else el.setAttribute(name, v === true ? "" : v);
  }
  el.append(...there(children));
  return el;
}

/** Replaces what an element holds; children that are null or false are left out. */
export const fill = (el, ...children) => el.replaceChildren(...there(children));

const there = (children) => children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);

/** Makes an element of SVG. */
export function svg(tag, props, ...children) {
  const el = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, v] of Object.entries(props ?? {})) el.setAttribute(name, v);
  el.append(...children);
  return el;
}

export const icon = (name) => svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));

/** Sets an element's text, if it is another one than before. */
export function text(el, s) {
  s = String(s);
  if (el[shown] === s) return el;
  el[shown] = s;
  el.textContent = s;
  return el;
}

/** Sets an attribute, if it has another value than before; null takes it away. */
export function attr(el, name, v) {
  if (v === null || v === undefined || v === false) {
    if (el.hasAttribute(name)) el.removeAttribute(name);
    return;
  }
  v = v === true ? "" : String(v);
  if (el.getAttribute(name) !== v) el.setAttribute(name, v);
}

export function toggle(el, name, on) {
  if (el.classList.contains(name) !== Boolean(on)) el.classList.toggle(name, Boolean(on));
}

/** A name as others gave it: text whose direction stays inside. */
export const name = (s, cls) => h("bdi", { class: cls ? `name ${cls}` : "name", dir: "auto" }, s);

/** What stands where a name is empty. */
export const orNone = (s, none) => (s ? name(s) : h("span", { class: "none" }, none));

/**
 * Brings the children of an element in line with a list: an element for each item by its
 * key, made once, brought up to date each time.
 */
export function list(parent, items, key, make, update) {
  const before = parent.keyed ?? new Map();
  const now = new Map();
  let next = parent.firstChild;
  for (const item of items) {
    const k = key(item);
    if (now.has(k)) continue;
    let el = before.get(k);
    if (!el) el = make(item);
    update?.(el, item);
    now.set(k, el);
    if (el === next) next = next.nextSibling;
    else parent.insertBefore(el, next);
  }
  for (const [k, el] of before) if (!now.has(k)) el.remove();
  parent.keyed = now;
}

/** Lights an element up for a moment. */
export function flash(el, cls = "flash") {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const color = getComputedStyle(el).getPropertyValue(`--${cls}`) || "transparent";
  el.animate([{ backgroundColor: color }, { backgroundColor: "transparent" }], { duration: 900, easing: "ease-out" });
}

/** A labelled field. */
export const field = (label, input, ...more) => h("label", { class: "field" }, h("span", { class: "label" }, label), input, ...more);

export const button = (label, onclick, props) => h("button", { type: "button", ...props, on: { click: onclick } }, label);

/** Puts text into the clipboard; false: the browser does not let us. */
export async function copy(s) {
  try {
    await navigator.clipboard.writeText(s);
    return true;
  } catch {
    return false;
  }
}

/** Offers text as a file. */
export function download(filename, s, type) {
  const url = URL.createObjectURL(new Blob([s], { type }));
  h("a", { href: url, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

let lastID = 0;
export const uid = (prefix) => `${prefix}-${++lastID}`;
