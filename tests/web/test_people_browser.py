"""People of projects in a real browser, without script: an invitation, an approval, a recovery that is stopped, one's data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from bonded.accounts import people, recovery_deciding, recovery_request
from bonded.accounts.recovery_request import Purpose
from bonded.accounts.tables import factor
from bonded.catalog import change, change_two_owners, invitations, read
from bonded.values.states import FileState, Role
from bonded.values.text import new_id
from bonded.values.who import OPERATOR
from tests.web.house import House
from tests.web.server import chromium, serving
from tests.web.test_browser import log_in, open_page, shoot

WIDTHS = (1280, 320)
NOTICE = "p.notice[role=status]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def site(house: House) -> Iterator[str]:
    """The index served for real: ann and otto own `spam`, bob has nothing to do with it, ada and abe are administrators."""
    with serving() as (address, deferred):
        house.settings = replace(house.settings, url=address, dev=True)
        house.__post_init__()
        deferred.app = house.wsgi
        ann, otto = house.person("ann"), house.person("otto")
        house.person("bob")
        for name in ("ada", "abe"):
            house.person(name, admin=True)
        house.project("spam", ann)
        house.file(ann, "spam", "1.0", metadata={"project_urls": ["Source, https://code.example/ann/spam"]})
        with house.db.write() as tx:
            change.add_role(tx, OPERATOR, "spam", otto.id, Role.OWNER, now=house.now)
        yield address


def wide_enough(page: Page) -> None:
    """Nothing sticks out of the window: nobody has to scroll sideways (WCAG 2.2, 1.4.10)."""
    page.wait_for_load_state()  # with its styles
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def shoot_both(page: Page, name: str) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide_enough(page)
        shoot(page, f"{name}-{width}")
    page.set_viewport_size({"width": 1280, "height": 900})


def test_an_invitation_is_sent_read_and_accepted(browser: Browser, site: str, house: House) -> None:
    page = open_page(browser)
    log_in(page, site, "ann")
    page.goto(f"{site}manage/project/spam/people/")
    page.get_by_label("User name").fill("bob")
    page.get_by_role("combobox", name="Role").select_option("maintainer")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.locator(NOTICE)).to_contain_text("The invitation is on its way by mail.")
    shoot_both(page, "people")
    with house.db.write() as tx:
        bob = people.by_name(tx, "bob")
        assert bob
        (one,) = invitations.of_user(tx, bob.id, now=house.now)
        secret = invitations.make_link(tx, one.id, now=house.now)
    other = open_page(browser)
    other.goto(f"{site}account/invitations/link/{secret}/")
    expect(other.get_by_role("button", name="Accept")).to_have_count(0)
    shoot_both(other, "invitation")
    log_in(other, site, "bob")
    other.get_by_role("link", name="An invitation to a project waits for your answer").click()
    shoot_both(other, "invitations")
    other.get_by_role("button", name="Accept").click()
    expect(other.locator(NOTICE)).to_have_text("You have the role now.")
    with house.db.read() as conn:
        assert read.role_in(conn, bob.id, "spam") is Role.MAINTAINER


def test_a_second_owner_approves_what_the_first_uploaded(browser: Browser, site: str, house: House) -> None:
    page = open_page(browser)
    log_in(page, site, "ann")
    page.goto(f"{site}manage/project/spam/")
    page.get_by_role("link", name="Approvals").click()
    page.get_by_role("button", name="Have each release approved").click()
    expect(page.locator(NOTICE)).to_contain_text("Each release needs the approval of a second owner")
    with house.db.write() as tx:
        ann = people.by_name(tx, "ann")
    assert ann
    file_id = house.file(ann, "spam", "1.1", state=FileState.RECEIVED)
    with house.db.write() as tx:
        file = read.file(tx, file_id)
        assert file
        change_two_owners.stage(tx, file, now=house.now)
    other = open_page(browser)
    log_in(other, site, "otto")
    other.goto(f"{site}manage/project/spam/approvals/")
    shoot_both(other, "approvals")
    other.get_by_role("button", name="Approve").click()
    expect(other.locator(NOTICE)).to_have_text("You approved the file. It is public now.")


def test_a_recovery_goes_its_way_and_is_stopped_by_one_click(browser: Browser, site: str, house: House) -> None:
    with house.db.write() as tx:
        ann = people.by_name(tx, "ann")
        assert ann
        row = {"id": new_id(), "user_id": ann.id, "kind": "device", "label": "key", "transports": []}
        tx.execute(factor.insert().values(row | {"credential": b"c", "public_key": b"p", "created_at": house.now}))
    page = open_page(browser)
    page.goto(f"{site}account/recovery/")
    shoot_both(page, "recovery")
    page.get_by_label("User name or e-mail address").fill("ann")
    page.get_by_role("button", name="Send me a link").click()
    expect(page.locator("p[role=status]")).to_contain_text("a mail with a link to your request is on its way")
    with house.db.write() as tx:
        found = recovery_request.open_of(tx, ann.id)
        assert found
        own = recovery_request.make_link(tx, found.id, Purpose.OWN, now=house.now)
        stop = recovery_request.make_link(tx, found.id, Purpose.STOP, now=house.now)
    page.goto(f"{site}account/recovery/request/{own}/")
    shoot_both(page, "recovery-request")
    page.get_by_label("Address of the page that shows it").fill("https://code.example/ann/spam/blob/main/proof.txt")
    page.get_by_role("button", name="Note it").click()
    page.get_by_role("button", name="Begin the waiting time").click()
    expect(page.locator(NOTICE)).to_contain_text("The waiting time has begun.")
    house.now += recovery_request.WAITS
    with house.db.write() as tx:
        recovery_deciding.round_of(tx, now=house.now)
    admin = open_page(browser)
    log_in(admin, site, "ada")
    admin.goto(f"{site}admin/recovery/")
    shoot_both(admin, "recoveries")
    admin.get_by_role("link", name="ann", exact=True).click()
    shoot_both(admin, "recovery-evidence")
    admin.locator("#why-agree").fill("the text is in the repository")
    admin.get_by_role("button", name="Agree: remove all second factors").click()
    expect(admin.locator(NOTICE)).to_contain_text("Another administrator has to agree too.")
    mail = open_page(browser)
    mail.goto(f"{site}account/recovery/stop/{stop}/")
    shoot_both(mail, "recovery-stop")
    mail.get_by_role("button", name="Stop it").click()
    expect(mail.locator(NOTICE)).to_contain_text("The request is stopped.")
    with house.db.read() as conn:
        assert recovery_request.open_of(conn, ann.id) is None


def test_ones_data_and_mails(browser: Browser, site: str) -> None:
    page = open_page(browser)
    log_in(page, site, "bob")
    page.get_by_role("link", name="Mails", exact=True).click()
    page.get_by_label("Yanks, and yanks that are taken back").uncheck()
    page.get_by_role("button", name="Keep the choice").click()
    expect(page.locator(NOTICE)).to_have_text("Your choice of mails is kept.")
    expect(page.get_by_label("Yanks, and yanks that are taken back")).not_to_be_checked()
    shoot_both(page, "mails")
    page.get_by_role("link", name="Your data").click()
    shoot_both(page, "data")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as ZIP").click()
    assert download.value.suggested_filename.endswith(".zip")
    page.get_by_label("Type your user name").fill("bob")
    page.get_by_role("button", name="Delete the account").click()
    expect(page.locator(NOTICE)).to_have_text("Your account is deleted.")


def test_the_policy_and_the_list_of_mails(browser: Browser, site: str) -> None:
    page = open_page(browser)
    log_in(page, site, "ada")
    page.goto(f"{site}admin/factors/")
    shoot_both(page, "factor-policy")
    page.goto(f"{site}admin/mails/?language=de")
    shoot_both(page, "mail-list")
    page.get_by_role("link", name="Sie sind in das Projekt sample-project eingeladen").click()
    shoot_both(page, "mail")
