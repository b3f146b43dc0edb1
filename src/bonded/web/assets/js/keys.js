// Single keys for experts, with a switch to turn them off (WCAG 2.1.4). They never act while something is typed, and each
// does what a control of the page does.

import { Controller } from "@hotwired/stimulus";

const STORE = "bonded-single-keys";
const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";

export class Keys extends Controller {
  static targets = ["help", "on", "hint"];

  connect() {
    this.working = localStorage.getItem(STORE) !== "off";
    this.onTarget.checked = this.working;
    this.hintTarget.hidden = false;
    this.listener = (event) => this.press(event);
    document.addEventListener("keydown", this.listener);
  }

  disconnect() {
    document.removeEventListener("keydown", this.listener);
  }

  turn() {
    this.working = this.onTarget.checked;
    localStorage.setItem(STORE, this.working ? "on" : "off");
  }

  explain() {
    this.helpTarget.showModal();
  }

  press(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (this.helpTarget.open || event.target.matches(TYPING)) return;
    if (event.key === "?" && this.working) this.explain();
    else if (!this.working || !this.does(event.key)) return;
    event.preventDefault();
  }

  // What every page of the console knows; true when the key meant something.
  does(key) {
    if (key !== "u") return false;
    return this.send(document.querySelector("form[action='/admin/undo/']"));
  }

  send(form) {
    form?.requestSubmit();
    return Boolean(form);
  }

  // Move the focus by `step` within `all`, without going round; true when there is anything.
  move(all, step) {
    if (!all.length) return false;
    const at = all.findIndex((one) => one.contains(document.activeElement));
    const to = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
    const place = all[to].matches("[tabindex], a, button") ? all[to] : all[to].querySelector("a");
    place.focus();
    all[to].scrollIntoView({ block: "nearest" });
    return true;
  }
}
