"""Every letter with sample words, as its recipient would get it: composed by the same code that composes real ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

from bonded.accounts.people import User
from bonded.journal.read import Entry
from bonded.mail.compose import MailSettings, News, message
from bonded.mail.kinds import LATE, OWNERS_ONLY, kind_of
from bonded.mail.secret_links import SECRET_LINKS
from bonded.values.actions import ACTIONS, Notify, Who
from bonded.values.states import AccountState, SubjectKind
from bonded.values.who import ActorKind

AT = datetime(2026, 3, 4, 14, 5, tzinfo=UTC)
READER, OTHER = "1" * 26, "2" * 26
TRIED = "file.publish"
"""The letter that `letter_to` sends: it bears no secret, and asks for nothing."""
SECRET = "sample-of-a-secret-that-opens-nothing-here-"
FACTS: dict[str, Any] = {
    "filename": "sample_project-1.2.tar.gz",
    "version": "1.2",
    "role": "maintainer",
    "permissions": ["upload", "yank"],
    "left": 2,
    "found": "https://code.example/sample/config.yml",
    "name": "release of sample-project",
    "days": 14,
    "used": True,
    "acts": 3,
    "wanted": "sample-project",
    "until": (AT + timedelta(days=7)).isoformat(),
    "reason": "Because it is a sample.",
    "request": 1,
    "invitation": "3" * 26,
    "kind": "role-expired",
    "key": "expiry:root",
    "step": 5,
    "values": {"role": "root"},
}
PRIVATE = {
    "ip": "192.0.2.10",
    "agent": "Firefox 140 on Linux",
    "label": "blue key",
    "email": "reader@mail.example",
    "old_email": "before@mail.example",
    "token": "release of sample-project",
    "publisher": "token.actions.example: sample/sample-project, release.yml",
    "name": "reader",
    "language": "",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One letter in one language. `to` says who gets it, `optional` whether people may do without it."""

    name: str
    language: str
    subject: str
    text: str
    html: str
    to: str
    optional: bool


def settings(name: str, url: str) -> MailSettings:
    """The settings of mails, as far as a sample shows them."""
    return MailSettings(name, url, f"{name} <index@mail.example>")


def names() -> list[str]:
    """Every letter there is, by name."""
    return sorted([a.name for a in ACTIONS.values() if a.notify is not Notify.NOBODY] + [LATE])


def sample(name: str, language: str, settings: MailSettings) -> Sample:
    """The letter `name`, to a reader who chose `language`."""
    made = message(settings, _news(name), _reader(name, language), AT)
    plain, html = made.get_body(("plain",)), made.get_body(("html",))
    assert plain is not None
    assert html is not None
    text, page = str(plain.get_content()), str(html.get_content())
    optional = kind_of(name) is not None
    return Sample(name, language, str(made["Subject"]), text, page, _to(_action(name)), optional)


def letter_to(address: str, language: str, settings: MailSettings, now: datetime) -> EmailMessage:
    """A letter with sample words for somebody who wants to know whether mail gets there; each call makes another Message-ID."""
    news = _news(TRIED)
    entry = replace(news.entry, id=int(now.timestamp() * 1000))
    return message(settings, replace(news, entry=entry), replace(_reader(TRIED, language), email=address), now)


def _action(name: str) -> str:
    return "file.publish" if name == LATE else name


def _news(name: str) -> News:
    action = _action(name)
    known = ACTIONS[action]
    own = known.notify is Notify.SUBJECT and known.who is not Who.ADMIN
    kind = ActorKind.POLICY if known.who is Who.SYSTEM else ActorKind.USER
    person = "" if known.who is Who.SYSTEM else (READER if own else OTHER)
    about = SubjectKind.FILE if action.startswith(("file.", "review.")) else SubjectKind.USER
    project = "sample-project" if known.notify is Notify.OWNERS or about is SubjectKind.FILE else None
    facts = {key: value for key, value in FACTS.items() if key not in _unsaid(action, about)}
    entry = Entry(7, action, kind, person, "4" * 26, about, "5" * 26, project, READER, AT, facts, None, PRIVATE)
    secret = SECRET if action in SECRET_LINKS else ""
    return News(entry, "reader" if own else "colleague", "reader", 12, secret=secret, letter=name)


def _unsaid(action: str, about: SubjectKind) -> set[str]:
    """Facts that rows of this action do not have."""
    reason = set() if ACTIONS[action].reason or action in ("file.yank", "file.delete") else {"reason"}
    return reason | (set() if about is SubjectKind.FILE else {"filename"})


def _reader(name: str, language: str) -> User:
    admin = ACTIONS[_action(name)].notify is Notify.ADMINS
    return User(READER, "reader", "reader@mail.example", AccountState.ACTIVE, admin, language, True, AT)


def _to(action: str) -> str:
    notify = ACTIONS[action].notify
    if notify is Notify.OWNERS:
        return "owners" if action in OWNERS_ONLY else "people"
    return str(notify)
