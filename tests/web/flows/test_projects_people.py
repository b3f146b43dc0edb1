"""Roles by invitation, leaving, releases that two owners approve, mails about projects, old releases (flows 21, 26 to 28)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from bonded.accounts import people
from bonded.accounts.people import User
from bonded.catalog import change, change_two_owners, invitations, read
from bonded.upload.limits import UploadLimits
from bonded.values.states import FileState, Role
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.web.flows.site import Site, confirm, press, refused, said, wrong
from tests.web.post import link_in
from tests.web.test_tokens import mint
from tests.web.test_upload import basic, send

PEOPLE, APPROVALS = "/manage/project/spam/people/", "/manage/project/spam/approvals/"
BOB = "bob@example.invalid"


@pytest.fixture
def bob(site: Site) -> User:
    made = site.house.person("bob")
    site.mails()
    return made


def role_of(site: Site, name: str) -> Role | None:
    with site.house.db.read() as conn:
        return read.role_in(conn, people.need(conn, name).id, "spam")


def give(site: Site, user: User, role: Role) -> None:
    with site.house.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", user.id, role, now=site.house.now)


def invite(page: Page, name: str = "bob") -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_role("combobox", name="Role").select_option("maintainer")
    press(page, "Invite")


def invited(site: Site) -> tuple[Page, str]:
    """The page on which Ann invited Bob, and the link in his mail."""
    page = site.logged_in("ann", PEOPLE)
    invite(page)
    said(page, "The invitation is on its way by mail.")
    return page, link_in(site.mails()[BOB], "invitations/link")


@pytest.mark.parametrize("end", ["accept", "decline", "decline by the link", "take back", "two weeks"])
def test_an_invitation_ends_once(site: Site, bob: User, end: str) -> None:
    page, link = invited(site)
    if end == "take back":
        press(page, "Take back: bob")
        said(page, "The invitation is taken back.")
    elif end == "two weeks":
        site.later(days=14)
        with site.house.db.write() as tx:
            invitations.expire(tx, now=site.house.now)
        assert "did not answer the invitation" in site.mails()["ann@example.invalid"]
    elif end == "decline by the link":
        stranger = site.open(link)
        expect(stranger.locator("input[type=password]")).to_have_count(0)
        press(stranger, "Decline")
        said(stranger, "You declined the invitation.")
    else:
        his = site.logged_in("bob", "/account/invitations/")
        press(his, "Accept" if end == "accept" else "Decline")
        said(his, "You have the role now." if end == "accept" else "You declined the invitation.")
    assert role_of(site, "bob") == (Role.MAINTAINER if end == "accept" else None)
    refused(site.open(link, status=410), "invitation-over")
    site.open(PEOPLE, site.logged_in("ann"))
    expect(site.visitors[-1].get_by_role("heading", name="Invited")).to_have_count(0)


def test_invitations_that_cannot_be(site: Site, bob: User) -> None:
    page = site.logged_in("ann", PEOPLE)
    invite(page, "nobody-here")
    wrong(page, "There is nobody of this name here.", "name")
    invite(page, "ann")
    refused(page, "wrong-state")
    site.open(PEOPLE, page)
    invite(page)
    said(page, "The invitation is on its way by mail.")
    invite(page)
    refused(page, "invited-already")
    refused(site.open("/account/invitations/link/cut-off/", status=404), "no-such-invitation")


def test_an_invitation_is_for_one_person(site: Site, bob: User) -> None:
    site.house.person("eve")
    _, link = invited(site)
    page = site.open(link, site.logged_in("eve"))
    expect(page.get_by_text("You are logged in with another account.")).to_be_visible()
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)


def test_the_only_owner_cannot_leave_and_others_can(site: Site, bob: User) -> None:
    page = site.logged_in("ann", PEOPLE)
    press(page, "Leave the project")
    refused(page, "sole-owner")
    give(site, bob, Role.MAINTAINER)
    his = site.logged_in("bob", PEOPLE)
    expect(his.get_by_role("heading", name="Invite somebody")).to_have_count(0)
    press(his, "Leave the project")
    said(his, "You gave your role up.")
    refused(site.open(PEOPLE, his, status=403), "not-your-project")


def test_with_a_role_goes_everything_that_came_from_it(site: Site, bob: User) -> None:
    give(site, bob, Role.OWNER)
    _, text = mint(site.house, "bob", projects=("spam",))
    _, whole = mint(site.house, "bob", title="of all")
    page = site.logged_in("ann", PEOPLE)
    press(page, "Make maintainer: bob")
    said(page, "The role is given.")
    assert role_of(site, "bob") is Role.MAINTAINER
    site.mails()
    press(page, "Take away: bob")
    said(page, "The role is taken away.")
    assert "took the role" in site.mails()[BOB]
    refused(site.open("/manage/project/spam/", site.logged_in("bob"), status=403), "not-your-project")
    codes = []
    for token in (text, whole):
        answer = send(site.house, basic("__token__", token), name="spam", version="2.0", accept="application/json")
        codes.append(answer.json["code"])
    assert codes == ["token-revoked", "not-your-project"]
    give(site, bob, Role.MAINTAINER)
    answer = send(site.house, basic("__token__", text), name="spam", version="2.0", accept="application/json")
    assert answer.json["code"] == "token-revoked", "it does not come back with a new role"


def staged(site: Site, version: str = "1.1") -> str:
    """A file of Ann's that screening let and that waits for a second owner."""
    file_id = site.house.file(site.person("ann"), "spam", version, state=FileState.RECEIVED)
    with site.house.db.write() as tx:
        file = read.file(tx, file_id)
        assert file
        change_two_owners.stage(tx, file, now=site.house.now)
    return file_id


