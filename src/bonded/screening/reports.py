"""Reports from people: a queue of their own, linked to a case or dismissed with a reason. A report does nothing by itself.

Whoever reports may leave an address. It is used once, to say how the report ended, and deleted with that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, insert, select, update

from bonded.catalog import read as catalog
from bonded.catalog.rules import NO_SUCH_PROJECT, check_reason
from bonded.catalog.tables import case, file, release
from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job, enqueue
from bonded.db.worker import Effects
from bonded.journal import record
from bonded.screening.service_tables import report
from bonded.seams import Counter, Mailer
from bonded.values.names import normalize
from bonded.values.pieces import names, report_state
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import clean
from bonded.values.who import Actor

QUEUE = "report-mail"
KINDS = ("malware", "impersonation", "spam", "other")
MOST_WORDS = 5000
EMAIL = re.compile(r"[^@\s<>,;:\"\\()\[\]]{1,64}@[A-Za-z0-9.-]{1,190}")

REPORT_FORM = define(
    "report-form",
    400,
    "The report cannot be taken like this",
    "A report names a project of this index, says what is wrong in at least a few words, and may name a version, a file, an "
    "https address that shows it, and an e-mail address for the answer.",
)
TOO_MANY_REPORTS = define(
    "too-many-reports",
    429,
    "Too many reports",
    "Only so many reports are taken from one network in an hour. Put what belongs together into one report, or wait.",
)
NO_SUCH_REPORT = define("no-such-report", 404, "No such report", "There is no report of this number.")
REPORT_CLOSED = define(
    "report-closed", 409, "The report is closed", "Somebody linked or dismissed it already; reports are closed once."
)
NO_CASE = define(
    "no-case-of-project",
    409,
    "The project has no such case",
    "A report is linked to a case of the project that it is about. Where there is none, quarantine a file first, or have it "
    "screened again: both open a case.",
)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody reports. `version`, `filename`, `url` and `email` may be "", and so may `language`: that of the answer."""

    project: str
    kind: str
    words: str
    version: str = ""
    filename: str = ""
    url: str = ""
    email: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report as administrators see it."""

    id: int
    project_key: str
    version: str
    filename: str
    kind: str
    words: str
    url: str
    user_id: str
    answer_wanted: bool
    state: str
    case_id: int | None
    reason: str
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReportMail:
    """What telling reporters works with: `write(to, language, project, version, reason, now)` makes the mail."""

    db: Database
    mailer: Mailer
    write: Callable[[str, str, str, str, str | None, datetime], EmailMessage]


def limit(counter: Counter, ip: str, per_hour: int, now: datetime) -> None:
    """Count a report from `ip`. Raises Refusal (too-many-reports)."""
    wait = counter.hit(f"report:{ip}", per_hour, timedelta(hours=1), now)
    if wait:
        raise Refusal(TOO_MANY_REPORTS, "Too many reports came from your network; try again later", retry_after=wait)


def make(tx: Tx, who: Actor, told: Told, *, now: datetime) -> int:
    """Put a report into the queue; returns its number. Raises Refusal (report-form, no-such-project)."""
    key, version = _checked(tx, told)
    values = {
        "project_key": key,
        "version": version,
        "filename": told.filename,
        "kind": told.kind,
        "words": clean_words(told.words),
        "url": told.url,
        "user_id": who.user_id,
        "email": told.email or None,
        "language": told.language,
        "told": False,
        "state": "new",
        "reason": "",
        "created_at": now,
    }
    number = int(tx.execute(insert(report).values(values).returning(report.c.id)).scalar_one())
    facts = {"report": number, "kind": told.kind}
    record(tx, "report.make", who, (SubjectKind.PROJECT, key), now=now, project=key, facts=facts)
    return number


def link(tx: Tx, who: Actor, number: int, case_id: int | None, *, now: datetime, reason: str = "") -> int:
    """Link a new report to a case of its project, the open one where `case_id` is None; returns the case.

    `reason` may be empty, because the report itself says what it is about; the case's decision has a reason of its own.
    Raises Refusal (no-such-report, report-closed, no-case-of-project, reason-too-long).
    """
    words = check_reason("report.link", reason)
    row = _new(tx, number)
    project = catalog.project(tx, row.project_key)
    wanted = select(case.c.id).where(case.c.project_id == (project.id if project else ""))
    wanted = wanted.where(case.c.id == case_id) if case_id is not None else wanted.where(case.c.state == "open")
    found = tx.execute(wanted.limit(1)).scalar_one_or_none()
    if found is None:
        raise Refusal(NO_CASE, "The project of this report has no such case")
    _close(tx, row, {"state": "linked", "case_id": found}, now)
    facts = {"report": number, "case": found} | ({"reason": words} if words else {})
    record(
        tx, "report.link", who, (SubjectKind.PROJECT, row.project_key), now=now, project=row.project_key, facts=facts
    )
    return int(found)


def dismiss(tx: Tx, who: Actor, number: int, *, reason: str, now: datetime) -> None:
    """Dismiss a new report; the reporter reads the reason. Raises Refusal (no-such-report, report-closed, reason-needed)."""
    text = check_reason("report.dismiss", reason)
    row = _new(tx, number)
    _close(tx, row, {"state": "dismissed", "reason": text}, now)
    facts = {"report": number, "reason": text}
    record(
        tx, "report.dismiss", who, (SubjectKind.PROJECT, row.project_key), now=now, project=row.project_key, facts=facts
    )


def reports(
    conn: Connection, *, state: str | None, limit: int = 100, offset: int = 0, number: int | None = None
) -> list[Report]:
    """Reports in `state` (None: any), those that wait longest first."""
    wanted = select(report).order_by(report.c.id).limit(limit).offset(offset)
    wanted = wanted.where(report.c.state == state) if state is not None else wanted
    wanted = wanted.where(report.c.id == number) if number is not None else wanted
    return [_report(row) for row in conn.execute(wanted)]


def count(conn: Connection, state: str) -> int:
    """How many reports are in `state`."""
    return int(conn.execute(select(func.count()).select_from(report).where(report.c.state == state)).scalar_one())


def handle(context: ReportMail, job: Job, now: datetime) -> Effects | None:
    """Tell the reporter how it ended, once, and forget the address. What the mailer raises: tried again."""
    number = int(job.payload["report_id"])
    with context.db.read() as conn:
        row = conn.execute(select(report).where(report.c.id == number)).one_or_none()
    if row is None or row.email is None or row.state == "new":
        return None
    reason = None if row.state == "linked" else row.reason
    context.mailer.send(context.write(row.email, row.language, row.project_key, row.version, reason, now))

    def told(tx: Tx) -> None:
        tx.execute(update(report).where(report.c.id == number).values(told=True, email=None))

    return told


def clean_words(words: str) -> str:
    """Lines of text without control characters."""
    return "\n".join(clean(line).rstrip() for line in words.strip().splitlines())


def _checked(tx: Tx, told: Told) -> tuple[str, str]:
    """The normalized project and the version as the index writes it. Raises Refusal."""
    if told.kind not in KINDS:
        raise Refusal(REPORT_FORM, f"The kind of a report is one of {names(KINDS)}")
    if not 10 <= len(clean_words(told.words)) <= MOST_WORDS:
        raise Refusal(REPORT_FORM, f"Say what is wrong (characters: 10 to {MOST_WORDS})")
    if told.email and not EMAIL.fullmatch(told.email):
        raise Refusal(REPORT_FORM, "The e-mail address cannot be one")
    _check_url(told.url)
    project = catalog.project(tx, normalize(told.project[:200]))
    if project is None:
        raise Refusal(NO_SUCH_PROJECT, "There is no such project here")
    found = catalog.release(tx, project.id, told.version) if told.version else None
    if told.version and found is None:
        raise Refusal(REPORT_FORM, "The project has no such version")
    if told.filename:
        c = file.c
        mine = select(c.id).join(release, release.c.id == c.release_id).where(c.project_id == project.id)
        if tx.execute(mine.where(c.filename == told.filename).limit(1)).first() is None:
            raise Refusal(REPORT_FORM, "The project has no such file")
    return project.key, found.version if found else ""


def _check_url(url: str) -> None:
    if not url:
        return
    try:
        good = urlsplit(url).scheme in ("https", "http") and bool(urlsplit(url).hostname)
    except ValueError:
        good = False
    if not good or len(url) > 500 or not url.isprintable():
        raise Refusal(REPORT_FORM, "The address that shows it must begin with https://")


def _new(tx: Tx, number: int) -> Any:
    row = tx.execute(select(report).where(report.c.id == number).with_for_update()).one_or_none()
    if row is None:
        raise Refusal(NO_SUCH_REPORT, f"there is no report {number}")
    if row.state != "new":
        raise Refusal(REPORT_CLOSED, f"report {number} is {report_state(row.state)} already")
    return row


def _close(tx: Tx, row: Any, values: dict[str, Any], now: datetime) -> None:
    tx.execute(update(report).where(report.c.id == row.id).values(values | {"closed_at": now}))
    if row.email:
        enqueue(tx, QUEUE, f"report-mail:{row.id}", {"report_id": row.id}, now=now)


def _report(row: Any) -> Report:
    names = [name for name in Report.__slots__ if name != "answer_wanted"]
    return Report(**{name: getattr(row, name) for name in names}, answer_wanted=row.email is not None)
