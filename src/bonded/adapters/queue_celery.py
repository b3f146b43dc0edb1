"""Carrying the numbers of jobs to workers on other machines by Celery, over Redis or RabbitMQ.

A message holds one number and nothing else: no name, no secret, nothing that a reader of the broker could use. It is
acknowledged late, and a worker holds no more messages than it works on; what is lost all the same, the keeper sends again.
Remote control, gossip and results are off, and only JSON is accepted, so that whoever writes to the broker can at most
name jobs that are due anyway.

What is promised of lost, doubled and late messages was tried on a real Redis and a real RabbitMQ, killed and emptied under load, and on
no other broker. Celery would speak to others; the settings refuse them.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any, cast

import structlog
from celery import Celery
from kombu import pools
from kombu.entity import Queue as Declared
from kombu.exceptions import OperationalError

from bonded.adapters import queue_amqp as amqp
from bonded.adapters.queue_serving import work_until
from bonded.seams import BrokerAway

TASK = "bonded.job"
PREFIX = "bonded."
"""Queue `screen` is `bonded.screen` at the broker."""
IMPATIENT = 0.2
"""Seconds that a commit may wait for the broker."""
AVOID = 5.0
"""Seconds that a broker which failed is left alone by those who commit."""
REFUSED = 20.0
"""Seconds that the keeper takes a refusal for granted."""
AT_ONCE = 200
"""Most messages after one commit; the keeper sends the others."""
VISIBLE_AGAIN = 600
"""Seconds until Redis hands out a message again that was not acknowledged. The lease of the row is what counts."""

log = structlog.get_logger("bonded.broker")


def _leave_pools() -> None:
    """kombu keeps its connections for the whole process, whichever application asks: two processes would read from one socket,
    and take each other's answers. The parent's are not closed here, only left."""
    for pool in (pools.connections, pools.producers):
        pool.clear()


os.register_at_fork(after_in_child=_leave_pools)


class CeleryBroker:
    """Broker (seams) at `url`: redis://, rediss://, redis+socket:///, amqp:// or amqps://. Forks get connections of their own.

    `ca`: file of the CAs that the certificate of a server spoken to by TLS is verified against; empty: those of the system.
    """

    def __init__(self, url: str, ca: str = "") -> None:
        self._url, self._ca, self._amqp = url, ca, amqp.is_amqp(url)
        self._lock = threading.Lock()
        self._owner, self._made = 0, cast("Any", None)
        self._away_until, self._refused_until, self._refusal = 0.0, 0.0, ""

    def send(self, jobs: Mapping[str, Sequence[int]]) -> None:
        """Best effort: what does not go out now is sent by the keeper."""
        wanted = [(queue, number) for queue, numbers in jobs.items() for number in numbers]
        if not wanted or time.monotonic() < self._away_until:
            return
        try:
            with self._connection() as connection:
                producer = self._app().amqp.Producer(connection, auto_declare=False)
                # Connects, which has a limit of its own; what a first message loads is not the broker's delay either.
                _ = producer.channel
                began = time.monotonic()
                for queue, number in islice(wanted, AT_ONCE):
                    self._put(producer, queue, number)
                    if time.monotonic() - began > IMPATIENT:
                        return
        except Exception as error:  # whatever a driver raises: the change is committed, and must be answered
            self._away_until = time.monotonic() + AVOID
            log.warning("the broker does not take messages", error=_why(error))

    def lengths(self, queues: Iterable[str]) -> dict[str, int]:
        """Asks the broker for each queue; one that it has never seen has no messages. A broker that refused stays away for a while, also
        where it only refused what was sent: workers are to stand in."""
        if time.monotonic() < self._refused_until:
            raise BrokerAway(self._refusal)
        try:
            with self._connection() as connection:
                _ = connection.default_channel  # connects, as a commit would
                return {queue: self._waiting(connection, PREFIX + queue) for queue in queues}
        except Exception as error:  # drivers have many errors
            if amqp.is_refusal(error):
                self._refusal, self._refused_until = _why(error), time.monotonic() + REFUSED
            raise BrokerAway(_why(error)) from None

    def serve(self, queues: Sequence[str], threads: int, run: Callable[[int], None], stop: threading.Event) -> None:
        """Consume until `stop`. Once in a process: Celery keeps its state for the process."""
        app = self._make(list(queues), patient=True)

        # Threads that work look the task up in the default application. A shared task would be found there too, but the first of its
        # name wins for as long as the process lives, and in its forks: the next worker would call the `run` of the last.
        app.set_default()

        @app.task(name=TASK, ignore_result=True, shared=False)
        def work(number: object) -> None:
            if type(number) is int:
                run(number)

        work_until(stop, app, [PREFIX + queue for queue in queues], threads)

    def _app(self) -> Any:
        """The application of this process: a child does not use its parent's connections."""
        if self._owner != os.getpid():
            with self._lock:
                if self._owner != os.getpid():
                    self._made, self._owner = self._make([], patient=False), os.getpid()
        return self._made

    def _connection(self) -> AbstractContextManager[Any]:
        return amqp.pooled(self._app()) if self._amqp else self._app().pool.acquire(block=True)

    def _put(self, producer: Any, queue: str, number: int) -> None:
        to = self._declared(PREFIX + queue)
        how = {"queue": to, "producer": producer, "retry": False, "delivery_mode": amqp.TRANSIENT}
        self._app().send_task(TASK, (number,), **how)

    def _waiting(self, connection: Any, name: str) -> int:
        return amqp.length(connection, name) if self._amqp else _length(connection.default_channel, name)

    def _declared(self, name: str) -> Any:
        return amqp.declared(name) if self._amqp else cast("Any", Declared)(name, routing_key=name)

    def _tls(self) -> dict[str, Any] | None:
        if self._url.startswith("rediss://"):
            return {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_ca_certs": self._ca or None}
        return amqp.tls(self._url, self._ca) if self._url.startswith("amqps://") else None

    def _make(self, queues: list[str], *, patient: bool) -> Any:
        app = Celery("bonded", broker=self._url, set_as_current=False, fixups=[])
        app.conf.update(
            broker_use_ssl=self._tls(),
            broker_heartbeat=amqp.HEARTBEAT,
            broker_channel_error_retry=True,
            task_queues=[self._declared(PREFIX + queue) for queue in queues] or None,
            task_default_exchange="",  # else Celery makes and binds one, which no message passes
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
            worker_enable_prefetch_count_reduction=False,
            broker_connection_retry_on_startup=True,
            broker_connection_max_retries=None,
            broker_connection_timeout=4.0 if patient else IMPATIENT,
            broker_transport_options=_transport(self._amqp, patient),
            broker_pool_limit=8,
        )
        return app


def _transport(is_amqp: bool, patient: bool) -> dict[str, Any]:
    once: dict[str, Any] = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    options = {} if patient else once | {"connect_retries_timeout": IMPATIENT}
    wait = 30.0 if patient else IMPATIENT
    if is_amqp:
        return options | {"read_timeout": wait, "write_timeout": wait}
    options |= {"socket_timeout": wait, "socket_connect_timeout": wait, "socket_keepalive": True}
    return options | {"visibility_timeout": VISIBLE_AGAIN, "health_check_interval": 10 if patient else 0}


def _length(channel: Any, name: str) -> int:
    try:
        return int(channel.queue_declare(queue=name, passive=True).message_count)
    except channel.connection.client.channel_errors:
        return 0


def _why(error: BaseException) -> str:
    """The kind of error and the system's words for it; never the address, which may hold a password."""
    cause = error.__cause__ if isinstance(error, OperationalError) and error.__cause__ else error
    if untrusted := _untrusted(error):
        return f"the certificate of the broker cannot be verified (see queue.broker_ca): {untrusted.verify_message}"
    return amqp.words(cause) or f"{type(cause).__name__}: {getattr(cause, 'strerror', None) or 'no answer'}"


def _untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error
