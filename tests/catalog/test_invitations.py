"""Invitations to a role: each state and error, and fifty answers at one moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from bonded.accounts import people, tokens
from bonded.accounts.people import User
from bonded.accounts.publisher_tables import publisher
from bonded.accounts.sealing import Sealer
from bonded.accounts.tables import token as token_table
from bonded.catalog import change, invitations, read
from bonded.catalog.people_tables import invitation as table
from bonded.journal.tables import journal
from bonded.values.refusals import Refusal
from bonded.values.states import Role
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.catalog.conftest import Shelf


def by(user: User) -> Actor:
    return Actor(ActorKind.USER, user.id, "session", "192.0.2.1", "Test")


class Team:
    """A project of olga, and bob whom she can invite."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.olga, self.bob = shelf.person("olga"), shelf.person("bob")
        self.project = shelf.project("Spam", self.olga)

    def invite(self, role: Role = Role.MAINTAINER, user: User | None = None) -> str:
        with self.shelf.db.write() as tx:
            return invitations.invite(tx, by(self.olga), "spam", (user or self.bob).id, role, now=self.shelf.now)

    def role(self, user: User) -> Role | None:
        with self.shelf.db.read() as conn:
            return read.role_in(conn, user.id, "spam")

    def actions(self) -> list[str]:
        with self.shelf.db.read() as conn:
            rows = conn.execute(select(journal.c.action).where(journal.c.action.like("role.%")).order_by(journal.c.id))
            return list(rows.scalars())


@pytest.fixture
def team(lite: Shelf) -> Team:
    return Team(lite)


@pytest.fixture
def on_both(shelf: Shelf) -> Team:
    """The same on each database."""
    return Team(shelf)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.code == code


def accept(team: Team, invitation: str, user: User) -> None:
    with team.shelf.db.write() as tx:
        invitations.accept(tx, by(user), invitation, user.id, now=team.shelf.now)


def test_nobody_has_a_role_that_they_did_not_take(on_both: Team) -> None:
    made = on_both.invite()
    assert on_both.role(on_both.bob) is None
    with on_both.shelf.db.read() as conn:
        (waiting,) = invitations.of_user(conn, on_both.bob.id, now=on_both.shelf.now)
    assert (waiting.id, waiting.role, waiting.invited_by) == (made, Role.MAINTAINER, on_both.olga.id)
    accept(on_both, made, on_both.bob)
    assert on_both.role(on_both.bob) is Role.MAINTAINER
    assert on_both.actions() == ["role.invite", "role.accept"]


def test_only_the_person_invited_accepts(team: Team) -> None:
    made = team.invite()
    eve = team.shelf.person("eve")
    refused("no-such-invitation", lambda: accept(team, made, eve))
    refused("no-such-invitation", lambda: accept(team, "../x", team.bob))
    assert team.role(eve) is None


@pytest.mark.parametrize("end", ["accept", "decline", "revoke", "expire"])
def test_an_invitation_that_is_over_gives_nothing(team: Team, end: str) -> None:
    made = team.invite()
    with team.shelf.db.write() as tx:
        secret = invitations.make_link(tx, made, now=team.shelf.now)
    assert secret
    with team.shelf.db.write() as tx:
        now = team.shelf.now
        if end == "accept":
            invitations.accept(tx, by(team.bob), made, team.bob.id, now=now)
        elif end == "decline":
            invitations.decline(tx, by(team.bob), made, user_id=None, now=now)
        elif end == "revoke":
            invitations.revoke(tx, by(team.olga), "spam", made, now=now)
        else:
            assert invitations.expire(tx, now=now) == 0
            assert invitations.expire(tx, now=now + timedelta(days=14)) == 1
            assert invitations.expire(tx, now=now + timedelta(days=14)) == 0
    refused("invitation-over", lambda: accept(team, made, team.bob))
    with team.shelf.db.write() as tx:
        assert invitations.make_link(tx, made, now=team.shelf.now) is None, "its mail is not sent any more"
        refused("invitation-over", lambda: invitations.by_secret(tx, secret, now=team.shelf.now))
        refused("invitation-over", lambda: invitations.revoke(tx, by(team.olga), "spam", made, now=team.shelf.now))
    assert len(team.actions()) == 2


