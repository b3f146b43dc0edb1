"""Registering, and showing that mail arrives (flows 1 and 2)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from bonded.accounts import people, registration_invitations
from bonded.accounts.mail_domains import DomainRules
from bonded.accounts.registration_rules import Mode, RegistrationRules
from bonded.values.who import OPERATOR
from tests.web.flows.site import PASSWORD, Site, press, refused, said, wrong
from tests.web.post import link_in
from tests.web.test_register import Leaked

NEW = "new@example.net"


def fill(page: Page, name: str = "newcomer", email: str = NEW, password: str = PASSWORD) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)


def send(page: Page, **fields: str) -> None:
    fill(page, **fields)
    press(page, "Register")


@pytest.fixture
def site(site: Site) -> Site:
    """Everybody may register, but with addresses of one domain, and two from a network in an hour."""
    refusing = DomainRules(refused=frozenset({"throwaway.example"}))
    site.set(registration=RegistrationRules(Mode.OPEN, per_hour=2, prohibited=frozenset({"acme"}), domains=refusing))
    return site


def waiting(site: Site, **fields: str) -> tuple[Page, str]:
    """Somebody who registered, and the address of their link."""
    page = site.open("/account/register/")
    send(page, **fields)
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    return page, link_in(site.mails()[fields.get("email", NEW)], "verify")


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        pytest.param("name", "ann", "The user name is taken", id="name taken"),
        pytest.param("name", "A.n-n", "The user name is taken", id="name confusable"),
        pytest.param("name", "admin", "Nobody gets this name", id="name prohibited"),
        pytest.param("name", "acme", "Nobody gets this name", id="name prohibited here"),
        pytest.param("name", "аnn", "Invalid user name", id="name in another script"),
        pytest.param("email", "a@mx.throwaway.example", "not taken", id="throw-away mail domain"),
        pytest.param("password", "aaaaaaaaaaaa", "too easy", id="password too easy"),
        pytest.param("password", "a password in a list", "known from leaks", id="breached password"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(site: Site, field: str, typed: str, words: str) -> None:
    site.use(ranges=Leaked("a password in a list"))
    page = site.open("/account/register/")
    send(page, **{field: typed})
    wrong(page, words, field)
    assert page.get_by_label("Password").input_value() == "", "it is not sent back"
    if field != "name":
        assert page.get_by_label("User name").input_value() == "newcomer", "what was right stays"


def test_registration_may_be_closed_or_by_invitation(site: Site) -> None:
    site.set(registration=RegistrationRules())
    refused(site.open("/account/register/", status=403), "registration-closed")
    login = site.open("/account/login/")
    expect(login.locator("main").get_by_role("link", name="Register")).to_have_count(0)
    site.set(registration=RegistrationRules(Mode.INVITATION))
    refused(site.open("/account/register/", status=403), "invitation-needed")
    with site.house.db.write() as tx:
        secret = registration_invitations.make(tx, OPERATOR, "eve@example.net", now=site.house.now)
    page = site.open(f"/account/register/?invitation={secret}")
    expect(page.get_by_label("E-mail address")).to_have_value("eve@example.net")
    send(page, email="eve@example.net")
    expect(page.locator("main")).to_contain_text("eve@example.net")


def test_a_program_that_fills_in_everything_gets_no_account(site: Site) -> None:
    page = site.open("/account/register/", scripts=True)
    fill(page)
    page.evaluate("document.querySelector('[name=website]').value = 'https://spam.example/'")
    press(page, "Register")
    wrong(page, "Leave the hidden field empty")
    assert site.mails() == {}


def test_too_many_from_one_network_wait(site: Site) -> None:
    for number in range(2):
        waiting(site, name=f"n{number}", email=f"n{number}@example.net")
    page = site.open("/account/register/")
    send(page)
    refused(page, "registration-limited")
    page = site.open("/account/register/", ip="203.0.113.9")
    send(page)
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()


def test_an_address_that_is_known_gets_the_same_page(site: Site) -> None:
    pages = []
    for name, email in (("newone", "one@example.net"), ("newtwo", "ann@example.invalid")):
        page = site.open("/account/register/")
        send(page, name=name, email=email)
        pages.append(page.locator("main").inner_text().replace(email, "ADDRESS").replace(name, "NAME"))
    assert pages[0] == pages[1]
    assert "belongs to an account already" in site.mails()["ann@example.invalid"], "told to its mailbox only"


def test_the_link_asks_for_the_password_and_works_once(site: Site) -> None:
    _, link = waiting(site)
    site.open(link)
    page = site.open(link)  # whatever looks at links in mails changes nothing
    page.get_by_label("The password that you chose").fill("a guess of a guess")
    press(page, "Confirm, and log in")
    wrong(page, "not the password that you chose", "password")
    page.get_by_label("The password that you chose").fill(PASSWORD)
    press(page, "Confirm, and log in")
    said(page, "the account is yours")
    refused(site.open(link, status=410), "link-used")


def test_until_the_link_was_used_there_is_no_account_to_log_in_to(site: Site) -> None:
    waiting(site)
    page = site.visitor()
    site.log_in(page, "newcomer", "another password")
    wrong(page, "Wrong user name or password")
    site.log_in(page, "newcomer")
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()


def test_links_that_are_cut_off_of_another_purpose_or_late(site: Site) -> None:
    _, link = waiting(site)
    refused(site.open("/account/verify/cut-off/", status=404), "link-invalid")
    refused(site.open(link.replace("/verify/", "/set-password/"), status=404), "link-invalid")
    site.later(days=2)
    refused(site.open(link, status=410), "link-expired", "Ask for a new one")


def test_the_link_is_sent_again_three_times_in_six_hours(site: Site) -> None:
    page, first = waiting(site)
    for _ in range(3):
        press(page, "Send it again")
        said(page, "Another link was sent")
    press(page, "Send it again")
    wrong(page, "The link was sent often enough")
    site.mails()
    refused(site.open(first, status=404), "link-invalid", "a newer one took its place")
    site.later(hours=6)
    press(page, "Send it again")
    said(page, "Another link was sent")
    newest = site.open(link_in(site.mails()[NEW], "verify"))
    expect(newest.get_by_label("The password that you chose")).to_be_visible()


def test_what_was_taken_meanwhile(site: Site) -> None:
    """The same address was confirmed for another account, the same name given by the operator."""
    _, mine = waiting(site, name="one")
    _, hers = waiting(site, name="two")
    page = site.open(mine)
    page.get_by_label("The password that you chose").fill(PASSWORD)
    press(page, "Confirm, and log in")
    said(page, "the account is yours")
    refused(site.open(hers, status=409), "email-taken")
    site.set(registration=RegistrationRules(Mode.OPEN))
    _, link = waiting(site, name="third", email="third@example.net")
    with site.house.db.write() as tx:
        people.create(tx, OPERATOR, "third", "x@example.invalid", is_admin=False, now=site.house.now)
    page = site.open(link)
    page.get_by_label("The password that you chose").fill(PASSWORD)
    press(page, "Confirm, and log in")
    refused(page, "user-name-taken")
