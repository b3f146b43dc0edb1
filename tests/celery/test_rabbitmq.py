"""What RabbitMQ does that Redis does not: connections that it closes or blocks, refusals, virtual hosts, queues that are deleted."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import kombu.pools
import pytest
import structlog

from bonded.adapters.queue_celery import PREFIX, CeleryBroker
from bonded.db import worker
from bonded.db.engine import Database
from bonded.ops import carried
from bonded.ops import worker as local
from bonded.seams import BrokerAway
from tests.celery.conftest import SLOWER
from tests.support.engines import Engine
from tests.support.rabbitmq import PERMISSIONS, RabbitBroker

QUEUE = PREFIX + "screen"
BOUND = SLOWER * 1.5
"""Seconds that nothing may take which must not wait for RabbitMQ: by as much slower as it is here, it takes SLOWER * 0.2 on a machine
with nothing else to do."""


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What the logs say."""
    with structlog.testing.capture_logs() as lines:
        yield _Words(lines)


class _Words(list[str]):
    def __init__(self, lines: list[structlog.types.EventDict]) -> None:
        self._lines = lines

    def __str__(self) -> str:
        return " ".join(str(line) for line in self._lines)


def quickly(call: object) -> None:
    began = time.monotonic()
    call()  # type: ignore[operator]
    assert time.monotonic() - began < BOUND


def until(there: object) -> None:
    end = time.monotonic() + 60
    while not there():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def away(broker: CeleryBroker) -> str:
    with pytest.raises(BrokerAway) as why:
        broker.lengths(["screen"])
    return str(why.value)


def numbers(rabbitmq: RabbitBroker) -> list[object]:
    return [rabbitmq.numbers(one)[0] for one in rabbitmq.messages(QUEUE)]


@pytest.mark.usefixtures("patient")
def test_a_message_is_transient_in_a_durable_queue(rabbitmq: RabbitBroker) -> None:
    CeleryBroker(rabbitmq.url).send({"screen": [7]})
    until(lambda: rabbitmq.has(QUEUE))
    (message,) = rabbitmq.messages(QUEUE)
    assert message.properties["delivery_mode"] == 1
    assert rabbitmq.queues() == [(QUEUE, "durable", "classic")]


@pytest.mark.usefixtures("patient")
def test_a_connection_that_was_closed_meanwhile_loses_no_message(rabbitmq: RabbitBroker, told: list[str]) -> None:
    broker = CeleryBroker(rabbitmq.url)
    broker.send({"screen": [1]})
    until(lambda: rabbitmq.has(QUEUE))
    rabbitmq.close_connections()
    quickly(lambda: broker.send({"screen": [2]}))
    until(lambda: numbers(rabbitmq) == [1, 2])
    assert "does not take" not in str(told)


@pytest.mark.usefixtures("slower")
def test_an_alarm_of_rabbitmq_holds_up_no_commit_and_is_told(rabbitmq: RabbitBroker, told: list[str]) -> None:
    broker = CeleryBroker(rabbitmq.url)
    until(lambda: not _is_away(broker))
    assert broker.lengths(["screen"]) == {"screen": 0}
    rabbitmq.server.alarm(True)
    try:
        quickly(lambda: broker.send({"screen": [1]}))  # after this one it says that it takes no more
        until(lambda: _is_away(broker))
        assert "its memory or disk is short" in away(broker)
        quickly(lambda: broker.send({"screen": [2]}))
        assert "its memory or disk is short" in str(told)
    finally:
        rabbitmq.server.alarm(False)
    until(lambda: not _is_away(broker))
    until(lambda: broker.lengths(["screen"]) == {"screen": 1})


def _is_away(broker: CeleryBroker) -> bool:
    try:
        broker.lengths(["screen"])
    except BrokerAway:
        return True
    return False


