"""Registering, adding an address, and logging in from a new place, in a real browser; with pictures at two widths."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from bonded.accounts import people
from bonded.accounts.known_devices import forget_all
from bonded.accounts.registration_rules import Mode, RegistrationRules
from tests.web.house import PASSWORD, House
from tests.web.post import Post, link_in
from tests.web.server import chromium, serving
from tests.web.test_browser import open_page, shoot


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def site(house: House) -> Iterator[str]:
    """The index at `localhost`, where everybody may register."""
    with serving() as (address, deferred):
        address = address.replace("127.0.0.1", "localhost")
        house.settings = replace(house.settings, url=address, registration=RegistrationRules(Mode.OPEN))
        house.__post_init__()
        deferred.app = house.wsgi
        yield address


def fits(page: Page) -> None:
    """No page scrolls sideways, once it has its styles."""
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def said(page: Page, words: str) -> None:
    expect(page.locator("[role=status]").filter(has_text=words).first).to_be_visible()


@pytest.mark.parametrize("width", [1280, 320])
def test_from_the_form_to_a_second_address_and_a_new_place(
    browser: Browser, site: str, house: House, width: int
) -> None:
    post, page = Post(house, site), open_page(browser, width, scripts=True)

    def picture(name: str) -> None:
        fits(page)
        shoot(page, f"entering-{name}-{width}")

    page.goto(f"{site}account/login/")
    page.locator("main").get_by_role("link", name="Register").click()
    expect(page.get_by_label("Website")).not_to_be_in_viewport()
    picture("register")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("E-mail address").fill("ann@example.net")
    page.get_by_label("Password").fill("short-1234")
    page.locator("main").get_by_role("button", name="Register").click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody gets this name")
    expect(page.get_by_label("User name")).to_have_attribute("aria-invalid", "true")
    picture("register-wrong")
    page.get_by_label("User name").fill("ann")
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main").get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    picture("register-sent")

    page.goto(site.rstrip("/") + link_in(post.deliver()["ann@example.net"], "verify"))
    picture("verify")
    page.get_by_label("The password that you chose").fill(PASSWORD)
    page.get_by_role("button", name="Confirm, and log in").click()
    said(page, "the account is yours")

    page.goto(f"{site}account/addresses/")
    page.get_by_label("Another e-mail address").fill("ann@work.example.net")
    page.get_by_role("button", name="Send the link", exact=True).click()
    said(page, "A link was sent to the address")
    picture("addresses")
    page.goto(site.rstrip("/") + link_in(post.deliver()["ann@work.example.net"], "email"))
    picture("confirm-address")
    page.get_by_role("button", name="Confirm", exact=True).click()
    said(page, "The address is confirmed.")
    page.get_by_role("button", name="Send mails here").click()
    said(page, "Mails go there from now on.")
    undo = link_in(post.deliver()["ann@example.net"], "undo-email")
    page.goto(site.rstrip("/") + undo)
    picture("undo")
    page.goto(f"{site}account/sessions/")
    expect(page.get_by_role("heading", name="Known browsers")).to_be_visible()
    picture("known-browsers")

    with house.db.write() as tx:  # as if she had logged in elsewhere only
        forget_all(tx, people.need(tx, "ann").id)
    stranger = open_page(browser, width)  # without script, as all of it works
    stranger.goto(f"{site}account/login/")
    stranger.get_by_label("User name").fill("ann")
    stranger.get_by_label("Password").fill(PASSWORD)
    stranger.locator("main").get_by_role("button", name="Log in", exact=True).click()
    expect(stranger.get_by_role("heading", name="Look into your mail")).to_be_visible()
    shoot(stranger, f"entering-unusual-{width}")
    link = site.rstrip("/") + link_in(post.deliver()["ann@work.example.net"], "login/confirm")
    page.goto(link)
    expect(page.get_by_role("heading", name="The link was opened in another place")).to_be_visible()
    picture("elsewhere")
    stranger.goto(link)
    shoot(stranger, f"entering-confirm-{width}")
    stranger.get_by_role("button", name="It is me: log in").click()
    expect(stranger.locator("p.notice[role=status]")).to_have_text("You are logged in.")
