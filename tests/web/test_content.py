"""What packages and people write stays text: a grammar of hostile texts, through every field, on every page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, BrowserContext
from sqlalchemy import insert, update

from bonded.catalog.description_tables import description
from bonded.catalog.descriptions import Outcome, Source
from bonded.catalog.tables import release
from bonded.upload.describe import DescribeContext
from bonded.upload.describe import rendered as described
from bonded.upload.filename import FILENAME_CHECKS, parse_filename
from bonded.upload.limits import UploadLimits
from bonded.upload.rendering import MARKDOWN, RST
from bonded.values.refusals import Refusal
from bonded.wiring import sandbox_for
from tests.web.hostile import Stage, Watch, logged_in, rendered
from tests.web.house import House
from tests.web.payloads import payloads, share
from tests.web.server import PATIENCE, chromium, serving

ROUND = 40
"""Texts put into the fields at once."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def origin(house: House) -> Iterator[str]:
    with serving() as (address, deferred):
        house.settings = replace(house.settings, url=address)
        house.__post_init__()
        deferred.app = house.wsgi
        yield address


def watches(house: House, browser: Browser, origin: str) -> dict[str | None, Watch]:
    """A watched page of nobody, of the owner and of an administrator."""
    made: dict[str | None, Watch] = {}
    for name in (None, "ann", "root"):
        context: BrowserContext = browser.new_context(reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        if name is not None:
            logged_in(house, context, origin, name)
        made[name] = Watch(context.new_page(), origin)
    return made


def walk(house: House, browser: Browser, origin: str, texts: list[str], most: int | None = None) -> list[str]:
    """Everything that went wrong with `texts`, in rounds."""
    stage, found = Stage(house), []
    watched = watches(house, browser, origin)
    for start in range(0, len(texts), ROUND):
        some = texts[start : start + ROUND]
        stage.fill(some)
        for who, path in stage.pages(some)[:most]:
            status = watched[who].visit(path)
            if status >= 500:
                found.append(f"{path}: {status}")
    return found + [fault for watch in watched.values() for fault in watch.faults]


def test_the_grammar_is_large_and_always_the_same() -> None:
    assert len(payloads()) >= 2000
    assert payloads() == payloads()


def test_nothing_of_a_share_runs_on_any_page(house: House, browser: Browser, origin: str) -> None:
    assert walk(house, browser, origin, share(90)) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_nothing_runs_on_any_page(house: House, browser: Browser, origin: str) -> None:
    assert walk(house, browser, origin, payloads()) == []


@pytest.mark.parametrize("media", [MARKDOWN, RST])
def test_every_description_of_a_share_is_judged_harmless(media: str) -> None:
    for text in share(9):
        rendered(text, media)


@pytest.mark.slow
@pytest.mark.parametrize("media", [MARKDOWN, RST])
def test_every_description_is_judged_harmless(media: str) -> None:
    for text in payloads():
        rendered(text, media)


def test_the_watch_sees_what_runs(browser: Browser) -> None:
    """The same browser on a page that takes text for markup: nearly everything of the first parts of the grammar is seen."""
    with serving() as (address, deferred):
        shown = ""

        def careless(_environ: object, start_response: object) -> list[bytes]:
            start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])  # type: ignore[operator]
            return [b"<!DOCTYPE html><html><body><main>" + shown.encode("utf-8", "replace")]

        deferred.app = careless
        page = browser.new_context().new_page()
        watch = Watch(page, address)
        for shown in ("<img src=x onerror=window.__ran=1>", "<a href=javascript:x>a</a>", "<script>alert(1)</script>",
                      "<p style=color:red>a</p>", "<form action=//x.example.invalid/></form>", "<math></math>"):  # fmt: skip
            before = len(watch.faults)
            watch.visit("/")
            assert len(watch.faults) > before, shown


def test_file_names_hold_no_markup() -> None:
    for text in payloads():
        for name in (f"{text}-1.0-py3-none-any.whl", f"sample-{text}-py3-none-any.whl", f"sample-{text}.tar.gz"):
            with pytest.raises(Refusal):
                named = parse_filename(name)
                for check in FILENAME_CHECKS:
                    check(named, UploadLimits())


def test_a_page_shows_a_description_as_it_was_rendered(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    text = "# Usage\n\nRead [this](https://docs.example.invalid/) and ![a cat](https://img.example.invalid/cat.png)\n\n<script>x</script>"
    house.file(ann, "spam", "1.0", metadata={"description": text, "description_content_type": "text/markdown"})
    sandbox = sandbox_for("auto")
    try:
        made = described(DescribeContext(house.db, sandbox), Source(text, "text/markdown"))
    finally:
        sandbox.close()
    assert made.outcome is Outcome.RENDERED
    with house.db.write() as tx:
        release_id = tx.execute(release.select()).one().id
        values = {"outcome": made.outcome, "kind": made.kind, "html": made.html}
        tx.execute(insert(description).values(release_id=release_id, renderer=1, **values))
    page = house.browser().get("/project/spam/")
    prose = page.html.find("article", class_="prose")
    assert [one.text for one in prose.find_all("h3")] == ["Usage"]
    assert [(one["href"], one.text) for one in prose.find_all("a")] == [
        ("https://docs.example.invalid/", "this"),
        ("https://img.example.invalid/cat.png", "a cat"),
    ]
    assert all(set(one["rel"]) == {"nofollow", "ugc", "noopener"} for one in prose.find_all("a"))
    assert not prose.find_all(["img", "script"])
    levels = [int(one.name[1]) for one in page.html.find_all(["h1", "h2", "h3", "h4", "h5", "h6"])]
    assert levels.count(1) == 1
    with house.db.write() as tx:
        failed = {"outcome": "failed", "html": "", "reason": "line 3: <b>bad</b>"}
        tx.execute(update(description).values(failed))
    page = house.browser().get("/project/spam/")
    assert "It stands here as it was written" in page
    assert "# Usage" in page.html.find("pre", class_="text").text
    assert "line 3" not in page, "why is for the owners"
    assert "line 3: <b>bad</b>" in house.login("ann").get("/project/spam/").html.main.text


def test_every_page_forbids_what_none_needs(house: House) -> None:
    for path in ("/", "/project/nothing/", "/account/login/", "/help/", "/language/"):
        policy = house.browser().get(path, expect_errors=True).headers["Content-Security-Policy"]
        rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split(";") if rule.strip()}
        assert rules["default-src"] == ["'none'"]
        assert rules["require-trusted-types-for"] == ["'script'"]
        assert rules["trusted-types"] == ["'none'"]
        assert rules["base-uri"] == rules["frame-ancestors"] == ["'none'"]
        assert {source for sources in rules.values() for source in sources} <= {"'none'", "'self'", "'script'"}
