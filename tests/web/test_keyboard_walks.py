"""Whole tasks without a pointer: whoever cannot use one gets to the end, and sees at each step where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from bonded.accounts.registration_rules import Mode, RegistrationRules
from bonded.accounts.totp import code_at
from bonded.catalog import read
from bonded.values.states import FileState
from tests.web.house import PASSWORD, House
from tests.web.post import Post, link_in
from tests.web.scenes.stage import visiting
from tests.web.server import chromium, serving
from tests.web.test_second_factors import SECRET, add_app
from tests.web.walker import PLANTED, Walker

WIDTHS = (1280, pytest.param(320, marks=pytest.mark.slow))


@dataclass
class Site:
    """An index that is served, and somebody before it."""

    house: House
    address: str
    page: Page
    walk: Walker

    def log_in(self, name: str, path: str) -> None:
        """From a page that asks for a login to that page, by keys."""
        self.page.goto(self.address + path)
        self.walk.write(self.page.get_by_label("User name"), name)
        self.walk.write(self.page.get_by_label("Password"), PASSWORD)
        self.walk.press(self.page.get_by_role("button", name="Log in", exact=True))

    def section(self, name: str) -> None:
        """To another page of the account; in a small window their list is opened first."""
        expect(self.page.locator(".sections")).to_be_visible()
        button = self.page.locator(".sections > button")
        if button.is_visible():
            self.walk.press(button)
        self.walk.press(self.page.get_by_role("link", name=name, exact=True))

    def said(self, words: str) -> None:
        expect(self.page.locator("p.notice[role=status]")).to_contain_text(words)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(params=WIDTHS)
def site(request: pytest.FixtureRequest, browser: Browser, house: House) -> Iterator[Site]:
    with serving() as (address, deferred), visiting(browser, request.param) as page:
        house.settings = replace(house.settings, url=address, registration=RegistrationRules(Mode.OPEN))
        house.__post_init__()
        deferred.app = house.wsgi
        ann = house.person("ann")
        house.person("root", admin=True)
        house.project("spam", ann)
        house.file(ann, "spam", "1.0")
        house.case(house.file(ann, "spam", "1.1", state=FileState.HELD))
        yield Site(house, address, page, Walker(page))


def test_registering(site: Site) -> None:
    post, page, walk = Post(site.house, site.address), site.page, site.walk
    page.goto(site.address)
    walk.press(page.get_by_role("link", name="Log in"))
    walk.press(page.locator("main").get_by_role("link", name="Register"))
    walk.write(page.get_by_label("User name"), "admin")
    walk.write(page.get_by_label("E-mail address"), "new@example.net")
    walk.write(page.get_by_label("Password"), PASSWORD)
    walk.press(page.locator("main").get_by_role("button", name="Register"))
    # What is wrong has the focus, and leads to its field.
    expect(page.get_by_role("alert")).to_be_focused()
    walk.press(page.get_by_role("alert").get_by_role("link"))
    expect(page.get_by_label("User name")).to_be_focused()
    walk.write(page.get_by_label("User name"), "newcomer")
    walk.write(page.get_by_label("Password"), PASSWORD)
    walk.press(page.locator("main").get_by_role("button", name="Register"))
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    page.goto(site.address.rstrip("/") + link_in(post.deliver()["new@example.net"], "verify"))
    walk.write(page.get_by_label("The password that you chose"), PASSWORD)
    walk.press(page.get_by_role("button", name="Confirm, and log in"))
    site.said("the account is yours")


def test_logging_in_with_a_second_step(site: Site) -> None:
    with site.house.db.read() as conn:
        from bonded.accounts import people

        ann = people.need(conn, "ann")
    add_app(site.house, ann)
    site.house.now += timedelta(minutes=2)
    site.log_in("ann", "account/tokens/")
    expect(site.page.get_by_role("heading", name="Second step")).to_be_visible()
    field = site.page.get_by_label("Code of your authentication app")
    site.walk.write(field, "000000")
    site.walk.press(site.page.get_by_role("button", name="Go on"))
    expect(site.page.get_by_role("alert").first).to_be_focused()
    site.walk.write(field, code_at(SECRET, int(site.house.now.timestamp()) // 30))
    site.walk.press(site.page.get_by_role("checkbox").first, "Space")
    site.walk.to(site.page.get_by_role("button", name="Go on"))
    site.page.keyboard.press("Enter")
    expect(site.page.get_by_role("heading", name="API tokens")).to_be_visible()


def test_making_a_token(site: Site) -> None:
    page, walk = site.page, site.walk
    site.log_in("ann", "account/")
    site.section("API tokens")
    walk.write(page.get_by_label("Name"), "laptop")
    walk.to(page.get_by_role("radio").first)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Only these:")).to_be_checked()
    walk.press(page.get_by_role("checkbox", name="spam"), "Space")
    walk.press(page.get_by_role("button", name="Make the token"))
    expect(page.locator("#token")).to_contain_text("bonded-")
    walk.press(page.get_by_role("link", name="I have copied it"))
    expect(page.get_by_role("row", name="laptop")).to_contain_text("spam")


def test_yanking_a_file(site: Site) -> None:
    page, walk = site.page, site.walk
    site.log_in("ann", "manage/project/spam/")
    row = page.get_by_role("row").filter(has_text="spam-1.0")
    walk.press(row.locator("summary"))
    walk.write(row.get_by_label("Why (shown to installers)"), "burns the bacon")
    walk.press(row.get_by_role("button", name="Yank"))
    expect(page.get_by_role("row").filter(has_text="spam-1.0")).to_contain_text("burns the bacon")


def test_changing_the_password(site: Site) -> None:
    page, walk = site.page, site.walk
    site.log_in("ann", "account/")
    site.section("Password")
    for label, text in (
        ("Password now", PASSWORD),
        ("New password", "a horse of another colour"),
        ("The same again", "a horse of another colour"),
    ):
        walk.write(page.get_by_label(label, exact=True), text)
    walk.press(page.locator("main form").get_by_role("button").last)
    site.said("Your password is changed.")


def test_reviewing_a_case(site: Site) -> None:
    page, walk = site.page, site.walk
    site.log_in("root", "admin/review/")
    expect(page.get_by_role("heading", name="Review queue")).to_be_visible()
    # The list of keys opens and closes, and gives the focus back.
    walk.press(page.get_by_role("button", name="Keys"))
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Keys")).to_be_focused()
    walk.press(page.locator("main tbody th a"))
    expect(page.get_by_role("heading", name="spam", exact=True)).to_be_visible()
    walk.write(page.get_by_label("In your words"), "read it; prints a greeting")
    walk.press(page.get_by_role("button", name="Release"))
    site.said("Released.")
    with site.house.db.read() as conn:
        project = read.project(conn, "spam")
        assert project
        assert {one.version: one.state for one in read.files(conn, project.id)}["1.1"] is FileState.PUBLIC


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_seen(browser: Browser, fault: str) -> None:
    with visiting(browser) as page:
        page.set_content(
            f"<style>a {{ outline: 3px solid #000 }}</style><main><a href='#a'>one</a>{PLANTED[fault]}<a href='#c'>three</a></main>"
        )
        with pytest.raises(AssertionError, match=fault):
            Walker(page).to(page.get_by_text("three"))
