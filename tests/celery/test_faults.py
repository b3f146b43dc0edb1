"""Workers killed, messages lost and doubled: every upload ends with one verdict, each check and version once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bonded.adapters.queue_celery import AVOID, PREFIX
from bonded.db.engine import Database, open_database
from tests.celery.fleet import Fleet, fleet, metrics, told_workers
from tests.story.running import bonded
from tests.support.postgres import PostgresServer
from tests.support.rabbitmq import RabbitBroker
from tests.support.redis import RedisServer

QUEUE = PREFIX + "screen"
Carrier = RedisServer | RabbitBroker


@pytest.fixture(params=["redis", "rabbitmq"])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    """The broker, empty."""
    return request.getfixturevalue("broker" if request.param == "redis" else "rabbitmq")  # type: ignore[no-any-return]


@pytest.fixture(params=["sqlite", "postgresql"])
def index(
    request: pytest.FixtureRequest, tmp_path: Path, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    monkeypatch.setenv("BONDED_QUEUE__ENGINE", "celery")
    monkeypatch.setenv("BONDED_QUEUE__BROKER", carrier.url)
    monkeypatch.setenv("BONDED_SERVE__PROCESSES", "1")
    monkeypatch.setenv("BONDED_SCREENING__WORKERS", "2")
    if request.param == "sqlite":
        with fleet(tmp_path, lambda where: open_database(f"sqlite:///{where}/bonded.db")) as made:
            yield made
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.database(migrated=False) as url:
        monkeypatch.setenv("BONDED_DATABASE__URL", url)

        def opened(_where: Path) -> Database:
            return open_database(url)

        with fleet(tmp_path, opened) as made:
            yield made


@pytest.mark.parametrize(
    ("carrier", "index"),
    [("redis", "sqlite"), pytest.param("rabbitmq", "postgresql", marks=pytest.mark.slow)],
    indirect=True,
)
def test_a_worker_elsewhere_screens_what_the_web_took(index: Fleet, carrier: Carrier) -> None:
    early = _told_of_an_upload(index, carrier)
    queue = carrier.messages(QUEUE)
    assert len(queue) == 1, index.logs()
    carrier.put(QUEUE, *queue)  # doubled
    index.start_worker()
    index.until(lambda: index.waiting() == 0)
    carrier.flush()
    for n in range(3):
        index.upload("sample", f"1.{n}")
        carrier.flush()  # lost
    index.until(lambda: index.waiting() == 0)
    assert index.wrong(early + 3) == []
    index.until(lambda: {"keeper", "screen", "takedown"} <= _lanes(index).keys())
    lanes = _lanes(index)
    assert lanes["screen"]["engine"] == "celery"
    assert lanes["screen"]["threads"] == 2
    # The keeper tells of the broker with a later pulse than its first, and of its messages as they were then.
    for line in (
        "bonded_broker_up 1.0",
        'bonded_broker_messages{queue="screen"} 0.0',
        'bonded_workers{engine="celery",lane="screen"} 2.0',
    ):
        index.until(lambda line=line: line in metrics(index.index))  # type: ignore[misc]


def _lanes(index: Fleet) -> dict[str, dict[str, object]]:
    return {str(one["lane"]): one for one in told_workers(index.index)}


def _told_of_an_upload(index: Fleet, carrier: Carrier) -> int:
    """Uploads until the broker was told of one, and how many that took: a commit waits for it a fifth of a second and no more.
    No worker runs yet, so nobody would send what a busy machine left out."""
    end, uploads = time.monotonic() + 120, 0
    while not carrier.has(QUEUE):
        assert time.monotonic() < end, index.logs()
        if uploads:
            time.sleep(AVOID / 5)  # a broker that failed once is left alone for a while
        answer = index.upload("early", f"1.{uploads}")
        assert answer.status == 200, answer
        uploads += 1
    return uploads


@pytest.mark.slow
@pytest.mark.parametrize(
    ("carrier", "index"),
    [("redis", "sqlite"), ("redis", "postgresql"), ("rabbitmq", "postgresql")],
    indirect=True,
)
def test_every_upload_ends_with_one_verdict_whatever_dies(index: Fleet, carrier: Carrier) -> None:
    chance = random.Random(4)
    for _ in range(2):
        index.start_worker()
    uploads, end = 0, time.monotonic() + 45
    done = dict.fromkeys(HARM, 0)
    while time.monotonic() < end or not all(done.values()):
        for _ in range(chance.randrange(1, 5)):
            assert index.upload("sample", f"1.{uploads}").status == 200
            uploads += 1
        harm = chance.choices(list(HARM), list(HARM.values()))[0]
        if harm == "restart" and done[harm] == 2:  # it takes long
            continue
        done[harm] += 1
        uploads += _harm(harm, index, carrier, chance, uploads)
        time.sleep(chance.random())
    index.until(lambda: index.waiting() == 0, seconds=240)
    assert index.wrong(uploads) == []
    assert '"dead"' not in bonded("job", "list", "--json", "--dir", index.index.directory)


HARM = {"none": 35, "kill": 25, "flush": 20, "double": 20, "restart": 8}


def _harm(kind: str, index: Fleet, carrier: Carrier, chance: random.Random, uploads: int) -> int:
    """Does it; the number of uploads that were made meanwhile."""
    if kind == "kill":
        index.kill(chance.choice(index.workers))
        index.start_worker()
    elif kind == "flush":
        carrier.flush()
    elif kind == "double" and carrier.has(QUEUE):
        carrier.put(QUEUE, *carrier.messages(QUEUE))
    elif kind == "restart":
        carrier.stop()
        assert index.upload("sample", f"1.{uploads}").status == 200
        carrier.start()
        return 1
    return 0
