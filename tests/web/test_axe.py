"""axe-core over every page in every state: light and dark, both directions of writing, wide, narrow, and with more contrast.

The whole, `./dev test --slow tests/web/test_axe.py`, is cut into slices, and goes on where it was stopped: a combination that passed is
kept under `var/artifacts/accessibility` by the digest of the page, the styles, the scripts, the mode and the version of axe. Whoever
wants everything again removes that folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import pytest
from playwright.sync_api import Browser, Page

from tests.web import axe
from tests.web.scenes.ledger import Ledger
from tests.web.scenes.opened import ALL, Opened, openings
from tests.web.scenes.shots import Shot
from tests.web.scenes.stage import Stage, staging, visiting
from tests.web.server import chromium

Shots = Callable[[str], tuple[Shot, ...]]
SLICES = 8


@dataclass(frozen=True, slots=True)
class Mode:
    """How a reader has set their system."""

    language: str
    color_scheme: str
    width: int = 1280
    contrast: str = "no-preference"
    opened: bool = False
    """Whether what is folded together is opened first."""

    @property
    def name(self) -> str:
        return "-".join(str(one) for one in asdict(self).values() if one not in ("no-preference", False, True)) + (
            "-opened" if self.opened else ""
        )

    def set_up(self, page: Page) -> None:
        page.emulate_media(color_scheme=self.color_scheme, contrast=self.contrast)  # type: ignore[arg-type]
        if self.opened:
            page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")


MODES = (
    Mode("en", "light"),
    Mode("en", "dark", opened=True),
    Mode("ar", "light"),
    Mode("ar", "dark", 320),
    Mode("en", "light", 320, "more", opened=True),
)
QUICK = MODES[:3]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staging() as ready:
        yield ready


def faults(browser: Browser, stage: Stage, ledger: Ledger, pairs: list[tuple[Shot, list[Mode]]]) -> list[str]:
    """Whatever axe finds on these pages in these modes; each is noted in the ledger as soon as it is known."""
    wrong = []
    for width in sorted({mode.width for _, modes in pairs for mode in modes}):
        with visiting(browser, width) as page:
            for shot, modes in pairs:
                wanted = [mode for mode in modes if mode.width == width and not ledger.passed(shot, mode.name)]
                for number, mode in enumerate(wanted):
                    if not number:
                        stage.show(page, shot)
                    mode.set_up(page)
                    found = axe.violations(page)
                    ledger.note(shot, mode.name, found)
                    wrong += [f"{shot.name} {mode.name}: {one}" for one in found]
    return wrong


def test_each_route_in_one_mode(browser: Browser, stage: Stage, shots: Shots) -> None:
    """The share of every run: one state of each route, the modes by turns."""
    of_route: dict[str, str] = {}
    for shot in shots("en"):
        of_route.setdefault(shot.route, shot.name)
    chosen = []
    for number, name in enumerate(of_route.values()):
        mode = QUICK[number % len(QUICK)]
        chosen += [(shot, [mode]) for shot in shots(mode.language) if shot.name == name]
    assert faults(browser, stage, Ledger.nothing(), chosen) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(SLICES))
def test_each_scene_in_each_mode(browser: Browser, stage: Stage, shots: Shots, part: int) -> None:
    ledger = Ledger.of(f"axe-{part}", axe.version())
    pairs = []
    for language in sorted({mode.language for mode in MODES}):
        modes = [mode for mode in MODES if mode.language == language]
        pairs += [(shot, modes) for shot in shots(language)[part::SLICES]]
    assert faults(browser, stage, ledger, pairs) == []
    assert all(ledger.passed(shot, mode.name) for shot, modes in pairs for mode in modes)


def over(colour: str) -> str:
    """Text on a gradient, of which axe cannot tell the contrast."""
    style = f"color: {colour}; background: linear-gradient(90deg, #fff, #c8c8c8); padding: 8px"
    return f'<html lang="en"><title>t</title><main><h1>t</h1><p style="{style}">words <b>more</b></p></main></html>'


def test_what_axe_leaves_open_is_measured(browser: Browser) -> None:
    with visiting(browser) as page:
        page.set_content(over("#111"))
        page.evaluate(axe.source())
        left = page.evaluate(axe.RUN, axe.TAGS)["incomplete"]
        assert [rule["id"] for rule in left] == ["color-contrast"]
        assert axe.violations(page) == []
        page.set_content(over("#8a8a8a"))
        wrong = axe.violations(page)
        assert len(wrong) == 2
        assert all(one.startswith("color-contrast: ") and one.endswith(" of 4.5") for one in wrong), wrong


def names(opened: Opened) -> str:
    return opened.kind.replace(" ", "-")


@pytest.mark.parametrize("opened", ALL, ids=names)
def test_what_opens_over_a_page_is_right_too(browser: Browser, stage: Stage, shots: Shots, opened: Opened) -> None:
    """The share of every run: the modes by turns."""
    assert faults_over(browser, stage, shots, opened, MODES[ALL.index(opened) % len(MODES)]) == []


@pytest.mark.slow
@pytest.mark.parametrize("opened", ALL, ids=names)
def test_what_opens_is_right_in_each_mode(browser: Browser, stage: Stage, shots: Shots, opened: Opened) -> None:
    assert faults_over(browser, stage, shots, opened, *MODES) == []


def faults_over(browser: Browser, stage: Stage, shots: Shots, opened: Opened, *modes: Mode) -> list[str]:
    """Whatever axe finds on a page with this opened over it."""
    wrong = []
    for mode in modes:
        (shot,) = [one for one in shots(mode.language) if one.name == opened.scene]
        with visiting(browser, mode.width) as page:
            stage.show(page, shot)
            mode.set_up(page)
            opened.show(page)
            wrong += [f"{mode.name}: {one}" for one in axe.violations(page)]
    return wrong


def test_everything_that_opens_is_opened(shots: Shots) -> None:
    found = {kind for shot in shots("en") for kind in openings(shot)}
    assert found == {one.kind for one in ALL}


def test_there_are_enough_combinations(shots: Shots) -> None:
    assert len(shots("en")) * len(MODES) >= 600


PLANTED = {
    "color-contrast": '<p style="color: #aaa; background: #fff">hardly to be read</p>',
    "image-alt": '<img src="/static/x/seal.svg">',
    "label": '<input type="text">',
    "heading-order": "<h1>one</h1><h5>five</h5>",
    "video-caption": '<video src="/static/x/none.mp4" controls></video>',
    "target-size": '<a href="#a" style="position:absolute;width:9px;height:9px">a</a><a href="#b" style="position:absolute;top:9px;width:9px;height:9px">b</a>',
}


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_fault_is_found(browser: Browser, rule: str) -> None:
    with visiting(browser) as page:
        page.set_content(f'<html lang="en"><title>t</title><main>{PLANTED[rule]}</main></html>')
        assert any(one.startswith(f"{rule}:") for one in axe.violations(page)), axe.violations(page)
