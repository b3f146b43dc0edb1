"""Contrast of text with what is really painted behind it, for what rules cannot reckon: pictures, gradients, pseudo-elements.

WCAG 2.2, 1.4.3: the least contrast of the text's colour with any pixel within its lines, where the text is not painted. What is
covered by something else, such as an open list, is not seen, and not measured.
"""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import Page

UNPAINTED = "* { -webkit-text-fill-color: transparent !important; text-decoration-color: transparent !important; }"
PAINT = """css => {
  const sheet = new CSSStyleSheet(); sheet.replaceSync(css); document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""
PAINT_AGAIN = "document.adoptedStyleSheets = document.adoptedStyleSheets.slice(0, -1)"
TEXTS = """selectors => selectors.map(selector => {
  const element = document.querySelector(selector), style = getComputedStyle(element), lines = [], covers = new Set();
  const box = r => [r.left + scrollX, r.top + scrollY, r.width, r.height];
  const shown = line => {
    let { left, top, right, bottom } = line;
    for (let up = element; up; up = up.parentElement) {
      if (up === document.documentElement || getComputedStyle(up).overflowX === 'visible') continue;
      const edge = up.getBoundingClientRect();
      [left, top, right, bottom] = [Math.max(left, edge.left), Math.max(top, edge.top), Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
    }
    return right > left && bottom > top ? [{ left, top, width: right - left, height: bottom - top }] : [];
  };
  const covered = (x, y) => {
    let top = document.elementFromPoint(x, y);
    if (!top || element.contains(top) || top.contains(element)) return;
    while (getComputedStyle(top).position === 'static' && !top.parentElement.contains(element)) top = top.parentElement;
    covers.add(top);
  };
  for (const node of element.childNodes) {
    if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of [...range.getClientRects()].flatMap(shown)) {
      lines.push(box(line));
      for (let n = 1; n < 16; n += 1) covered(line.left + line.width * n / 16, line.top + line.height / 2);
    }
  }
  const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && style.fontWeight >= 700;
  let opacity = 1;
  for (let up = element; up; up = up.parentElement) opacity *= getComputedStyle(up).opacity;
  const above = [...covers].map(one => box(one.getBoundingClientRect()));
  return { selector, lines, above, colour: style.color, opacity, least: large ? 3 : 4.5 };
})"""
MEASURE = """async ({ picture, texts }) => {
  const image = await createImageBitmap(await (await fetch('data:image/png;base64,' + picture)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height), at = canvas.getContext('2d', { willReadFrequently: true });
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  at.drawImage(image, 0, 0);
  return texts.map(({ lines, above, colour, opacity }) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number), strength = a * opacity;
    let least = Infinity, seen = 0;
    for (const [x, y, width, height] of lines) {
      const wide = Math.max(1, Math.floor(width) - 1), high = Math.max(1, Math.floor(height) - 1);
      const { data } = at.getImageData(Math.ceil(x), Math.ceil(y), wide, high);
      for (let n = 0; n < data.length; n += 4) {
        const across = Math.ceil(x) + n / 4 % wide, down = Math.ceil(y) + Math.floor(n / 4 / wide);
        if (data[n + 3] < 255) continue;
        if (above.some(([left, top, w, h]) => across >= left - 2 && across <= left + w + 1 && down >= top - 2 && down <= top + h + 1)) continue;
        const back = [data[n], data[n + 1], data[n + 2]];
        const front = [r, g, b].map((v, i) => v * strength + back[i] * (1 - strength));
        const [more, less] = [light(front), light(back)].sort((p, q) => q - p);
        least = Math.min(least, (more + 0.05) / (less + 0.05));
        seen += 1;
      }
    }
    return seen || above.length ? least : 0;
  });
}"""


INTO_VIEW = """selector => { document.querySelector(selector).scrollIntoView({ block: 'center', behavior: 'instant' }); scrollTo(0, 0); }"""


def too_little(page: Page, selectors: list[str]) -> list[str]:
    """A line for each of these elements whose own text does not stand out enough, or cannot be seen at all; [] is right.

    What is scrolled out of sight inside the page, as in a long dialog, is scrolled to.
    """
    wrong: list[str] = []
    left = selectors
    while left:
        page.evaluate(INTO_VIEW, left[0])
        found = dict(zip(left, _measured(page, left), strict=True))
        seen = [one for one in left if found[one][0] > 0 or one == left[0]]
        wrong += [f"{one}: {found[one][0]:.2f} of {found[one][1]}" for one in seen if found[one][0] < found[one][1]]
        left = [one for one in left if one not in seen]
    return wrong


def _measured(page: Page, selectors: list[str]) -> list[tuple[float, float]]:
    """The contrast of each, 0 when it cannot be seen now, and what it must have."""
    texts: list[dict[str, Any]] = page.evaluate(TEXTS, selectors)
    page.evaluate(PAINT, UNPAINTED)
    picture = base64.b64encode(page.screenshot(full_page=True)).decode()
    page.evaluate(PAINT_AGAIN)
    table = page.context.new_page()
    try:
        found = table.evaluate(MEASURE, {"picture": picture, "texts": texts})
    finally:
        table.close()
    return [(contrast, text["least"]) for text, contrast in zip(texts, found, strict=True)]
