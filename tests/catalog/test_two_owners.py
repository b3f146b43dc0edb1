"""Releases that need two owners: no file of such a project becomes public by one account alone, whatever it does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from bonded.accounts.people import User
from bonded.catalog import change, change_two_owners, invitations, read, two_owners
from bonded.journal.tables import journal
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, Role
from bonded.values.who import OPERATOR, POLICY, Actor, ActorKind
from tests.catalog.conftest import Shelf

S = FileState


def by(user: User) -> Actor:
    return Actor(ActorKind.USER, user.id, "session")


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.code == code


class Pair:
    """A project of olga and otto whose releases need both, and a file that olga uploaded."""

    def __init__(self, shelf: Shelf, *, started: bool = True) -> None:
        self.shelf = shelf
        self.olga, self.otto = shelf.person("olga"), shelf.person("otto")
        self.project = shelf.project("Spam", self.olga)
        with shelf.db.write() as tx:
            change.add_role(tx, OPERATOR, "spam", self.otto.id, Role.OWNER, now=shelf.now)
            if started:
                change_two_owners.start(tx, by(self.olga), "spam", now=shelf.now)

    def upload(self, user: User | None = None) -> str:
        return self.shelf.file(self.project, uploader_id=(user or self.olga).id)

    def clear(self, file_id: str) -> None:
        """What screening does with a file that policy lets."""
        with self.shelf.db.write() as tx:
            file = read.file(tx, file_id)
            assert file
            if two_owners.lacks_second(tx, file):
                change_two_owners.stage(tx, file, now=self.shelf.now)
            else:
                change.move_file(tx, "file.publish", POLICY, file_id, S.PUBLIC, reason="", now=self.shelf.now)

    def approve(self, file_id: str, who: Actor) -> bool:
        with self.shelf.db.write() as tx:
            return change_two_owners.approve(tx, who, file_id, now=self.shelf.now)

    def state(self, file_id: str) -> FileState:
        with self.shelf.db.read() as conn:
            file = read.file(conn, file_id)
        assert file
        return file.state


@pytest.fixture
def pair(lite: Shelf) -> Pair:
    return Pair(lite)


@pytest.fixture
def on_both(shelf: Shelf) -> Pair:
    """The same on each database."""
    return Pair(shelf)


def test_a_cleared_file_waits_for_the_second_owner(on_both: Pair) -> None:
    file_id = on_both.upload()
    on_both.clear(file_id)
    assert on_both.state(file_id) is S.HELD
    refused("own-upload", lambda: on_both.approve(file_id, by(on_both.olga)))
    assert on_both.state(file_id) is S.HELD
    assert on_both.approve(file_id, by(on_both.otto)) is True
    assert on_both.state(file_id) is S.PUBLIC
    refused("wrong-state", lambda: on_both.approve(file_id, by(on_both.otto)))
    with on_both.shelf.db.read() as conn:
        rows = conn.execute(select(journal.c.action).where(journal.c.subject_id == file_id).order_by(journal.c.id))
        assert list(rows.scalars()) == ["file.stage", "file.approve", "file.publish"]


def test_approval_may_come_before_screening_is_done(pair: Pair) -> None:
    file_id = pair.upload()
    assert pair.approve(file_id, by(pair.otto)) is False
    assert pair.state(file_id) is S.RECEIVED
    pair.clear(file_id)
    assert pair.state(file_id) is S.PUBLIC


def test_no_administrator_and_no_policy_gets_around_it(pair: Pair) -> None:
    file_id = pair.upload()
    with pair.shelf.db.write() as tx:
        change.move_file(tx, "file.hold", POLICY, file_id, S.HELD, reason="", now=pair.shelf.now)

    def release() -> None:
        with pair.shelf.db.write() as tx:
            change.move_file(tx, "review.release", OPERATOR, file_id, S.PUBLIC, reason="ok", now=pair.shelf.now)

    refused("second-owner-needed", release)
    assert pair.approve(file_id, by(pair.otto)) is False, "a reviewer is still waited for"
    assert pair.state(file_id) is S.HELD
    release()
    assert pair.state(file_id) is S.PUBLIC


def test_declining(pair: Pair) -> None:
    file_id = pair.upload()
    pair.clear(file_id)

    def decline(who: Actor, reason: str) -> None:
        with pair.shelf.db.write() as tx:
            change_two_owners.decline(tx, who, file_id, reason=reason, now=pair.shelf.now)

    refused("own-upload", lambda: decline(by(pair.olga), "no"))
    refused("reason-needed", lambda: decline(by(pair.otto), " "))
    decline(by(pair.otto), "olga says that it is not hers")
    assert pair.state(file_id) is S.REJECTED
    refused("wrong-state", lambda: pair.approve(file_id, by(pair.otto)))


def test_a_stolen_account_cannot_appoint_its_own_approver(pair: Pair) -> None:
    """Olga's account is stolen: whoever has it invites a second account of theirs."""
    puppet = pair.shelf.person("puppet")
    pair.shelf.now += timedelta(days=400)
    with pair.shelf.db.write() as tx:
        made = invitations.invite(tx, by(pair.olga), "spam", puppet.id, Role.OWNER, now=pair.shelf.now)
        invitations.accept(tx, by(puppet), made, puppet.id, now=pair.shelf.now)
    file_id = pair.upload()
    pair.clear(file_id)
    refused("owner-too-new", lambda: pair.approve(file_id, by(puppet)))
    stranger = pair.shelf.person("stranger")
    refused("owner-too-new", lambda: pair.approve(file_id, by(stranger)))
    pair.shelf.now += two_owners.SEASONED
    assert pair.approve(file_id, by(puppet)) is True, "after three days in which all owners knew of it"


