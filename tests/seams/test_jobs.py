"""The contract of job engines: the same suite against `local`, Celery over Redis and Celery over RabbitMQ, each on SQLite and on
PostgreSQL.

Workers are real processes, the brokers are real ones; what handlers did is read from the database afterwards.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bonded.adapters.queue_celery import PREFIX, CeleryBroker
from bonded.db import worker
from bonded.db.engine import Database
from bonded.db.jobs import enqueue_all, job
from bonded.db.workers import workers
from bonded.ops import carried
from bonded.ops import worker as local
from tests.celery.conftest import patient
from tests.support.engines import Engine, clock

__all__ = ["patient"]

rabbitmq = pytest.param("rabbitmq", marks=pytest.mark.slow)
every_engine = pytest.mark.parametrize("engine", ["local", "redis", "rabbitmq"], indirect=True)
each_broker = pytest.mark.parametrize("engine", ["redis", rabbitmq], indirect=True)


@pytest.fixture(params=["local", "redis", rabbitmq])
def engine(
    request: pytest.FixtureRequest, db: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    monkeypatch.setattr(worker, "BEAT", timedelta(seconds=0.5))
    monkeypatch.setattr(local, "SWEEP_EVERY", timedelta(seconds=0.5))
    monkeypatch.setattr(carried, "STAND_IN", timedelta(seconds=1))
    broker = request.getfixturevalue("rabbitmq" if request.param == "rabbitmq" else "broker")
    made = Engine(request.param, db, folder, broker)
    yield made
    made.stop(made.children, signal.SIGKILL)


@pytest.fixture
def short_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what happens when a lease ends: elsewhere no job is to be lost because the machine stood still for two seconds."""
    monkeypatch.setattr(worker, "LEASE", timedelta(seconds=2))


@every_engine
def test_each_job_is_done_once(engine: Engine) -> None:
    engine.start()
    with engine.db.write() as tx:
        enqueue_all(tx, "screen", [(f"k{n}", {}) for n in range(40)], now=clock())
    engine.until(lambda: not engine.left())
    assert sorted(one[0] for one in engine.did()) == sorted(f"k{n}" for n in range(40))


def test_jobs_from_before_the_start_are_done(engine: Engine) -> None:
    engine.add("early")
    engine.server.flush()
    engine.start()
    engine.until(lambda: len(engine.did()) == 1)


def test_a_job_waits_until_it_is_due(engine: Engine) -> None:
    engine.start()
    began = time.monotonic_ns()  # before: the second is counted from within, and the commit takes a while itself
    engine.add("later", delay=1.0)
    engine.until(lambda: len(engine.did()) == 1)
    assert int(engine.did()[0][3]) - began > 0.8e9


def test_a_failing_job_is_tried_again_and_then_ends_as_dead(engine: Engine) -> None:
    engine.start()
    engine.add("again", fails=1)
    engine.add("never", fails=9, attempts=1)
    engine.until(lambda: len(engine.did()) == 1 and engine.left("dead") == 1)
    assert engine.did()[0][:2] == ["again", "2"]
    with engine.db.read() as conn:
        assert (
            conn.execute(select(job.c.last_error).where(job.c.state == "dead")).scalar_one()
            == "ValueError: asked to fail"
        )


@pytest.mark.slow
@pytest.mark.usefixtures("short_lease")
def test_the_job_of_a_worker_that_was_killed_is_done_by_another(engine: Engine) -> None:
    first = engine.start()
    engine.add("slow", takes=1.0)
    engine.until(lambda: engine.left("running") == 1)
    engine.stop(first, signal.SIGKILL)
    engine.start()
    engine.until(lambda: len(engine.did()) == 1)
    assert engine.did()[0][1] == "2"


def test_a_graceful_stop_finishes_the_job_in_hand(engine: Engine) -> None:
    children = engine.start()
    engine.add("slow", takes=1.5)
    engine.until(lambda: engine.left("running") == 1)
    assert engine.stop(children) == [0] * len(children)
    assert [one[:2] for one in engine.did()] == [["slow", "1"]]
    with engine.db.read() as conn:
        assert workers(conn) == []


@pytest.mark.slow
@pytest.mark.usefixtures("short_lease")
def test_a_long_job_keeps_its_lease(engine: Engine) -> None:
    engine.start()
    engine.add("long", takes=3.5)
    engine.until(lambda: len(engine.did()) == 1)
    assert engine.did()[0][1] == "1"


@pytest.mark.slow
def test_workers_say_what_they_do(engine: Engine) -> None:
    engine.start()
    engine.add("slow", takes=6.0)

    def told() -> bool:
        with engine.db.read() as conn:
            return any(one.busy == 1 and one.queues == ("screen",) and one.alive(clock()) for one in workers(conn))

    engine.until(told)


@each_broker
@pytest.mark.usefixtures("patient")
def test_a_message_holds_a_number_and_no_more(engine: Engine) -> None:
    engine.add("secret-key", secret="hidden")
    (message,) = engine.server.messages(PREFIX + "screen")
    assert "secret" not in engine.server.text(message)
    assert "hidden" not in engine.server.text(message)
    with engine.db.read() as conn:
        number = conn.execute(select(job.c.id)).scalar_one()
    assert engine.server.numbers(message) == [number]


@pytest.mark.parametrize("engine", ["redis", "rabbitmq"], indirect=True)
def test_lost_messages_are_made_good(engine: Engine) -> None:
    for n in range(30):
        engine.add(f"k{n}")
    engine.server.flush()
    engine.start()
    engine.until(lambda: not engine.left())
    for n in range(30, 60):
        engine.add(f"k{n}", takes=0.05)
        if n == 45:
            engine.server.flush()
    engine.until(lambda: not engine.left())
    assert sorted(one[0] for one in engine.did()) == sorted(f"k{n}" for n in range(60))


@each_broker
@pytest.mark.usefixtures("patient")
def test_doubled_late_and_foreign_messages_do_no_harm(engine: Engine) -> None:
    for n in range(10):
        engine.add(f"k{n}")
    messages = engine.server.messages(PREFIX + "screen")
    engine.server.put(PREFIX + "screen", *messages, *messages, b"no json", b"{}")
    CeleryBroker(engine.server.url).send({"screen": [10**9, "x", None]})  # type: ignore[list-item]
    engine.start()
    engine.until(lambda: not engine.left())
    engine.server.put(PREFIX + "screen", *messages)
    engine.add("last")
    engine.until(lambda: not engine.left())
    assert len(engine.did()) == 11


@each_broker
@pytest.mark.slow
def test_without_a_broker_work_goes_on_from_the_rows(engine: Engine) -> None:
    engine.server.stop()
    engine.start()
    engine.add("before")
    engine.until(lambda: len(engine.did()) == 1)
    engine.server.start()
    engine.add("meanwhile")
    engine.until(lambda: len(engine.did()) == 2)
    engine.server.stop()
    try:
        began = time.monotonic()
        engine.add("during")
        assert time.monotonic() - began < 0.5
        engine.until(lambda: len(engine.did()) == 3)
    finally:
        engine.server.start()
    engine.add("after")
    engine.until(lambda: len(engine.did()) == 4)
