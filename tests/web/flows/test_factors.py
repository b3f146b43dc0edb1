"""Second factors: adding, naming, removing; recovery codes; passkeys by themselves; the question who one is (flows 7 to 10, 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from bonded.accounts import factor_policy, factors, recovery
from bonded.accounts.entry_tables import email_address
from bonded.catalog import critical
from bonded.values.text import new_id
from bonded.values.who import OPERATOR
from tests.web.flows.site import Site, confirm, press, refused, row, said, wrong
from tests.web.test_devices_browser import OLD_KEY, PASSKEY, Authenticator, register
from tests.web.test_second_factors import add_app

LIST, NEW_APP = "/account/factors/", "/account/factors/app/"
FEW = "few recovery codes left"


def secret_on(page: Page) -> bytes:
    """What an app would read off the page."""
    import base64

    text = page.locator(".mono").filter(has_text=re.compile("^[A-Z2-7 ]{39}$")).inner_text()
    return base64.b32decode(text.replace(" ", ""))


def add(site: Site, page: Page, label: str, code: str | None = None) -> None:
    page.get_by_label("Name", exact=True).fill(label)
    page.get_by_label("Code", exact=True).fill(code or site.code(secret_on(page)))
    press(page, "Add it")


def by_app(site: Site, path: str = LIST, secret: bytes | None = None) -> Page:
    """Ann, who has an app, logged in by it a moment ago."""
    secret = secret or site.app_of("ann")
    page = site.visitor()
    site.log_in(page, target=path)
    page.get_by_label("Code of your authentication app").fill(site.code(secret))
    press(page, "Go on")
    said(page, "You are logged in.")
    return page


def change(page: Page, label: str) -> None:
    """Open what can be changed of one."""
    row(page, label).locator("summary").click()


@dataclass
class Codes:
    """Recovery codes that were made, and the page that showed them."""

    page: Page
    codes: list[str]


def made(page: Page) -> Codes:
    page.get_by_role("button", name=re.compile("Make (new )?recovery codes")).click()
    expect(page.locator("main")).to_contain_text("They are shown this once.")
    page.wait_for_load_state()  # the list is there to its end
    return Codes(page, page.locator("ul.codes li").all_inner_texts())


def proved(page: Page) -> Codes:
    """Codes of which the first was typed back."""
    found = made(page)
    page.get_by_label("One of the codes").fill(found.codes[0])
    press(page, "I have kept them")
    said(page, "Your recovery codes are ready.")
    return found


def by_code(site: Site, code: str) -> Page:
    """A login whose second step is a recovery code."""
    page = site.visitor()
    site.log_in(page)
    page.get_by_text("Use a recovery code").click()
    page.get_by_label("Recovery code").fill(code)
    press(page, "Go on with this code")
    return page


def test_apps_are_added_with_a_code_named_renamed_and_mailed(site: Site) -> None:
    page = site.logged_in("ann", NEW_APP)
    before = secret_on(page)
    add(site, page, "my phone", "000000")
    wrong(page, "The code is not right", "code")
    assert secret_on(page) == before, "the picture that was scanned stays good"
    add(site, page, "my phone")
    said(page, "It is added.")
    assert "second factor was added" in site.mails()["ann@example.invalid"]
    site.open(NEW_APP, page)
    add(site, page, "My Phone")
    wrong(page, "The name cannot be taken", "label")
    add(site, page, "tablet")
    said(page, "It is added.")
    expect(row(page, "tablet")).to_contain_text("authentication app")
    change(page, "tablet")
    row(page, "tablet").get_by_label("Name").fill("MY PHONE")
    press(page, "Rename", within=row(page, "tablet"))
    refused(page, "factor-label", "none of your other")
    site.open(LIST, page)
    change(page, "tablet")
    row(page, "tablet").get_by_label("Name").fill("old tablet")
    press(page, "Rename", within=row(page, "tablet"))
    said(page, "The name is changed.")
    expect(row(page, "old tablet")).to_be_visible()


@pytest.mark.parametrize("label", ["x" * 65, "a\x07b", "\u00a0 \u2003"], ids=["too long", "control", "blanks"])
def test_names_that_cannot_be_taken(site: Site, label: str) -> None:
    page = site.logged_in("ann", NEW_APP, scripts=True)
    page.get_by_label("Name", exact=True).evaluate("(e, text) => { e.maxLength = 500; e.value = text; }", label)
    page.get_by_label("Code", exact=True).fill(site.code(secret_on(page)))
    press(page, "Add it")
    expect(page.locator("#f-label-wrong")).to_be_visible()


def test_a_name_that_turns_the_text_around_is_shown_as_what_it_is(site: Site) -> None:
    page = site.logged_in("ann", NEW_APP)
    add(site, page, "\u202eenohp")
    said(page, "It is added.")
    assert "\u202e" not in page.locator("tbody").inner_text()
    expect(page.locator("tbody th")).to_contain_text("U+202E")


def test_the_last_use_is_shown(site: Site) -> None:
    site.app_of("ann", "tablet", b"another secret here!")
    page = by_app(site, secret=site.app_of("ann"))
    expect(row(page, "phone").locator("td[data-label='Last used'] time")).to_be_visible()
    expect(row(page, "tablet").locator("td[data-label='Last used']")).to_have_text("–")


def test_adding_asks_who_it_is_after_a_while(site: Site) -> None:
    page = site.logged_in("ann")
    site.later(hours=1)
    site.open(NEW_APP, page)
    confirm(page, "not this")
    expect(page.get_by_role("alert").filter(has_text="That is not your password").first).to_be_visible()
    confirm(page)
    expect(page.get_by_text("Scan this picture with the app.")).to_be_visible()


def test_none_is_added_before_an_address_is_confirmed(site: Site) -> None:
    """Else nobody could tell her when somebody else adds or removes one."""
    page = site.logged_in("ann", NEW_APP)
    with site.house.db.write() as tx:
        tx.execute(update(email_address).values(verified_at=None))
    add(site, page, "phone")
    wrong(page, "Confirm an e-mail address first")
    for kind in ("app", "device"):
        site.open(f"{LIST}{kind}/", page)
        expect(page.get_by_role("heading", name="E-mail addresses")).to_be_visible()
        said(page, "Confirm an e-mail address here first. Then add the second factor.")


def test_removing_takes_a_proof_by_something_else(site: Site) -> None:
    page = by_app(site)
    site.app_of("ann", "tablet", b"another secret here!")
    site.open(LIST, page)
    change(page, "phone")
    press(page, "Remove", within=row(page, "phone"))
    refused(page, "same-factor", "with your password or with another one")
    site.open("/account/confirm/?next=/account/factors/", page)
    confirm(page)
    change(page, "phone")
    press(page, "Remove", within=row(page, "phone"))
    said(page, "It is removed.")
    expect(page.get_by_role("row").filter(has_text="phone")).to_have_count(0)
    assert "second factor was removed" in site.mails()["ann@example.invalid"]


@pytest.mark.parametrize("policy", ["projects", "everybody", "critical"])
def test_the_last_one_that_is_asked_for_stays(site: Site, policy: str) -> None:
    """Whoever manages a project keeps one factor; on a critical project, a device; where it is asked of everybody, anybody."""
    ann = site.person("ann")
    page = site.logged_in("ann", LIST)
    with site.house.db.write() as tx:
        row_of = {"user_id": ann.id, "transports": [], "public_key": b"p", "created_at": site.house.now}
        for kind, label in (("app", "phone"), ("device", "blue key")):
            values = {"id": new_id(), "kind": kind, "label": label, "credential": label.encode(), "secret": b"s"}
            tx.execute(factors.factor.insert().values(row_of | values))
        if policy == "everybody":
            asked = factor_policy.FactorPolicy(everybody=True)
            factor_policy.choose(tx, OPERATOR, asked, reason="the board", now=site.house.now)
        elif policy == "critical":
            critical.mark(tx, OPERATOR, "spam", critical=True, reason="much depends on it", now=site.house.now)
    site.set(second_factor=policy == "projects")
    site.open(LIST, page)
    first, last = ("blue key", "phone") if policy != "critical" else ("phone", "blue key")
    old = site.visitor()
    old.context.add_cookies(page.context.cookies())
    site.open(LIST, old)
    change(page, first)
    press(page, "Remove", within=row(page, first))
    said(page, "It is removed.")
    change(page, last)
    expect(row(page, last)).to_contain_text("once you have added another one")
    expect(row(page, last).get_by_role("button", name="Remove")).to_have_count(0)
    if policy != "critical":  # where the button of an older page is pressed
        change(old, last)
        press(old, "Remove", within=row(old, last))
        refused(old, "last-factor", "Add another one first")


def test_the_last_one_goes_where_nobody_asks_for_it(site: Site) -> None:
    page = by_app(site)
    site.open("/account/confirm/?next=/account/factors/", page)
    confirm(page)
    change(page, "phone")
    press(page, "Remove", within=row(page, "phone"))
    said(page, "It is removed.")
    expect(page.get_by_text("You have none yet.")).to_be_visible()


def test_recovery_codes_are_shown_once_and_count_after_one_was_typed_back(site: Site) -> None:
    page = by_app(site)
    found = made(page)
    assert len(set(found.codes)) == recovery.MANY
    visitor = site.visitor()
    site.log_in(visitor)
    expect(visitor.get_by_text("Use a recovery code")).to_have_count(0)
    page.get_by_label("One of the codes").fill("aaaa-bbbb-cccc-dddd")
    press(page, "I have kept them")
    wrong(page, "The code is not right", "code")
    assert not page.locator("ul.codes").count(), "they are not shown again"
    page.get_by_label("One of the codes").fill(found.codes[0].upper().replace("-", " "))
    press(page, "I have kept them")
    said(page, "Your recovery codes are ready.")
    expect(page.locator("main")).to_contain_text("You have 7 recovery codes left.")
    entered = by_code(site, found.codes[1])
    said(entered, "You are logged in.")


def test_recovery_codes_that_do_not_do(site: Site) -> None:
    """One that was used, one that never was any, and all of them once there are new ones."""
    page = by_app(site)
    old = proved(page).codes
    for code in (old[0], "zzzz-zzzz-zzzz-zzzz"):
        wrong(by_code(site, code), "The code is not right", "recovery")
    new = proved(page).codes
    wrong(by_code(site, old[1]), "The code is not right", "recovery")
    said(by_code(site, new[1]), "You are logged in.")


def test_the_last_recovery_codes_are_told(site: Site) -> None:
    found = proved(by_app(site)).codes
    site.mails()
    for left, code in zip(range(6, -1, -1), found[1:], strict=True):
        site.later(minutes=15)
        page = by_code(site, code)
        expect(page.get_by_role("heading", name="Your projects")).to_be_visible()
        assert (page.get_by_text(FEW).count() > 0) == (left <= recovery.FEW), left
        mail = site.mails()["ann@example.invalid"]
        assert f"Codes left: {left}." in mail
        assert "If you have few left, make new ones." in mail
    page = site.visitor()
    site.log_in(page)
    expect(page.get_by_text("Use a recovery code")).to_have_count(0)


def test_new_recovery_codes_ask_for_a_proof_of_this_moment(site: Site) -> None:
    """Ten seconds: who comes to an open browser a little later makes none."""
    page = by_app(site)
    site.later(seconds=11)
    press(page, "Make recovery codes")
    confirm(page)
    expect(page.locator("main")).to_contain_text("They are shown this once.")


def test_passkeys_are_offered_where_the_name_is_typed(site: Site) -> None:
    """The browser is asked as soon as the page is there, and the field says that a passkey can fill it (autofill)."""
    page = site.logged_in("ann", "/account/factors/device/", scripts=True)
    Authenticator(page, PASSKEY)
    register(page, "my laptop")
    said(page, "It is added")
    page.context.clear_cookies()
    asked = "(navigator.credentials.get = (what) => { window.asked = what; return new Promise(() => {}); })"
    page.add_init_script(f"PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(true); {asked};")
    site.open("/account/login/", page)
    page.wait_for_function("window.asked !== undefined")
    assert page.evaluate("window.asked.mediation") == "conditional"
    assert page.evaluate("window.asked.publicKey.userVerification") == "required"
    assert not page.evaluate("(window.asked.publicKey.allowCredentials || []).length"), "no name is needed"
    assert "webauthn" in (page.get_by_label("User name").get_attribute("autocomplete") or "")


@pytest.mark.parametrize("how", ["password", "app", "device", "passkey"])
def test_any_proof_does_and_what_was_filled_in_is_done(site: Site, how: str) -> None:
    if how == "app":
        page = by_app(site)
    else:
        page = site.logged_in("ann", "/account/factors/device/", scripts=True)
        if how != "password":
            Authenticator(page, PASSKEY if how == "passkey" else OLD_KEY)
            register(page, "blue key")
            said(page, "It is added")
    site.open("/account/tokens/", page)
    page.get_by_label("Name").fill("release job")
    site.later(minutes=31)
    press(page, "Make the token")
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    if how == "app":
        page.get_by_label("Code of your authentication app").fill("000000")
        press(page, "Confirm with the code")
        wrong(page, "The code is not right", "confirm_code")
        page.get_by_label("Code of your authentication app").fill(site.code())
        press(page, "Confirm with the code")
    elif how == "password":
        confirm(page, "not this")
        wrong(page, "That is not your password", "confirm_password")
        confirm(page)
    else:
        page.get_by_role("button", name="Confirm with a security device").click()
    expect(page.locator("#token")).to_have_text(re.compile("^bonded-"))
    site.open("/account/tokens/", page)
    expect(row(page, "release job")).to_be_visible()
    site.later(minutes=29)
    page.get_by_label("Name").fill("another")
    press(page, "Make the token")
    expect(page.locator("#token")).to_have_text(re.compile("^bonded-"))


@pytest.mark.parametrize("act", ["Rename", "Remove"])
def test_other_peoples_factors_are_not_there(site: Site, act: str) -> None:
    """The form of Eve's page, with the number of Ann's."""
    site.app_of("ann")
    site.house.person("eve")
    page = site.logged_in("eve", scripts=True)
    add_app(site.house, site.person("eve"), "mine")
    with site.house.db.read() as conn:
        (hers,) = factors.of_user(conn, site.person("ann").id)
    site.open(LIST, page)
    change(page, "mine")
    button = row(page, "mine").get_by_role("button", name=act)
    button.evaluate("(e, where) => { e.form.action = where; }", f"{LIST}{hers.id}/{act.lower()}/")
    button.click()
    refused(page, "no-such-factor")
    with site.house.db.read() as conn:
        assert factors.of_user(conn, site.person("ann").id) == [hers]
