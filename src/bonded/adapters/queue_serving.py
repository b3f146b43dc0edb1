"""Celery's worker inside a process of ours: it ends when it is told to, and what it says of brokers that are lost or refuse is meant
for those who operate them."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Sequence
from typing import Any

import structlog
from celery.exceptions import CPendingDeprecationWarning
from celery.worker import WorkController
from celery.worker import state as worker_state
from celery.worker.consumer import Consumer

from bonded.adapters import queue_amqp as amqp

REFUSED = 5.0
"""Seconds until a worker that was refused asks again."""

log = structlog.get_logger("bonded.broker")


def work_until(stop: threading.Event, app: Any, queues: Sequence[str], threads: int) -> None:
    """Work on the messages of `queues` with the tasks of `app`, and finish what runs when `stop` is set."""
    warnings.simplefilter("ignore", CPendingDeprecationWarning)  # about what the settings of `app` decide
    logging.getLogger("celery.worker.request").addFilter(_in_proportion)
    while not stop.is_set():
        worker_state.should_stop = None
        worker = _Controller(
            app=app, pool_cls="threads", concurrency=threads, queues=queues, consumer_cls=_Consumer, loglevel="WARNING"
        )
        ended = threading.Event()
        watch = threading.Thread(target=_end_with, args=(stop, ended, worker), name="broker-stop", daemon=True)
        watch.start()
        worker.start()
        ended.set()
        watch.join()
        if not stop.is_set():  # a message that is none ends Celery's worker; the message is gone then
            log.error("Celery's worker ended by itself and begins again")
            stop.wait(1.0)


class _Controller(WorkController):  # type: ignore[misc]
    """Celery's worker without its command line, signals, gossip and start-up chatter."""

    def __init__(self, **given: Any) -> None:
        super().__init__(without_gossip=True, without_mingle=True, without_heartbeat=True, **given)


class _Consumer(Consumer):  # type: ignore[misc]
    """Celery would ask a RabbitMQ that refuses it several times a second, and tell of it as often."""

    def on_connection_error_before_connected(self, exc: BaseException) -> None:
        if not _refused(exc):
            super().on_connection_error_before_connected(exc)

    def on_connection_error_after_connected(self, exc: BaseException) -> None:
        super().on_connection_error_after_connected(exc)
        _refused(exc)


def _refused(error: BaseException) -> bool:
    """Whether it is a refusal, which is told, and after which some time passes."""
    if not amqp.is_refusal(error):
        return False
    log.error("the broker lets no worker in", error=amqp.words(error))
    end = time.monotonic() + REFUSED
    while time.monotonic() < end and worker_state.should_stop is None:
        time.sleep(0.1)
    return True


def _in_proportion(record: logging.LogRecord) -> bool:
    """A message whose connection is lost before it is acknowledged comes again, and finds its job taken or done: no reason to wake
    anybody, which Celery calls critical, with a traceback."""
    if record.exc_info and record.getMessage().startswith("Couldn't ack"):
        record.levelno, record.levelname, record.exc_info = logging.INFO, "INFO", None
        record.msg, record.args = "a message was not acknowledged, as its connection is lost; it comes again", ()
        return logging.getLogger().isEnabledFor(logging.INFO)
    return True


def _end_with(stop: threading.Event, ended: threading.Event, worker: Any) -> None:
    """Once `stop` is set: no further messages, what runs is finished. Gives up watching when the worker has ended."""
    while not stop.wait(0.1):
        if ended.is_set():
            return
    worker_state.should_stop = 0
    worker.signal_consumer_close()
