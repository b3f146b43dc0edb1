"""The contract of Mailer, run against every adapter; SMTP against a real server on loopback."""

from __future__ import annotations

import contextlib
import email
import email.policy
import smtplib
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from bonded.adapters.mailer_file import FileMailer
from bonded.adapters.mailer_smtp import SmtpMailer
from bonded.seams import Away, Mailer

Read = Callable[[], list[EmailMessage]]


def message(number: int = 1, to: str = "alice@example.invalid") -> EmailMessage:
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = "Bonded <bonded@example.invalid>"
    made["To"] = to
    made["Subject"] = "Grüße: żółć \U0001f600"
    made["Message-ID"] = f"<{number}.abc@example.invalid>"
    made.set_content("Zeile eins\n.einzelner Punkt\nżółć\n" + "x" * 2000 + "\n")
    made.add_alternative("<p>żółć</p>", subtype="html")
    return made


class Inbox:
    """What a server was handed."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.refuse = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse
        self.received.append(envelope.content)
        return "250 OK"

    def read(self) -> list[EmailMessage]:
        return [_parse(raw) for raw in self.received]


def _parse(raw: bytes) -> EmailMessage:
    found = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


class FreePort(Controller):
    """A controller that takes any free port and knows which."""

    def _trigger_server(self) -> None:
        assert self.server
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def server(inbox: Inbox) -> Iterator[Controller]:
    controller = FreePort(inbox, hostname="127.0.0.1", port=0, ready_timeout=60)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture(params=["file", "smtp"])
def mailer(request: pytest.FixtureRequest, tmp_path: Path, inbox: Inbox) -> tuple[Mailer, Read]:
    if request.param == "smtp":
        controller = request.getfixturevalue("server")
        return SmtpMailer("127.0.0.1", controller.port, timeout=60), inbox.read
    folder = tmp_path / "mail"
    return FileMailer(folder), lambda: [_parse(p.read_bytes()) for p in sorted(folder.glob("*.eml"))]


def test_a_message_arrives_whole(mailer: tuple[Mailer, Read]) -> None:
    sender, read = mailer
    sender.send(message())
    (got,) = read()
    assert got["Subject"] == "Grüße: żółć \U0001f600"
    assert got["To"] == "alice@example.invalid"
    plain, html = got.get_body(("plain",)), got.get_body(("html",))
    assert plain
    assert html
    assert plain.get_content().replace("\r\n", "\n") == "Zeile eins\n.einzelner Punkt\nżółć\n" + "x" * 2000 + "\n"
    assert html.get_content().strip() == "<p>żółć</p>"


def test_messages_are_apart(mailer: tuple[Mailer, Read]) -> None:
    sender, read = mailer
    for n in range(3):
        sender.send(message(n))
    assert sorted(m["Message-ID"] for m in read()) == [f"<{n}.abc@example.invalid>" for n in range(3)]


def test_several_senders_at_once(mailer: tuple[Mailer, Read]) -> None:
    sender, read = mailer
    threads = [threading.Thread(target=sender.send, args=(message(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read()) == 6


def test_files_are_private_and_never_half_written(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    odd = message()
    odd.replace_header("Message-ID", "<../../etc/passwd@x>")
    FileMailer(folder).send(odd)
    FileMailer(folder).send(odd)
    (only,) = folder.iterdir()
    assert only.name == ".._.._etc_passwd@x.eml"
    assert only.stat().st_mode & 0o777 == 0o600


def test_a_server_that_refuses_is_an_error(server: Controller, inbox: Inbox) -> None:
    inbox.refuse = "451 try later"
    with pytest.raises(Away) as caught:
        SmtpMailer("127.0.0.1", server.port, timeout=60).send(message())
    assert isinstance(caught.value.__cause__, smtplib.SMTPDataError)
    inbox.refuse = "554 never"
    with pytest.raises(smtplib.SMTPDataError):
        SmtpMailer("127.0.0.1", server.port, timeout=60).send(message())
    assert inbox.received == []


@pytest.mark.parametrize("farewell", ["421 4.3.2 shutting down", "500 5.5.1 what?", ""])
def test_a_server_that_has_taken_it_may_end_as_it_likes(inbox: Inbox, farewell: str) -> None:
    """Else the mail would be sent again."""

    class Rude(SMTP):
        async def smtp_QUIT(self, arg: str) -> None:
            if farewell:
                await self.push(farewell)
            self.transport.close()

    class Server(FreePort):
        def factory(self) -> SMTP:
            return Rude(self.handler)

    controller = Server(inbox, hostname="127.0.0.1", port=0, ready_timeout=60)
    controller.start()
    try:
        SmtpMailer("127.0.0.1", controller.port, timeout=60).send(message())
    finally:
        controller.stop()
    assert len(inbox.received) == 1


class Slow:
    """A server that says its lines as told: `slow` is the number of the one that it takes its time for."""

    LINES = (
        b"220 here\r\n",
        b"250 hello\r\n",
        b"250 ok\r\n",
        b"250 ok\r\n",
        b"354 go on\r\n",
        b"250 taken\r\n",
        b"221 bye\r\n",
    )

    def __init__(self, slow: int, pause: float, *, drips: bool) -> None:
        self._slow, self._pause, self._drips = slow, pause, drips
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        client, _ = self._listener.accept()
        with contextlib.suppress(OSError), client, client.makefile("rb") as said:
            for number, line in enumerate(self.LINES):
                for piece in self._pieces(number, line):
                    client.sendall(piece)
                end = b".\r\n" if line.startswith(b"354") else b"\n"
                while not said.readline().endswith(end):
                    pass

    def _pieces(self, number: int, line: bytes) -> Iterator[bytes]:
        if number != self._slow:
            yield line
            return
        for _ in range(600 if self._drips else 0):  # a reply of many lines
            time.sleep(self._pause)
            yield line[:3] + b"-x\r\n"
        time.sleep(self._pause)
        yield line

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize("line", range(7), ids=["greeting", "hello", "from", "to", "data", "text", "good-bye"])
def test_a_server_that_drips_holds_nobody(line: int) -> None:
    """Its silence is never long enough to end the session, and its answer never ends."""
    server = Slow(line, 0.1, drips=True)
    begun = time.monotonic()
    mailer = SmtpMailer("127.0.0.1", server.port, timeout=0.5)
    if line == 6:
        mailer.send(message())  # it has the mail
    else:
        with pytest.raises(Away) as caught:
            mailer.send(message())
        assert isinstance(caught.value.__cause__, smtplib.SMTPServerDisconnected)
        with pytest.raises(Away):  # left alone for a while
            mailer.send(message())
    assert time.monotonic() - begun < 15, "of the minute that the server would take"
    server.close()


def test_a_server_that_drips_out_what_it_takes_holds_nobody() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def run() -> None:
        client, _ = listener.accept()
        with contextlib.suppress(OSError), client, client.makefile("rb", buffering=0) as said:
            for line in Slow.LINES[:5]:
                client.sendall(line)
                if not line.startswith(b"354"):
                    said.readline()
            for _ in range(600):
                time.sleep(0.1)
                client.recv(10)

    threading.Thread(target=run, daemon=True).start()
    large, begun = message(), time.monotonic()
    large.add_attachment(b"x" * 8_000_000, maintype="application", subtype="octet-stream")
    with pytest.raises(Away):
        SmtpMailer("127.0.0.1", listener.getsockname()[1], timeout=0.5).send(large)
    assert time.monotonic() - begun < 15
    listener.close()


def test_the_answer_to_a_text_is_waited_for_longer() -> None:
    """Else a server that looks for viruses first would be sent the same mail again and again."""
    server = Slow(5, 2.0, drips=False)
    SmtpMailer("127.0.0.1", server.port, timeout=1.0).send(message())
    server.close()


def test_a_server_that_is_not_there_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can be there
        times = [0.0]
        mailer = SmtpMailer("127.0.0.1", taken.getsockname()[1], timeout=60, clock=lambda: times[0])
        with pytest.raises(Away) as caught:
            mailer.send(message())
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)
        for later, asked in ((29.0, False), (31.0, True)):
            times[0] = later
            with pytest.raises(Away) as caught:
                mailer.send(message())
            assert (caught.value.__cause__ is not None) is asked


def test_no_fall_back_to_plain_text(server: Controller, inbox: Inbox) -> None:
    with pytest.raises(Away) as caught:
        SmtpMailer("127.0.0.1", server.port, starttls=True, username="u", password="p", timeout=60).send(message())
    assert isinstance(caught.value.__cause__, smtplib.SMTPNotSupportedError)
    assert inbox.received == []


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    subprocess.run(
        ["openssl", *words.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_tls_from_the_first_byte(certificate: tuple[Path, Path], inbox: Inbox) -> None:
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    controller = FreePort(inbox, hostname="127.0.0.1", port=0, ready_timeout=60, ssl_context=context)
    controller.start()
    try:
        with pytest.raises(Away) as caught:
            SmtpMailer("localhost", controller.port, tls=True, timeout=60).send(message())
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        SmtpMailer("localhost", controller.port, tls=True, timeout=60, authorities=str(cert)).send(message())
        with pytest.raises(Away):
            SmtpMailer("localhost", controller.port, timeout=1).send(message())
    finally:
        controller.stop()
    assert len(inbox.received) == 1


def test_no_tls_where_none_is_spoken(server: Controller, inbox: Inbox) -> None:
    with pytest.raises(Away) as caught:
        SmtpMailer("127.0.0.1", server.port, tls=True, timeout=5).send(message())
    assert isinstance(caught.value.__cause__, ssl.SSLError | TimeoutError)
    assert inbox.received == []


def test_starttls_and_a_login(certificate: tuple[Path, Path], inbox: Inbox) -> None:
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    seen: list[tuple[bytes, bytes]] = []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)

    controller = FreePort(
        inbox,
        hostname="127.0.0.1",
        port=0,
        ready_timeout=60,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    try:
        port = controller.port

        def mailer(password: str, authorities: str) -> SmtpMailer:
            return SmtpMailer(
                "localhost", port, username="me", password=password, starttls=True, timeout=60, authorities=authorities
            )

        with pytest.raises(Away) as caught:
            mailer("right", "").send(message())
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert seen == [], "no password goes to a server that is not who it says"
        with pytest.raises(Away) as caught:
            mailer("wrong", str(cert)).send(message())
        assert isinstance(caught.value.__cause__, smtplib.SMTPAuthenticationError)
        mailer("right", str(cert)).send(message())
    finally:
        controller.stop()
    assert len(inbox.received) == 1
    assert seen[-1] == (b"me", b"right")
