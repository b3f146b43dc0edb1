// A button beside a command or digest that copies it. It is hidden in the page and shown here, as it needs script.

import { Controller } from "@hotwired/stimulus";

import { toast } from "./toast.js";

export default class extends Controller {
  static targets = ["text", "button"];
  static values = { done: String, failed: String };

  connect() {
    if (navigator.clipboard) this.buttonTarget.hidden = false;
  }

  async take() {
    try {
      await navigator.clipboard.writeText(this.textTarget.textContent.trim());
      toast(this.doneValue);
    } catch {
      getSelection().selectAllChildren(this.textTarget);
      toast(this.failedValue);
    }
  }
}
