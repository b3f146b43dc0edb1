// A short word at the edge of the window. The region is in every page from the start: screen readers announce only what
// changes in a live region that they know.

const STAYS = 4000;

export function toast(words) {
  const region = document.getElementById("toasts");
  if (!region || !words) return;
  const line = document.createElement("p");
  line.className = "toast";
  line.textContent = words;
  region.replaceChildren(line);
  setTimeout(() => line.remove(), STAYS);
}
