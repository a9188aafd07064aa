// A table of any length, of which only the rows in sight exist. It is a grid to a screen
// reader and to the keyboard: arrows, Page Up and Down, Home and End move, Enter opens.

import { attr, h, text, toggle, uid } from "./dom.js";

const OVERSCAN = 6;

/**
 * A column: id, title, and either text(row) or set(cell, row) with make(cell) before it.
 * num: a number, aligned right. minor: left out on small screens. sortable: a header to
 * click. label: what a screen reader calls it.
 *
 * Options: open(row, event); key(key, row), true if it took it; sort(column id);
 * mark(element, row, fresh); id(row), by which a row is known again in another list.
 */
export class Grid {
  #body;
  #space;
  #head = new Map();
  #slots = [];
  #rows = [];
  #columns;
  #options;
  #active = -1;
  #id = uid("row");
  #height = 36;

  constructor({ name, label, columns, role = "grid", template, ...options }) {
    this.#columns = columns;
    this.#options = options;
    const head = h("div", { class: "row head", role: "row", "aria-rowindex": "1" }, columns.map((c) => this.#header(c)));
    this.#space = h("div", { class: "space", role: "rowgroup" });
    this.empty = h("p", { class: "empty", hidden: true });
    this.#body = h("div", {
      class: `grid grid-${name}`, role, "aria-label": label, tabindex: "0", style: { "--cols": template },
      on: { scroll: () => this.refresh(), keydown: (e) => this.#key(e), focus: () => this.#focus() },
    }, h("div", { class: "grid-head", role: "rowgroup" }, head), this.#space);
    this.element = h("div", { class: "grid-frame" }, this.#body, this.empty);
    this.resize = new ResizeObserver(() => this.#measure());
    this.resize.observe(this.#body);
  }

  /** The rows in sight. */
  visible() {
    const [from, to] = this.#range(0);
    return this.#rows.slice(from, to);
  }

  get scrolled() { return this.#body.scrollTop > 0; }

  destroy() { this.resize.disconnect(); }

  #header(c) {
    const cell = h("div", { role: "columnheader", class: cellClass(c), title: c.hint });
    if (c.sortable) cell.append(h("button", { type: "button", class: "sort", tabindex: "0", on: { click: () => this.#options.sort(c.id) } }, c.title));
    else cell.append(h("span", {}, c.title));
    this.#head.set(c.id, cell);
    return cell;
  }

  /** Shows by which column the rows are sorted. */
  sorted(id, descending) {
    for (const [col, cell] of this.#head) attr(cell, "aria-sort", col === id ? (descending ? "descending" : "ascending") : null);
  }

  /** Takes over new rows. Rows that were put in before the first keep what is in sight in place. */
  set(rows, before = 0) {
    const id = this.#options.id ?? ((row) => row);
    const active = this.#rows[this.#active];
    this.#rows = rows;
    if (active !== undefined) {
      const at = this.#active + before, same = (row) => row !== undefined && id(row) === id(active);
      this.#active = same(rows[at]) ? at : rows.findIndex(same);
    }
    attr(this.#body, "aria-rowcount", rows.length + 1);
    this.#space.style.setProperty("height", `${rows.length * this.#height}px`);
    this.empty.hidden = rows.length > 0;
    if (before > 0 && this.#body.scrollTop > 0) this.#body.scrollTop += before * this.#height;
    this.refresh();
  }

  #measure() {
    const height = parseFloat(getComputedStyle(this.#body).getPropertyValue("--row")) || 36;
    if (height !== this.#height) {
      this.#height = height;
      for (const slot of this.#slots) slot.index = -1;
      this.set(this.#rows);
    } else this.refresh();
  }

  #range(over) {
    const head = this.#body.firstChild.offsetHeight;
    const first = Math.floor(this.#body.scrollTop / this.#height);
    const n = Math.ceil(Math.max(this.#body.clientHeight - head, 0) / this.#height) + 1;
    return [Math.max(0, first - over), Math.min(this.#rows.length, first + n + over)];
  }

  /** Brings the rows in sight up to date. */
  refresh() {
    const [from, to] = this.#range(OVERSCAN);
    const need = to - from;
    while (this.#slots.length < need) this.#slots.push(this.#slot());
    // A row keeps its element while it is in sight.
    const size = this.#slots.length;
    const used = new Array(size).fill(false);
    for (let i = from; i < to; i++) {
      const k = i % size;
      used[k] = true;
      this.#fill(this.#slots[k], i);
    }
    this.#slots.forEach((slot, k) => {
      if (used[k]) return;
      if (!slot.el.hidden) slot.el.hidden = true;
      slot.row = undefined;
    });
    const active = this.#active >= from && this.#active < to ? this.#slots[this.#active % size].el.id : null;
    attr(this.#body, "aria-activedescendant", active);
  }

  #slot() {
    const cells = this.#columns.map((c, i) => h("div", { role: i === 0 ? "rowheader" : "gridcell", class: cellClass(c), dataset: { label: c.label ?? c.title } }));
    const el = h("div", { class: "row", role: "row", id: `${this.#id}-${this.#slots.length}` }, cells);
    const slot = { el, cells, index: -1, row: undefined };
    this.#columns.forEach((c, i) => c.make?.(cells[i], () => slot.row));
    el.addEventListener("click", (e) => {
      if (e.target.closest("a, button") || !slot.row) return;
      this.#active = slot.index;
      this.#options.open?.(slot.row, e);
      this.refresh();
    });
    this.#space.append(el);
    return slot;
  }

  #fill(slot, i) {
    const row = this.#rows[i];
    if (slot.el.hidden) slot.el.hidden = false;
    if (slot.index !== i) {
      slot.index = i;
      slot.el.style.setProperty("transform", `translateY(${i * this.#height}px)`);
      attr(slot.el, "aria-rowindex", i + 2);
    }
    const fresh = slot.row !== row;
    slot.row = row;
    this.#columns.forEach((c, k) => {
      if (c.set) c.set(slot.cells[k], row, fresh);
      else text(slot.cells[k], c.text(row));
    });
    this.#options.mark?.(slot.el, row, fresh);
    toggle(slot.el, "active", i === this.#active);
  }

  #focus() {
    if (this.#active < 0 && this.#rows.length > 0) this.#move(this.#range(0)[0]);
  }

  #move(to) {
    this.#active = Math.max(0, Math.min(this.#rows.length - 1, to));
    const head = this.#body.firstChild.offsetHeight;
    const top = this.#active * this.#height, room = this.#body.clientHeight - head;
    if (top < this.#body.scrollTop) this.#body.scrollTop = top;
    else if (top + this.#height > this.#body.scrollTop + room) this.#body.scrollTop = top + this.#height - room;
    this.refresh();
  }

  #key(e) {
    if (e.target !== this.#body || e.ctrlKey || e.metaKey || e.altKey) return;
    const row = this.#rows[this.#active];
    const page = Math.max(1, Math.floor(this.#body.clientHeight / this.#height) - 2);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (e.key in moves) this.#move(this.#active + moves[e.key]);
    else if (e.key === "Enter" && row) this.#options.open?.(row, e);
    else if (!row || !this.#options.key?.(e.key, row)) return;
    e.preventDefault();
  }

  /** Makes a row the active one. */
  activate(row) {
    const id = this.#options.id ?? ((r) => r);
    const i = this.#rows.findIndex((r) => id(r) === id(row));
    if (i >= 0) this.#move(i);
  }
}

const cellClass = (c) => ["cell", `c-${c.id}`, c.num && "num", c.minor && "minor"].filter(Boolean).join(" ");
