// A disclosure that closes as menus do: by Escape, which gives the focus back, and when something else gets the focus.

import { Controller } from "@hotwired/stimulus";

export default class extends Controller {
  escape(event) {
    if (event.key !== "Escape" || !this.element.open) return;
    this.element.open = false;
    this.element.querySelector("summary").focus();
  }

  away(event) {
    if (!this.element.contains(event.target)) this.element.open = false;
  }
}
