// Projects under a search field while it is typed in (a combobox with a list, as the ARIA practices describe it). Enter on
// no suggestion sends the form as ever.

import { Controller } from "@hotwired/stimulus";

const PAUSE = 120;

export default class extends Controller {
  static targets = ["input", "list", "count"];
  static values = { url: String, none: String, one: String, many: String };

  connect() {
    const input = this.inputTarget;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
    input.setAttribute("aria-controls", this.listTarget.id);
    this.at = -1;
  }

  disconnect() {
    this.ignore();
  }

  // What was asked for and has not come yet must not change the list any more.
  ignore() {
    clearTimeout(this.timer);
    this.asked?.abort();
  }

  type() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(this.inputTarget.value.trim()), PAUSE);
  }

  async ask(text) {
    this.asked?.abort();
    if (text.length < 2) {
      this.hide();
      return;
    }
    this.asked = new AbortController();
    try {
      const answer = await fetch(`${this.urlValue}?q=${encodeURIComponent(text)}`, { signal: this.asked.signal });
      if (answer.ok) this.show(await answer.json());
    } catch (error) {
      if (error.name !== "AbortError") this.hide();
    }
  }

  show(found) {
    if (document.activeElement !== this.inputTarget) return;
    this.at = -1;
    this.listTarget.replaceChildren(...found.map((one, place) => this.line(one, place)));
    this.listTarget.hidden = found.length === 0;
    this.inputTarget.setAttribute("aria-expanded", String(found.length > 0));
    this.inputTarget.removeAttribute("aria-activedescendant");
    const words = found.length === 0 ? this.noneValue : found.length === 1 ? this.oneValue : this.manyValue;
    this.countTarget.textContent = words.replace("{}", String(found.length));
  }

  line(one, place) {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.id = `${this.listTarget.id}-${place}`;
    item.dataset.url = one.url;
    const name = document.createElement("bdi");
    name.textContent = one.name;
    const words = document.createElement("bdi");
    words.textContent = one.summary;
    const summary = document.createElement("span");
    summary.className = "dim";
    summary.append(words);
    item.append(name, summary);
    item.addEventListener("mousedown", (event) => {
      event.preventDefault();
      location.assign(one.url);
    });
    return item;
  }

  key(event) {
    const lines = [...this.listTarget.children];
    if (this.listTarget.hidden || !lines.length) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.ignore();
      this.mark(lines, (this.at + step + lines.length + (this.at < 0 && step < 0 ? 1 : 0)) % lines.length);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.hide();
    } else if (event.key === "Enter" && this.at >= 0) {
      event.preventDefault();
      location.assign(lines[this.at].dataset.url);
    }
  }

  mark(lines, at) {
    lines[this.at]?.removeAttribute("aria-selected");
    this.at = at;
    lines[at].setAttribute("aria-selected", "true");
    this.inputTarget.setAttribute("aria-activedescendant", lines[at].id);
  }

  hide() {
    this.ignore();
    this.listTarget.hidden = true;
    this.inputTarget.setAttribute("aria-expanded", "false");
    this.inputTarget.removeAttribute("aria-activedescendant");
    this.countTarget.textContent = "";
  }
}
