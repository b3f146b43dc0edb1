"""The list of sessions and what ends them; passwords that are changed, forgotten, set by a link (flows 13 and 15)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from bonded.accounts import people
from bonded.accounts.reset import make_reset_link
from bonded.values.who import OPERATOR
from tests.web.flows.site import ELSEWHERE, PASSWORD, Site, logged_out, press, refused, row, said, wrong
from tests.web.post import link_in

MAIL, NEW = "ann@example.invalid", "a new and better one"
HERE = "/account/sessions/"


def two(site: Site) -> tuple[Page, Page]:
    """Ann's browser, and another in which she is logged in, from elsewhere."""
    site.set(ask_mail=False)
    ann = site.house.login("ann", site.house.browser(HTTP_USER_AGENT="Other/2.0 <i>", REMOTE_ADDR=ELSEWHERE))
    other = site.logged_in("ann", browser=ann, ip=ELSEWHERE)
    site.later(minutes=2)
    return site.logged_in("ann", HERE), other


def stays(page: Page, site: Site) -> None:
    site.open("/account/", page)
    expect(page.get_by_role("heading", name="Your projects")).to_be_visible()


def test_each_session_says_where_with_what_and_since_when(site: Site) -> None:
    page, other = two(site)
    expect(row(page, "Other/2.0 <i>")).to_contain_text(ELSEWHERE)
    expect(row(page, "Other/2.0 <i>").locator("td time")).to_have_count(2)
    expect(row(page, "this one").get_by_role("button")).to_have_count(0)
    old = site.visitor()
    old.context.add_cookies(page.context.cookies())
    site.open(HERE, old)
    press(page, "End", within=row(page, "Other/2.0 <i>"))
    said(page, "The session is ended.")
    logged_out(other, site)
    stays(page, site)
    press(old, "End", within=row(old, "Other/2.0 <i>"))
    refused(old, "no-such-session", "ended already")


def test_all_others_end_at_once(site: Site) -> None:
    page, other = two(site)
    press(page, "End all others")
    said(page, "All your other sessions have ended.")
    logged_out(other, site)
    stays(page, site)


@pytest.mark.parametrize("how", ["password", "factor", "freeze", "delete"])
def test_sessions_end_with_what_changes_the_account(site: Site, how: str) -> None:
    page, other = two(site)
    if how == "password":
        site.open("/account/password/", page)
        for label, text in (("Password now", PASSWORD), ("New password", NEW), ("The same again", NEW)):
            page.get_by_label(label, exact=True).fill(text)
        press(page, "Change it")
        said(page, "Your password is changed. Your other sessions were ended.")
    elif how == "factor":
        from tests.web.flows.test_factors import add

        site.open("/account/factors/app/", page)
        expect(page.get_by_text("Your other sessions end.")).to_be_visible()
        add(site, page, "phone")
        said(page, "It is added.")
    elif how == "freeze":
        with site.house.db.write() as tx:
            people.freeze(tx, OPERATOR, site.person("ann").id, reason="stolen laptop", now=site.house.now)
        logged_out(page, site)
    else:
        with site.house.db.write() as tx:
            from bonded.catalog import change

            change.delete_project(tx, OPERATOR, "spam", reason="", now=site.house.now)
        site.open("/account/data/", page)
        page.get_by_label("Type your user name").fill("ann")
        press(page, "Delete the account")
        said(page, "Your account is deleted.")
        logged_out(page, site)
    logged_out(other, site)
    if how in ("password", "factor"):
        stays(page, site)


@pytest.mark.parametrize(
    ("old", "new", "again", "field", "words"),
    [
        pytest.param("wrong", NEW, NEW, "old", "That is not your password", id="the old one is another"),
        pytest.param(PASSWORD, "short", "short", "password", "too easy", id="too easy"),
        pytest.param(PASSWORD, NEW, "something else", "again", "", id="not the same twice"),
    ],
)
def test_a_change_that_cannot_be(site: Site, old: str, new: str, again: str, field: str, words: str) -> None:
    page = site.logged_in("ann", "/account/password/")
    for label, text in (("Password now", old), ("New password", new), ("The same again", again)):
        page.get_by_label(label, exact=True).fill(text)
    press(page, "Change it")
    wrong(page, words, field)


