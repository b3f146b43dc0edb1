"""Mailer over SMTP: one connection per message, with or without STARTTLS and a login."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage

TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where to send. `timeout` in seconds, for each step. With `starttls` the server's certificate is checked; a server
    that does not offer it is an error, never a fall-back to plain text."""

    host: str
    port: int = 25
    username: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    timeout: float = TIMEOUT
    certificates: str = ""
    """A file of certificate authorities; empty: those of the machine."""


class SmtpMailer:
    """Mailer (seams). Sends 8-bit or plain ASCII content; addresses must be ASCII."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    def send(self, message: EmailMessage) -> None:
        """Hand the message over. Raises smtplib.SMTPException or OSError; then it may still have been taken."""
        s = self._server
        with smtplib.SMTP(s.host, s.port, timeout=s.timeout) as client:
            if s.starttls:
                client.starttls(context=ssl.create_default_context(cafile=s.certificates or None))
            if s.username:
                client.login(s.username, s.password)
            client.send_message(message)
