// The review queue by keys, and word of new cases: nothing moves under the reader's eyes.

import { Keys } from "./keys.js";

const ASK_EVERY = 30_000;

export default class extends Keys {
  static targets = ["line", "news"];
  static values = { url: String, open: Number, new: String };

  connect() {
    super.connect();
    this.timer = setInterval(() => this.ask(), ASK_EVERY);
  }

  disconnect() {
    super.disconnect();
    clearInterval(this.timer);
  }

  async ask() {
    if (document.hidden) return;
    try {
      const answer = await fetch(this.urlValue, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const more = (await answer.json()).open - this.openValue;
      const words = more > 0 ? this.newValue.replace("{}", String(more)) : "";
      if (this.newsTarget.textContent !== words) this.newsTarget.textContent = words;
    } catch {
      // Away for a moment: it is asked again.
    }
  }

  get line() {
    return this.lineTargets.find((one) => one.contains(document.activeElement)) ?? null;
  }

  does(key) {
    if (key === "j") return this.move(this.lineTargets, 1);
    if (key === "k") return this.move(this.lineTargets, -1);
    if (key === "x") return this.choose();
    if (key === "c") return this.claim();
    if (key === "/") return this.filter();
    if (key === "Enter" && !document.activeElement.matches("a, button, input, summary")) return this.first();
    return super.does(key);
  }

  choose() {
    const box = this.line?.querySelector("input[type=checkbox]");
    if (box) box.checked = !box.checked;
    return Boolean(box);
  }

  first() {
    this.lineTargets[0]?.querySelector("th a").click();
    return this.lineTargets.length > 0;
  }

  filter() {
    document.getElementById("project")?.focus();
    return true;
  }

  claim() {
    const line = this.line;
    if (!line) return false;
    const form = document.createElement("form");
    form.method = "post";
    form.action = line.dataset.claim;
    form.hidden = true;
    form.append(document.querySelector("input[name=csrf]").cloneNode());
    document.body.append(form);
    return this.send(form);
  }
}
