"""The review console by single keys, as its experts use it: from the queue to a decision, and back, without a pointer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import insert, select

from bonded.catalog import read
from bonded.catalog.tables import requirement, saved_filter
from bonded.journal.tables import journal
from bonded.values.states import FileState
from tests.web.house import House
from tests.web.server import chromium, serving
from tests.web.test_browser import log_in, open_page
from tests.web.test_review_console import fill, states

S = FileState


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def desk(house: House) -> Iterator[tuple[str, House, list[str]]]:
    with serving() as (address, deferred):
        house.settings = replace(house.settings, url=address)
        house.__post_init__()
        deferred.app = house.wsgi
        yield address, house, fill(house)


def press(page: Page, keys: str) -> None:
    """Press keys one after the other, once the page's scripts listen: they have run when it is loaded."""
    page.wait_for_load_state()
    for key in keys.split():
        page.keyboard.press(key)


def at_queue(browser: Browser, site: str, name: str = "root") -> Page:
    page = open_page(browser, scripts=True)
    log_in(page, site, name)
    page.goto(f"{site}admin/review/")
    expect(page.get_by_role("button", name="Keys")).to_be_visible()
    return page


def test_five_keys_from_the_queue_to_a_verdict_and_one_to_take_it_back(
    browser: Browser, desk: tuple[str, House, list[str]]
) -> None:
    site, house, files = desk
    page = at_queue(browser, site)
    press(page, "j Enter")
    expect(page.get_by_role("heading", name="spam", exact=True)).to_be_visible()
    expect(page.locator("article.evidence .hit").first).to_be_in_viewport()
    press(page, "j")
    expect(page.get_by_role("button", name="Reject")).to_be_focused()
    expect(page.locator("[data-case-target=says]")).to_contain_text("Reject: Malware: it collects private data")
    assert states(house, files[:1]) == [S.HELD]
    press(page, "2")
    expect(page.locator("[data-case-target=says]")).to_contain_text("fetches or decodes code")
    press(page, "Enter")
    expect(page.locator("p.notice[role=status]")).to_contain_text("Rejected.")
    expect(page.get_by_role("heading", name="eggs", exact=True)).to_be_visible()
    assert states(house, files[:1]) == [S.REJECTED]
    with house.db.read() as conn:
        row = conn.execute(select(journal).where(journal.c.action == "review.reject")).one()
    assert row.facts["reason"] == "Malware: it fetches or decodes code and runs it without being asked."
    press(page, "u")
    expect(page.locator("p.notice[role=status]")).to_contain_text("Taken back.")
    assert states(house, files[:1]) == [S.HELD]


def test_escape_undoes_the_readiness_and_keys_do_nothing_while_somebody_types(
    browser: Browser, desk: tuple[str, House, list[str]]
) -> None:
    site, house, files = desk
    page = at_queue(browser, site)
    page.goto(f"{site}admin/review/1/")
    press(page, "m Escape")
    expect(page.locator("[data-case-target=says]")).to_have_text("")
    expect(page.locator("article.evidence").first).to_be_focused()
    page.get_by_label("In your words").fill("")
    press(page, "j l q")
    expect(page.get_by_label("In your words")).to_have_value("jlq")
    expect(page.get_by_label("In your words")).to_be_focused()
    assert states(house, files) == [S.HELD] * 3


def test_evidence_files_decoded_forms_pages_and_reach(browser: Browser, desk: tuple[str, House, list[str]]) -> None:
    site = desk[0]
    page = at_queue(browser, site)
    page.goto(f"{site}admin/review/1/")
    cards = page.locator("article.evidence")
    press(page, "n n")
    expect(cards.nth(1)).to_be_focused()
    press(page, "n p")
    expect(cards.nth(0)).to_be_focused()
    press(page, "o")
    expect(page.locator("[data-case-target=decoded]").first).to_be_hidden()
    press(page, "o")
    expect(page.locator("[data-case-target=decoded]").first).to_be_visible()
    press(page, "Shift+Q")
    expect(page.get_by_label("How far it reaches")).to_have_value("release")
    press(page, "d")
    expect(page.get_by_role("heading", name="Since release 1.0")).to_be_visible()
    page.goto(f"{site}admin/review/1/")
    press(page, "s")
    expect(page.get_by_role("heading", name="eggs", exact=True)).to_be_visible()