def start(site: Site) -> None:
    with site.house.db.write() as tx:
        who = Actor(ActorKind.USER, site.person("ann").id)
        change_two_owners.start(tx, who, "spam", now=site.house.now)


def test_approvals_need_two_owners(site: Site, bob: User) -> None:
    page = site.logged_in("ann", APPROVALS)
    press(page, "Have each release approved")
    refused(page, "two-owners-needed")
    give(site, bob, Role.OWNER)
    site.open(APPROVALS, page)
    press(page, "Have each release approved")
    said(page, "Each release needs the approval of a second owner from now on.")
    site.open(PEOPLE, page)
    press(page, "Take away: bob")
    refused(page, "two-owners-needed")


def test_nobody_approves_what_they_uploaded(site: Site, bob: User) -> None:
    give(site, bob, Role.OWNER)
    start(site)
    staged(site)
    page = site.logged_in("ann", "/manage/project/spam/")
    expect(page.get_by_text("It waits for a second owner")).to_be_visible()
    site.open(APPROVALS, page)
    expect(page.get_by_text("You uploaded it, so another owner has to approve it.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve: ", exact=False)).to_have_count(0)


def test_another_owner_declines_with_a_reason_or_approves(site: Site, bob: User) -> None:
    give(site, bob, Role.OWNER)
    start(site)
    staged(site)
    page = site.logged_in("bob", APPROVALS)
    old = site.visitor()
    old.context.add_cookies(page.context.cookies())
    site.open(APPROVALS, old)
    page.get_by_text("Decline…").click()
    page.get_by_label("Why").fill("ann says that it is not hers")
    press(page, "Decline it")
    said(page, "You declined the file. It does not become public.")
    press(old, "Approve: ", exact=False)
    refused(old, "wrong-state")
    staged(site, "1.2")
    site.open(APPROVALS, page)
    site.later(hours=1)
    press(page, "Approve: ", exact=False)
    confirm(page)
    said(page, "You approved the file. It is public now.")


