"""Lost second factors: evidence, seven days that nobody shortens, one click that stops, two administrators."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

from bonded.accounts import factors, recovery, recovery_asking, recovery_deciding, recovery_request, sessions, tokens
from bonded.accounts.people import User, freeze
from bonded.accounts.recovery_request import LostFactors, Purpose, State
from bonded.accounts.recovery_tables import recovery_link
from bonded.accounts.tables import factor
from bonded.adapters.counter_sql import SqlCounter
from bonded.db.engine import Database
from bonded.journal.tables import journal
from bonded.values.refusals import Refusal
from bonded.values.text import new_id
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.accounts.people_for_tests import SEALER, person, token

DAY = timedelta(days=1)


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(Refusal) as caught:
        act()
    assert caught.value.code == code


class Lost:
    """Ann, who has a security device that she lost, and two administrators. `now` may be moved."""

    def __init__(self, db: Database, now: datetime) -> None:
        self.db, self.now = db, now
        self.ann = person(db, now, "ann")
        self.ada, self.abe = (person(db, now, name, is_admin=True) for name in ("ada", "abe"))
        row = {"id": new_id(), "user_id": self.ann.id, "kind": "device", "label": "key", "transports": []}
        with db.write() as tx:
            tx.execute(insert(factor).values(row | {"credential": b"c", "public_key": b"p", "created_at": now}))
        self.nobody = Actor(ActorKind.USER, "", "", "192.0.2.9", "Test")

    def ask(self, typed: str = "ann") -> None:
        recovery_asking.ask(self.db, SqlCounter(self.db), self.nobody, typed, now=self.now)

    def found(self) -> LostFactors:
        with self.db.read() as conn:
            (one,) = conn.execute(
                select(recovery_request.table.c.id).order_by(recovery_request.table.c.id.desc()).limit(1)
            ).scalars()
            known = recovery_request.find(conn, one)
        assert known
        return known

    def hand_in(self, *, more: bool = False) -> None:
        with self.db.write() as tx:
            recovery_request.hand_in(tx, self.nobody, self.found(), more_is_possible=more, now=self.now)

    def round(self) -> int:
        with self.db.write() as tx:
            return recovery_deciding.round_of(tx, now=self.now)

    def agree(self, who: User) -> bool:
        with self.db.write() as tx:
            actor = Actor(ActorKind.USER, who.id, "session")
            return recovery_deciding.agree(tx, actor, self.found().id, reason="looked at it", now=self.now)

    def actions(self) -> list[str]:
        with self.db.read() as conn:
            mine = journal.c.action.like("recovery.%")
            return list(conn.execute(select(journal.c.action).where(mine).order_by(journal.c.id)).scalars())

    def has_factor(self) -> bool:
        with self.db.read() as conn:
            return factors.has_any(conn, self.ann.id)


@pytest.fixture
def lost(sqlite_db: Database, now: datetime) -> Lost:
    return Lost(sqlite_db, now)


def ready(lost: Lost) -> Lost:
    """The waiting time is over."""
    lost.ask()
    lost.hand_in()
    lost.now += recovery_request.WAITS
    assert lost.round() == 1
    assert lost.found().state is State.READY
    return lost


def test_the_whole_way(db: Database, now: datetime) -> None:
    lost = Lost(db, now)
    with db.write() as tx:
        sessions.open(tx, lost.ann.id, ip="", agent="", now=now)
    lost.ask()
    assert lost.found().state is State.ASKED
    lost.hand_in()
    for _ in range(6):
        lost.now += DAY
        assert lost.round() == 1
        assert lost.round() == 0, "one notice a day"
    lost.now += DAY
    assert lost.round() == 1
    assert lost.agree(lost.ada) is False
    assert lost.has_factor()
    assert lost.agree(lost.abe) is True
    assert not lost.has_factor()
    with db.read() as conn:
        assert sessions.of_user(conn, lost.ann.id, now=lost.now) == []
        assert recovery.standing(conn, lost.ann.id).left == 0
    assert lost.found().state is State.DONE
    wanted = ["link", "begin", *["notice"] * 6, "ready", "agree", "agree", "reset"]
    assert lost.actions() == [f"recovery.{name}" for name in wanted]


@pytest.mark.parametrize("typed", ["ann", "ANN", "ann@example.invalid"])
def test_who_is_known_gets_a_link(lost: Lost, typed: str) -> None:
    lost.ask(typed)
    assert lost.actions() == ["recovery.link"]


@pytest.mark.parametrize("typed", ["nobody", "ada", "x@example.invalid", "", "a" * 500, "\x00"])
def test_who_is_unknown_or_has_no_factor_gets_the_same_answer_and_no_mail(lost: Lost, typed: str) -> None:
    lost.ask(typed)
    assert lost.actions() == ["recovery.ask"]


def test_a_frozen_account_gets_no_link(lost: Lost) -> None:
    with lost.db.write() as tx:
        freeze(tx, OPERATOR, lost.ann.id, reason="stolen", now=lost.now)
    lost.ask()
    assert lost.actions() == ["recovery.ask"]


def test_asking_again_sends_another_link_to_the_same_request_and_not_for_ever(lost: Lost) -> None:
    for _ in range(5):
        lost.ask()
    assert lost.actions() == ["recovery.link"] * 3 + ["recovery.ask"] * 2
    with lost.db.read() as conn:
        assert len(recovery_request.open_ones(conn)) == 1


def test_links_open_what_they_are_for_and_as_long_as_they_should(lost: Lost) -> None:
    lost.ask()
    one = lost.found().id
    with lost.db.write() as tx:
        own = recovery_request.make_link(tx, one, Purpose.OWN, now=lost.now)
        earlier = recovery_request.make_link(tx, one, Purpose.STOP, now=lost.now)
        stop = recovery_request.make_link(tx, one, Purpose.STOP, now=lost.now)
        assert own
        assert stop
        assert earlier
        for secret, purpose in ((own, Purpose.OWN), (stop, Purpose.STOP), (earlier, Purpose.STOP)):
            assert recovery_request.by_link(tx, secret, purpose, now=lost.now).id == one
        look = recovery_request.by_link
        refused("link-invalid", lambda: look(tx, own, Purpose.STOP, now=lost.now))
        refused("link-invalid", lambda: look(tx, "x" * 43, Purpose.OWN, now=lost.now))
        late = lost.now + recovery_request.LINK_LASTS
        refused("link-expired", lambda: look(tx, own, Purpose.OWN, now=late))
        assert own not in str(tx.execute(select(recovery_link)).all())


def test_evidence_is_asked_for_where_there_can_be_some(lost: Lost) -> None:
    lost.ask()
    refused("evidence-missing", lambda: lost.hand_in(more=True))
    _, text = token(lost.db, lost.ann, lost.now)
    with lost.db.write() as tx:
        prove(tx, lost, text)
    lost.hand_in(more=True)
    assert lost.found().state is State.WAITING
    refused("recovery-begun", lambda: lost.hand_in())


def prove(tx: object, lost: Lost, text: str, challenge: str = "") -> None:
    recovery_asking.prove_token(
        tx,  # type: ignore[arg-type]
        SEALER,
        text,
        challenge or lost.found().challenge,
        ip="192.0.2.9",
        agent="curl",
        now=lost.now,
    )


def test_which_tokens_prove_something(lost: Lost) -> None:
    lost.ask()
    _, good = token(lost.db, lost.ann, lost.now)
    other_id, other = token(lost.db, lost.ada, lost.now)
    ended_id, ended = token(lost.db, lost.ann, lost.now, name="ended")
    with lost.db.write() as tx:
        tokens.revoke(tx, OPERATOR, ended_id, user_id=None, now=lost.now)
    from bonded.accounts import caveats, macaroon

    narrow = macaroon.narrow(good, [caveats.for_permissions(["upload"])])
    with lost.db.write() as tx:
        refused("token-of-another", lambda: prove(tx, lost, other))
        refused("token-of-another", lambda: prove(tx, lost, ended))
        refused("token-of-another", lambda: prove(tx, lost, narrow))
        refused("token-of-another", lambda: prove(tx, lost, good, challenge="bonded-recovery-of-another"))
        refused("token-invalid", lambda: prove(tx, lost, good[:-9]))
        prove(tx, lost, good)
    assert lost.found().token_at == lost.now
    assert lost.actions() == ["recovery.link", "recovery.prove-token"]
    assert other_id != lost.found().token_id


@pytest.mark.parametrize(
    ("address", "counts"),
    [
        ("https://code.example/ann/spam/blob/main/proof.txt", True),
        ("https://code.example/ann/spam", True),
        ("https://code.example/ann/spam.git/proof.txt", True),
        ("https://code.example/ann/spam-evil/proof.txt", False),
        ("https://code.example/eve/spam/proof.txt", False),
        ("https://code.example.evil.example/ann/spam/x", False),
        ("https://ann@code.example/ann/spam/x", False),
        ("http://code.example/ann/spam/x", False),
        ("https://code.example:8443/ann/spam/x", False),
        ("https://code.example:x/ann/spam/x", False),
        ("javascript:alert(1)//code.example/ann/spam", False),
        ("https://code.example/ann/spam/\x00", False),
        ("https://code.example/ann/spam/" + "x" * 600, False),
        ("", False),
    ],
)
def test_which_addresses_are_in_a_linked_repository(lost: Lost, address: str, counts: bool) -> None:
    lost.ask()

    def name() -> None:
        with lost.db.write() as tx:
            linked = ["https://code.example/ann/spam"]
            recovery_asking.name_repository(tx, lost.nobody, lost.found(), address, linked, now=lost.now)

    if counts:
        name()
        assert lost.found().repository == address
    else:
        refused("repository-not-linked", name)


def test_stopping_ends_it_in_every_state(lost: Lost) -> None:
    def stop() -> None:
        with lost.db.write() as tx:
            recovery_request.stop(tx, lost.nobody, lost.found(), now=lost.now)

    lost.ask()
    stop()
    refused("recovery-over", stop)
    refused("recovery-over", lambda: lost.hand_in())
    lost.now += DAY
    lost.ask()
    lost.hand_in()
    stop()
    lost.now += DAY * 20
    assert lost.round() == 0
    ready(lost)
    assert lost.agree(lost.ada) is False
    stop()
    refused("recovery-over", lambda: lost.agree(lost.abe))
    assert lost.has_factor()


def test_nobody_shortens_the_waiting_time(lost: Lost) -> None:
    lost.ask()
    refused("recovery-early", lambda: lost.agree(lost.ada))
    lost.hand_in()
    lost.now += recovery_request.WAITS - timedelta(seconds=1)
    lost.round()
    refused("recovery-early", lambda: lost.agree(lost.ada))


def test_it_takes_two_different_administrators(lost: Lost) -> None:
    ready(lost)
    lost.agree(lost.ada)
    refused("other-administrator", lambda: lost.agree(lost.ada))
    assert lost.has_factor()
    lost.agree(lost.abe)
    refused("recovery-over", lambda: lost.agree(lost.abe))


def test_nobody_agrees_to_their_own(lost: Lost) -> None:
    ready(lost)
    refused("other-administrator", lambda: lost.agree(lost.ann))


def test_a_reason_is_needed(lost: Lost) -> None:
    ready(lost)
    with lost.db.write() as tx:
        refused(
            "account-reason-needed",
            lambda: recovery_deciding.agree(tx, OPERATOR, lost.found().id, reason=" ", now=lost.now),
        )


def test_refusing(lost: Lost) -> None:
    ready(lost)
    with lost.db.write() as tx:
        who = Actor(ActorKind.USER, lost.ada.id, "session")
        recovery_deciding.refuse(tx, who, lost.found().id, reason="the repository shows nothing", now=lost.now)
    assert lost.found().state is State.REFUSED
    refused("recovery-over", lambda: lost.agree(lost.abe))
    with lost.db.write() as tx:
        refused("recovery-over", lambda: recovery_deciding.refuse(tx, who, 999, reason="none", now=lost.now))


def test_administrators_who_are_late_are_reminded_every_day(lost: Lost) -> None:
    ready(lost)
    lost.now += recovery_request.ANSWER_WITHIN
    assert lost.round() == 0
    lost.now += timedelta(seconds=1)
    assert lost.found().overdue(lost.now)
    assert (lost.round(), lost.round()) == (1, 0)
    lost.now += DAY
    assert lost.round() == 1
    assert lost.actions()[-2:] == ["recovery.overdue"] * 2


def test_without_evidence_it_lapses(lost: Lost) -> None:
    lost.ask()
    lost.now += recovery_request.EVIDENCE_WITHIN
    assert lost.round() == 1
    assert lost.found().state is State.EXPIRED
    assert lost.round() == 0


def test_two_administrators_at_one_moment(db: Database, now: datetime) -> None:
    """Each of them twenty times: one first, one second, and never one person for both."""
    lost = ready(Lost(db, now))

    def agree(number: int) -> str:
        try:
            return str(lost.agree((lost.ada, lost.abe)[number % 2]))
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(agree, range(40)))
    assert (answers.count("False"), answers.count("True")) == (1, 1)
    assert set(answers) <= {"False", "True", "other-administrator", "recovery-over"}
    assert lost.actions().count("recovery.reset") == 1
    assert not lost.has_factor()


def test_fifty_requests_at_one_moment_are_one(db: Database, now: datetime) -> None:
    lost = Lost(db, now)
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda _: lost.ask(), range(50)))
    with db.read() as conn:
        assert len(recovery_request.open_ones(conn)) == 1
    assert lost.actions().count("recovery.link") == 3