@pytest.mark.usefixtures("slower")
def test_a_rabbitmq_that_hangs_holds_up_no_commit(rabbitmq: RabbitBroker) -> None:
    known, new = CeleryBroker(rabbitmq.url), CeleryBroker(rabbitmq.url.replace("127.0.0.1", "localhost"))
    known.send({"screen": [1]})
    until(lambda: rabbitmq.has(QUEUE))
    rabbitmq.server.signal(signal.SIGSTOP)
    try:
        quickly(lambda: known.send({"screen": [2]}))
        quickly(lambda: new.send({"screen": [3]}))
        assert away(known) == "TimeoutError: no answer"
    finally:
        rabbitmq.server.signal(signal.SIGCONT)
    until(lambda: not _is_away(known))


@pytest.mark.usefixtures("patient")
def test_refusals_are_told_in_words_and_without_secrets(rabbitmq: RabbitBroker, told: list[str]) -> None:
    CeleryBroker(rabbitmq.url).send({"screen": [1]})
    for url, words in (
        (rabbitmq.url.replace("%2F%40", "wrong"), "refuses the user name or the password of queue.broker"),
        (rabbitmq.url + "x", "the virtual host of queue.broker does not exist, or its user may not enter it"),
    ):
        broker = CeleryBroker(url)
        assert words in away(broker)
        broker.send({"screen": [2]})
        assert words in str(told)
    rabbitmq.permit("", "", "")
    CeleryBroker(rabbitmq.url).send({"mail": [2]})
    assert "needs permission to configure and read" in str(told)
    for secret in (rabbitmq.password[:12], rabbitmq.name):
        assert secret not in str(told)


@pytest.mark.usefixtures("patient")
def test_what_rabbitmq_refuses_afterwards_is_told_and_makes_it_away(rabbitmq: RabbitBroker) -> None:
    """Who sends waits for no answer: that it may not is heard later, and workers must stand in meanwhile."""
    configure, _, read = PERMISSIONS
    rabbitmq.permit(configure, "", read)
    broker = CeleryBroker(rabbitmq.url)
    broker.send({"screen": [1]})
    until(lambda: _is_away(broker))
    for _ in range(2):
        assert "to write `amq\\.default`" in away(broker)


@pytest.mark.usefixtures("patient")
def test_a_queue_that_is_deleted_is_made_again(rabbitmq: RabbitBroker) -> None:
    broker = CeleryBroker(rabbitmq.url)
    broker.send({"screen": [1]})
    until(lambda: rabbitmq.has(QUEUE))
    rabbitmq.delete_queues()
    assert broker.lengths(["screen", "mail"]) == {"screen": 0, "mail": 0}
    broker.send({"screen": [2], "mail": [3]})
    until(lambda: broker.lengths(["screen", "mail"]) == {"screen": 1, "mail": 1})


@pytest.mark.usefixtures("patient")
def test_a_child_leaves_its_parents_connection_alone(rabbitmq: RabbitBroker) -> None:
    broker = CeleryBroker(rabbitmq.url)
    broker.send({"screen": [1]})
    before = rabbitmq.server.connections()
    child = os.fork()
    if not child:
        try:
            broker.send({"screen": [2]})
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    broker.send({"screen": [3]})
    until(lambda: rabbitmq.server.connections() == before)
    until(lambda: sorted(map(str, numbers(rabbitmq))) == ["1", "2", "3"])


@pytest.mark.usefixtures("patient")
def test_tls_takes_only_a_certificate_that_it_can_verify(rabbitmq: RabbitBroker) -> None:
    trusted = CeleryBroker(rabbitmq.tls, str(rabbitmq.server.certificate))
    trusted.send({"screen": [1]})
    until(lambda: numbers(rabbitmq) == [1])
    until(lambda: trusted.lengths(["screen"]) == {"screen": 1})  # what was read has gone back
    kombu.pools.reset()  # which do not ask how connections of the same address are verified
    assert away(CeleryBroker(rabbitmq.tls)).startswith("the certificate of the broker cannot be verified")
    named = CeleryBroker(rabbitmq.tls.replace("127.0.0.1", "localhost"), str(rabbitmq.server.certificate))
    assert away(named).startswith("the certificate of the broker cannot be verified")


