"""Somebody who has a keyboard and no pointer: tabs through a page, and is told when the focus cannot be seen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page

FOCUS = """() => {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return { lost: true };
  const style = getComputedStyle(e), ring = e.matches('[type=radio], [type=checkbox]') && e.closest('label') || e;
  const box = e.getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const x = Math.min(Math.max(box.left + box.width / 2, 1), innerWidth - 1), y = Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1);
  const top = document.elementFromPoint(x, y);
  // Of a link that is broken over lines, the middle of its box may be beside it.
  const spots = [...e.getClientRects()].map(r => document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2));
  const covered = inside && ![top, ...spots].some(one => one && (e.contains(one) || one.contains(e) || ring.contains(one)));
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number).slice(0, 3).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let under = e.parentElement, back = 'rgb(255, 255, 255)';
  for (; under; under = under.parentElement) {
    const color = getComputedStyle(under).backgroundColor;
    if (color !== 'transparent' && !/, 0\\)$/.test(color)) { back = color; break; }
  }
  const [a, b] = [light(style.outlineColor), light(back)].sort((p, q) => q - p);
  return {
    lost: false, what: e.outerHTML.slice(0, 140), inside, covered,
    ring: style.outlineStyle !== 'none' ? parseFloat(style.outlineWidth) : 0, contrast: (a + 0.05) / (b + 0.05),
  };
}"""


class Walker:
    """Moves through a page by keys alone. `tabs` counts them."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.tabs = 0

    def to(self, wanted: Locator, *, most: int = 80, back: bool = False) -> None:
        """Tab until `wanted` has the focus; at each step the focus is there, in the window, not covered, and has a ring."""
        wanted = wanted.first
        for _ in range(most):
            if wanted.evaluate("e => e === document.activeElement"):
                return
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            self.tabs += 1
            self._seen()
        pytest.fail(f"the keyboard does not reach {wanted} in {most} steps")

    def press(self, wanted: Locator, key: str = "Enter") -> None:
        """Go there and press a key on it. Where it leads to another page, that is there then, with its styles: on the page before
        it, a step of the walk would be lost."""
        self.to(wanted)
        wanted.first.press(key)  # waits for the page to which the key leads, which `keyboard.press` does not
        self.page.wait_for_load_state()

    def write(self, wanted: Locator, text: str) -> None:
        """Go to a field and write `text` in place of what is there."""
        self.to(wanted)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def _seen(self) -> None:
        now: dict[str, Any] = self.page.evaluate(FOCUS)
        if now["lost"]:  # behind the last element of a page, the browser's own controls have it for one step
            self.page.keyboard.press("Tab")
            now = self.page.evaluate(FOCUS)
        assert not now["lost"], f"the focus is lost on {self.page.url}"
        assert now["inside"], f"the focus is outside of the window: {now['what']}"
        assert not now["covered"], f"something lies over the focus: {now['what']}"
        assert now["ring"] >= 2, f"no ring: {now['what']}"
        assert now["contrast"] >= 3, f"a ring that is hardly to be seen ({now['contrast']:.1f}): {now['what']}"


PLANTED = {
    "no ring": "<a href='#b' style='outline: none'>two</a>",
    "something lies over the focus": "<a href='#b'>two</a><div style='position:fixed;inset:0;background:#fff'></div>",
    "outside of the window": "<a href='#b' style='position:fixed;inset-inline-start:-900px'>two</a>",
    "a ring that is hardly to be seen": "<a href='#b' style='outline: 3px solid #ddd'>two</a>",
}
"""What is said -> markup between two links that is at fault."""