def test_a_new_owner_approves_from_the_fourth_day_on(site: Site, bob: User) -> None:
    eve = site.house.person("eve")
    give(site, bob, Role.OWNER)
    start(site)
    site.later(hours=1)
    give(site, eve, Role.OWNER)
    staged(site)
    page = site.logged_in("eve", APPROVALS)
    press(page, "Approve: ", exact=False)
    refused(page, "owner-too-new")
    site.later(days=3)
    page = site.logged_in("eve", APPROVALS)
    press(page, "Approve: ", exact=False)
    said(page, "You approved the file.")


def test_ending_it_takes_two_as_well(site: Site, bob: User) -> None:
    give(site, bob, Role.OWNER)
    start(site)
    page = site.logged_in("ann", APPROVALS)
    press(page, "Ask to end approvals")
    said(page, "It ends when one of them agrees.")
    expect(page.get_by_role("button", name="Agree", exact=True)).to_have_count(0)
    his = site.logged_in("bob", APPROVALS)
    expect(his.get_by_text("ann wants releases without a second owner.")).to_be_visible()
    press(his, "Keep approvals")
    said(his, "Releases go on needing a second owner.")
    site.open(APPROVALS, page)
    press(page, "Ask to end approvals")
    site.open(APPROVALS, his)
    press(his, "Agree")
    said(his, "Releases need no second owner any more.")


def test_what_is_told_to_all_owners_and_what_can_be_switched_off(site: Site, bob: User) -> None:
    give(site, bob, Role.OWNER)
    his = site.logged_in("bob", "/account/mails/")
    his.get_by_label("Yanks, and yanks that are taken back").uncheck()
    press(his, "Keep the choice")
    said(his, "Your choice of mails is kept.")
    expect(his.get_by_text("Mails that always come")).to_be_visible()
    expect(his.get_by_role("checkbox", name="roles", exact=False)).to_have_count(0)
    site.mails()
    page = site.logged_in("ann", "/manage/project/spam/")
    page.locator("summary").filter(has_text="Yank").first.click()
    page.get_by_label("Why (shown to installers)").first.fill("burns the bacon")
    press(page, "Yank")
    said(page, "The file is yanked")
    assert set(site.mails()) == {"ann@example.invalid"}, "Bob wants none of these"
    carol = site.house.person("carol")
    site.mails()
    give(site, carol, Role.MAINTAINER)
    assert {BOB, "ann@example.invalid"} <= set(site.mails()), "but what may be an attack is told to everybody"


def test_a_quarantine_is_told_and_seen_by_owners(site: Site, bob: User) -> None:
    give(site, bob, Role.OWNER)
    site.house.person("root", admin=True)
    site.mails()
    root = site.logged_in("root", "/admin/projects/?name=spam")
    root.get_by_label("Why").fill("it sends passwords away")
    press(root, "Quarantine the project")
    said(root, "The project is quarantined: nobody can install from it.")
    assert set(site.mails()) >= {BOB, "ann@example.invalid"}
    page = site.logged_in("bob")
    expect(page.get_by_text("quarantined").first).to_be_visible()
    _, text = mint(site.house, "bob")
    answer = send(site.house, basic("__token__", text), name="spam", version="2.0", accept="application/json").json
    assert "project spam is quarantined and takes no files" in answer["message"]
    root.get_by_label("Why").fill("it did not")
    press(root, "Release the project")
    said(root, "The project is released from quarantine.")


def test_old_releases_take_no_files_where_the_operator_says_so(site: Site) -> None:
    """The tool prints one line; the page that it names says what to do."""
    from datetime import timedelta

    _, text = mint(site.house, "ann")
    upload = replace(site.house.context.upload, limits=UploadLimits(freeze_after=timedelta(days=7)))
    site.use(upload=upload)
    assert send(site.house, basic("__token__", text), name="spam", version="2.0").status_int == 200
    site.later(days=8)
    late = send(
        site.house,
        basic("__token__", text),
        name="spam",
        version="2.0",
        accept="application/json",
        tag="cp311-cp311-win32",
    )
    assert late.json["code"] == "release-frozen"
    assert "raise the version" in late.status
    page = site.open(late.json["help"].removeprefix(site.address))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main")).to_contain_text("release-frozen")
