"""Workers killed, messages lost and doubled: every upload ends with one verdict, each check and version once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bonded.adapters.queue_celery import PREFIX
from bonded.db.engine import Database, open_database
from tests.celery.fleet import Fleet, fleet, metrics, told_workers
from tests.story.running import bonded
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer


@pytest.fixture(params=["sqlite", "postgresql"])
def index(
    request: pytest.FixtureRequest, tmp_path: Path, broker: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Fleet]:
    monkeypatch.setenv("BONDED_QUEUE__ENGINE", "celery")
    monkeypatch.setenv("BONDED_QUEUE__BROKER", broker.url)
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


@pytest.mark.parametrize("index", ["sqlite"], indirect=True)
def test_a_worker_elsewhere_screens_what_the_web_took(index: Fleet, broker: RedisServer) -> None:
    answer = index.upload("early", "1.0")
    assert answer.status == 200, answer
    queue = broker.client().lrange(PREFIX + "screen", 0, -1)
    assert len(queue) == 1, index.logs()
    broker.client().rpush(PREFIX + "screen", *queue)  # doubled
    index.start_worker()
    index.until(lambda: index.waiting() == 0)
    broker.client().flushall()
    for n in range(3):
        index.upload("sample", f"1.{n}")
        broker.client().flushall()  # lost
    index.until(lambda: index.waiting() == 0)
    assert index.wrong(4) == []
    lanes = {str(one["lane"]): one for one in told_workers(index.index)}
    assert {"keeper", "screen", "takedown"} <= lanes.keys()
    assert lanes["screen"]["engine"] == "celery"
    assert lanes["screen"]["threads"] == 2
    # The keeper tells of the broker with a later pulse than its first.
    index.until(lambda: "bonded_broker_up 1.0" in metrics(index.index))
    assert 'bonded_workers{engine="celery",lane="screen"} 2.0' in metrics(index.index)


@pytest.mark.slow
def test_every_upload_ends_with_one_verdict_whatever_dies(index: Fleet, broker: RedisServer) -> None:
    chance = random.Random(4)
    for _ in range(2):
        index.start_worker()
    uploads, kills, end = 0, 0, time.monotonic() + 45
    while time.monotonic() < end:
        for _ in range(chance.randrange(1, 5)):
            assert index.upload("sample", f"1.{uploads}").status == 200
            uploads += 1
        dice = chance.random()
        if dice < 0.25:
            index.kill(chance.choice(index.workers))
            kills += 1
            index.start_worker()
        elif dice < 0.45:
            broker.client().flushall()
        elif dice < 0.65:
            client = broker.client()
            messages = client.lrange(PREFIX + "screen", 0, -1)
            if messages:
                client.rpush(PREFIX + "screen", *messages)
        time.sleep(chance.random())
    assert kills >= 2
    index.until(lambda: index.waiting() == 0, seconds=180)
    assert index.wrong(uploads) == []
    assert '"dead"' not in bonded("job", "list", "--json", "--dir", index.index.directory)