def test_what_an_owner_offered_ends_with_their_being_one(team: Team) -> None:
    """Else whoever got into olga's account would come back as an owner by an account that they invited before."""
    invitation, carol = team.invite(Role.OWNER), team.shelf.person("carol")
    with team.shelf.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", carol.id, Role.OWNER, now=team.shelf.now)
        change.add_role(tx, by(carol), "spam", team.olga.id, Role.MAINTAINER, now=team.shelf.now)
    assert team.actions()[-2:] == ["role.revoke-invitation", "role.add"]
    with pytest.raises(Refusal) as caught, team.shelf.db.write() as tx:
        invitations.accept(tx, by(team.bob), invitation, team.bob.id, now=team.shelf.now)
    assert caught.value.code == "invitation-over"


def test_accepting_takes_no_role_away_that_came_meanwhile(team: Team) -> None:
    """The operator made bob an owner while he was asked to maintain."""
    invitation = team.invite()
    with team.shelf.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", team.bob.id, Role.OWNER, now=team.shelf.now)
    with team.shelf.db.write() as tx:
        invitations.accept(tx, by(team.bob), invitation, team.bob.id, now=team.shelf.now)
    assert team.role(team.bob) is Role.OWNER


def test_a_link_is_of_the_newest_mail_and_known_by_its_hash_only(team: Team) -> None:
    made = team.invite()
    with team.shelf.db.write() as tx:
        first = invitations.make_link(tx, made, now=team.shelf.now)
        second = invitations.make_link(tx, made, now=team.shelf.now)
        assert first
        assert second
        refused("no-such-invitation", lambda: invitations.by_secret(tx, first, now=team.shelf.now))
        assert invitations.by_secret(tx, second, now=team.shelf.now).id == made
        assert second not in str(tx.execute(select(table)).all())
        late = team.shelf.now + invitations.LASTS
        refused("invitation-over", lambda: invitations.by_secret(tx, second, now=late))


def test_nobody_is_invited_over_and_over(team: Team) -> None:
    for number in range(invitations.A_DAY):
        made = team.invite()
        with team.shelf.db.write() as tx:
            if number:
                invitations.revoke(tx, by(team.olga), "spam", made, now=team.shelf.now)
            else:
                invitations.decline(tx, by(team.bob), made, user_id=None, now=team.shelf.now)
    refused("invited-often", team.invite)
    team.invite(user=team.shelf.person("carol"))
    team.shelf.now += timedelta(days=1)
    team.invite()


def test_who_cannot_be_invited(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    refused("wrong-state", lambda: team.invite(user=team.olga))
    team.invite()
    refused("invited-already", lambda: team.invite(Role.OWNER))
    with team.shelf.db.write() as tx:
        frozen = people.create(tx, OPERATOR, "frozen", "f@example.invalid", is_admin=False, now=team.shelf.now)
        people.freeze(tx, OPERATOR, frozen.id, reason="stolen", now=team.shelf.now)
    refused("no-such-user", lambda: team.invite(user=frozen))
    monkeypatch.setattr(invitations, "MOST", 1)
    refused("too-many-invitations", lambda: team.invite(user=team.shelf.person("eve")))


def test_after_an_invitation_expired_another_can_be_sent(team: Team) -> None:
    team.invite()
    team.shelf.now += invitations.LASTS
    accept(team, team.invite(Role.OWNER), team.bob)
    assert team.role(team.bob) is Role.OWNER


def test_of_fifty_answers_at_one_moment_one_counts(on_both: Team) -> None:
    made = on_both.invite()

    def answer(number: int) -> str:
        try:
            with on_both.shelf.db.write() as tx:
                if number % 5 == 4:
                    invitations.decline(tx, by(on_both.bob), made, user_id=on_both.bob.id, now=on_both.shelf.now)
                else:
                    invitations.accept(tx, by(on_both.bob), made, on_both.bob.id, now=on_both.shelf.now)
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(answer, range(50)))
    assert sorted(answers) == ["done"] + ["invitation-over"] * 49
    assert (on_both.role(on_both.bob) is Role.MAINTAINER) == (on_both.actions()[-1] == "role.accept")
    assert len(on_both.actions()) == 2


