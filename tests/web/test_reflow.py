"""Every page in every state in a narrow window, with wide spacing, forced colours and less motion: for readers who set their system so.

Texts are those of the made-up language, which are nearly half as long again as the English ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.scenes.shots import Shot
from tests.web.scenes.stage import Stage, staging, visiting
from tests.web.server import chromium

Shots = Callable[[str], tuple[Shot, ...]]
SPACING = """* {
  line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important;
} p { margin-block-end: 2em !important; }"""
"""WCAG 2.2, 1.4.12, as a reader's own style sheet has it."""
SET = "css => { const s = new CSSStyleSheet(); s.replaceSync(css); document.adoptedStyleSheets = [s]; }"
TOO_WIDE = """() => {
  for (const one of document.querySelectorAll('details:not(.menu)')) one.open = true;
  const wrong = [], room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > room) wrong.push('the page: ' + document.documentElement.scrollWidth + ' of ' + room);
  const scrolls = (e) => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
  for (const e of document.querySelectorAll('body *')) {
    const style = getComputedStyle(e), box = e.getBoundingClientRect();
    if (!box.width || !e.checkVisibility() || style.clipPath !== 'none' || e.closest('.unseen, .skip, svg, [hidden], .trap')) continue;
    let inside = false;
    for (let up = e; up; up = up.parentElement) inside ||= scrolls(up);
    if (!inside && (box.right > room + 1 || box.left < -1) && style.position !== 'absolute') wrong.push('outside: ' + e.outerHTML.slice(0, 120));
    if (scrolls(e) && e.scrollWidth > e.clientWidth + 1 && !e.matches('.code, pre, .command, .scroll, textarea, .wide-table'))
      wrong.push('scrolls sideways: ' + e.outerHTML.slice(0, 120));
    if (scrolls(e) && e.scrollWidth > e.clientWidth + 1 && e.tabIndex < 0 && !e.querySelector('a, button, input'))
      wrong.push('the keyboard does not reach: ' + e.outerHTML.slice(0, 120));
    const text = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (text && style.overflow === 'hidden' && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1) && style.textOverflow !== 'ellipsis')
      wrong.push('cut off: ' + e.outerHTML.slice(0, 120));
    if (text && box.width < 48 && box.height > 160 && !e.closest('.stack thead')) wrong.push('squeezed: ' + e.outerHTML.slice(0, 120));
  }
  return wrong.slice(0, 5);
}"""
MOVING = """() => [...document.querySelectorAll('*')].filter(e => {
  const s = getComputedStyle(e);
  return parseFloat(s.transitionDuration) > 0 || s.animationName !== 'none' || s.scrollBehavior === 'smooth';
}).map(e => e.outerHTML.slice(0, 120)).slice(0, 5)"""
EDGELESS = """() => [...document.querySelectorAll('button, .button, input:not([type=hidden]), select, textarea')].filter(e => {
  const s = getComputedStyle(e), box = e.getBoundingClientRect();
  if (!box.width || e.matches('.link, [type=checkbox], [type=radio], .unseen, .trap *') || e.closest('.unseen, .trap')) return false;
  return parseFloat(s.borderBlockStartWidth) === 0;
}).map(e => e.outerHTML.slice(0, 120)).slice(0, 5)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staging() as ready:
        yield ready


def looked_at(page: Page, stage: Stage, shot: Shot) -> list[str]:
    """What is wrong with a page in a narrow window: as it is, then with wide spacing."""
    stage.show(page, shot)
    wrong = [f"{shot.name}: {one}" for one in page.evaluate(TOO_WIDE)]
    page.evaluate(SET, SPACING)
    return wrong + [f"{shot.name}, spaced: {one}" for one in page.evaluate(TOO_WIDE)]


def third(shots: tuple[Shot, ...]) -> tuple[Shot, ...]:
    """The share of every run."""
    return shots[::3]


@pytest.mark.parametrize("language", ["en_XA", pytest.param("ar_XB", marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", ["some", pytest.param("all", marks=pytest.mark.slow)])
def test_nothing_is_scrolled_sideways_or_cut_off_at_320_pixels(
    browser: Browser, stage: Stage, shots: Shots, share: str, language: str
) -> None:
    wrong = []
    with visiting(browser, 320, 256) as page:
        for shot in third(shots(language)) if share == "some" else shots(language):
            wrong += looked_at(page, stage, shot)
    assert wrong == []


@pytest.mark.parametrize("scene", ["account-full", "factors.app-picture", "admin.case-open"])
def test_sections_take_a_line_of_a_small_window_and_open_by_keys_without_script(
    browser: Browser, stage: Stage, shots: Shots, scene: str
) -> None:
    (shot,) = [one for one in shots("en_XA") if one.name == scene]
    with visiting(browser, 320, 640, java_script_enabled=False) as page:
        stage.show(page, shot)
        row, button = page.locator(".sections"), page.locator(".sections > button")
        links, here = page.locator(".sections a"), page.locator(".sections a[aria-current]")
        assert (row.bounding_box() or {})["height"] <= 72
        expect(links.first).to_be_hidden()
        expect(button).to_contain_text(here.text_content() or "-")
        button.press("Enter")
        expect(here).to_be_visible()
        boxes = [one.bounding_box() or {} for one in links.all()]
        assert min(box["height"] for box in boxes) >= 24
        top = (button.bounding_box() or {})["y"]
        assert all(box["x"] >= 0 and box["x"] + box["width"] <= 320 and box["y"] > top for box in boxes)
        page.keyboard.press("Tab")
        expect(links.first).to_be_focused()
        page.keyboard.press("Escape")
        expect(links.first).to_be_hidden()
        expect(button).to_be_focused()
        page.set_viewport_size({"width": 1280, "height": 640})
        expect(button).to_be_hidden()
        expect(links.last).to_be_visible()


@pytest.mark.slow
def test_nothing_moves_on_any_page_for_those_who_asked_for_it(browser: Browser, stage: Stage, shots: Shots) -> None:
    wrong = []
    with visiting(browser) as page:
        for shot in shots("en"):
            stage.show(page, shot)
            wrong += [f"{shot.name}: {one}" for one in page.evaluate(MOVING)]
    assert wrong == []


@pytest.mark.slow
def test_controls_have_edges_with_forced_colours(browser: Browser, stage: Stage, shots: Shots) -> None:
    wrong = []
    with visiting(browser, forced_colors="active") as page:
        for shot in shots("en"):
            stage.show(page, shot)
            wrong += [f"{shot.name}: {one}" for one in page.evaluate(EDGELESS)]
    assert wrong == []


ADDED = {"Copy", "Keys"}
"""Buttons that only script can make work."""
LEFT_OUT = "for (const one of document.querySelectorAll('[data-without-script]')) one.remove()"
"""What tells those without script that something needs it: nobody else is told."""


@pytest.mark.slow
def test_pages_say_the_same_without_script(browser: Browser, stage: Stage, shots: Shots) -> None:
    wrong = []
    with visiting(browser) as scripted, visiting(browser, java_script_enabled=False) as plain:
        for shot in shots("en"):
            said: list[list[str]] = []
            for page in (plain, scripted):
                stage.show(page, shot)
                page.evaluate(LEFT_OUT)
                said.append([word for word in page.locator("main").inner_text().split() if word not in ADDED])
            if said[0] != said[1]:
                wrong.append(f"{shot.name}: {sorted(set(said[0]) ^ set(said[1]))[:12]}")
    assert wrong == []


PLANTED: dict[str, Any] = {
    "the page:": '<p style="white-space: nowrap">' + "wide " * 60 + "</p>",
    "scrolls sideways:": '<div style="overflow-x: auto"><p style="inline-size: 900px">wide</p></div>',
    "the keyboard does not reach:": '<pre style="overflow-x: auto">' + "x" * 200 + "</pre>",
    "squeezed:": '<p style="inline-size: 1em; overflow-wrap: anywhere">one letter in each line</p>',
    "cut off:": '<p style="overflow: hidden; block-size: 1em; inline-size: 5em">many words that are too long</p>',
}


@pytest.mark.parametrize("words", PLANTED)
def test_a_planted_fault_is_found(browser: Browser, words: str) -> None:
    with visiting(browser, 320) as page:
        page.set_content(f"<main>{PLANTED[words]}</main>")
        assert any(one.startswith(words) for one in page.evaluate(TOO_WIDE))
