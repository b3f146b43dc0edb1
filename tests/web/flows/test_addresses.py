"""Adding, confirming, choosing, removing and taking back e-mail addresses (flows 2 and 3)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from bonded.accounts import address_book
from bonded.accounts.entry_tables import email_address
from tests.web.flows.site import PASSWORD, Site, confirm, logged_out, press, refused, row, said, wrong
from tests.web.post import link_in

FIRST, SECOND = "ann@example.invalid", "ann@new.example.invalid"
HERE = "/account/addresses/"


def add(page: Page, email: str = SECOND) -> None:
    page.get_by_label("Another e-mail address").fill(email)
    press(page, "Send the link")


def added(site: Site, page: Page, email: str = SECOND) -> None:
    """A second address, confirmed in another browser, as on a telephone."""
    add(page, email)
    said(page, "A link was sent to the address")
    press(site.open(link_in(site.mails()[email], "email")), "Confirm")
    site.mails()
    site.open(HERE, page)


def test_an_address_counts_once_its_link_was_used(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    add(page)
    said(page, "A link was sent to the address")
    expect(row(page, SECOND)).to_contain_text("not confirmed")
    expect(row(page, SECOND).get_by_role("button", name="Send mails here")).to_have_count(0)
    mails = site.mails()
    assert "Somebody added an e-mail address" in mails[FIRST]
    link = link_in(mails[SECOND], "email")
    site.open(link)
    expect(row(site.open(HERE, page), SECOND)).to_contain_text("not confirmed")
    stranger = site.open(link)
    press(stranger, "Confirm")
    said(stranger, "The address is confirmed.")
    expect(row(site.open(HERE, page), SECOND)).not_to_contain_text("not confirmed")
    refused(site.open(link, status=410), "link-used")


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param("ANN@Example.INVALID", "This is your address already", id="mine already"),
        pytest.param("a" * 65 + "@x.invalid", "Invalid e-mail address", id="no address"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(site: Site, typed: str, words: str) -> None:
    page = site.logged_in("ann", HERE)
    add(page, typed)
    wrong(page, words, "email")


def test_five_can_be_added_in_a_day(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    for number in range(5):
        add(page, f"a{number}@new.example.invalid")
        said(page, "A link was sent")
    add(page, "more@new.example.invalid")
    wrong(page, "Too many new addresses", "email")


def test_a_link_is_sent_again_three_times_in_six_hours(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    add(page)
    first = link_in(site.mails()[SECOND], "email")
    for _ in range(3):
        press(page, "Send the link again", exact=False)
        said(page, "A link was sent")
    press(page, "Send the link again", exact=False)
    refused(page, "resend-limited", "At most 3 links")
    site.mails()
    refused(site.open(first, status=404), "link-invalid")


def test_links_that_confirm_nothing(site: Site) -> None:
    """Cut off, of another purpose, of an address that was removed, too late, of one that is confirmed already."""
    page = site.logged_in("ann", HERE)
    add(page)
    link = link_in(site.mails()[SECOND], "email")
    refused(site.open(link[:-4] + "/", status=404), "link-invalid")
    refused(site.open(link.replace("/email/", "/undo-email/"), status=404), "link-invalid")
    press(page, "Remove", within=row(page, SECOND), exact=False)
    refused(site.open(link, status=410), "email-removed", "It can be added again")
    site.open(HERE, page)
    add(page)
    link = link_in(site.mails()[SECOND], "email")
    with site.house.db.write() as tx:
        mine = email_address.c.address == SECOND
        tx.execute(update(email_address).where(mine).values(verified_at=site.house.now))
    refused(site.open(link, status=409), "email-verified", "Nothing is to do")
    press(page, "Send the link again", exact=False)
    refused(page, "email-verified")
    site.later(days=2)
    refused(site.open(link, status=410), "link-expired")


def test_an_address_is_confirmed_for_one_account_only(site: Site) -> None:
    site.house.person("bob")
    links = []
    for name in ("ann", "bob"):
        add(site.logged_in(name, HERE))
        links.append(link_in(site.mails()[SECOND], "email"))
    press(site.open(links[1]), "Confirm")
    refused(site.open(links[0], status=409), "email-taken")


def test_mails_go_elsewhere_and_the_old_address_takes_it_back(site: Site) -> None:
    """Somebody who has Ann's session lets mails go to themselves: she gets everything back by the mail to her."""
    eve = site.logged_in("ann", HERE)
    added(site, eve, "eve@example.invalid")
    press(eve, "Send mails here", within=row(eve, "eve@"), exact=False)
    said(eve, "Mails go there from now on. The address before was told.")
    expect(row(eve, "eve@")).to_contain_text("mails go here")
    mails = site.mails()
    assert "go to this address from now on" in mails["eve@example.invalid"]
    undo = link_in(mails[FIRST], "undo-email")
    owner = site.open(undo, ip="203.0.113.5")
    expect(owner.locator("main")).to_contain_text(FIRST)
    press(owner, "It was not me: take it back")
    said(owner, "The change is taken back. Now take a new password.")
    owner.get_by_label("New password").fill("a new and better one")
    owner.get_by_label("The same again").fill("a new and better one")
    press(owner, "Set the password")
    said(owner, "Your password is set.")
    logged_out(eve, site)
    assert site.person("ann").email == FIRST
    refused(site.open(undo, status=410), "link-used")


def test_the_link_that_takes_back_ends_after_72_hours(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    added(site, page)
    press(page, "Send mails here", within=row(page, SECOND), exact=False)
    undo = link_in(site.mails()[FIRST], "undo-email")
    site.later(hours=72)
    refused(site.open(undo, status=410), "link-expired")


def test_the_last_confirmed_address_and_the_one_of_the_mails_stay(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    expect(row(page, FIRST).get_by_role("button")).to_have_count(0)
    added(site, page)
    old = site.logged_in("ann", HERE)
    press(page, "Send mails here", within=row(page, SECOND), exact=False)
    press(old, "Remove", within=row(old, SECOND), exact=False)
    refused(old, "primary-email", "choose another one for them first")
    with site.house.db.read() as conn:
        first = address_book.called(conn, site.person("ann").id, FIRST)
    assert first
    with site.house.db.write() as tx:  # as after the loss of the domain to which mails go
        lost = email_address.c.address == SECOND
        tx.execute(update(email_address).where(lost).values(verified_at=None, lost_at=site.house.now))
    site.open(HERE, page)
    expect(row(page, SECOND)).to_contain_text("its mail domain is gone")
    press(page, "Remove", within=row(page, FIRST), exact=False)
    refused(page, "last-email")


def test_an_address_that_is_not_confirmed_gets_no_mails(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    added(site, page)
    with site.house.db.write() as tx:  # meanwhile
        mine = email_address.c.address == SECOND
        tx.execute(update(email_address).where(mine).values(verified_at=None))
    press(page, "Send mails here", within=row(page, SECOND), exact=False)
    refused(page, "email-unverified", "Open the link first")


def test_a_session_that_was_left_open_does_not_suffice(site: Site) -> None:
    page = site.logged_in("ann", HERE)
    added(site, page)
    site.later(hours=1)
    press(page, "Send mails here", within=row(page, SECOND), exact=False)
    confirm(page, PASSWORD)
    said(page, "Mails go there from now on.")
