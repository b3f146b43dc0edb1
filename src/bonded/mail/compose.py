"""From a journal row and a recipient to a message: what is said, in their language, and with which headers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any

from babel.dates import format_date
from babel.dates import format_datetime as babel_datetime

from bonded.accounts.people import User
from bonded.journal.read import Entry
from bonded.mail import letter, places
from bonded.mail.catalogues import choose, translations
from bonded.mail.kinds import kind_of
from bonded.mail.secret_links import SECRET_LINKS
from bonded.values.alarms import KINDS, Alarm, Severity
from bonded.values.languages import formats_of
from bonded.values.lists import listed
from bonded.values.pieces import project_role, token_may
from bonded.values.spans import span
from bonded.values.text import clean
from bonded.values.who import ActorKind

UNSIGNED = ("review.", "index.alarm")
"""Actions whose mails do not say by whom: reviewers are not named to uploaders, and nobody makes an alarm."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """`url` is the public address with a slash at the end; `sender` as in a From header; `languages` are those that people
    can choose here, empty for all that mails are translated into."""

    index_name: str = "Bonded"
    url: str = "http://localhost:8000/"
    sender: str = "Bonded <bonded@localhost>"
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """A journal row with the names of people that belong to it, as they are today ("" when unknown).

    `secret` is that of a one-time link which this mail carries, "" for all others. `letter` is the letter to use where that is
    not the action's own.
    """

    entry: Entry
    actor: str
    concerned: str
    case_id: int | None
    secret: str = ""
    letter: str = ""


def message(settings: MailSettings, news: News, to: User, now: datetime) -> EmailMessage:
    """The whole message. Its Message-ID is the same each time, so a repeated one can be recognised downstream."""
    language = choose(to.language, settings.languages)
    made = letter.write(
        news.letter or news.entry.action,
        language,
        _values(settings, news, to, language),
        _details(settings, news, to, language),
    )
    mail = EmailMessage(policy=SMTP)
    mail["From"] = _sender(settings.sender)
    mail["To"] = Address(addr_spec=to.email)
    mail["Subject"] = made.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(settings, news.entry.id, to.id)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Bonded-Action"] = news.entry.action
    mail.set_content(made.text)
    mail.add_alternative(made.html, subtype="html")
    mail["Content-Language"] = language.replace("_", "-")
    return mail


def message_id(settings: MailSettings, journal_id: int, user_id: str) -> str:
    """Stable and without personal data."""
    local = hashlib.sha256(f"{journal_id} {user_id}".encode()).hexdigest()[:24]
    domain = parseaddr(settings.sender)[1].partition("@")[2] or "localhost"
    return f"<{journal_id}.{local}@{domain}>"


def _sender(text: str) -> Address:
    name, spec = parseaddr(text)
    return Address(display_name=name, addr_spec=spec)


def _values(settings: MailSettings, news: News, to: User, language: str) -> dict[str, str]:
    facts, catalogue = news.entry.facts, translations(language)
    return {
        "name": to.name,
        "index_name": settings.index_name,
        "url": settings.url,
        "project": news.entry.project_key or "",
        "filename": str(facts.get("filename", "")),
        "version": str(facts.get("version", "")),
        "role": project_role.translated(project_role(str(facts.get("role", ""))), catalogue),
        "permissions": listed(
            (token_may.translated(token_may(p), catalogue) for p in facts.get("permissions", ())), language
        ),
        "by": _by(news, language),
        "concerned": news.concerned,
        "factor": news.entry.private.get("label", ""),
        "link": "yes" if news.secret else "",
        "left": str(facts.get("left", "")),
        "admin": "yes" if to.is_admin else "",
        "optional": "yes" if kind_of(news.letter or news.entry.action) else "",
        "you": "yes" if news.entry.user_id == to.id else "",
        "until": _day(str(facts.get("until", "")), language),
        "found": str(facts.get("found", "")),
        "token": news.entry.private.get("token", str(facts.get("name", ""))),
        "days": str(facts.get("days", "")),
        "used": "yes" if facts.get("used") else "",
        "acts": str(facts.get("acts", "0")),
        "publisher": news.entry.private.get("publisher", ""),
        "wanted": str(facts.get("wanted", "")),
    } | _alarm(facts, language)


def _alarm(facts: Mapping[str, Any], language: str) -> dict[str, str]:
    """The words of an alarm, "" where the row is none, or one of a kind that this version does not know."""
    kind = KINDS.get(str(facts.get("kind", "")))
    if kind is None:
        return {"sentence": "", "advice": "", "critical": ""}
    alarm = Alarm(kind.name, str(facts["key"]), int(facts["step"]), facts["values"])
    alarm = alarm.worded(lambda time: span(time, formats_of(language)))
    translate = translations(language).gettext
    critical = "yes" if alarm.severity is Severity.CRITICAL else ""
    return {"sentence": alarm.sentence(translate), "advice": alarm.advice(translate), "critical": critical}


def _day(text: str, language: str) -> str:
    """A day among the facts, as people write it; "" for none."""
    return format_date(datetime.fromisoformat(text), "long", locale=formats_of(language)) if text else ""


def _by(news: News, language: str) -> str:
    """Who did it, in words."""
    gettext = translations(language).gettext
    kind = news.entry.actor_kind
    if kind == ActorKind.OPERATOR:
        return gettext("The operator of this index")
    if kind == ActorKind.POLICY:
        return gettext("The policy of this index")
    if kind == ActorKind.PUBLISHER:
        return gettext("The publisher of this index")
    return clean(news.actor) or gettext("Somebody")


def _details(settings: MailSettings, news: News, to: User, language: str) -> list[tuple[str, str]]:
    """When, who, from where, what, why, and where to look. Addresses are told only to the person whose account it is."""
    entry, gettext = news.entry, translations(language).gettext
    where = places.where(entry, news.case_id, to.is_admin, gettext)
    if news.secret:  # to the one person who proves by it that this mail reached them
        where = settings.url + SECRET_LINKS[entry.action].page.format(secret=news.secret)
    wanted = [
        ("time", babel_datetime(entry.at, "long", locale=formats_of(language))),
        ("by", "" if entry.action.startswith(UNSIGNED) else _by(news, language)),
        ("address", places.place(entry, to.id, gettext)),
        ("agent", places.device(entry, to.id, gettext)),
        ("project", entry.project_key or ""),
        ("file", str(entry.facts.get("filename", ""))),
        ("reason", str(entry.facts.get("reason", ""))),
        ("where", where),
    ]
    return [(label, value) for label, value in wanted if value]
