"""Logging in by password, the second step by an app, logins from new places, browsers that are remembered (flows 4, 5, 11, 12)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from bonded.accounts import people
from bonded.accounts.login_limits import LoginLimits
from bonded.accounts.second_step import LIMITS
from bonded.values.who import OPERATOR
from tests.web.flows.site import (
    ELSEWHERE,
    FROM,
    PASSWORD,
    SECOND,
    Site,
    logged_out,
    press,
    refused,
    row,
    said,
    wrong,
)
from tests.web.post import link_in
from tests.web.test_devices_browser import PASSKEY, Authenticator, register
from tests.web.test_register import Leaked

MAIL, APP = "ann@example.invalid", "Code of your authentication app"


def typed(page: Page, code: str, *, remember: bool = False) -> None:
    """The second step, by an app."""
    field = page.get_by_label(APP)
    field.fill(code)
    if remember:
        page.locator("form", has=field).get_by_role("checkbox").check()
    press(page, "Go on")


def entered(page: Page) -> None:
    said(page, "You are logged in.")


def test_a_login_goes_on_to_the_page_that_asked_for_it(site: Site) -> None:
    page = site.open("/account/tokens/")
    site.log_in(page, target="/account/tokens/")
    expect(page.get_by_role("heading", name="API tokens")).to_be_visible()
    press(page, "Log out", within=page.locator("body"))
    said(page, "You are logged out.")
    logged_out(page, site)


def test_wrong_and_unknown_are_told_apart_by_nothing(site: Site) -> None:
    seen = []
    for name, password in (("ann", "wrong"), ("nobody", PASSWORD)):
        page = site.visitor()
        site.log_in(page, name, password)
        wrong(page, "Wrong user name or password")
        assert page.get_by_label("Password").input_value() == ""
        seen.append(page.locator("main").aria_snapshot().replace(name, "NAME"))
    assert seen[0] == seen[1]


def test_a_frozen_account_is_told_to_its_owner_only(site: Site) -> None:
    with site.house.db.write() as tx:
        people.freeze(tx, OPERATOR, site.person("ann").id, reason="a sign of abuse", now=site.house.now)
    page = site.visitor()
    site.log_in(page)
    wrong(page, "This account is frozen: An administrator froze the account")
    site.log_in(page, password="a guess of a guess")
    wrong(page, "Wrong user name or password")


def test_a_password_from_a_leak_is_void_and_a_mail_says_what_to_do(site: Site) -> None:
    here = site.logged_in("ann")
    site.use(ranges=Leaked(PASSWORD))
    page = site.visitor()
    site.log_in(page)
    wrong(page, "This password is void")
    wrong(page, "open the link")
    logged_out(here, site)
    page = site.open(link_in(site.mails()[MAIL], "set-password"), page)
    page.get_by_label("New password").fill("a new and better one")
    page.get_by_label("The same again").fill("a new and better one")
    press(page, "Set the password")
    site.log_in(page, password="a new and better one")
    entered(page)


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(LoginLimits(account_and_network=2), id="of one account from one network"),
        pytest.param(LoginLimits(network=2), id="from one network"),
        pytest.param(LoginLimits(everybody=2), id="of everybody"),
        pytest.param(LoginLimits(account=2, account_window=timedelta(minutes=5)), id="of one account from anywhere"),
    ],
)
def test_too_many_attempts_wait_and_a_browser_of_hers_does_not(site: Site, limits: LoginLimits) -> None:
    known = site.house.login("ann")
    site.later(minutes=6)
    site.set(login_limits=limits)
    page = site.visitor()
    for _ in range(2):
        site.log_in(page, password="wrong")
        wrong(page, "Wrong user name or password")
    site.log_in(page)
    wrong(page, "Too many attempts")
    wrong(page, "waits five minutes at most")
    hers = site.logged_in("ann", browser=known)
    press(hers, "Log out", within=hers.locator("body"))
    site.log_in(hers)
    entered(hers)
    site.later(minutes=6)
    site.log_in(page)
    entered(page)


def test_the_second_step_by_an_app(site: Site) -> None:
    """A wrong code, one that was used before however it is spelled, then a right one."""
    secret = site.app_of("ann")
    page = site.visitor()
    site.log_in(page, target="/account/tokens/")
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    typed(page, "000000")
    wrong(page, "The code is not right", "code")
    assert page.get_by_label(APP).input_value() == ""
    used = site.code(secret)
    typed(page, used)
    expect(page.get_by_role("heading", name="API tokens")).to_be_visible()
    other = site.visitor()
    site.log_in(other)
    for spelled in (used, f"{used[:3]} {used[3:]}"):
        typed(other, spelled)
        wrong(other, "was used already", "code")
    typed(other, site.code(secret, ahead=1))
    entered(other)


@pytest.mark.parametrize(("ahead", "words"), [(-4, "120 seconds behind"), (6, "180 seconds ahead")])
def test_a_clock_that_is_off_is_told_by_how_much(site: Site, ahead: int, words: str) -> None:
    secret = site.app_of("ann")
    page = site.visitor()
    site.log_in(page)
    typed(page, site.code(secret, ahead))
    wrong(page, words, "code")


def test_the_second_step_may_take_five_minutes(site: Site) -> None:
    secret = site.app_of("ann")
    page = site.visitor()
    site.log_in(page)
    site.later(minutes=6)
    typed(page, site.code(secret))
    refused(page, "second-step-over", "Log in again")
    page.locator("main").get_by_role("link", name="Log in").click()
    expect(page.get_by_label("Password")).to_be_visible()
    refused(site.open(SECOND, status=401), "second-step-over")


@pytest.mark.parametrize("most", range(len(LIMITS)), ids=["in five minutes", "in an hour", "in a day"])
def test_too_many_codes_wait(site: Site, most: int) -> None:
    """Five in five minutes, twenty in an hour, fifty in a day; counted as if they came from everywhere."""
    from bonded.accounts import second_step

    secret = site.app_of("ann")
    for number in range(LIMITS[most][0]):
        if number and number % 5 == 0:
            site.later(minutes=6 if most < 2 else 30)
        second_step.limit(site.house.context.counter, site.person("ann").id, site.house.now)
    if most:
        site.later(minutes=6 if most < 2 else 30)
    page = site.visitor()
    site.log_in(page)
    typed(page, site.code(secret))
    wrong(page, "Too many codes", "code")
    site.later(seconds=LIMITS[most][1].total_seconds())
    site.log_in(page)
    typed(page, site.code(secret))
    entered(page)


def new_place(site: Site) -> tuple[Page, str]:
    """A login of Ann's at a place where she never was, that waits, and the link in her mail."""
    site.house.login("ann")
    page = site.visitor(ip=ELSEWHERE)
    site.log_in(page, target="/account/tokens/")
    expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    expect(page.locator("main")).to_contain_text("a…@example.invalid")
    return page, link_in(site.mails()[MAIL], "login/confirm")