def test_of_many_invitations_of_one_person_one_is_made(on_both: Team) -> None:
    def invite(_: int) -> str:
        try:
            return "done" if on_both.invite() else ""
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(invite, range(10))) == ["done"] + ["invited-already"] * 9


def test_with_a_role_goes_everything_that_came_from_it(on_both: Team) -> None:
    """Also for whoever gets another role later."""
    accept(on_both, on_both.invite(Role.OWNER), on_both.bob)
    eve = on_both.shelf.person("eve")
    sealer, now = Sealer(b"k" * 32), on_both.shelf.now
    with on_both.shelf.db.write() as tx:
        for name, projects in (("one", ["spam"]), ("two", ["spam", "eggs"]), ("all", [])):
            tokens.mint(
                tx, by(on_both.bob), on_both.bob, sealer=sealer, name=name, projects=projects, permissions=["upload"],
                expires_at=now + timedelta(days=9), operator=False, now=now,
            )  # fmt: skip
        invitations.invite(tx, by(on_both.bob), "spam", eve.id, Role.OWNER, now=now)
        row = {"id": new_id(), "project_key": "spam", "project_name": "spam", "issuer": "https://ci.example"}
        row |= {"lookup": "x", "fields": {"owner": "bob"}, "pins": {}, "pending": False, "user_id": on_both.bob.id}
        tx.execute(insert(publisher).values(row | {"created_at": now}))
    with on_both.shelf.db.write() as tx:
        change.remove_role(tx, by(on_both.olga), "spam", on_both.bob.id, Role.OWNER, now=now)
    with on_both.shelf.db.read() as conn:
        assert invitations.of_user(conn, eve.id, now=now) == [], "eve could have let him in again"
        left = {one.name: (one.projects, one.live(now)) for one in tokens.of_user(conn, on_both.bob.id)}
        assert left == {"one": (("spam",), False), "two": (("eggs",), True), "all": ((), True)}
        assert conn.execute(select(publisher)).all() == []
        facts = conn.execute(select(journal.c.facts).where(journal.c.action == "role.remove")).scalar_one()
        assert facts == {"role": "owner", "publishers": 1, "tokens": 2, "invitations": 1}
        assert "" not in conn.execute(select(token_table.c.projects)).scalars().all()


def test_leaving_and_who_cannot(team: Team) -> None:
    def leave(user: User) -> None:
        with team.shelf.db.write() as tx:
            change.leave(tx, by(user), "spam", user.id, now=team.shelf.now)

    refused("sole-owner", lambda: leave(team.olga))
    refused("no-such-role", lambda: leave(team.bob))
    accept(team, team.invite(Role.OWNER), team.bob)
    leave(team.olga)
    assert (team.role(team.olga), team.role(team.bob)) == (None, Role.OWNER)
    assert team.actions()[-1] == "role.leave"


def test_two_owners_who_leave_at_once_leave_one(on_both: Team) -> None:
    accept(on_both, on_both.invite(Role.OWNER), on_both.bob)

    def leave(user: User) -> str:
        try:
            with on_both.shelf.db.write() as tx:
                change.leave(tx, by(user), "spam", user.id, now=on_both.shelf.now)
        except Refusal as refusal:
            return refusal.code
        return "left"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, (on_both.olga, on_both.bob))) == ["left", "sole-owner"]
