"""A login that waits for the mailbox, where no page leads."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bonded.accounts import passwords, people, sessions, unusual
from bonded.accounts.arrival import PASSWORD, Step, arrive, enter
from bonded.accounts.known_devices import Browser
from bonded.db.engine import Database
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR
from tests.accounts.people_for_tests import person

DAY = timedelta(days=1)


def test_no_mailbox_lets_anybody_in_whose_password_was_void_before(db: Database, now: datetime) -> None:
    """Nothing has changed since the login began, so it is not over by that."""
    made = person(db, now)
    with db.write() as tx:
        enter(tx, made, Browser("192.0.2.1", "Hers"), None, proof=PASSWORD, lifetime=DAY, now=now)
        passwords.void(tx, OPERATOR, made.id, now=now)
    with db.write() as tx:
        void = people.by_id(tx, made.id)
        assert void is not None
        there = Browser("203.0.113.1", "Hers")
        waits = arrive(tx, void, there, None, proof=PASSWORD, ask_mail=True, lifetime=DAY, now=now)
    assert waits.step is Step.MAIL
    with pytest.raises(Refusal) as refused:
        unusual.waiting(db, waits.opened.secret, now=now)
    assert refused.value.code == "login-over"


def test_a_link_lets_nobody_in_whose_password_changes_while_it_is_used(
    db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, here = person(db, now), Browser("192.0.2.1", "Hers")
    with db.write() as tx:
        enter(tx, made, here, None, proof=PASSWORD, lifetime=DAY, now=now)
    there = Browser("203.0.113.1", "Hers")
    with db.write() as tx:
        waits = arrive(tx, made, there, None, proof=PASSWORD, ask_mail=True, lifetime=DAY, now=now)
        link = unusual.make_link(tx, made.id, there.ip, there.agent, now=now)
    assert link is not None
    look = unusual.look

    def slow(*given: Any, **more: Any) -> unusual.Waiting:
        found = look(*given, **more)
        with db.write() as tx:
            passwords.store(tx, OPERATOR, "user.set-password", made.id, "another hash", keep_session=None, now=now)
        return found

    monkeypatch.setattr(unusual, "look", slow)
    with pytest.raises(Refusal) as refused:
        unusual.confirm(db, link, waits.opened.secret, there, lifetime=DAY, now=now)
    assert refused.value.code == "login-over"
    with db.read() as conn:
        assert sessions.of_user(conn, made.id, now=now) == []
