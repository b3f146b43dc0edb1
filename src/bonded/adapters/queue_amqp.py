"""What carrying jobs by RabbitMQ needs beyond what Celery, kombu and py-amqp do: connections that know when RabbitMQ takes no more
messages, that outlive a fork of their process, and that say in words why they were refused.

Queues are durable and messages are not: a name should outlive a restart of the broker, but what waits in it need not, since
the rows are the queue and the keeper sends their numbers again. Nothing waits for RabbitMQ to confirm a message, for the same reason.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit
from weakref import WeakSet

from amqp.exceptions import AccessRefused, AMQPError, NotAllowed, NotFound, PreconditionFailed
from kombu.entity import Queue
from kombu.transport import TRANSPORT_ALIASES, pyamqp

TRANSIENT = 1
"""delivery_mode: RabbitMQ keeps the message in memory."""
HEARTBEAT = 60
"""Seconds in which a worker and RabbitMQ must hear of each other."""
_QUEUE = 50
"""AMQP's number of the methods on queues."""
PATIENCE = 2.0
"""Seconds that the keeper waits for each answer: it holds up nobody."""


class Blocked(Exception):
    """RabbitMQ is short of memory or of disk, and takes no messages on this connection until it is not."""

    def __init__(self) -> None:
        super().__init__("RabbitMQ takes no messages for now: an alarm says that its memory or disk is short")


class Line(pyamqp.Connection):
    """A connection. `blocked`: RabbitMQ said that it takes no messages on it."""

    def __init__(self, **given: Any) -> None:
        self.blocked = False
        super().__init__(**given, on_blocked=self._stopped, on_unblocked=self._goes_on)
        _lines.add(self)

    def hear(self) -> Line:
        """Read what RabbitMQ said meanwhile. Raises what a driver raises when the other side has gone."""
        try:
            while True:
                self.drain_events(timeout=0)
        except TimeoutError:
            return self

    def _stopped(self, _reason: str) -> None:
        self.blocked = True

    def _goes_on(self) -> None:
        self.blocked = False


class Plain(pyamqp.Transport):
    """amqp://

    Celery reads from a new connection whose driver is of type amqp for a moment, and drops what goes wrong meanwhile: a connection or
    a channel that RabbitMQ closes just then would be waited on for ever. So this is of another type, and reads by itself.
    """

    Connection = Line
    driver_type = "rabbitmq"

    def register_with_event_loop(self, connection: Line, loop: Any) -> None:
        cast("Any", super()).register_with_event_loop(connection, loop)
        loop.call_soon(self.on_readable, connection, loop)  # what TLS has read already wakes no poll


class Secure(Plain, pyamqp.SSLTransport):
    """amqps://"""


# What the schemes mean to kombu in this process.
TRANSPORT_ALIASES.update(amqp=f"{__name__}:Plain", amqps=f"{__name__}:Secure")

_lines: WeakSet[Line] = WeakSet()


def _leave_lines() -> None:
    """After a fork: py-amqp ends a connection that it lets go for both processes, unless its socket was taken out before."""
    for line in list(_lines):
        if line.connected:
            transport = line.transport
            os.close(transport.sock.detach())
            transport.sock, transport.connected = None, False


os.register_at_fork(after_in_child=_leave_lines)


@contextmanager
def pooled(app: Any) -> Iterator[Any]:
    """A connection of Celery's pool. One that RabbitMQ closed while it lay idle is noticed here, and made anew by whoever uses it; one
    on which something failed is not used again. Raises Blocked, and refusals of what was sent before."""
    with app.pool.acquire(block=True) as connection:
        blocked = connection.connected and not _open(connection)
        if not blocked:
            try:
                yield connection
            except BaseException:
                blocked = connection.connected and connection.connection.blocked  # so nothing was answered any more
                if not blocked:
                    connection.collect()  # at once: to close it in order means to wait for an answer
                    raise
    if blocked:  # the connection goes back unharmed: it is the one that hears when RabbitMQ takes messages again
        raise Blocked


def _open(connection: Any) -> bool:
    """Whether RabbitMQ takes messages on it, as far as can be told without asking. Raises what it refused since: who sends does not wait
    for its answer."""
    try:
        return not connection.connection.hear().blocked
    except Exception as error:  # drivers have many errors
        connection.collect()
        if is_refusal(error):
            raise
    return True


def is_amqp(url: str) -> bool:
    """Whether `url` names a RabbitMQ."""
    return url.startswith(("amqp://", "amqps://"))


def tls(url: str, ca: str) -> dict[str, Any]:
    """How the certificate of the server at `url` is verified: against the CAs in the file `ca`, or those of the system, and by name."""
    return {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": ca or None, "server_hostname": urlsplit(url).hostname}


def declared(name: str) -> Any:
    """The queue of that name: durable, and classic also where the virtual host has another default."""
    return cast("Any", Queue)(name, routing_key=name, durable=True, queue_arguments={"x-queue-type": "classic"})


def length(connection: Any, name: str) -> int:
    """Messages of queue `name` that no worker holds. A queue that is not there is made, as a worker would: asking for a missing one
    again and again would fill RabbitMQ's log."""
    line = connection.connection
    with line.transport.having_timeout(PATIENCE):
        channel = connection.channel()
        try:
            count = int(channel.queue_declare(queue=name, passive=True).message_count)
        except NotFound:
            channel, count = connection.channel(), 0
            declared(name)(channel).declare()
        channel.close()  # not after an error: it would wait for an answer
        return count


def words(error: BaseException) -> str | None:
    """What RabbitMQ's refusal means, without addresses and names; None when `error` is none."""
    if isinstance(error, Blocked):
        return str(error)
    if isinstance(error, AccessRefused):
        if error.method_sig[0] in (0, 10):
            return "RabbitMQ refuses the user name or the password of queue.broker"
        return "RabbitMQ refuses: the user of queue.broker needs permission to configure and read `bonded\\..*` and to write `amq\\.default`"
    if isinstance(error, NotAllowed):
        return "RabbitMQ refuses: the virtual host of queue.broker does not exist, or its user may not enter it"
    if isinstance(error, PreconditionFailed) and not is_refusal(error):
        return "RabbitMQ closed a channel: a message was not acknowledged in time (its `consumer_timeout`)"
    if isinstance(error, PreconditionFailed):
        return "RabbitMQ refuses: a queue named bonded.* is there with other properties; delete it, the next worker makes it anew"
    if isinstance(error, AMQPError):
        return f"RabbitMQ closed the connection ({type(error).__name__}, code {error.reply_code})"
    return None


def is_refusal(error: BaseException) -> bool:
    """Whether asking again at once would be refused again."""
    if isinstance(error, PreconditionFailed):
        return bool(error.method_sig and error.method_sig[0] == _QUEUE)
    return isinstance(error, (AccessRefused, NotAllowed))