@pytest.mark.slow
def test_a_worker_that_is_refused_says_so_and_works_once_it_is_let_in(
    rabbitmq: RabbitBroker, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    right, stop, done = rabbitmq.password, threading.Event(), []
    rabbitmq.change_password("another")
    broker = CeleryBroker(rabbitmq.url)
    serving = threading.Thread(target=broker.serve, args=(["screen"], 1, done.append, stop))
    serving.start()
    try:
        until(lambda: "the broker lets no worker in" in str(told))
        before = str(told).count("the broker lets no worker in")
        rabbitmq.change_password(right)
        broker.send({"screen": [5]})
        until(lambda: done == [5])
        rabbitmq.change_password("a third")
        rabbitmq.close_connections()
        until(lambda: str(told).count("the broker lets no worker in") > before)
        rabbitmq.change_password(right)
        broker.send({"screen": [6]})
        until(lambda: done == [5, 6])
    finally:
        stop.set()
        serving.join(30)
    assert not serving.is_alive()
    assert "Traceback" not in caplog.text + str(told)
    assert str(told).count("the broker lets no worker in") < 10
    assert right[:12] not in caplog.text + str(told)


@pytest.fixture
def engine(
    sqlite_db: Database, folder: Path, rabbitmq: RabbitBroker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    monkeypatch.setattr(worker, "LEASE", timedelta(seconds=6))
    monkeypatch.setattr(worker, "BEAT", timedelta(seconds=1))
    monkeypatch.setattr(local, "SWEEP_EVERY", timedelta(seconds=0.5))
    monkeypatch.setattr(carried, "STAND_IN", timedelta(seconds=30))
    made = Engine("rabbitmq", sqlite_db, folder, rabbitmq)
    yield made
    made.stop(made.children, signal.SIGKILL)


def test_a_worker_whose_connection_is_lost_keeps_its_job_and_goes_on(engine: Engine, rabbitmq: RabbitBroker) -> None:
    engine.start()
    engine.add("slow", takes=3.0)
    engine.until(lambda: engine.left("running") == 1)
    rabbitmq.close_connections()  # the message goes back, and comes again while the job runs
    engine.until(lambda: len(engine.did()) == 1)
    engine.add("next")
    engine.until(lambda: len(engine.did()) == 2)
    assert [one[:2] for one in engine.did()] == [["next", "1"], ["slow", "1"]]


@pytest.mark.slow
def test_a_worker_outlives_the_deletion_of_its_queue(engine: Engine, rabbitmq: RabbitBroker) -> None:
    engine.start()
    engine.add("first")
    engine.until(lambda: len(engine.did()) == 1)
    rabbitmq.delete_queues()
    engine.add("second")
    engine.until(lambda: len(engine.did()) == 2)


@pytest.mark.slow
def test_a_job_longer_than_rabbitmq_waits_for_its_message_is_done_once(engine: Engine, rabbitmq: RabbitBroker) -> None:
    """`consumer_timeout`, half an hour where nobody changed it: RabbitMQ closes the channel, and hands the message out again."""
    with rabbitmq.server.impatient(milliseconds=1000):
        engine.start()
        engine.add("long", takes=8.0)
        engine.until(lambda: len(engine.did()) == 1)
        engine.add("next")
        engine.until(lambda: len(engine.did()) == 2)
    assert [one[:2] for one in engine.did()] == [["long", "1"], ["next", "1"]]


@pytest.mark.slow
def test_during_an_alarm_work_goes_on_from_the_rows(
    engine: Engine, rabbitmq: RabbitBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carried, "STAND_IN", timedelta(seconds=1))
    engine.start()
    engine.add("before")
    engine.until(lambda: len(engine.did()) == 1)
    rabbitmq.server.alarm(True)
    try:
        for n in range(5):
            engine.add(f"during-{n}")
        engine.until(lambda: len(engine.did()) == 6)
    finally:
        rabbitmq.server.alarm(False)
    engine.add("after")
    engine.until(lambda: len(engine.did()) == 7)
