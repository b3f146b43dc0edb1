"""Invitations and approvals by a second owner as people see them: pages, links of mails, refusals in words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import insert
from webtest import TestApp

from bonded.accounts import people, recovery_request
from bonded.accounts.people import User
from bonded.catalog import change, change_two_owners, invitations, read
from bonded.values.states import FileState, Role
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.web.house import House, form_to, form_with


def spam(house: House) -> tuple[User, User]:
    """A project `spam` of ann; bob has nothing to do with it."""
    ann, bob = house.person("ann"), house.person("bob")
    house.project("spam", ann)
    return ann, bob


def invite(house: House, browser: TestApp, name: str = "bob", role: str = "maintainer", status: int = 303) -> Any:
    form = form_with(browser.get("/manage/project/spam/people/"), "name")
    form["name"], form["role"] = name, role
    return form.submit(status=status)


def link_of(house: House) -> str:
    """The secret of the mail to the person invited."""
    with house.db.write() as tx:
        bob = people.by_name(tx, "bob")
        assert bob
        (one,) = invitations.of_user(tx, bob.id, now=house.now)
        secret = invitations.make_link(tx, one.id, now=house.now)
    assert secret
    return f"/account/invitations/link/{secret}/"


def role(house: House, user: User) -> Role | None:
    with house.db.read() as conn:
        return read.role_in(conn, user.id, "spam")


def test_invite_and_accept(both: House) -> None:
    _, bob = spam(both)
    page = invite(both, both.login("ann")).follow()
    assert "The invitation is on its way by mail." in page
    assert "Take back" in page
    browser = both.login("bob")
    page = browser.get("/account/").click("An invitation to a project waits for your answer")
    assert "ann invites you to be a maintainer" in page
    page = form_to(page, "/accept/").submit(status=303).follow()
    assert "You have the role now." in page
    assert role(both, bob) is Role.MAINTAINER
    assert "Invite somebody" not in browser.get("/manage/project/spam/people/"), "maintainers invite nobody"


def test_the_link_of_the_mail_asks_for_no_password(house: House) -> None:
    _, bob = spam(house)
    invite(house, house.login("ann"))
    stranger = house.browser()
    page = stranger.get(link_of(house))
    assert "Invitation to spam" in page
    assert "ann invites you" in page
    assert 'type="password"' not in page
    assert "/accept/" not in page, "who is not logged in as bob cannot take the role"
    other = house.login("ann").get(link_of(house))
    assert "You are logged in with another account." in other
    own = house.login("bob").get(link_of(house))
    form_to(own, "/accept/").submit(status=303)
    assert role(house, bob) is Role.MAINTAINER


def test_declining_by_the_link_needs_no_login(house: House) -> None:
    _, bob = spam(house)
    invite(house, house.login("ann"))
    address = link_of(house)
    page = house.browser().get(address)
    form = next(f for f in page.forms.values() if f.method.lower() == "post" and f.action in ("", address))
    assert "You declined the invitation." in form.submit(status=303).follow()
    assert role(house, bob) is None
    assert "invitation-over" in house.browser().get(address, status=410)


def test_declining_on_the_own_page(house: House) -> None:
    spam(house)
    invite(house, house.login("ann"))
    page = house.login("bob").get("/account/invitations/")
    assert "No invitation waits" in form_to(page, "/decline/").submit(status=303).follow()


def test_taking_an_invitation_back(house: House) -> None:
    spam(house)
    page = invite(house, house.login("ann")).follow()
    address = link_of(house)
    assert "The invitation is taken back." in form_to(page, "/revoke/").submit(status=303).follow()
    house.browser().get(address, status=410)
    assert "no-such-invitation" in house.browser().get("/account/invitations/link/cut-off/", status=404)


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("nobody-here", 400, "There is nobody of this name here."),
        ("\u202ebob", 400, "There is nobody of this name here."),
        ("x" * 60, 400, "At most 50 characters."),
        ("", 400, "Fill this in."),
        ("ann", 409, "wrong-state"),
    ],
)
def test_invitations_that_cannot_be(house: House, name: str, status: int, words: str) -> None:
    spam(house)
    assert words in invite(house, house.login("ann"), name, status=status)


def test_inviting_twice(house: House) -> None:
    spam(house)
    browser = house.login("ann")
    invite(house, browser)
    assert "invited-already" in invite(house, browser, role="owner", status=409)


def test_an_invitation_for_somebody_else_cannot_be_answered(house: House) -> None:
    spam(house)
    house.person("eve")
    invite(house, house.login("ann"))
    with house.db.read() as conn:
        bob = people.by_name(conn, "bob")
        assert bob
        (one,) = invitations.of_user(conn, bob.id, now=house.now)
    eve = house.login("eve")
    secret = form_to(eve.get("/account/"), "/logout/")["csrf"].value
    for act in ("accept", "decline"):
        answer = eve.post(f"/account/invitations/{one.id}/{act}/", {"csrf": secret}, status=404)
        assert "no-such-invitation" in answer


def test_a_role_for_somebody_without_one_goes_by_invitation(house: House) -> None:
    _, bob = spam(house)
    browser = house.login("ann")
    secret = form_to(browser.get("/account/"), "/logout/")["csrf"].value
    fields = {"csrf": secret, "user": bob.id, "role": "owner"}
    assert "no-such-role" in browser.post("/manage/project/spam/people/", fields, status=404)
    assert role(house, bob) is None


def test_fifty_clients_accept_one_invitation(both: House) -> None:
    """One wins, nobody sees a fault."""
    _, bob = spam(both)
    invite(both, both.login("ann"))
    browser = both.login("bob")
    form = form_to(browser.get("/account/invitations/"), "/accept/")
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    def accept(_: int) -> int:
        client = both.browser(HTTP_COOKIE=cookies)
        answer = client.post(form.action, {"csrf": form["csrf"].value}, expect_errors=True)
        return int(answer.status_int)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(accept, range(50)))
    assert answers.count(303) == 1, answers
    assert set(answers) <= {303, 410, 503}, "503: busy, try again"
    assert role(both, bob) is Role.MAINTAINER


def two_owners(house: House) -> tuple[User, User, str]:
    """A project of ann and otto whose releases need both; a file of ann that waits for the second."""
    ann, otto = house.person("ann"), house.person("otto")
    house.project("spam", ann)
    with house.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", otto.id, Role.OWNER, now=house.now)
        change_two_owners.start(tx, Actor(ActorKind.USER, ann.id), "spam", now=house.now)
    file_id = house.file(ann, "spam", "1.0", state=FileState.RECEIVED)
    with house.db.write() as tx:
        file = read.file(tx, file_id)
        assert file
        change_two_owners.stage(tx, file, now=house.now)
    return ann, otto, file_id


def state(house: House, file_id: str) -> FileState:
    with house.db.read() as conn:
        file = read.file(conn, file_id)
    assert file
    return file.state


def test_a_second_owner_approves(both: House) -> None:
    _, _, file_id = two_owners(both)
    ann = both.login("ann")
    assert "It waits for a second owner" in ann.get("/manage/project/spam/")
    own = ann.get("/manage/project/spam/approvals/")
    assert "You uploaded it, so another owner has to approve it." in own
    assert "/approve/" not in own
    secret = form_to(own, "/logout/")["csrf"].value
    answer = ann.post(f"/manage/project/spam/files/{file_id}/approve/", {"csrf": secret}, status=403)
    assert "own-upload" in answer
    page = both.login("otto").get("/manage/project/spam/approvals/")
    assert "Screening let it: only your approval is missing." in page
    page = form_to(page, "/approve/").submit(status=303).follow()
    assert "You approved the file. It is public now." in page
    assert state(both, file_id) is FileState.PUBLIC


def test_a_second_owner_declines(house: House) -> None:
    _, _, file_id = two_owners(house)
    page = house.login("otto").get("/manage/project/spam/approvals/")
    form = form_to(page, "/decline/")
    assert "reason-needed" in form.submit(status=400)
    form["reason"] = "ann says that it is not hers"
    assert "It does not become public." in form.submit(status=303).follow()
    assert state(house, file_id) is FileState.REJECTED


def test_turning_it_on_and_off_takes_two(house: House) -> None:
    ann, otto = house.person("ann"), house.person("otto")
    house.project("spam", ann)
    browser = house.login("ann")
    page = browser.get("/manage/project/spam/approvals/")
    assert "two-owners-needed" in form_to(page, "/start/").submit(status=409)
    with house.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", otto.id, Role.OWNER, now=house.now)
    page = form_to(page, "/start/").submit(status=303).follow()
    assert "Each release needs the approval of a second owner from now on." in page
    page = form_to(page, "/ask-end/").submit(status=303).follow()
    assert "/approvals/end/" not in page, "the one who asks cannot agree"
    other = house.login("otto")
    page = other.get("/manage/project/spam/approvals/")
    assert "ann wants releases without a second owner." in page
    page = form_to(page, "/keep/").submit(status=303).follow()
    assert "Releases go on needing a second owner." in page
    form_to(browser.get("/manage/project/spam/approvals/"), "/ask-end/").submit(status=303)
    page = form_to(other.get("/manage/project/spam/approvals/"), "/approvals/end/").submit(status=303).follow()
    assert "Releases need no second owner any more." in page


def test_no_link_of_mine_leads_to_a_question_for_a_password(house: House) -> None:
    """Followed by somebody who is not logged in, as it is when a mail is read on a telephone."""
    ann, bob = house.person("ann"), house.person("bob")
    house.project("spam", ann)
    with house.db.write() as tx:
        made = invitations.invite(tx, Actor(ActorKind.USER, ann.id), "spam", bob.id, Role.OWNER, now=house.now)
        secret = invitations.make_link(tx, made, now=house.now)
        values = {"user_id": ann.id, "state": "asked", "challenge": "c", "asked_at": house.now}
        one = tx.execute(
            insert(recovery_request.table).values(values).returning(recovery_request.table.c.id)
        ).scalar_one()
        purposes = recovery_request.Purpose
        own, stop = (recovery_request.make_link(tx, one, p, now=house.now) for p in (purposes.OWN, purposes.STOP))
    stranger: TestApp = house.browser()
    for address in (
        "/",
        f"/account/invitations/link/{secret}/",
        f"/account/recovery/request/{own}/",
        f"/account/recovery/stop/{stop}/",
    ):
        page = stranger.get(address, status=200)
        assert 'type="password"' not in page, address
