// A link to a page that asks becomes a dialog over this one. Without script, or where the browser has none, it stays a link.

import { Controller } from "@hotwired/stimulus";

export default class extends Controller {
  static targets = ["window"];

  open(event) {
    if (!this.windowTarget.showModal) return;
    event.preventDefault();
    this.windowTarget.showModal();
  }

  close(event) {
    event.preventDefault();
    this.windowTarget.close();
  }
}