def ask(site: Site, typed: str) -> str:
    """Ask for a link; what the page answers."""
    page = site.open("/account/forgotten/")
    page.get_by_label("User name or e-mail address").fill(typed)
    press(page, "Send me a link")
    said(page, "on its way by mail")
    return page.locator("main").aria_snapshot()


def test_a_forgotten_password_is_answered_the_same_for_everybody(site: Site) -> None:
    """Of an account, of nobody, of one that is frozen, of one whose password is void."""
    for name in ("icy", "void"):
        site.house.person(name)
    with site.house.db.write() as tx:
        from bonded.accounts import passwords

        people.freeze(tx, OPERATOR, people.need(tx, "icy").id, reason="stolen laptop", now=site.house.now)
        passwords.void(tx, OPERATOR, people.need(tx, "void").id, now=site.house.now)
    site.mails()
    answers = {ask(site, typed) for typed in ("ann", "nobody", "x@example.invalid", "icy", "void")}
    assert len(answers) == 1
    assert set(site.mails()) == {MAIL, "void@example.invalid"}


def test_five_links_go_out_in_a_day(site: Site) -> None:
    for _ in range(6):
        ask(site, "ann")
    site.mails()
    assert (
        len(
            [
                mail
                for mail in site.post.sent
                if "link to set a new password" in " ".join(str(mail.get_body(("plain",))).split())
            ]
        )
        == 5
    )


def test_a_link_sets_a_password_and_no_second_factor_goes(site: Site) -> None:
    secret = site.app_of("ann")
    ask(site, "ann")
    page = site.open(link_in(site.mails()[MAIL], "set-password"))
    page.get_by_label("New password").fill("short")
    page.get_by_label("The same again").fill("short")
    press(page, "Set the password")
    wrong(page, "too easy", "password")
    page.get_by_label("New password").fill(NEW)
    page.get_by_label("The same again").fill(NEW)
    press(page, "Set the password")
    said(page, "Your password is set.")
    site.log_in(page, password=NEW)
    expect(page.get_by_role("heading", name="Second step")).to_be_visible()
    page.get_by_label("Code of your authentication app").fill(site.code(secret))
    press(page, "Go on")
    said(page, "You are logged in.")


@pytest.mark.parametrize(
    ("after", "status", "code"),
    [
        ("use", 410, "link-used"),
        ("two hours", 410, "link-expired"),
        ("login", 404, "link-invalid"),
        ("change", 404, "link-invalid"),
        ("a newer one", 404, "link-invalid"),
    ],
)
def test_a_link_that_sets_nothing_any_more(site: Site, after: str, status: int, code: str) -> None:
    ann = site.person("ann")
    with site.house.db.write() as tx:
        secret = make_reset_link(tx, ann.id, now=site.house.now)
    page = site.visitor()
    link = f"/account/set-password/{secret}/"
    if after == "two hours":
        site.later(hours=2)
    elif after == "login":
        site.log_in(page)
        said(page, "You are logged in.")
    elif after == "a newer one":
        ask(site, "ann")
        site.mails()
    elif after == "change":
        site.logged_in("ann", "/account/password/")
        with site.house.db.write() as tx:
            secret = make_reset_link(tx, ann.id, now=site.house.now)
        changing = site.visitors[-1]
        for label, text in (("Password now", PASSWORD), ("New password", NEW), ("The same again", NEW)):
            changing.get_by_label(label, exact=True).fill(text)
        press(changing, "Change it")
        said(changing, "Your password is changed.")
        link = f"/account/set-password/{secret}/"
    else:
        site.open(link, page)
        page.get_by_label("New password").fill(NEW)
        page.get_by_label("The same again").fill(NEW)
        press(page, "Set the password")
        said(page, "Your password is set.")
    refused(site.open(link, status=status), code, "Ask for a new one" if code != "link-used" else "")
