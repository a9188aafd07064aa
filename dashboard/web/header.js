// The head of the page: which router this is, how it does, and since when that is old.

import { h, text, toggle } from "./dom.js";
import { count, rate, span, clock } from "./format.js";
import { Spark } from "./chart.js";

const figures = [
  { id: "peers", label: "Peers", now: (st) => count(st.peers), of: (p) => p.peers },
  { id: "in", label: "Signals in", unit: "/s", now: (_, s) => rate(s?.in ?? 0), of: (p) => p.in },
  { id: "out", label: "Signals out", unit: "/s", now: (_, s) => rate(s?.out ?? 0), of: (p) => p.out },
  { id: "requests", label: "Requests", unit: "/s", now: (_, s) => rate(s?.requests ?? 0), of: (p) => p.requests },
  { id: "dropped", label: "Drops", unit: "/s", now: (_, s) => rate(s?.dropped ?? 0), of: (p) => p.dropped, bad: (st, s) => s?.dropped > 0 },
  { id: "slow", label: "Slow peers", now: (st) => count(st.slow), of: (p) => p.slow, bad: (st) => st.slow > 0 },
];

/** A version as it is called; builds between releases have none. */
const release = (v) => (/^v\d+\.\d+\.\d+(-[a-z]+\.?\d*)?$/.test(v) ? v : "devel");

const themes = ["auto", "dark", "light"];

export class Header {
  constructor(app) {
    this.app = app;
    this.router = document.getElementById("router");
    this.facts = document.getElementById("facts");
    this.link = document.getElementById("link");
    this.linkText = this.link.querySelector("span");
    this.figures = figures.map((f) => this.#figure(f));
    document.getElementById("figures").append(...this.figures.map((f) => f.element));
    this.theme = document.getElementById("theme");
    this.theme.addEventListener("click", () => this.#nextTheme());
    this.#setTheme(localStorage.getItem("sig.theme"));
  }

  #figure(f) {
    const value = h("span", { class: "value" }, "–");
    const spark = new Spark(f.label);
    const element = h("div", { class: `figure figure-${f.id}` },
      h("dt", {}, f.label), h("dd", {}, value, f.unit && h("span", { class: "unit" }, f.unit)), spark.element);
    return { ...f, element, value, spark };
  }

  draw() {
    const { store } = this.app;
    this.#state(store);
    const st = store.status;
    if (!st) return;
    text(this.router, st.name);
    text(this.facts, `${release(st.version)} · up ${span(st.uptime_ns / 1e6)}`);
    const last = store.samples.at(-1);
    for (const f of this.figures) {
      text(f.value, f.now(st, last));
      toggle(f.element, "bad", f.bad?.(st, last));
      f.spark.set(store.samples.map(f.of));
    }
  }

  #state({ state, staleSince, error, client }) {
    const stale = () => `stale since ${clock(staleSince)} · ${span(Date.now() - staleSince)}`;
    const words = {
      connecting: () => "connecting",
      live: () => "live",
      stale,
      refused: () => "not permitted",
    };
    this.link.dataset.state = state;
    // The length of it changes each second, which is not worth being read out.
    text(this.linkText, words[state]());
    this.link.title = error ? error.message : client?.state === "connected" ? "connected to the router" : "";
    const said = state === "stale" ? `stale since ${clock(staleSince)}` : words[state]();
    text(document.getElementById("said"), said);
  }

  #nextTheme() {
    this.#setTheme(themes[(themes.indexOf(this.theme.dataset.theme) + 1) % themes.length]);
    localStorage.setItem("sig.theme", this.theme.dataset.theme);
  }

  #setTheme(theme) {
    if (!themes.includes(theme)) theme = "auto";
    this.theme.dataset.theme = theme;
    this.theme.setAttribute("aria-label", `colours: ${theme}`);
    this.theme.title = `colours: ${theme}`;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }
}
