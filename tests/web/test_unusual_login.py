"""Logins from new places, browsers that are known, and those that stand for the second step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from webtest import TestApp, TestResponse

from bonded.accounts import addresses, factors, known_devices, passwords, people, totp
from bonded.accounts.not_me import shut_out
from bonded.accounts.people import User
from bonded.accounts.reset import make_reset_link
from bonded.journal.read import of_everything
from bonded.values.who import OPERATOR
from tests.web.house import CHEAP, PASSWORD, House, form_to, form_with, login_form
from tests.web.post import Post, link_in

MAIL = "ann@example.invalid"
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.50", "HTTP_USER_AGENT": "Other/2.0"}


@pytest.fixture
def post(house: House) -> Post:
    """Ann has logged in before, at her usual place."""
    house.person("ann")
    house.login("ann")
    made = Post(house)
    made.deliver()
    return made


def ann(house: House) -> User:
    with house.db.read() as conn:
        return people.need(conn, "ann")


def attempt(browser: TestApp, status: int = 303, password: str = PASSWORD) -> TestResponse:
    form = login_form(browser.get("/account/login/?next=/account/tokens/"))
    form["name"], form["password"] = "ann", password
    return form.submit(status=status)


def logged_in(browser: TestApp) -> bool:
    return browser.get("/account/", status="*").status_int == 200


def confirm(browser: TestApp, address: str, status: int = 303) -> TestResponse:
    return list(browser.get(address).forms.values())[-1].submit(status=status)


def leave(browser: TestApp) -> None:
    form_to(browser.get("/account/"), "/logout/").submit(status=303)


def app_of(house: House) -> bytes:
    """Give Ann an authentication app; returns its secret."""
    secret = totp.new_secret()
    with house.db.write() as tx:
        code = totp.code_at(secret, int(house.now.timestamp()) // 30)
        factors.add_app(tx, OPERATOR, house.context.sealer, ann(house).id, "phone", secret, code, now=house.now)
    return secret


def second(house: House, browser: TestApp, secret: bytes, *, remember: bool = False, status: int = 303) -> TestResponse:
    house.now += timedelta(seconds=30)
    form = form_with(browser.get("/account/login/second/"), "code")
    form["code"] = totp.code_at(secret, int(house.now.timestamp()) // 30)
    form["remember"] = remember
    return form.submit(status=status)


def test_the_first_login_of_all_and_logins_from_a_known_place_are_usual(post: Post) -> None:
    house = post.house
    assert attempt(house.browser(HTTP_USER_AGENT="Another/1.0")).location.endswith("/account/tokens/"), "known network"
    browser = house.login("ann")
    browser.extra_environ["REMOTE_ADDR"] = "203.0.113.99"
    leave(browser)
    assert attempt(browser).location.endswith("/account/tokens/"), "known browser"
    assert post.deliver() == {}


def test_a_new_browser_at_a_new_place_waits_for_the_mailbox(post: Post) -> None:
    house, browser = post.house, post.house.browser(**ELSEWHERE)
    page = attempt(browser).follow()
    assert "A link was sent to" in page
    assert MAIL not in page, "who knows the password need not know the address"
    assert "a…@example.invalid" in page
    assert not logged_in(browser)
    address = link_in(post.deliver()[MAIL], "login/confirm")
    browser.get(address)
    assert not logged_in(browser), "looking, as scanners of mails do, confirms nothing"
    assert "You are logged in." in confirm(browser, address).follow()
    with house.db.read() as conn:
        told = [row.action for row in of_everything(conn).entries[:3]][::-1]
    assert told == ["user.login-link", "user.confirm-login", "user.login"]
    assert attempt(house.browser(**ELSEWHERE | {"HTTP_USER_AGENT": "Third/3.0"})).location.endswith("/account/tokens/")


@pytest.mark.parametrize(
    "changed",
    [{"REMOTE_ADDR": "203.0.113.51"}, {"HTTP_USER_AGENT": "Phone/1.0"}],
    ids=["another network", "another browser"],
)
def test_a_link_works_only_where_the_password_was_typed(post: Post, changed: dict[str, str]) -> None:
    house, browser = post.house, post.house.browser(**ELSEWHERE)
    attempt(browser)
    address = link_in(post.deliver()[MAIL], "login/confirm")
    for other in (house.browser(), house.browser(**ELSEWHERE)):
        assert "login-elsewhere" in other.get(address, status=403), "a browser in which no login waits"
    browser.extra_environ |= changed
    assert "login-elsewhere" in browser.get(address, status=403)
    browser.extra_environ |= ELSEWHERE
    confirm(browser, address)
    assert logged_in(browser), "trying elsewhere did not use the link up"
    assert "link-used" in browser.get(address, status=410)


def test_a_login_waits_half_an_hour(post: Post) -> None:
    house, browser = post.house, post.house.browser(**ELSEWHERE)
    attempt(browser)
    address = link_in(post.deliver()[MAIL], "login/confirm")
    house.now += timedelta(minutes=30)
    assert "link-expired" in browser.get(address, status=410)
    assert "login-over" in browser.get("/account/login/unusual/", status=401)


def test_another_link_is_sent_once_in_fifteen_minutes(post: Post) -> None:
    house, browser = post.house, post.house.browser(**ELSEWHERE)
    page = attempt(browser).follow()
    first = link_in(post.deliver()[MAIL], "login/confirm")
    refused = form_to(page, "/login/unusual/").submit(status=429)
    assert "A link was sent a moment ago" in refused
    assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
    assert post.deliver() == {}
    house.now += timedelta(minutes=15)
    assert "Another link was sent" in form_to(page, "/login/unusual/").submit(status=303).follow()
    second_link = link_in(post.deliver()[MAIL], "login/confirm")
    assert "link-invalid" in browser.get(first, status=404)
    confirm(browser, second_link)


def test_whoever_begins_again_at_once_uses_the_link_they_have(post: Post) -> None:
    browser = post.house.browser(**ELSEWHERE)
    attempt(browser)
    address = link_in(post.deliver()[MAIL], "login/confirm")
    browser.reset()
    attempt(browser)
    assert post.deliver() == {}
    confirm(browser, address)
    assert logged_in(browser)


def test_a_stranger_who_knows_the_password_gets_no_further(post: Post) -> None:
    house = post.house
    for number in range(3):
        stranger = house.browser(REMOTE_ADDR=f"192.0.2.{number}", HTTP_USER_AGENT="Eve/1.0")
        attempt(stranger)
        assert not logged_in(stranger)
        assert stranger.get("/account/login/second/", status="*").status_int == 401
    assert logged_in(house.login("ann"))


def test_it_can_be_switched_off(house: House) -> None:
    house.settings = replace(house.settings, ask_mail=False)
    house.__post_init__()
    house.person("ann")
    house.login("ann")
    browser = house.browser(**ELSEWHERE)
    attempt(browser)
    assert logged_in(browser)


def test_the_mailbox_never_stands_for_the_second_step(post: Post) -> None:
    house, browser = post.house, post.house.browser(**ELSEWHERE)
    secret = app_of(house)
    assert "/account/login/second/" in attempt(browser).location
    assert post.deliver().keys() <= {MAIL}
    assert "/account/login/unusual/" in second(house, browser, secret).location, "and comes after it"
    confirm(browser, link_in(post.deliver()[MAIL].split("\n")[-2], "login/confirm"))
    assert logged_in(browser)


def test_whoever_set_a_password_by_a_link_is_known(post: Post) -> None:
    house, browser = post.house, post.house.browser(**ELSEWHERE)
    with house.db.write() as tx:
        secret = make_reset_link(tx, ann(house).id, now=house.now)
    form = form_with(browser.get(f"/account/set-password/{secret}/"), "again")
    form["password"] = form["again"] = "a new and better one"
    form.submit(status=303)
    attempt(browser, password="a new and better one")
    assert logged_in(browser)


def test_a_browser_stands_for_the_second_step_for_thirty_days(post: Post) -> None:
    house, browser = post.house, post.house.browser()
    secret = app_of(house)
    attempt(browser)
    second(house, browser, secret, remember=True)
    leave(browser)
    assert attempt(browser).location.endswith("/account/tokens/"), "no second step"
    attempt_elsewhere = attempt(house.browser())
    assert "/account/login/second/" in attempt_elsewhere.location, "another browser asks for it"
    leave(browser)
    house.now += timedelta(days=30)
    assert "/account/login/second/" in attempt(browser).location


def test_no_browser_stands_for_it_unless_asked(post: Post) -> None:
    house, browser = post.house, post.house.browser()
    secret = app_of(house)
    attempt(browser)
    second(house, browser, secret)
    leave(browser)
    assert "/account/login/second/" in attempt(browser).location


@pytest.mark.parametrize("how", ["password", "factor added", "factor removed", "not me", "forgotten"])
def test_what_ends_it(post: Post, how: str) -> None:
    house, browser = post.house, post.house.browser()
    secret = app_of(house)
    attempt(browser)
    second(house, browser, secret, remember=True)
    new = PASSWORD
    if how == "password":
        form = form_to(browser.get("/account/password/"), "/password/")
        form["old"], form["password"], form["again"] = PASSWORD, (new := "a new and better one"), new
        form.submit(status=303)
    elif how == "factor added":
        other = totp.new_secret()
        with house.db.write() as tx:
            code = totp.code_at(other, int(house.now.timestamp()) // 30)
            factors.add_app(tx, OPERATOR, house.context.sealer, ann(house).id, "tablet", other, code, now=house.now)
    elif how == "factor removed":
        with house.db.write() as tx:
            other = totp.new_secret()
            code = totp.code_at(other, int(house.now.timestamp()) // 30)
            added = factors.add_app(tx, OPERATOR, house.context.sealer, ann(house).id, "x", other, code, now=house.now)
            known_devices.note(tx, ann(house).id, known_devices.Browser("", "", ()), remember=True, now=house.now)
            factors.remove(tx, OPERATOR, ann(house).id, added, confirmed_with="password", now=house.now)
    elif how == "not me":
        with house.db.write() as tx:
            shut_out(tx, OPERATOR, ann(house).id, keep_session="", about=None, now=house.now)
    else:
        page = browser.get("/account/sessions/")
        row = next(row for row in page.html.find_all("tr") if "not asked for until" in row.text)
        form_to(page, row.find("form")["action"]).submit(status=303)
    with house.db.read() as conn:
        left = known_devices.of_user(conn, ann(house).id, now=house.now)
    assert not any(one.remembered(house.now) for one in left)
    browser.set_cookie("bonded", "")
    assert "/account/login/second/" in attempt(browser, password=new).location


def change(house: House, how: str) -> None:
    """What ends the sessions of a person, done by Ann elsewhere."""
    other, at = totp.new_secret(), int(house.now.timestamp()) // 30
    with house.db.write() as tx:
        if how == "password":
            made = CHEAP.hash("a new and better one")
            passwords.store(tx, OPERATOR, "user.change-password", ann(house).id, made, keep_session=None, now=house.now)
        elif how == "password void":
            passwords.void(tx, OPERATOR, ann(house).id, now=house.now)
        elif how == "factor":
            code = totp.code_at(other, at)
            factors.add_app(tx, OPERATOR, house.context.sealer, ann(house).id, "tablet", other, code, now=house.now)
        else:
            secret = addresses.make_undo_link(tx, ann(house).id, MAIL, now=house.now)
            assert secret is not None
            addresses.undo(tx, secret, ip="", agent="", now=house.now)


CHANGES = ("password", "password void", "factor", "address taken back")


@pytest.mark.parametrize("how", CHANGES)
def test_no_login_that_waits_for_the_second_step_outlives_what_it_was_proved_against(post: Post, how: str) -> None:
    house, browser = post.house, post.house.browser()
    secret = app_of(house)
    house.now += timedelta(minutes=1)
    page = attempt(browser).follow()
    change(house, how)
    form = form_with(page, "code")
    form["code"] = totp.code_at(secret, int(house.now.timestamp()) // 30)
    assert "second-step-over" in form.submit(status=401)
    assert not logged_in(browser)


@pytest.mark.parametrize("how", CHANGES)
def test_no_login_that_waits_for_the_mailbox_outlives_what_it_was_proved_against(post: Post, how: str) -> None:
    house, browser = post.house, post.house.browser(**ELSEWHERE)
    page = attempt(browser).follow()
    address = link_in(post.deliver()[MAIL], "login/confirm")
    change(house, how)
    assert "login-elsewhere" in browser.get(address, status=403)
    assert "login-over" in form_to(page, "/login/unusual/").submit(status=401)
    assert not logged_in(browser)


def test_browsers_are_forgotten_singly(post: Post) -> None:
    house, browser = post.house, post.house.login("ann")
    page = browser.get("/account/sessions/")
    forms = [form for form in page.forms.values() if form.action.endswith("/forget/")]
    assert len(forms) == 2
    assert "The browser is forgotten." in forms[0].submit(status=303).follow()
    assert "no-such-device" in forms[0].submit(status=404)
    house.person("bob")
    bob = house.login("bob")
    stolen = form_to(bob.get("/account/sessions/"), "/forget/")
    stolen.action = forms[1].action
    assert "no-such-device" in stolen.submit(status=404), "other people's are none of mine"


def test_a_secret_that_somebody_planted_becomes_nobodys(post: Post) -> None:
    house = post.house
    planted = "p" * 43
    browser = house.browser()
    browser.set_cookie("bonded-known", planted)
    attempt(browser)
    assert browser.cookies["bonded-known"].startswith(f"{planted}.")
    stranger = house.browser(**ELSEWHERE)
    stranger.set_cookie("bonded-known", planted)
    attempt(stranger)
    assert not logged_in(stranger)


def test_people_who_share_a_browser_are_known_both(post: Post) -> None:
    house = post.house
    house.person("bob")
    browser = house.login("ann")
    for name in ("bob", "ann", "bob"):
        leave(browser)
        house.login(name, browser)
    assert len(browser.cookies["bonded-known"].split(".")) == 2
    browser.extra_environ |= ELSEWHERE
    leave(browser)
    house.login("bob", browser)
    assert logged_in(browser)
