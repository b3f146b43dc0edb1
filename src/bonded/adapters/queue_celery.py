"""Carrying the numbers of jobs to workers on other machines by Celery, over Redis or RabbitMQ.

A message holds one number and nothing else: no name, no secret, nothing that a reader of the broker could use. It is
acknowledged late, and a worker holds no more messages than it works on; what is lost all the same, the keeper sends again.
Remote control, gossip and results are off, and only JSON is accepted, so that whoever writes to the broker can at most
name jobs that are due anyway.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, cast

import structlog
from celery import Celery
from celery.exceptions import CPendingDeprecationWarning
from celery.worker import WorkController
from celery.worker import state as worker_state
from kombu.entity import Queue as Declared
from kombu.exceptions import OperationalError

from bonded.seams import BrokerAway

TASK = "bonded.job"
PREFIX = "bonded."
"""Queue `screen` is `bonded.screen` at the broker."""
IMPATIENT = 0.2
"""Seconds that a commit may wait for the broker."""
AVOID = 5.0
"""Seconds that a broker which failed is left alone by those who commit."""
AT_ONCE = 200
"""Most messages after one commit; the keeper sends the others."""
VISIBLE_AGAIN = 600
"""Seconds until Redis hands out a message again that was not acknowledged. The lease of the row is what counts."""

log = structlog.get_logger("bonded.broker")


class CeleryBroker:
    """Broker (seams) at `url`: redis://, rediss://, amqp:// or amqps://. Forks get connections of their own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._owner, self._made = 0, cast("Any", None)
        self._away_until = 0.0

    def send(self, jobs: Mapping[str, Sequence[int]]) -> None:
        """Best effort: what does not go out now is sent by the keeper."""
        wanted = [(queue, number) for queue, numbers in jobs.items() for number in numbers]
        if not wanted or time.monotonic() < self._away_until:
            return
        began = time.monotonic()
        try:
            with self._app().producer_or_acquire() as producer:
                for queue, number in islice(wanted, AT_ONCE):
                    self._app().send_task(TASK, (number,), queue=PREFIX + queue, producer=producer, retry=False)
                    if time.monotonic() - began > IMPATIENT:
                        return
        except Exception as error:  # whatever a driver raises: the change is committed, and must be answered
            self._away_until = time.monotonic() + AVOID
            log.warning("the broker does not take messages", error=_why(error))

    def lengths(self, queues: Iterable[str]) -> dict[str, int]:
        """Asks the broker for each queue; one that it has never seen has no messages."""
        try:
            with self._app().connection_for_read() as connection, connection.channel() as channel:
                return {queue: _length(channel, PREFIX + queue) for queue in queues}
        except Exception as error:  # drivers have many errors
            raise BrokerAway(_why(error)) from None

    def serve(self, queues: Sequence[str], threads: int, run: Callable[[int], None], stop: threading.Event) -> None:
        """Consume until `stop`. Once in a process: Celery keeps its state for the process."""
        app = self._make(list(queues), patient=True)

        @app.task(name=TASK, ignore_result=True)
        def work(number: object) -> None:
            if type(number) is int:
                run(number)

        warnings.simplefilter("ignore", CPendingDeprecationWarning)  # about what _make decides
        names = [PREFIX + queue for queue in queues]
        while not stop.is_set():
            worker_state.should_stop = None
            worker = _Controller(app=app, pool_cls="threads", concurrency=threads, queues=names, loglevel="WARNING")
            ended = threading.Event()
            watch = threading.Thread(target=_end_with, args=(stop, ended, worker), name="broker-stop", daemon=True)
            watch.start()
            worker.start()
            ended.set()
            watch.join()
            if not stop.is_set():  # a message that is none ends Celery's worker; the message is gone then
                log.error("Celery's worker ended by itself and begins again")
                stop.wait(1.0)

    def _app(self) -> Any:
        """The application of this process: a child does not use its parent's connections."""
        if self._owner != os.getpid():
            with self._lock:
                if self._owner != os.getpid():
                    self._made, self._owner = self._make([], patient=False), os.getpid()
        return self._made

    def _make(self, queues: list[str], *, patient: bool) -> Any:
        app = Celery("bonded", broker=self._url, set_as_current=False, fixups=[])
        app.conf.update(
            task_queues=[_declared(PREFIX + queue) for queue in queues] or None,
            task_serializer="json",
            accept_content=["json"],
            task_ignore_result=True,
            task_acks_late=True,
            task_reject_on_worker_lost=True,
            worker_prefetch_multiplier=1,
            worker_enable_remote_control=False,
            worker_hijack_root_logger=False,
            worker_send_task_events=False,
            worker_cancel_long_running_tasks_on_connection_loss=False,
            worker_redirect_stdouts=False,
            broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,
            broker_connection_timeout=4.0 if patient else IMPATIENT,
            broker_transport_options=_transport(self._url, patient),
            broker_pool_limit=8,
        )
        return app


class _Controller(WorkController):  # type: ignore[misc]
    """Celery's worker without its command line, signals, gossip and start-up chatter."""

    def __init__(self, **given: Any) -> None:
        super().__init__(without_gossip=True, without_mingle=True, without_heartbeat=True, **given)


def _end_with(stop: threading.Event, ended: threading.Event, worker: Any) -> None:
    """Once `stop` is set: no further messages, what runs is finished. Gives up watching when the worker has ended."""
    while not stop.wait(0.1):
        if ended.is_set():
            return
    worker_state.should_stop = 0
    worker.signal_consumer_close()


def _transport(url: str, patient: bool) -> dict[str, Any]:
    once: dict[str, Any] = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    options = {} if patient else once | {"connect_retries_timeout": IMPATIENT}
    if not url.startswith("redis"):
        return options | {"confirm_publish": True}
    wait = 30.0 if patient else IMPATIENT
    options |= {"socket_timeout": wait, "socket_connect_timeout": wait, "socket_keepalive": True}
    return options | {"visibility_timeout": VISIBLE_AGAIN, "health_check_interval": 10 if patient else 0}


def _declared(name: str) -> Any:
    return cast("Any", Declared)(name, routing_key=name)


def _length(channel: Any, name: str) -> int:
    try:
        return int(channel.queue_declare(queue=name, passive=True).message_count)
    except channel.connection.client.channel_errors:
        return 0


def _why(error: BaseException) -> str:
    """The kind of error and the system's words for it; never the address, which may hold a password."""
    cause = error.__cause__ if isinstance(error, OperationalError) and error.__cause__ else error
    return f"{type(cause).__name__}: {getattr(cause, 'strerror', None) or 'no answer'}"
