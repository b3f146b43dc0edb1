"""People: names and addresses, look-alikes, freezing."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from bonded.accounts import people
from bonded.accounts.names import check_email, check_user_name, name_key
from bonded.db.engine import Database
from bonded.journal.read import of_everything
from bonded.values.refusals import Refusal
from bonded.values.states import AccountState
from bonded.values.who import OPERATOR
from tests.accounts.people_for_tests import person


@pytest.mark.parametrize("name", ["a", "Alice", "a.b_c-d", "0", "x" * 50])
def test_good_names(name: str) -> None:
    assert check_user_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "é", "a\n", "x" * 51, "a/b", "аlice", "__token__"])
def test_bad_names(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_user_name(name)
    assert caught.value.code == "invalid-user-name"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a@example.invalid", "a@example.invalid"),
        ("A.b+c@EXAMPLE.invalid", "A.b+c@example.invalid"),
        ("admin@localhost", "admin@localhost"),
        ("x@bücher.invalid", "x@xn--bcher-kva.invalid"),
    ],
)
def test_good_addresses(given: str, kept: str) -> None:
    assert check_email(given) == kept


@pytest.mark.parametrize(
    "email",
    [
        "",
        "a",
        "@x.invalid",
        "a@",
        "a@b@c.invalid",
        "a b@x.invalid",
        "a@x..invalid",
        "a@-x.invalid",
        "a@x.invalid\nBcc: b@x.invalid",
        "A <a@x.invalid>",
        '"a b"@x.invalid',
        "é@x.invalid",
        "a" * 65 + "@x.invalid",
        "a@" + "x" * 64 + ".invalid",
        "a@" + "x." * 130 + "invalid",
        "a@x invalid",
        "a,b@x.invalid",
        "a@[192.0.2.1]",
        "a@x.invalid ",
    ],
)
def test_bad_addresses(email: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_email(email)
    assert caught.value.code == "invalid-email"


def test_names_that_look_alike_are_one() -> None:
    assert name_key("B0b.L1l") == name_key("bob-lil") == name_key("BOB_III"[:4] + "lil")


def test_a_name_is_given_once(db: Database, now: datetime) -> None:
    alice = person(db, now, "Bob-Lil")
    for taken in ("Bob-Lil", "bob.lil", "B0B_L1L", "boblil"):
        with pytest.raises(Refusal) as caught:
            person(db, now, taken)
        assert (caught.value.code, caught.value.status) == ("user-name-taken", 409)
    with db.read() as conn:
        assert people.by_name(conn, "bob-lil") == alice
        assert people.by_name(conn, "boblil") is None, "found is only who is meant"
        assert people.by_id(conn, alice.id) == alice
        assert people.by_id(conn, "") is None
        assert people.names(conn, {alice.id, "gone"}) == {alice.id: "Bob-Lil"}
        with pytest.raises(Refusal, match="no user 'carol'"):
            people.need(conn, "carol")


def test_of_many_at_once_one_gets_the_name(db: Database, now: datetime) -> None:
    answers: list[str] = []

    def run() -> None:
        try:
            person(db, now, "alice")
            answers.append("made")
        except Refusal as refusal:
            answers.append(refusal.code)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["made"] + ["user-name-taken"] * 5
    with db.read() as conn:
        assert len(of_everything(conn).entries) == 1


def test_names_and_addresses_are_private_data_of_the_journal(sqlite_db: Database, now: datetime) -> None:
    person(sqlite_db, now)
    with sqlite_db.read() as conn:
        (row,) = of_everything(conn).entries
    assert row.facts == {"is_admin": False}
    assert row.private == {"name": "alice", "email": "alice@example.invalid"}


def test_freezing_and_thawing(db: Database, now: datetime) -> None:
    alice = person(db, now, is_admin=True)

    def turn(act: object, reason: str) -> str:
        try:
            with db.write() as tx:
                act(tx, OPERATOR, alice.id, reason=reason, now=now)  # type: ignore[operator]
        except Refusal as refusal:
            return refusal.code
        return "done"

    assert turn(people.unfreeze, "why not") == "same-account-state"
    assert turn(people.freeze, "  ") == "account-reason-needed"
    assert turn(people.freeze, "x" * 2001) == "account-reason-needed"
    with db.read() as conn:
        assert [u.id for u in people.admins(conn)] == [alice.id]
    assert turn(people.freeze, "stolen laptop") == "done"
    assert turn(people.freeze, "stolen laptop") == "same-account-state"
    with db.read() as conn:
        frozen = people.by_id(conn, alice.id)
        assert frozen
        assert (frozen.state, frozen.active) == (AccountState.FROZEN, False)
        assert people.admins(conn) == []
    assert turn(people.unfreeze, "laptop found") == "done"
    with pytest.raises(Refusal, match="no such account"), db.write() as tx:
        people.freeze(tx, OPERATOR, "unknown", reason="stolen", now=now)
    with db.read() as conn:
        reasons = [e.facts["reason"] for e in of_everything(conn).entries if "reason" in e.facts]
    assert reasons == ["laptop found", "stolen laptop"]
