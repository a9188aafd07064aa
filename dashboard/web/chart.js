// Lines over time: the small ones in the header and the chart of a signal.

import { attr, h, svg, text } from "./dom.js";
import { clock, rate } from "./format.js";

const WIDTH = 120, HEIGHT = 28;

/** A sparkline of two minutes. Its scale begins at zero and ends at the highest value. */
export class Spark {
  constructor(label) {
    this.label = label;
    this.line = svg("path", { class: "line" });
    this.area = svg("path", { class: "area" });
    this.element = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }, this.area, this.line);
  }

  set(values) {
    const top = Math.max(1, ...values);
    const step = WIDTH / 119;
    const x = (i) => (WIDTH - (values.length - 1 - i) * step).toFixed(1);
    const y = (v) => (HEIGHT - 2 - (v / top) * (HEIGHT - 5)).toFixed(1);
    const line = values.map((v, i) => `${i ? "L" : "M"}${x(i)} ${y(v)}`).join("");
    attr(this.line, "d", line);
    attr(this.area, "d", values.length ? `${line}L${WIDTH} ${HEIGHT}L${x(0)} ${HEIGHT}Z` : "");
    attr(this.element, "aria-label", `${this.label}, the last two minutes: highest ${rate(Math.max(0, ...values))}, now ${rate(values.at(-1) ?? 0)}`);
  }
}

const W = 720, H = 200, PAD = { left: 8, right: 8, top: 14, bottom: 14 };

/** A chart of a signal's values, the older to the left. */
export class Chart {
  #points = [];
  constructor() {
    this.line = svg("path", { class: "line" });
    this.area = svg("path", { class: "area" });
    this.dots = svg("g", { class: "dots" });
    this.mark = svg("circle", { class: "mark", r: "4", visibility: "hidden" });
    this.rule = svg("path", { class: "rule", visibility: "hidden" });
    this.drawing = svg("svg", { viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img" }, this.area, this.rule, this.line, this.dots);
    this.high = h("span", { class: "high" });
    this.low = h("span", { class: "low" });
    this.from = h("span", { class: "from" });
    this.to = h("span", { class: "to" });
    this.reading = h("output", { class: "reading" });
    this.element = h("figure", { class: "chart" }, this.reading, h("div", { class: "plot" }, this.high, this.low, this.drawing), h("figcaption", {}, this.from, this.to));
    this.drawing.addEventListener("pointermove", (e) => this.#point(e));
    this.drawing.addEventListener("pointerleave", () => this.#point());
  }

  /** Points are {t, v}: time in ms and value. */
  set(points, label) {
    this.#points = points;
    this.element.hidden = points.length < 2;
    if (points.length < 2) return;
    const values = points.map((p) => p.v);
    let low = Math.min(...values), high = Math.max(...values);
    text(this.high, number(high));
    text(this.low, number(low));
    if (low === high) { low -= 1; high += 1; }
    const t0 = points[0].t, t1 = points.at(-1).t;
    const x = (p, i) => PAD.left + (t1 > t0 ? (p.t - t0) / (t1 - t0) : i / (points.length - 1)) * (W - PAD.left - PAD.right);
    const y = (p) => PAD.top + (1 - (p.v - low) / (high - low)) * (H - PAD.top - PAD.bottom);
    this.at = points.map((p, i) => [x(p, i), y(p)]);
    const line = this.at.map(([px, py], i) => `${i ? "L" : "M"}${px.toFixed(1)} ${py.toFixed(1)}`).join("");
    attr(this.line, "d", line);
    attr(this.area, "d", `${line}L${this.at.at(-1)[0].toFixed(1)} ${H}L${this.at[0][0].toFixed(1)} ${H}Z`);
    text(this.from, clock(t0));
    text(this.to, clock(t1));
    attr(this.drawing, "aria-label", `${label}: ${points.length} values from ${number(Math.min(...values))} to ${number(Math.max(...values))}, last ${number(values.at(-1))}`);
    if (!this.pointed) text(this.reading, "");
  }

  #point(e) {
    this.pointed = e !== undefined;
    attr(this.rule, "visibility", e ? "visible" : "hidden");
    if (!e || !this.at) return void text(this.reading, "");
    const box = this.drawing.getBoundingClientRect();
    const px = ((e.clientX - box.left) / box.width) * W;
    let best = 0;
    this.at.forEach(([ax], i) => { if (Math.abs(ax - px) < Math.abs(this.at[best][0] - px)) best = i; });
    attr(this.rule, "d", `M${this.at[best][0]} 0V${H}`);
    const p = this.#points[best];
    text(this.reading, `${clock(p.t, true)}  ${number(p.v)}`);
  }
}

const number = (n) => (Number.isInteger(n) ? n.toLocaleString("en-GB") : String(Number(n.toPrecision(6))));
