// The page: which view is shown, when the router is asked, and when the page is drawn.

import { Header } from "./header.js";
import { attr, h, toggle } from "./dom.js";
import { Store } from "./store.js";
import { Login } from "./login.js";
import { peer, peers } from "./views/peers.js";
import { signals } from "./views/signals.js";
import { signal } from "./views/signal.js";
import { tail } from "./views/tail.js";
import { send } from "./views/send.js";
import { routes } from "./views/routes.js";
import { requests } from "./views/requests.js";
import { links } from "./views/links.js";

const views = { signals, signal, peers, peer, tail, send, routes, requests, links };
const home = "signals";
const parts = { signal: "signals", peer: "peers" }; // where a view belongs in the navigation
const DRAW = 100; // ms between two drawings, at least
const TICK = 50;

class App {
  store = new Store("socket");
  view = undefined;
  params = new URLSearchParams();
  #main = document.getElementById("main");
  #jobs = [];
  #timer;
  #drawn = 0;
  #drawing = false;

  constructor() {
    this.login = new Login(this);
    this.header = new Header(this);
    this.store.onchange = () => this.draw();
    this.store.onvalue = (s) => this.view?.value?.(s);
    addEventListener("hashchange", () => this.#route());
    document.addEventListener("visibilitychange", () => this.#watch());
    document.addEventListener("keydown", (e) => this.#key(e));
    document.querySelector(".skip").addEventListener("click", (e) => {
      e.preventDefault(); // the address is the view's
      this.#main.focus();
    });
    addEventListener("pagehide", () => this.store.leave());
    addEventListener("pageshow", (e) => { if (e.persisted) this.store.start(); });
    this.store.start();
    this.#route();
    this.#watch();
  }

  // -- which view

  /** The address of a view. */
  href(view, params = {}) {
    const q = new URLSearchParams(Object.entries(params).filter(([, v]) => v !== "" && v !== undefined && v !== null && v !== false)).toString();
    return `#/${view}${q ? `?${q}` : ""}`;
  }

  /** Keeps what a view shows in its address, without an entry in the history. */
  keep(params) {
    for (const [k, v] of Object.entries(params)) {
      if (v === "" || v === undefined || v === null || v === false) this.params.delete(k);
      else this.params.set(k, v);
    }
    history.replaceState(null, "", this.href(this.name, Object.fromEntries(this.params)));
  }

  go(view, params) { location.hash = this.href(view, params); }

  #route() {
    const [, view = "", query = ""] = /^#\/?([^?]*)\??(.*)$/.exec(location.hash) ?? [];
    this.name = Object.hasOwn(views, view) ? view : home;
    this.params = new URLSearchParams(query);
    this.view?.close?.();
    this.view = undefined;
    this.#main.replaceChildren();
    this.#main.scrollTop = 0;
    const shown = views[this.name](this);
    this.view = shown;
    this.#main.className = `view view-${this.name}`;
    this.#main.append(...[shown.element].flat());
    for (const a of document.querySelectorAll("nav a")) attr(a, "aria-current", a.dataset.view === (parts[this.name] ?? this.name) ? "page" : null);
    this.#jobs = [
      { every: 1000, run: () => this.store.follow("head") },
      { every: 1000, run: async () => this.store.check(), alone: true },
      ...(shown.jobs ?? []),
    ].map((job) => ({ ...job, due: 0, busy: false, shown }));
    this.draw();
  }

  // -- when to ask

  #watch() {
    clearInterval(this.#timer);
    if (document.hidden) return; // nobody looks: nothing is asked, nothing drawn
    this.store.wake();
    for (const job of this.#jobs) job.due = 0;
    this.#timer = setInterval(() => this.#tick(), TICK);
    this.draw();
  }

  #tick() {
    const now = performance.now();
    for (const job of this.#jobs) if (!job.busy && now >= job.due) this.#run(job, now);
  }

  async #run(job, now) {
    job.busy = true;
    job.due = now + job.every;
    try {
      if (job.alone || this.store.client?.state === "connected") {
        const more = await job.run();
        if (more === true) job.due = 0;
        job.shown.failed?.(undefined);
      }
    } catch (err) {
      job.shown.failed?.(err);
    } finally {
      job.busy = false;
      if (job.shown === this.view) this.draw();
    }
  }

  /** Lets a job run as soon as it can. */
  hurry() {
    for (const job of this.#jobs) job.due = 0;
  }

  // -- when to draw

  draw() {
    if (this.#drawing || document.hidden) return;
    this.#drawing = true;
    const wait = Math.max(0, this.#drawn + DRAW - performance.now());
    setTimeout(() => requestAnimationFrame(() => {
      this.#drawing = false;
      this.#drawn = performance.now();
      if (!document.hidden) this.#draw();
    }), wait);
  }

  #draw() {
    const { store } = this;
    this.header.draw();
    this.login.draw();
    toggle(document.body, "stale", store.state !== "live" && store.answers > 0);
    toggle(document.body, "unlocked", store.unlocked);
    this.view?.draw?.();
    const title = `${store.state === "stale" ? "stale: " : ""}${this.view?.title} · ${store.status?.name ?? "Sig"}`;
    if (document.title !== title) document.title = title;
  }

  // -- keys

  #key(e) {
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, dialog")) return;
    const search = this.#main.querySelector("input[type=search]");
    if (!search) return;
    e.preventDefault();
    search.focus();
    search.select();
  }

  /** A head for a view: a title, and what stands beside it. */
  heading(title, ...more) {
    return h("header", { class: "view-head" }, h("h2", {}, title), ...more);
  }
}

new App();
