"""A real RabbitMQ on loopback for tests: `rabbitmq-server` of Debian, in a folder that is thrown away, without root and systemd.

It is steered through its own Erlang shell, which answers at once; `rabbitmqctl` would start an Erlang of its own each time.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import amqp

from tests.story.tls import certificate
from tests.support.ports import is_open, reserved

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""Debian's command on PATH insists on its own user; what it calls does not."""
PERMISSIONS = (r"bonded\..*", r"amq\.default", r"bonded\..*")
"""Enough, says the operator's page."""
LONG = 180.0
"""Seconds to start: it takes seven of processor time, on a machine that may be busy with other tests."""
# One scheduler that does not spin while it waits.
ERLANG = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"


class RabbitServer:
    """One server, on `port` and by TLS on `tls_port`. `vhost` makes a place of its own for a test; `stop` and `start` are for tests of
    a broker that goes away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = ExitStack()
        ports = (self._ports.enter_context(reserved()) for _ in range(4))
        self.port, self.tls_port, self._distribution, self._names = ports
        self.certificate, key = certificate(folder)
        self._running: list[subprocess.Popen[bytes]] = []
        self._shell = folder / "shell"
        os.mkfifo(self._shell, 0o600)
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"listeners.ssl.1 = 127.0.0.1:{self.tls_port}\n"
            f"ssl_options.certfile = {self.certificate}\n"
            f"ssl_options.keyfile = {key}\n"
            "ssl_options.verify = verify_none\n"
            "log.file.level = warning\n"
        )
        (folder / "plugins").write_text("[].")

    def start(self) -> None:
        names = ["epmd", "-port", str(self._names), "-address", "127.0.0.1"]
        self._running.append(subprocess.Popen(names, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        self._until(lambda: is_open(self._names), "epmd does not answer")
        shell = os.open(self._shell, os.O_RDWR)
        with (self.folder / "out.txt").open("ab") as out:
            self._running.append(
                subprocess.Popen(
                    [SERVER], stdin=shell, stdout=out, stderr=out, env=self._environment(), start_new_session=True
                )
            )
        os.close(shell)
        self._until(lambda: is_open(self.port) and is_open(self.tls_port), "rabbitmq-server does not answer")

    def stop(self) -> None:
        """As when the machine loses its power."""
        for process in reversed(self._running):
            process.kill()
            process.wait()
        self._running.clear()

    def close(self) -> None:
        """It stops, and is not started again."""
        self.stop()
        self._ports.close()

    def signal(self, number: signal.Signals) -> None:
        """SIGSTOP: it hangs and answers nobody; SIGCONT: it goes on."""
        self._running[-1].send_signal(number)

    def run(self, expression: str) -> str:
        """What the Erlang expression comes to."""
        answer = self.folder / f"answer-{secrets.token_hex(8)}"
        told = f'file:write_file("{answer}.part", io_lib:format("~0p", [{expression}])), file:rename("{answer}.part", "{answer}").\n'
        shell = os.open(self._shell, os.O_WRONLY)
        os.write(shell, told.encode())
        os.close(shell)
        self._until(answer.exists, expression)
        return answer.read_text()

    def alarm(self, on: bool) -> None:
        """The alarm that stops all who publish: less memory than it uses is allowed to it."""
        self.run(f"vm_memory_monitor:set_vm_memory_high_watermark({'0.000001' if on else '0.8'})")

    @contextmanager
    def impatient(self, milliseconds: int) -> Iterator[None]:
        """New connections wait so long for acknowledgements; else, half an hour."""
        self.run(f"[application:set_env(rabbit, K, {milliseconds}) || K <- [consumer_timeout, channel_tick_interval]]")
        try:
            yield
        finally:
            self.run(
                "[application:set_env(rabbit, K, V) || {K, V} <- [{consumer_timeout, 1800000}, {channel_tick_interval, 60000}]]"
            )

    @contextmanager
    def vhost(self) -> Iterator[RabbitBroker]:
        """A virtual host with a user of its own."""
        made = RabbitBroker(self, f"team/{secrets.token_hex(6)} 1")
        made.create()
        try:
            yield made
        finally:
            if self._running:
                self.run(f"catch rabbit_vhost:delete({_text(made.name)}, {_text('test')})")

    def connections(self) -> str:
        """Names of those that are open now."""
        return self.run("[P || P <- rabbit_networking:connections()]")

    def _environment(self) -> dict[str, str]:
        here = str(self.folder)
        return os.environ | {
            "HOME": here,
            "RABBITMQ_NODENAME": f"bonded{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": f"{here}/mnesia",
            "RABBITMQ_LOG_BASE": f"{here}/log",
            "RABBITMQ_CONFIG_FILE": f"{here}/rabbitmq",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{here}/plugins",
            "RABBITMQ_PID_FILE": f"{here}/pid",
            "RABBITMQ_DIST_PORT": str(self._distribution),
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG,
            "ERL_EPMD_PORT": str(self._names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _until(self, there: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + LONG
        while not there():
            alive = all(process.poll() is None for process in self._running)
            assert alive, f"{what}\n{self._said()}"
            assert time.monotonic() < end, f"{what}\n{self._said()}"
            time.sleep(0.02)

    def _said(self) -> str:
        out = self.folder / "out.txt"
        return out.read_text(errors="replace")[-3000:] if out.exists() else ""


class RabbitBroker:
    """One virtual host, and a user of the same name. `url` is what `queue.broker` takes, `tls` the same by TLS."""

    def __init__(self, server: RabbitServer, name: str) -> None:
        self.server, self.name, self.password = server, name, secrets.token_urlsafe(12) + "/@:%"
        login, place = f"{quote(name, safe='')}:{quote(self.password, safe='')}", quote(name, safe="")
        self.url = f"amqp://{login}@127.0.0.1:{server.port}/{place}"
        self.tls = f"amqps://{login}@127.0.0.1:{server.tls_port}/{place}"

    def create(self) -> None:
        name, password, who = _text(self.name), _text(self.password), _text("test")
        self.server.run(f"rabbit_vhost:add({name}, {who})")
        self.server.run(f"rabbit_auth_backend_internal:add_user({name}, {password}, {who})")
        self.permit(*PERMISSIONS)
        # Tests look and meddle as somebody else.
        everything = ", ".join([_text(".*")] * 3)
        self.server.run(f"rabbit_auth_backend_internal:set_permissions({_text('guest')}, {name}, {everything}, {who})")

    def change_password(self, password: str) -> None:
        self.server.run(
            f"rabbit_auth_backend_internal:change_password({_text(self.name)}, {_text(password)}, {_text('test')})"
        )

    def permit(self, configure: str, write: str, read: str) -> None:
        """Patterns of the names that the user may configure, write and read."""
        name, allowed = (
            _text(self.name),
            ", ".join(_text(one.replace("\\", "\\\\")) for one in (configure, write, read)),
        )
        self.server.run(f"rabbit_auth_backend_internal:set_permissions({name}, {name}, {allowed}, {_text('test')})")

    def start(self) -> None:
        self.server.start()

    def stop(self) -> None:
        self.server.stop()

    def flush(self) -> None:
        """Everything that waits is lost."""
        self.server.run(f"[rabbit_amqqueue:purge(Q) || Q <- rabbit_amqqueue:list({_text(self.name)})]")

    def delete_queues(self) -> None:
        """As somebody with an administrator's rights may do."""
        rights = f"false, false, {_text('test')}"
        self.server.run(f"[rabbit_amqqueue:delete(Q, {rights}) || Q <- rabbit_amqqueue:list({_text(self.name)})]")

    def queues(self) -> list[tuple[str, str, str]]:
        """(name, durable or transient, type) of each."""
        told = self.server.run(
            "[{element(4, amqqueue:get_name(Q)), amqqueue:is_durable(Q), amqqueue:get_type(Q)} "
            f"|| Q <- rabbit_amqqueue:list({_text(self.name)})]"
        )
        found = re.findall(r'\{<<"([^"]*)">>,(true|false),rabbit_(\w+)_queue\}', told)
        return sorted((name, "durable" if durable == "true" else "transient", kind) for name, durable, kind in found)

    def close_connections(self) -> None:
        """As an administrator does, or a restart."""
        self.server.run('rabbit_networking:close_connections(rabbit_networking:connections(), "test")')

    def messages(self, queue: str) -> list[amqp.Message]:
        """What waits."""
        self.has(queue)
        with self._channel() as channel:
            found = []
            while (message := channel.basic_get(queue)) is not None:
                found.append(message)
            return found

    def has(self, queue: str) -> bool:
        """Whether anything waits there, or comes within a second: who sends does not wait until RabbitMQ has it. The queue need not
        exist."""
        end = time.monotonic() + 1
        while time.monotonic() < end:
            with contextlib.suppress(amqp.NotFound), self._channel() as channel:
                if channel.queue_declare(queue=queue, passive=True).message_count:
                    return True
            time.sleep(0.05)
        return False

    def put(self, queue: str, *messages: Any) -> None:
        """Messages as `messages` gave them, or anything at all."""
        with self._channel() as channel:
            for one in messages:
                content = amqp.Message(one) if isinstance(one, bytes) else amqp.Message(one.body, **one.properties)
                channel.basic_publish(content, "", queue)

    @staticmethod
    def text(message: amqp.Message) -> str:
        """All that the message holds."""
        return f"{message.body} {message.properties}"

    @staticmethod
    def numbers(message: amqp.Message) -> list[Any]:
        """What it is about."""
        return list(json.loads(message.body)[0])

    @contextmanager
    def _channel(self) -> Iterator[amqp.Channel]:
        where = {"host": f"127.0.0.1:{self.server.port}", "userid": "guest", "password": "guest"}
        with amqp.Connection(**where, virtual_host=self.name, connect_timeout=30) as connection:
            channel = connection.channel()
            yield channel
            channel.close()  # what was read and not acknowledged goes back


@contextmanager
def start_rabbitmq() -> Iterator[RabbitServer]:
    """A server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="b-rabbit-") as where:
        server = RabbitServer(Path(where))
        try:
            server.start()
            yield server
        finally:
            server.close()


def _text(word: str) -> str:
    return f'<<"{word}">>'
