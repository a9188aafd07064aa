// The token that permits actions: asked for in a dialog, kept for this tab, never in the
// address.

import { attr, button, field, h, text } from "./dom.js";

export class Login {
  constructor(app) {
    this.app = app;
    this.lock = document.getElementById("lock");
    this.label = this.lock.querySelector("span");
    this.lock.addEventListener("click", () => (app.store.unlocked ? app.store.lock() : this.ask()));
    this.input = h("input", { type: "password", name: "token", autocomplete: "off", required: true, spellcheck: "false", "aria-describedby": "token-error" });
    this.error = h("p", { class: "error", id: "token-error", role: "alert" });
    const form = h("form", { method: "dialog", on: { submit: (e) => this.#submit(e) } },
      h("h2", {}, "Token"),
      h("p", {}, "Without a token this page looks and changes nothing. With the dashboard’s token, or one of the router’s, it may act."),
      field("Token", this.input), this.error,
      h("div", { class: "buttons" }, button("Cancel", () => this.dialog.close()), h("button", { class: "primary" }, "Use it")));
    this.dialog = h("dialog", { "aria-label": "Token" }, form);
    this.wall = h("section", { class: "wall", hidden: true, role: "alert" });
    document.body.append(this.dialog);
    document.getElementById("main").before(this.wall);
  }

  ask() {
    text(this.error, "");
    this.input.value = "";
    this.dialog.showModal();
  }

  async #submit(e) {
    e.preventDefault();
    text(this.error, "");
    try {
      await this.app.store.unlock(this.input.value);
      this.dialog.close();
    } catch (err) {
      text(this.error, err.code === "refused" ? "The router does not know this token." : err.message);
    }
    this.input.value = "";
    this.app.hurry();
    this.app.draw();
  }

  draw() {
    const { store } = this.app;
    text(this.label, store.unlocked ? "Actions on" : "Read only");
    attr(this.lock, "aria-pressed", String(store.unlocked));
    attr(this.lock, "title", store.unlocked ? "Forget the token" : "Enter a token to act");
    const refused = store.state === "refused";
    this.wall.hidden = !refused;
    if (!refused || this.said === store.error?.message) return;
    this.said = store.error?.message;
    this.wall.replaceChildren(h("h2", {}, "The router does not let this page look"), h("p", {}, `It says: ${this.said}.`),
      h("p", {}, "Enter the dashboard’s token, which sig serve takes from --dashboard-token-file, or one of the router’s own. Or open the page on the router’s machine, not through a proxy."),
      button("Enter a token", () => this.ask(), { class: "primary" }));
  }
}

/** A question with consequences; resolves to whether it was answered with yes. */
export function confirm(title, what, yes, extra) {
  return new Promise((resolve) => {
    const answer = (v) => () => { dialog.close(); resolve(v); };
    const dialog = h("dialog", { "aria-label": title, on: { close: () => { dialog.remove(); resolve(false); } } },
      h("h2", {}, title), h("p", {}, what), extra,
      h("div", { class: "buttons" }, button("Cancel", answer(false), { autofocus: true }), button(yes, answer(true), { class: "danger" })));
    document.body.append(dialog);
    dialog.showModal();
  });
}
