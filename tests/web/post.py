"""Mails of a house as they are sent, and the links in them."""

from __future__ import annotations

import re
from email.message import EmailMessage

from bonded.db.worker import work_once
from bonded.mail.compose import MailSettings
from bonded.mail.job import MailContext, handle
from tests.web.house import House


class Post:
    """A mailer that keeps what it is given."""

    def __init__(self, house: House, url: str = "http://localhost/") -> None:
        self.house = house
        self.url = url
        self.sent: list[EmailMessage] = []

    def send(self, message: EmailMessage) -> None:
        self.sent.append(message)

    def deliver(self) -> dict[str, str]:
        """Run the mail jobs; address -> text of what was sent to it, several mails joined, lines as one."""
        before = len(self.sent)
        context = MailContext(self.house.db, self, MailSettings("Bonded", self.url, "b@example.invalid"))
        while work_once(self.house.db, {"mail": lambda job, now: handle(context, job, now)}, lambda: self.house.now):
            pass
        found: dict[str, str] = {}
        for mail in self.sent[before:]:
            body = mail.get_body(("plain",))
            assert body is not None
            html = mail.get_body(("html",))
            assert html is not None
            found[str(mail["To"])] = found.get(str(mail["To"]), "") + " ".join(body.get_content().split()) + "\n"
        return found


def link_in(text: str, page: str) -> str:
    """The address, below the host, of the one link to `page` in a mail."""
    found = re.findall(rf"https?://[^/\s]+(/account/{page}/\S+/)", text)
    assert len(found) == 1, text
    return str(found[0])
