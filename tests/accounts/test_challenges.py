"""Challenges for devices: each for one purpose, one holder, one answer and a while."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from bonded.accounts import challenges
from bonded.accounts.challenges import Purpose
from bonded.accounts.sealing import Sealer
from bonded.adapters.counter_sql import SqlCounter
from bonded.db.engine import Database
from bonded.values.refusals import Refusal

SEALER = Sealer(b"k" * 32)


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def answer(challenge: str) -> str:
    """As a browser writes down what it answers."""
    return json.dumps({"response": {"clientDataJSON": text(json.dumps({"challenge": challenge}).encode())}})


@pytest.fixture
def take(sqlite_db: Database, now: datetime) -> Callable[..., bool]:
    """Whether an answer is taken."""

    def take(said: str, purpose: Purpose = Purpose.CONFIRM, holder: str = "s", after: float = 0) -> bool:
        at = now + timedelta(seconds=after)
        try:
            challenges.taken(SEALER, SqlCounter(sqlite_db), purpose, holder, said, now=at)
        except Refusal as refusal:
            return refusal.code != "device-failed"
        return True

    return take


@pytest.mark.parametrize("purpose", Purpose)
def test_each_is_taken_once_in_any_order(take: Callable[..., bool], now: datetime, purpose: Purpose) -> None:
    said = [answer(text(challenges.make(SEALER, purpose, "s", now=now))) for _ in range(3)]
    for one in (said[1], said[0], said[2]):
        assert take(one, purpose)
        assert not take(one, purpose)
        assert not take(one, purpose, after=purpose.lasts.total_seconds() - 1)


@pytest.mark.parametrize("purpose", Purpose)
def test_for_its_purpose_holder_and_time_only(take: Callable[..., bool], now: datetime, purpose: Purpose) -> None:
    said = answer(text(challenges.make(SEALER, purpose, "s", now=now)))
    assert not any(take(said, other) for other in Purpose if other is not purpose)
    assert not take(said, purpose, holder="t")
    assert not take(said, purpose, after=purpose.lasts.total_seconds() + 1)
    assert not take(said, purpose, after=-60), "made by a clock that is ahead"
    assert take(said, purpose, after=purpose.lasts.total_seconds() - 1), "what was refused is not used up"


@pytest.mark.parametrize(
    "said", ["", "x", "[]", "null", "{}", '{"response": 1}', '{"response": {"clientDataJSON": "!"}}', "[" * 10_000]
)
def test_what_is_no_answer_is_refused(take: Callable[..., bool], said: str) -> None:
    assert not take(said)


@pytest.mark.parametrize("challenge", ["", "AAAA", "\u00e4", "A", "A" * 64, "A" * 10_000])
def test_what_we_did_not_make_is_refused(take: Callable[..., bool], now: datetime, challenge: str) -> None:
    assert not take(answer(challenge))
    forged = challenges.make(Sealer(b"x" * 32), Purpose.CONFIRM, "s", now=now)
    assert not take(answer(text(forged)))
