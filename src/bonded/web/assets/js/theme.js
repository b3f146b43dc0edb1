// Light, dark and contrast at once when they are chosen; the form keeps working as a form.

import { Controller } from "@hotwired/stimulus";

const YEAR = 31536000;

export default class extends Controller {
  static targets = ["said"];

  choose(event) {
    const { name, value } = event.target;
    const chosen = value !== "system";
    if (chosen) document.documentElement.dataset[name] = value;
    else delete document.documentElement.dataset[name];
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `bonded-${name}=${value}; Path=/; Max-Age=${chosen ? YEAR : 0}; SameSite=Lax${secure}`;
    this.saidTarget.hidden = false;
  }
}
