"""Mailer over SMTP: one connection per message, with or without STARTTLS and a login."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage


class SmtpMailer:
    """Mailer (seams). Addresses must be ASCII. With `starttls` the server's certificate is checked, and a server that
    does not offer it is an error, never a fall-back to plain text."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        username: str = "",
        password: str = "",
        starttls: bool = False,
        timeout: float = 30.0,
        authorities: str = "",
    ) -> None:
        """`timeout` in seconds, for each step; `authorities`: a file of certificates to trust, empty for the machine's."""
        self._host, self._port, self._timeout = host, port, timeout
        self._username, self._password = username, password
        self._starttls, self._authorities = starttls, authorities

    def send(self, message: EmailMessage) -> None:
        """Hand the message over. Raises smtplib.SMTPException or OSError; then it may still have been taken."""
        with smtplib.SMTP(self._host, self._port, timeout=self._timeout) as client:
            if self._starttls:
                client.starttls(context=ssl.create_default_context(cafile=self._authorities or None))
            if self._username:
                client.login(self._username, self._password)
            client.send_message(message)
