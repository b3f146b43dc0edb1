"""What expires is deleted, and nothing else; the log stays whole."""

from __future__ import annotations

from datetime import datetime, timedelta

from bonded.accounts import registration_invitations as invitations
from bonded.accounts import sessions
from bonded.accounts.expiry import Expired, expire
from bonded.accounts.links import Purpose, make_link
from bonded.db.engine import Database
from bonded.journal import private, seal, verify
from bonded.journal.read import of_everything, of_user
from bonded.journal.record import PRIVATE_FOR
from bonded.values.who import OPERATOR
from tests.accounts.people_for_tests import person

DAY = timedelta(days=1)


def test_only_what_has_expired_goes(db: Database, now: datetime) -> None:
    alice = person(db, now)
    with db.write() as tx:
        make_link(tx, alice.id, Purpose.SET_PASSWORD, now=now, lifetime=DAY)
        sessions.open(tx, alice.id, ip="", agent="", now=now)
        seal.seal(tx, now=now)

    def at(later: timedelta) -> Expired:
        with db.write() as tx:
            return expire(tx, now=now + later)

    assert at(DAY) == Expired(0, 0, 0)
    assert at(timedelta(days=14)) == Expired(1, 1, 0)
    assert at(PRIVATE_FOR) == Expired(0, 0, 1)
    assert at(PRIVATE_FOR) == Expired(0, 0, 0)
    with db.read() as conn:
        (row,) = of_everything(conn).entries
        assert row.private == {}
        assert list(verify.verify(conn)) == []


def test_the_address_of_an_invitation_goes_with_it(db: Database, now: datetime) -> None:
    with db.write() as tx:
        secrets = [invitations.make(tx, OPERATOR, f"{name}@example.invalid", now=now) for name in ("ann", "bob")]
        invitations.use(tx, secrets[0], now=now)
    with db.write() as tx:
        assert expire(tx, now=now + DAY).invitations == 1, "one was used"
        assert invitations.address(tx, secrets[1], now=now + DAY) == "bob@example.invalid"
        assert expire(tx, now=now + invitations.LIFETIME).invitations == 1, "the other has expired"
        assert expire(tx, now=now + invitations.LIFETIME).invitations == 0


def test_a_person_is_forgotten_alone(db: Database, now: datetime) -> None:
    alice, bob = person(db, now), person(db, now, "bob")
    with db.write() as tx:
        assert private.forget(tx, alice.id) == 1
    with db.read() as conn:
        assert [e.private for e in of_user(conn, alice.id).entries] == [{}]
        assert [e.private["name"] for e in of_user(conn, bob.id).entries] == ["bob"]