def test_a_login_from_a_new_place_waits_for_the_mail(site: Site) -> None:
    page, link = new_place(site)
    logged_out(page, site)
    site.open(link, page)
    press(page, "It is me: log in")
    entered(page)
    refused(site.open(link, page, status=410), "link-used")


def test_its_link_works_in_that_browser_and_network_only(site: Site) -> None:
    page, link = new_place(site)
    refused(site.open(link, ip=ELSEWHERE, status=403), "login-elsewhere", "change it")
    page.context.set_extra_http_headers({FROM: "192.0.2.200"})
    refused(site.open(link, page, status=403), "login-elsewhere")
    page.context.set_extra_http_headers({FROM: ELSEWHERE})
    site.open(link, page)
    press(page, "It is me: log in")
    entered(page)


def test_it_waits_half_an_hour(site: Site) -> None:
    page, link = new_place(site)
    site.later(minutes=30)
    refused(site.open(link, page, status=410), "link-expired")
    refused(site.open("/account/login/unusual/", page, status=401), "login-over", "Log in again")


def test_another_link_is_sent_once_in_fifteen_minutes(site: Site) -> None:
    page, first = new_place(site)
    press(page, "Send it again")
    wrong(page, "A link was sent a moment ago")
    site.later(minutes=15)
    press(page, "Send it again")
    said(page, "Another link was sent")
    newest = link_in(site.mails()[MAIL], "login/confirm")
    refused(site.open(first, page, status=404), "link-invalid", "a newer one took its place")
    site.open(newest, page)
    press(page, "It is me: log in")
    entered(page)


def test_a_passkey_needs_no_mail_at_a_new_place(site: Site) -> None:
    page = site.logged_in("ann", "/account/factors/device/", scripts=True)
    Authenticator(page, PASSKEY)
    register(page, "my laptop")
    said(page, "It is added")
    site.mails()
    page.context.clear_cookies()
    page.context.set_extra_http_headers({FROM: ELSEWHERE})
    page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
    site.open("/account/login/?next=/account/factors/", page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", name="Second factors")).to_be_visible()
    assert site.mails() == {}


def remembered(site: Site) -> tuple[Page, bytes]:
    """Ann in a browser that stands for her second step."""
    secret = site.app_of("ann")
    page = site.visitor()
    site.log_in(page)
    typed(page, site.code(secret), remember=True)
    entered(page)
    return page, secret


def leave(page: Page) -> None:
    press(page, "Log out", within=page.locator("body"))
    said(page, "You are logged out.")


def asked(page: Page) -> None:
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()


def test_a_browser_is_remembered_for_thirty_days(site: Site) -> None:
    page, _ = remembered(site)
    site.open("/account/sessions/", page)
    expect(row(page, "not asked for until")).to_be_visible()
    leave(page)
    site.log_in(page)
    entered(page)
    other = site.visitor()
    site.log_in(other)
    asked(other)
    leave(page)
    site.later(days=30)
    site.log_in(page)
    asked(page)


def test_remembered_browsers_are_forgotten_singly(site: Site) -> None:
    page, _ = remembered(site)
    other = site.open("/account/sessions/", page)
    old = site.visitor()
    old.context.add_cookies(page.context.cookies())
    site.open("/account/sessions/", old)
    press(other, "Forget", within=row(other, "not asked for until"))
    said(other, "The browser is forgotten.")
    expect(other.get_by_text("not asked for until")).to_have_count(0)
    press(old, "Forget", within=row(old, "not asked for until"))
    refused(old, "no-such-device")
    leave(page)
    site.log_in(page)
    asked(page)


@pytest.mark.parametrize("how", ["a new password", "another factor"])
def test_what_changes_an_account_ends_what_is_remembered(site: Site, how: str) -> None:
    page, _ = remembered(site)
    password = PASSWORD
    if how == "another factor":
        site.app_of("ann", "tablet", b"another secret here!")
    else:
        password = "a new and better one"
        site.open("/account/password/", page)
        for label, text in (("Password now", PASSWORD), ("New password", password), ("The same again", password)):
            page.get_by_label(label, exact=True).fill(text)
        press(page, "Change it")
        said(page, "Your password is changed.")
    leave(page)
    site.log_in(page, password=password)
    asked(page)
