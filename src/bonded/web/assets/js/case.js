// A review case by keys: one key says what is to be done and makes it ready, Enter does it. Everything is in the page's forms.

import { Keys } from "./keys.js";

export default class extends Keys {
  static targets = ["card", "decoded", "form", "cause", "act", "says", "claim", "next", "decide"];
  static values = { ready: String };

  does(key) {
    if (key === "n") return this.move(this.cardTargets, 1);
    if (key === "p") return this.move(this.cardTargets, -1);
    if (key === "f") return this.nextFile();
    if (key === "o") return this.unfold();
    if (key === "e" || key === "d" || key === "r") return this.page(key);
    if (key === "Q") return this.reach();
    if (key === "c") return this.hasClaimTarget && this.send(this.claimTarget);
    if (key === "s") return this.follow(this.hasNextTarget ? this.nextTarget : null);
    if (key === "v") return this.follow(this.decideTarget);
    if (key === "Escape" && this.ready) return this.calm();
    if (this.ready && /^[1-9]$/.test(key)) return this.reason(Number(key) - 1);
    const act = this.actTargets.find((one) => one.dataset.key === key);
    return act ? this.prepare(act) : super.does(key);
  }

  follow(link) {
    link?.click();
    return Boolean(link);
  }

  page(key) {
    return this.follow(document.querySelector(`nav.tabs a[accesskey='${key}']`));
  }

  nextFile() {
    const here = this.cardTargets.find((one) => one.contains(document.activeElement));
    const at = here ? this.cardTargets.indexOf(here) : -1;
    const after = [...this.cardTargets.slice(at + 1), ...this.cardTargets.slice(0, at + 1)];
    const card = after.find((one) => one.dataset.file !== here?.dataset.file);
    return card ? this.move([card], 1) : this.cardTargets.length > 0;
  }

  unfold() {
    const hide = this.decodedTargets.some((one) => !one.hidden);
    for (const one of this.decodedTargets) one.hidden = hide;
    return true;
  }

  reach() {
    const level = this.formTarget.elements.level;
    level.selectedIndex = (level.selectedIndex + 1) % level.options.length;
    this.saysTarget.textContent = level.selectedOptions[0].textContent;
    return true;
  }

  get causes() {
    return [...this.causeTarget.querySelectorAll(`optgroup[data-act='${this.ready.dataset.act}'] option`)];
  }

  // The act's first reason is chosen unless one that fits is, or the person has written their own.
  prepare(act) {
    this.ready = act;
    const fits = this.causes.some((one) => one.selected);
    if (!fits && !this.formTarget.elements.reason.value.trim()) this.reason(0);
    else this.tell();
    act.focus();
    return true;
  }

  reason(number) {
    const option = this.causes[number];
    if (option) option.selected = true;
    this.tell();
    return Boolean(option);
  }

  tell() {
    const chosen = this.causeTarget.selectedOptions[0]?.textContent ?? "";
    const word = this.ready.firstChild.textContent.trim();
    this.saysTarget.textContent = this.readyValue.replace("{}", `${word}: ${chosen}`);
  }

  calm() {
    this.ready = null;
    this.saysTarget.textContent = "";
    this.cardTargets[0]?.focus();
    return true;
  }
}