def test_the_keys_are_explained_and_can_be_switched_off(browser: Browser, desk: tuple[str, House, list[str]]) -> None:
    """WCAG 2.2, 2.1.4: single keys can be turned off."""
    site, house, files = desk
    page = at_queue(browser, site)
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, "j Enter")  # the dialog is open: these are no keys of the queue
    page.get_by_label("Single keys work here").uncheck()
    page.get_by_role("button", name="Close").click()
    page.goto(f"{site}admin/review/1/")
    press(page, "l Enter")
    expect(page.locator("[data-case-target=says]")).to_have_text("")
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_have_count(0)
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys work here").check()
    page.get_by_role("button", name="Close").click()
    press(page, "l")
    expect(page.get_by_role("button", name="Release")).to_be_focused()
    assert states(house, files) == [S.HELD] * 3


def test_a_claimed_case_says_so_to_others_and_asks_before_they_decide(
    browser: Browser, desk: tuple[str, House, list[str]]
) -> None:
    site, house, files = desk
    house.person("bob", admin=True)
    page = at_queue(browser, site)
    press(page, "j c")
    expect(page.locator("p.notice[role=status]")).to_contain_text("yours for 30 minutes")
    other = at_queue(browser, site, "bob")
    expect(other.get_by_role("row", name="spam")).to_contain_text("in the hands of root")
    press(other, "Enter")
    expect(other.get_by_text("root works on this case.")).to_be_visible()
    press(other, "l Enter")
    expect(other.get_by_text("root works on this case at the moment.")).to_be_visible()
    assert states(house, files[:1]) == [S.HELD]
    other.get_by_role("button", name="yes, all of these").click()
    expect(other.locator("p.notice[role=status]")).to_contain_text("Released.")
    assert states(house, files[:1]) == [S.PUBLIC]


def test_filters_are_kept_offered_and_forgotten(browser: Browser, desk: tuple[str, House, list[str]]) -> None:
    site, house, _ = desk
    page = at_queue(browser, site)
    press(page, "/")
    expect(page.locator("#project")).to_be_focused()
    page.locator("#project").fill("eggs")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("Keep this filter…").click()
    page.get_by_label("Its name").fill("only eggs")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="only eggs")).to_have_attribute("aria-current", "true")
    page.goto(f"{site}admin/review/")
    page.get_by_role("link", name="only eggs").click()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_text("Keep this filter…").click()
    page.get_by_role("button", name="Forget “only eggs”").click()
    expect(page.get_by_role("link", name="only eggs")).to_have_count(0)
    with house.db.read() as conn:
        assert conn.execute(select(saved_filter)).all() == []


def test_removing_what_others_require_takes_two(browser: Browser, house: House) -> None:
    with serving() as (address, deferred):
        house.settings = replace(house.settings, url=address, two_people_dependants=1)
        house.__post_init__()
        deferred.app = house.wsgi
        files = fill(house)
        house.person("bob", admin=True)
        with house.db.write() as tx:
            project = read.project(tx, "ham")
            assert project
            tx.execute(insert(requirement).values(name="spam", project_id=project.id))
        first = at_queue(browser, address)
        first.goto(f"{address}admin/review/1/")
        expect(first.get_by_text("required by 1 project here")).to_be_visible()
        press(first, "m Enter")
        expect(first.get_by_text("1 other project here requires spam.")).to_be_visible()
        first.get_by_role("button", name="yes, all of these").click()
        expect(first.locator("p.notice[role=status]")).to_contain_text("second administrator")
        assert states(house, files[:1]) == [S.HELD]
        second = at_queue(browser, address, "bob")
        second.goto(f"{address}admin/review/1/")
        expect(second.get_by_text("root proposes to remove")).to_be_visible()
        press(second, "m Enter")
        second.get_by_role("button", name="yes, all of these").click()
        expect(second.locator("p.notice[role=status]")).to_contain_text("Removed for good.")
        assert states(house, files[:1]) == [S.REMOVED]


def test_figures_and_settings_are_pages(browser: Browser, desk: tuple[str, House, list[str]]) -> None:
    site = desk[0]
    page = at_queue(browser, site)
    page.goto(f"{site}admin/figures/")
    expect(page.get_by_role("row", name="From upload to the first decision of a person")).to_contain_text("none yet")
    page.goto(f"{site}admin/settings/")
    expect(page.get_by_role("heading", name="Settings in force")).to_be_visible()
