"""A login that waits for the mailbox, where no page leads."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bonded.accounts import passwords, people, unusual
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
