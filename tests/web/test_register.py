"""Registering: each state and each error, as a browser gets it; the mailbox learns what the page does not say."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from webtest import TestApp, TestResponse

from bonded.accounts import passwords, people, registration_invitations
from bonded.accounts.hashing import Cost, Hasher
from bonded.accounts.mail_domains import DomainRules
from bonded.accounts.registration_rules import Mode, RegistrationRules
from bonded.journal.read import of_everything
from bonded.values.who import OPERATOR
from tests.web.house import PASSWORD, House, form_with, login_form
from tests.web.post import Post, link_in

ADDRESS = "ann@example.net"


class Leaked:
    """A list of passwords that are known from leaks."""

    def __init__(self, *passwords: str) -> None:
        self.hashes = [hashlib.sha1(one.encode(), usedforsecurity=False).hexdigest().upper() for one in passwords]

    def range(self, prefix: str) -> Iterable[str]:
        return [one[5:] for one in self.hashes if one.startswith(prefix)]


def opened(house: House, **changed: Any) -> House:
    """The same index, where everybody may register."""
    rules = RegistrationRules(**({"mode": Mode.OPEN, "per_hour": 100} | changed))
    house.settings = replace(house.settings, registration=rules)
    house.__post_init__()
    return house


@pytest.fixture
def open_house(house: House) -> House:
    return opened(house)


def register(
    browser: TestApp, name: str = "ann", email: str = ADDRESS, password: str = PASSWORD, status: int = 303, **more: str
) -> TestResponse:
    form = form_with(browser.get("/account/register/"), "email")
    form["name"], form["email"], form["password"] = name, email, password
    for field, value in more.items():
        form[field] = value
    return form.submit(status=status)


def verify(browser: TestApp, address: str, password: str = PASSWORD, status: int = 303) -> TestResponse:
    form = form_with(browser.get(address), "password")
    form["password"] = password
    return form.submit(status=status)


def beside(page: TestResponse, field: str) -> str:
    """What is said beside a field."""
    return " ".join(page.html.find(id=f"f-{field}-wrong").text.split())


def test_a_form_a_mail_a_link_an_account(open_house: House) -> None:
    post, browser = Post(open_house), open_house.browser()
    page = register(browser).follow()
    assert "Look into your mail" in page
    assert ADDRESS in page
    mails = post.deliver()
    assert set(mails) == {ADDRESS}
    address = link_in(mails[ADDRESS], "verify")
    with open_house.db.read() as conn:
        assert people.by_name(conn, "ann") is None, "until the link was used there is no account"
    assert "You are logged in." in verify(browser, address).follow()
    with open_house.db.read() as conn:
        ann = people.need(conn, "ann")
        rows = [(row.action, row.subject_id) for row in of_everything(conn).entries[::-1]]
    assert (ann.email, ann.is_admin, ann.has_password) == (ADDRESS, False, True)
    told = ["user.register", "user.register-link", "user.verify", "user.login"]
    assert rows == [(action, ann.id) for action in told]
    assert "Your address is confirmed" in post.deliver()[ADDRESS]
    open_house.login("ann")


def test_mails_come_in_the_language_of_the_page(open_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from bonded.mail import catalogues

    if "de" not in catalogues.available():
        monkeypatch.setattr(catalogues, "available", lambda: frozenset({"en", "de"}))
    open_house.settings = replace(open_house.settings, languages=("en", "de"))
    open_house.__post_init__()
    post, browser = Post(open_house), open_house.browser(HTTP_ACCEPT_LANGUAGE="de")
    register(browser)
    text = post.deliver()[ADDRESS]
    assert "Öffnen Sie" in text or "öffnen Sie" in text
    verify(browser, link_in(text, "verify"))
    with open_house.db.read() as conn:
        assert people.need(conn, "ann").language == "de"


def test_closed(house: House) -> None:
    assert "registration-closed" in house.browser().get("/account/register/", status=403)
    assert "/account/register/" not in house.browser().get("/account/login/")
    assert "/account/register/" in opened(house).browser().get("/account/login/")


def test_by_invitation(house: House) -> None:
    opened(house, mode=Mode.INVITATION)
    browser = house.browser()
    assert "invitation-needed" in browser.get("/account/register/", status=403)
    assert "invitation-needed" in browser.get("/account/register/?invitation=wrong", status=403)
    with house.db.write() as tx:
        secret = registration_invitations.make(tx, OPERATOR, "Eve@Example.net", now=house.now)
    form = form_with(browser.get(f"/account/register/?invitation={secret}"), "email")
    assert form["email"].value == "Eve@example.net"
    form["name"], form["email"], form["password"] = "eve", "another@example.net", PASSWORD
    assert "Eve@example.net" in form.submit(status=303).follow(), "the invitation is for one address"
    assert "invitation-needed" in form.submit(status=403), "and for one time"


@pytest.mark.parametrize("name", ["taken", "Taken", "t.a-k_e.n", "waiting", "wa1ting"])
def test_names_that_are_taken_or_look_like_it(open_house: House, name: str) -> None:
    open_house.person("taken")
    register(open_house.browser(), "waiting", "w@example.net")
    page = register(open_house.browser(), name, status=400)
    assert "The user name is taken" in beside(page, "name")


@pytest.mark.parametrize("name", ["admin", "R00T", "no.reply", "acme", "Acm-e"])
def test_names_that_nobody_gets(house: House, name: str) -> None:
    opened(house, prohibited=frozenset({"acme"}))
    assert "Nobody gets this name" in beside(register(house.browser(), name, status=400), "name")


@pytest.mark.parametrize("name", ["", "-a", "a b", "аnn", "ann\u202e", "ann\x00", "é", "x" * 51, "<b>"])
def test_names_that_are_none(open_house: House, name: str) -> None:
    assert beside(register(open_house.browser(), name, status=400), "name")


@pytest.mark.parametrize(
    "email", ["", "x", "a@b@c.net", "a@-x.net", "a@example.net\nBcc: b@x.net", "A <a@example.net>", "x" * 300]
)
def test_addresses_that_are_none(open_house: House, email: str) -> None:
    assert beside(register(open_house.browser(), email=email, status=400), "email")


@pytest.mark.parametrize(
    "email", ["a@throwaway.example", "a@MX.Throwaway.example", "a@bücher.example", "a@elsewhere.example"]
)
def test_domains_that_are_not_taken(house: House, email: str) -> None:
    domains = DomainRules(
        refused=frozenset({"throwaway.example", "xn--bcher-kva.example"}),
        only=frozenset({"throwaway.example", "good.example", "xn--bcher-kva.example", "mx.throwaway.example"}),
    )
    opened(house, domains=domains)
    assert "not taken" in beside(register(house.browser(), email=email, status=400), "email")
    register(house.browser(), email="a@good.example")


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "too easy to guess"),
        ("aaaaaaaaaaaa", "too easy"),
        ("x" * 1100, "too easy"),
        (PASSWORD, "known from leaks"),
    ],
)
def test_passwords_that_are_none(open_house: House, password: str, said: str) -> None:
    object.__setattr__(open_house.context, "ranges", Leaked(PASSWORD, "x" * 1100))
    page = register(open_house.browser(), password=password, status=400)
    assert said in beside(page, "password") or "known from leaks" in beside(page, "password")
    assert password not in page.text


def test_all_that_is_wrong_is_said_at_once(open_house: House) -> None:
    page = register(open_house.browser(), "admin", "nonsense", "short", status=400)
    assert len(page.html.find(role="alert").find_all("a")) == 3


def test_a_program_that_fills_in_everything(open_house: House) -> None:
    page = register(open_house.browser(), status=400, website="https://spam.example/")
    assert "Leave the hidden field empty" in page.html.find(role="alert").text
    with open_house.db.read() as conn:
        assert not of_everything(conn).entries


def test_too_many_from_one_network(house: House) -> None:
    opened(house, per_hour=2)
    for number in range(2):
        register(house.browser(), f"n{number}", f"n{number}@example.net")
    refused = register(house.browser(), "n3", "n3@example.net", status=429)
    assert "registration-limited" in refused
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    register(house.browser(REMOTE_ADDR="203.0.113.9"), "n3", "n3@example.net")
    house.now += timedelta(hours=1)
    register(house.browser(), "n4", "n4@example.net")


def test_nobodys_mailbox_is_filled_by_forms_under_many_names(open_house: House) -> None:
    post = Post(open_house)
    for number, email in enumerate((ADDRESS, ADDRESS.upper(), ADDRESS)):
        register(open_house.browser(REMOTE_ADDR=f"203.0.113.{number}"), f"ann-{number}", email)
    post.deliver()
    page = register(open_house.browser(REMOTE_ADDR="203.0.113.77"), "ann-again", status=429)
    assert "The link was sent often enough" in beside(page, "email")
    assert 0 < int(page.headers["Retry-After"]) <= 6 * 3600
    assert post.deliver() == {}
    register(open_house.browser(), "ann-again", "another@example.net")
    open_house.now += timedelta(hours=6)
    register(open_house.browser(), "ann-later")


def test_an_address_that_is_known_gets_the_same_page_and_the_same_work(
    open_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    work: list[str] = []

    class Counting(Hasher):
        def hash(self, password: str) -> str:
            work.append("hash")
            return super().hash(password)

    counting = Counting(Cost(memory_kib=64, passes=1))
    open_house.person("owner")
    post = Post(open_house)
    post.deliver()
    monkeypatch.setattr(passwords, "default_hasher", lambda: counting)
    statements: list[list[str]] = []
    pages: list[list[str]] = []
    for name, email in (("one", "new-address@example.net"), ("two", "Owner@example.invalid")):
        seen: list[str] = []

        def listener(*words: Any, seen: list[str] = seen) -> None:
            seen.append(words[2])

        browser = open_house.browser()
        form = form_with(browser.get("/account/register/"), "email")
        form["name"], form["email"], form["password"] = name, email, PASSWORD
        event.listen(open_house.db.engine, "before_cursor_execute", listener)
        answer = form.submit(status=303)
        event.remove(open_house.db.engine, "before_cursor_execute", listener)
        page = answer.follow()
        second = form_to_again(page).submit(status=303).follow()
        pages.append([scrubbed(one, name, email) for one in (answer, page, second)])
        statements.append(seen)
    assert work == ["hash", "hash"]
    assert pages[0] == pages[1]
    assert statements[0] == statements[1], "the database is asked the same, in the same order"
    mails = post.deliver()
    assert "open the link below" in mails["new-address@example.net"]
    assert "belongs to an account already" in mails["Owner@example.invalid"]
    assert "/account/verify/" not in mails["Owner@example.invalid"]


def form_to_again(page: TestResponse) -> Any:
    return next(form for form in page.forms.values() if form.action.endswith("/again/"))


def scrubbed(page: TestResponse, name: str, email: str) -> str:
    """A page without what differs by chance or by what was typed."""
    text = re.sub(r'(?<=name="csrf" value=")[^"]*|(?<=/register/)[0-9a-z]{26}', "*", page.text + str(page.location))
    for word in (email, email.partition("@")[0] + "@" + email.partition("@")[2].lower()):
        text = text.replace(word, "ADDRESS")
    return text.replace(f">{name}<", ">NAME<")


def test_a_wait_of_mine_is_told_to_whoever_knows_its_password(open_house: House) -> None:
    browser = open_house.browser()
    register(browser)
    answers = []
    for name, password in (("ann", "wrong password"), ("nobody", "wrong password")):
        form = login_form(open_house.browser().get("/account/login/"))
        form["name"], form["password"] = name, password
        answers.append(scrubbed(form.submit(status=401), name, ADDRESS).replace(f'value="{name}"', ""))
    assert re.sub(r'data-options="[^"]*"', "", answers[0]) == re.sub(r'data-options="[^"]*"', "", answers[1])
    form = login_form(open_house.browser().get("/account/login/"))
    form["name"], form["password"] = "Ann", PASSWORD
    assert "Look into your mail" in form.submit(status=303).follow()


def test_the_link_needs_the_password_and_works_once(open_house: House) -> None:
    post, browser = Post(open_house), open_house.browser()
    register(browser)
    address = link_in(post.deliver()[ADDRESS], "verify")
    stranger = open_house.browser()
    for _ in range(3):
        stranger.get(address)
    stranger.head(address)
    assert "not the password that you chose" in verify(stranger, address, "a guess of a guess", status=403)
    verify(browser, address)
    assert "link-used" in stranger.get(address, status=410)


def test_guesses_at_the_link_are_limited(open_house: House) -> None:
    post = Post(open_house)
    register(open_house.browser())
    address, stranger = link_in(post.deliver()[ADDRESS], "verify"), open_house.browser()
    for _ in range(10):
        verify(stranger, address, "a guess of a guess", status=403)
    assert "login-limited" in verify(stranger, address, status=429)


def test_links_that_are_not_good(open_house: House) -> None:
    post, browser = Post(open_house), open_house.browser()
    register(browser)
    address = link_in(post.deliver()[ADDRESS], "verify")
    assert "link-invalid" in browser.get("/account/verify/wrong/", status=404)
    secret = address.split("/")[3]
    for other in ("set-password", "email", "undo-email", "login/confirm"):
        assert "link-invalid" in browser.get(f"/account/{other}/{secret}/", status=404), "of another purpose"
    open_house.now += timedelta(days=2)
    assert "link-expired" in browser.get(address, status=410)
    open_house.now += timedelta(days=1)
    assert "Look into your mail" in register(browser).follow(), "the name is free again"
    assert "link-invalid" in browser.get(address, status=404)


def test_a_link_is_sent_again_three_times_in_six_hours(open_house: House) -> None:
    post, browser = Post(open_house), open_house.browser()
    page = register(browser).follow()
    first = link_in(post.deliver()[ADDRESS], "verify")
    for _ in range(3):
        page = form_to_again(page).submit(status=303).follow()
    assert "Another link was sent" in page
    refused = form_to_again(page).submit(status=429)
    assert "The link was sent often enough" in refused
    assert int(refused.headers["Retry-After"]) <= 6 * 3600
    newest = post.sent[-1].get_body(("plain",))
    post.deliver()
    assert newest is not None
    assert "link-invalid" in browser.get(first, status=404), "a newer one took its place"
    open_house.now += timedelta(hours=6)
    form_to_again(page).submit(status=303)
    verify(open_house.browser(), link_in(post.deliver()[ADDRESS], "verify"))
    assert "not-found" in browser.get(page.request.path, status=404)
    assert "link-used" in form_to_again(page).submit(status=410)


def test_an_address_that_was_confirmed_elsewhere_meanwhile(open_house: House) -> None:
    post = Post(open_house)
    one, two = open_house.browser(), open_house.browser()
    register(one, "one")
    register(two, "two")
    mails = post.deliver()[ADDRESS].split("\n")
    verify(one, link_in(mails[0], "verify"))
    assert "email-taken" in two.get(link_in(mails[1], "verify"), status=409)
    with open_house.db.read() as conn:
        assert people.by_name(conn, "two") is None


def test_a_name_that_the_operator_gave_away_meanwhile(open_house: House) -> None:
    post, browser = Post(open_house), open_house.browser()
    register(browser)
    address = link_in(post.deliver()[ADDRESS], "verify")
    with open_house.db.write() as tx:
        people.create(tx, OPERATOR, "ann", "x@example.invalid", is_admin=False, now=open_house.now)
    assert "user-name-taken" in verify(browser, address, status=409)
    assert "user-name-taken" in verify(browser, address, status=409), "nothing was half done"
