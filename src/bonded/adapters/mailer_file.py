"""Mailer that writes each message to a folder, for development and for machines that hand mail over by files."""

from __future__ import annotations

import os
import re
import secrets
from email.message import EmailMessage
from pathlib import Path

from bonded.seams import Away


class FileMailer:
    """Mailer (seams): one `.eml` file per message, complete from the moment it is visible. The same Message-ID again
    replaces the file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, message: EmailMessage) -> None:
        """Write the message. Raises Away while the disk takes nothing."""
        try:
            self._write(message)
        except OSError as error:
            raise Away(f"the mail was not written: {type(error).__name__}") from error

    def _write(self, message: EmailMessage) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^A-Za-z0-9.@_-]", "_", str(message["Message-ID"] or secrets.token_hex(12)).strip("<>"))[:150]
        made = self._folder / f".{stem}.{secrets.token_hex(4)}"
        with made.open("xb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(message.as_bytes())
        made.replace(self._folder / f"{stem}.eml")
