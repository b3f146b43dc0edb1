"""Celery keeps its state for the process: a worker calls its own jobs all the same, whatever the process did with Celery before."""

from __future__ import annotations

import threading
import time

import celery
import pytest

from bonded.adapters.queue_celery import CeleryBroker
from tests.support.redis import RedisServer


@pytest.mark.usefixtures("patient")
def test_each_worker_of_a_process_calls_its_own_jobs(broker: RedisServer) -> None:
    celery.current_app.finalize()  # takes no shared tasks from here on
    carrier = CeleryBroker(broker.url)
    first, second = _worked(carrier, 1), _worked(carrier, 2)
    assert (first, second) == ([1], [2])


def _worked(carrier: CeleryBroker, number: int) -> list[int]:
    done: list[int] = []
    stop = threading.Event()
    worker = threading.Thread(target=carrier.serve, args=(["screen"], 1, done.append, stop))
    worker.start()
    try:
        carrier.send({"screen": [number]})
        end = time.monotonic() + 60
        while not done and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        stop.set()
        worker.join(60)
    return done
