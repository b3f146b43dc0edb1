"""What a screen reader is told of each page is kept as text beside this file, so that every change of it is seen and judged.

A folder `trees` has one file for each scene, with the accessibility tree of its main part as Playwright writes it (roles, names,
states, in the order of reading); `frame-*.txt` has what stands around it, once for each kind of visitor. After a change that is
meant, `BONDED_TREES=write ./dev test --slow tests/web/test_trees.py` writes them anew: look at what git says then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.web.scenes.shots import Shot
from tests.web.scenes.stage import Stage, staging, visiting
from tests.web.scenes.table import SCENES
from tests.web.server import chromium

Shots = Callable[[str], tuple[Shot, ...]]
PLACE = Path(__file__).parent / "trees"
FRAMES = {
    "nobody": "home-not-found",
    "user": "account-full",
    "administrator": "admin-full",
    "development": "recent-empty",
}
ALIKE, MANY = 16, frozenset({"option", "listitem", "row", "term", "definition"})
"""Parts of one list that are kept, and what its parts are."""
WRITE = os.environ.get("BONDED_TREES") == "write"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staging() as ready:
        yield ready


def told(tree: str) -> str:
    """The tree without what is another in each run: keys, how they are called, and digests."""
    tree = re.sub(r"(?:[0-9a-f]{4} ){8,}[0-9a-f]{4}|\b(?:[0-9a-f]{8}|[0-9a-f]{16,64})\b", "…", tree)
    tree = re.sub(r"/static/[0-9a-f]{12}/", "/static/…/", tree)
    tree = re.sub(r"\b[0-9a-hjkmnp-tv-z]{26}\b", "(id)", tree)
    tree = re.sub(r"\b[0-9a-z]{4}(?:-[0-9a-z]{4}){3}\b|\b(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}\b", "(secret)", tree)
    return "\n".join(shortened(tree.strip().splitlines())) + "\n"


def shortened(lines: list[str]) -> Iterator[str]:
    """The tree with the first of many alike: lists of all actions or refusals there are grow, and say nothing new."""
    counts: dict[tuple[int, str], int] = {}
    skipped: int | None = None
    for line in lines:
        depth, kind = len(line) - len(line.lstrip()), line.strip("- '").partition(" ")[0].rstrip(":")
        counts = {one: count for one, count in counts.items() if one[0] <= depth}
        counts[depth, kind] = counts.get((depth, kind), 0) + 1
        if skipped is not None and depth > skipped:
            continue
        skipped = depth if kind in MANY and counts[depth, kind] > ALIKE else None
        if skipped is None:
            yield line
        elif counts[depth, kind] == ALIKE + 1:
            yield f"{' ' * depth}- …"


def differing(name: str, tree: str) -> list[str]:
    """Writes the file, or says where the tree is another than the one that is kept."""
    path = PLACE / f"{name}.txt"
    if WRITE:
        PLACE.mkdir(exist_ok=True)
        path.write_text(tree)
        return []
    kept = path.read_text().splitlines() if path.exists() else []
    now = tree.splitlines()
    at = next(
        (n for n, pair in enumerate(zip(kept, now, strict=False)) if pair[0] != pair[1]), min(len(kept), len(now))
    )
    return [] if kept == now else [f"{name}, line {at + 1}: kept {kept[at : at + 1]}, now {now[at : at + 1]}"]


def compared(browser: Browser, stage: Stage, shots: tuple[Shot, ...]) -> list[str]:
    wrong = []
    with visiting(browser) as page:
        for shot in shots:
            stage.show(page, shot)
            wrong += differing(shot.name, told(page.locator("main").aria_snapshot()))
    return wrong


@pytest.mark.slow
def test_every_page_is_told_as_before(browser: Browser, stage: Stage, shots: Shots) -> None:
    assert compared(browser, stage, shots("en")) == []


@pytest.mark.slow
def test_what_stands_around_pages_is_told_as_before(browser: Browser, stage: Stage, shots: Shots) -> None:
    wrong = []
    with visiting(browser) as page:
        for visitor, name in FRAMES.items():
            (shot,) = [one for one in shots("en") if one.name == name]
            stage.show(page, shot)
            page.evaluate("document.querySelector('main').replaceChildren()")
            wrong += differing(f"frame-{visitor}", told(page.locator("body").aria_snapshot()))
    assert wrong == []


def test_each_scene_has_its_tree_and_no_other_is_kept() -> None:
    kept = {path.stem for path in PLACE.glob("*.txt")}
    wanted = {scene.name for scene in SCENES} | {f"frame-{visitor}" for visitor in FRAMES}
    assert kept == wanted, "write them: BONDED_TREES=write ./dev test --slow tests/web/test_trees.py"


def test_a_change_is_seen(browser: Browser, stage: Stage, shots: Shots) -> None:
    (shot,) = [one for one in shots("en") if one.name == "login-form"]
    with visiting(browser) as page:
        stage.show(page, shot)
        before = told(page.locator("main").aria_snapshot())
        assert before == told(page.locator("main").aria_snapshot())
        page.locator("main label").first.evaluate("e => e.remove()")
        assert told(page.locator("main").aria_snapshot()) != before
