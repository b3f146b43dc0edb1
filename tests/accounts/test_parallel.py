"""Fifty at the same moment for one thing: one wins, the others are told, nobody meets an error."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from bonded.accounts import address_book, addresses, factors, people, registration, registration_invitations, unusual
from bonded.accounts.arrival import PASSWORD, Step, arrive, enter
from bonded.accounts.factors import Needs
from bonded.accounts.known_devices import Browser
from bonded.accounts.login_limits import LoginLimits
from bonded.accounts.mail_domains import DomainRules
from bonded.accounts.registration import Wanted
from bonded.adapters.counter_sql import SqlCounter
from bonded.db.engine import Database
from bonded.ops.delete_account import delete_account
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR
from tests.accounts.people_for_tests import person

MANY = 50
GOOD = "three random words"
DAY = timedelta(days=1)


def at_once(act: Callable[[int], object]) -> Counter[str]:
    """What many threads are answered that begin together: "done", or the code of a refusal; anything else is raised."""
    answers: list[str] = []
    failures: list[BaseException] = []
    start = threading.Barrier(MANY)

    def run(number: int) -> None:
        start.wait()
        try:
            act(number)
            answers.append("done")
        except Refusal as refusal:
            answers.append(refusal.code)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    return Counter(answers)


def wanted(number: int, name: str = "ann") -> Wanted:
    return Wanted(name, f"ann{number}@example.net", GOOD, None)


def test_one_name(db: Database, now: datetime) -> None:
    spellings = ["ann", "ANN", "a.nn", "a-n-n", "Ann"]
    told = at_once(lambda n: registration.ask(db, wanted(n, spellings[n % 5]), ip="", agent="", now=now))
    assert told == {"done": 1, "user-name-taken": MANY - 1}


def test_one_link_of_a_registration(db: Database, now: datetime) -> None:
    made = registration.ask(db, wanted(1), ip="", agent="", now=now)
    with db.write() as tx:
        secret = registration.make_link(tx, made, now=now)
    assert secret
    limits = LoginLimits(1000, 1000, 1000, account=1000)
    told = at_once(
        lambda _: registration.verify(
            db, SqlCounter(db), secret, GOOD, browser=Browser("", ""), limits=limits, lifetime=DAY, now=now
        )
    )
    assert told == {"done": 1, "link-used": MANY - 1}
    with db.read() as conn:
        assert len(people.everyone(conn)) == 1


def test_one_address_for_many_accounts(db: Database, now: datetime) -> None:
    secrets = []
    for number in range(MANY):
        made = person(db, now, f"p{number}")
        with db.write() as tx:
            known = addresses.add(tx, OPERATOR, made, "shared@example.net", DomainRules(), now=now)
            secrets.append(addresses.make_link(tx, made.id, known, now=now) or "")

    def confirm(number: int) -> None:
        with db.write() as tx:
            addresses.confirm(tx, secrets[number], ip="", agent="", now=now)

    assert at_once(confirm) == {"done": 1, "email-taken": MANY - 1}


def test_one_link_of_an_address(db: Database, now: datetime) -> None:
    made = person(db, now)
    with db.write() as tx:
        known = addresses.add(tx, OPERATOR, made, "second@example.net", DomainRules(), now=now)
        secret = addresses.make_link(tx, made.id, known, now=now) or ""

    def confirm(_: int) -> None:
        with db.write() as tx:
            addresses.confirm(tx, secret, ip="", agent="", now=now)

    told = at_once(confirm)
    assert told["done"] == 1
    assert set(told) <= {"done", "link-used", "email-verified"}


def test_the_same_address_added_many_times(db: Database, now: datetime) -> None:
    made = person(db, now)

    def add(_: int) -> None:
        with db.write() as tx:
            addresses.add(tx, OPERATOR, made, "second@example.net", DomainRules(), now=now)

    assert at_once(add) == {"done": 1, "same-email": MANY - 1}
    with db.read() as conn:
        assert len(address_book.of_user(conn, made.id)) == 2


def test_the_last_address_is_not_removed_by_two_at_once(db: Database, now: datetime) -> None:
    made = person(db, now)
    ids = []
    for number in range(4):
        with db.write() as tx:
            ids.append(address_book.put(tx, made.id, f"more{number}@example.net", verified=True, now=now))

    def remove(number: int) -> None:
        with db.write() as tx:
            addresses.remove(tx, OPERATOR, made, ids[number % 4], now=now)

    told = at_once(remove)
    assert told == {"done": 4, "no-such-email": MANY - 4}
    with db.read() as conn:
        assert [one.address for one in address_book.of_user(conn, made.id)] == [made.email]


def test_the_last_second_factor_is_not_removed_by_two_at_once(db: Database, now: datetime) -> None:
    made = person(db, now)
    ids = []
    for number in range(4):
        values = {"credential": f"c{number}".encode(), "public_key": b"p", "transports": []}
        with db.write() as tx:
            ids.append(factors.add_device(tx, OPERATOR, made.id, f"key {number}", values, now=now))

    def remove(number: int) -> None:
        with db.write() as tx:
            factors.remove(
                tx, OPERATOR, made.id, ids[number % 4], confirmed_with="password", now=now, needs=Needs(factor=True)
            )

    told = at_once(remove)
    assert told["done"] == 3
    assert set(told) == {"done", "last-factor", "no-such-factor"}
    with db.read() as conn:
        assert len(factors.of_user(conn, made.id)) == 1


def test_the_last_administrator_stays_when_all_leave_at_once(db: Database, now: datetime) -> None:
    with db.write() as tx:
        made = [
            people.create(tx, OPERATOR, f"root{n}", f"root{n}@example.net", is_admin=True, now=now) for n in range(MANY)
        ]

    def leave(number: int) -> None:
        with db.write() as tx:
            delete_account(tx, OPERATOR, made[number], now=now)

    assert at_once(leave) == {"done": MANY - 1, "last-administrator": 1}


def test_one_link_of_an_unusual_login(db: Database, now: datetime) -> None:
    made = person(db, now)
    here, there = Browser("192.0.2.1", "Hers"), Browser("203.0.113.1", "Hers")
    with db.write() as tx:
        enter(tx, made, here, None, proof=PASSWORD, lifetime=DAY, now=now)
    with db.write() as tx:
        waits = arrive(tx, made, there, None, proof=PASSWORD, ask_mail=True, lifetime=DAY, now=now)
        secret = unusual.make_link(tx, made.id, there.ip, there.agent, now=now)
    assert waits.step is Step.MAIL
    assert secret
    told = at_once(lambda _: unusual.confirm(db, secret, waits.opened.secret, there, lifetime=DAY, now=now))
    assert told["done"] == 1
    assert set(told) <= {"done", "link-used", "login-elsewhere"}


def test_one_invitation(db: Database, now: datetime) -> None:
    with db.write() as tx:
        secret = registration_invitations.make(tx, OPERATOR, "ann@example.net", now=now)

    def ask(number: int) -> None:
        registration.ask(db, wanted(number, f"ann{number}"), ip="", agent="", now=now, invitation=secret)

    assert at_once(ask) == {"done": 1, "invitation-needed": MANY - 1}


def test_one_undo(db: Database, now: datetime) -> None:
    made = person(db, now)
    with db.write() as tx:
        secret = addresses.make_undo_link(tx, made.id, "before@example.net", now=now) or ""

    def undo(_: int) -> None:
        with db.write() as tx:
            addresses.undo(tx, secret, ip="", agent="", now=now)

    assert at_once(undo) == {"done": 1, "link-used": MANY - 1}
