"""Time for a broker that shares its machine with other tests."""

from __future__ import annotations

import pytest

from bonded.adapters import queue_amqp, queue_celery


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who commits gives the broker half a minute in place of a fifth of a second: for tests of what arrives there. A busy machine holds
    up a connection for longer than that, and what was not sent is the keeper's to send, which these tests do not have."""
    monkeypatch.setattr(queue_celery, "IMPATIENT", 30.0)
    monkeypatch.setattr(queue_amqp, "PATIENCE", 30.0)


SLOWER = 5
"""Times."""


@pytest.fixture
def slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some times as long, for tests of how long it is: what the machine adds weighs less then."""
    assert queue_celery.IMPATIENT == 0.2
    monkeypatch.setattr(queue_celery, "IMPATIENT", SLOWER * queue_celery.IMPATIENT)