def test_two_owners_always_stay(pair: Pair) -> None:
    def act(what: Callable[..., object], *words: object) -> Callable[[], None]:
        def run() -> None:
            with pair.shelf.db.write() as tx:
                what(tx, by(pair.olga), "spam", *words, now=pair.shelf.now)

        return run

    refused("two-owners-needed", act(change.remove_role, pair.otto.id, Role.OWNER))
    refused("two-owners-needed", act(change.add_role, pair.otto.id, Role.MAINTAINER))
    refused("two-owners-needed", act(change.leave, pair.olga.id))


def test_starting_needs_two_owners(lite: Shelf) -> None:
    ann = lite.person("ann")
    lite.project("Eggs", ann)
    with lite.db.write() as tx:
        refused("two-owners-needed", lambda: change_two_owners.start(tx, by(ann), "eggs", now=lite.now))
        refused("no-second-owner-asked", lambda: change_two_owners.ask_end(tx, by(ann), "eggs", now=lite.now))
        refused("no-second-owner-asked", lambda: change_two_owners.end(tx, by(ann), "eggs", now=lite.now))


def test_starting_twice_is_refused_and_without_it_nothing_is_approved(lite: Shelf) -> None:
    pair = Pair(lite, started=False)
    file_id = pair.upload()
    refused("no-second-owner-asked", lambda: pair.approve(file_id, by(pair.otto)))
    pair.clear(file_id)
    assert pair.state(file_id) is S.PUBLIC
    with lite.db.write() as tx:
        change_two_owners.start(tx, by(pair.olga), "spam", now=lite.now)
        refused("wrong-state", lambda: change_two_owners.start(tx, by(pair.otto), "spam", now=lite.now))


def test_ending_takes_two_as_well(on_both: Pair) -> None:
    waiting = on_both.upload()
    on_both.clear(waiting)
    with on_both.shelf.db.write() as tx:
        now = on_both.shelf.now
        refused("wrong-state", lambda: change_two_owners.end(tx, by(on_both.otto), "spam", now=now))
        refused("wrong-state", lambda: change_two_owners.keep(tx, by(on_both.otto), "spam", now=now))
        change_two_owners.ask_end(tx, by(on_both.olga), "spam", now=now)
        refused("wrong-state", lambda: change_two_owners.ask_end(tx, by(on_both.otto), "spam", now=now))
        refused("own-upload", lambda: change_two_owners.end(tx, by(on_both.olga), "spam", now=now))
        change_two_owners.keep(tx, by(on_both.otto), "spam", now=now)
        change_two_owners.ask_end(tx, by(on_both.olga), "spam", now=now)
        change_two_owners.end(tx, by(on_both.otto), "spam", now=now)
    assert on_both.state(waiting) is S.PUBLIC
    later = on_both.upload()
    on_both.clear(later)
    assert on_both.state(later) is S.PUBLIC


def test_the_operator_may_approve_and_end_it(pair: Pair) -> None:
    file_id = pair.upload()
    pair.clear(file_id)
    assert pair.approve(file_id, OPERATOR) is True
    with pair.shelf.db.write() as tx:
        change_two_owners.end(tx, OPERATOR, "spam", now=pair.shelf.now)
        assert two_owners.dual(tx, pair.project.id).since is None


def test_a_removed_owners_consent_is_void(pair: Pair) -> None:
    third = pair.shelf.person("third")
    with pair.shelf.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", third.id, Role.OWNER, now=pair.shelf.now)
    file_id = pair.upload()
    assert pair.approve(file_id, by(pair.otto)) is False
    with pair.shelf.db.write() as tx:
        change.remove_role(tx, by(pair.olga), "spam", pair.otto.id, Role.OWNER, now=pair.shelf.now)
    pair.clear(file_id)
    assert pair.state(file_id) is S.HELD


def test_two_approvals_at_once_count_once(on_both: Pair) -> None:
    third = on_both.shelf.person("third")
    with on_both.shelf.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", third.id, Role.OWNER, now=on_both.shelf.now)
    file_id = on_both.upload()
    on_both.clear(file_id)
    on_both.shelf.now += two_owners.SEASONED

    def approve(number: int) -> str:
        try:
            return str(on_both.approve(file_id, by((on_both.otto, third)[number % 2])))
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(approve, range(10))) == ["True"] + ["wrong-state"] * 9
