"""Mailer over SMTP: one connection per message, with or without STARTTLS and a login."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from email.message import EmailMessage

from bonded.seams import Away
from bonded.values.listening import Listening

STEPS = 4
"""Times `timeout` that a delivery may take until all of the text is sent, and as often again for the answer to the text."""
END = b"\r\n.\r\n"
REST = 30.0
"""Seconds for which a server that did not answer is left alone: what waits behind each mail, other mails among it, does not wait
for the same silence again and again."""


class SmtpMailer:
    """Mailer (seams). Addresses must be ASCII. With `starttls` the server's certificate is checked, and a server that
    does not offer it is an error, never a fall-back to plain text. With `tls` all of it is TLS (RFC 8314, port 465)."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        username: str = "",
        password: str = "",
        starttls: bool = False,
        tls: bool = False,
        timeout: float = 30.0,
        authorities: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`timeout` in seconds, for each step, and `STEPS` times that for the whole; `authorities`: a file of certificates to trust,
        empty for the machine's."""
        self._host, self._port, self._timeout = host, port, timeout
        self._username, self._password = username, password
        self._starttls, self._tls, self._authorities = starttls, tls, authorities
        self._clock, self._rests_until = clock, 0.0

    def send(self, message: EmailMessage) -> None:
        """Hand the message over. Raises Away while the server does not answer or takes nothing, and an SMTPException when it refuses
        this mail for good; after both it may still have been taken, when the connection broke at the wrong moment."""
        if self._clock() < self._rests_until:
            raise Away("the mail server did not answer a moment ago")
        try:
            client = self._connected()
            try:
                client.send_message(message)
            finally:
                client.leave()
        except (smtplib.SMTPException, OSError) as error:
            if _for_good(error):
                raise
            if _silent(error):
                self._rests_until = self._clock() + REST
            raise Away(f"the mail server did not take it: {type(error).__name__}") from error

    def _connected(self) -> _Session:
        """A session in which mail may be sent."""
        trusted = ssl.create_default_context(cafile=self._authorities or None) if self._starttls or self._tls else None
        client = _Session(self._host, self._port, self._timeout, trusted if self._tls else None)
        try:
            if self._starttls:
                client.starttls(context=trusted)
            if self._username:
                client.login(self._username, self._password)
        except BaseException:
            client.close()
            raise
        return client


class _Session(smtplib.SMTP):
    """A session that ends in time, however slowly the server speaks or listens. `step` in seconds: a longer silence ends it.

    The answer to a text is waited for longer, silence or not (RFC 5321, 4.5.3.2.6): whoever goes before it does not know
    whether the mail was taken, and has to send it again.
    """

    def __init__(self, host: str, port: int, step: float, trusted: ssl.SSLContext | None = None) -> None:
        self._step, self._patience, self._trusted = step, step, trusted
        self._until = time.monotonic() + STEPS * step
        super().__init__(host, port, timeout=step)

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(left, self._patience)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """What `smtplib` asks its own class for TLS, which knows no deadline."""
        plain: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        if self._trusted is None:
            return plain
        try:
            return self._trusted.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:
            self.file = Listening(self.sock, self._left).makefile("rb")
        try:
            return super().getreply()
        finally:
            self._patience = self._step

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        if self.sock is not None:
            self.sock.settimeout(max(0.001, self._until - time.monotonic()))  # `sendall` keeps to it as a whole
        super().send(s)
        if isinstance(s, bytes) and s.endswith(END):
            self._patience = STEPS * self._step
            self._until = time.monotonic() + self._patience

    def leave(self) -> None:
        """Say good-bye, for one step at most: what the server has taken it has, whatever it says then."""
        self._until = time.monotonic() + self._step
        with contextlib.suppress(smtplib.SMTPException, OSError):
            self.quit()
        self.close()


def _for_good(error: Exception) -> bool:
    """Whether a server says that it will never take this mail (5xx to its sender, recipient or text). What it says of the session,
    such as of a wrong password, is about every mail, and is mended by somebody."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPDataError) and error.smtp_code >= 500


def _silent(error: Exception) -> bool:
    """Whether the server did not answer, or not to the end."""
    return isinstance(error, smtplib.SMTPServerDisconnected | smtplib.SMTPConnectError) or (
        isinstance(error, OSError) and not isinstance(error, smtplib.SMTPException)
    )
