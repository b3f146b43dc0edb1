"""Pages as two other tools see them: the markup of all in every run, and a second reading of WCAG 2.2 over all in slow runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from tests.web import markup
from tests.web.scenes.ledger import Ledger
from tests.web.scenes.shots import Shot
from tests.web.scenes.stage import Stage, staging, visiting
from tests.web.server import chromium

Shots = Callable[[str], tuple[Shot, ...]]
SLICES = 4


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staging() as ready:
        yield ready


@pytest.mark.parametrize("language", ["en", pytest.param("ar", marks=pytest.mark.slow)])
def test_the_markup_of_every_scene_is_valid(shots: Shots, language: str) -> None:
    assert markup.markup_faults(shots(language)) == []


def test_wrong_markup_is_found(shots: Shots) -> None:
    home = shots("en")[0]
    broken = replace(home, body=home.body.replace(b"</main>", b'<p><div id="main"></div></p><img src="x"></main>'))
    rules = {one.split(": ")[1] for one in markup.markup_faults([broken])}
    assert {"no-dup-id", "wcag/h37"} <= rules


def look(browser: Browser, stage: Stage, ledger: Ledger, shots: tuple[Shot, ...]) -> list[str]:
    wrong = []
    with visiting(browser) as page:
        for shot in shots:
            if ledger.passed(shot, "light"):
                continue
            stage.show(page, shot)
            found = markup.faults(page)
            ledger.note(shot, "light", found)
            wrong += [f"{shot.name} {shot.language}: {one}" for one in found]
    return wrong


def test_the_second_engine_finds_nothing_on_some(browser: Browser, stage: Stage, shots: Shots) -> None:
    names = {"home-full", "release-described", "login-wrong", "tokens-refused", "manage-owner", "admin.case-open"}
    some = tuple(shot for shot in shots("en") if shot.name in names)
    assert len(some) == len(names)
    assert look(browser, stage, Ledger.nothing(), some) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(SLICES))
def test_the_second_engine_finds_nothing_at_all(browser: Browser, stage: Stage, shots: Shots, part: int) -> None:
    ledger = Ledger.of(f"second-engine-{part}", markup.engine_version())
    wrong = []
    for language in ("en", "ar"):
        wrong += look(browser, stage, ledger, shots(language)[part::SLICES])
    assert wrong == []


@pytest.mark.parametrize(
    ("rule", "html"),
    [
        ("img_alt_valid", '<img src="/static/x/seal.svg">'),
        ("input_label_exists", '<input type="text">'),
        ("text_contrast_sufficient", '<p style="color: #aaa; background: #fff">hardly to be read</p>'),
    ],
)
def test_a_planted_fault_is_found(browser: Browser, rule: str, html: str) -> None:
    with visiting(browser) as page:
        page.set_content(f'<html lang="en"><title>t</title><main>{html}</main></html>')
        assert any(one.startswith(f"{rule}:") for one in markup.faults(page)), markup.faults(page)
