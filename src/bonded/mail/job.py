"""The `mail` job: one journal row to everybody who is to be told.

A crash between sending and noting it mails that one person again, under the same Message-ID; nobody else. The last mail is
noted in the transaction that ends the job: most have one recipient, and each upload has such a job. A recipient whose mail
fails does not keep others from theirs: the job fails afterwards, and the next attempt tries only what is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection, delete, insert, select

from bonded.accounts import people
from bonded.accounts.people import User
from bonded.catalog import read as catalog
from bonded.db.engine import Database, Tx
from bonded.db.jobs import Job
from bonded.db.worker import Effects
from bonded.journal import read as journal
from bonded.journal.tables import journal_private
from bonded.mail.compose import MailSettings, News, message
from bonded.mail.kinds import letter_of
from bonded.mail.recipients import recipients
from bonded.mail.secret_links import SECRET_LINKS
from bonded.mail.tables import sent
from bonded.seams import Away, Mailer
from bonded.values.states import SubjectKind

_SENT = insert(sent)
log = structlog.get_logger("bonded.mail")


class NotSent(Exception):
    """Some mails were not sent; the job tries those again. The message names no addresses."""


class NotSentNow(NotSent, Away):
    """At least one of them only because the mail server was away, or would not take it now."""


@dataclass(frozen=True, slots=True)
class MailContext:
    """What the job works with."""

    db: Database
    mailer: Mailer
    settings: MailSettings


def handle(context: MailContext, job: Job, now: datetime) -> Effects | None:
    """Mail everybody who has not been mailed yet about the row in `job`; returns what notes the last of them. Raises NotSent."""
    journal_id = int(job.payload["journal_id"])
    with context.db.read() as conn:
        entry = journal.entry(conn, journal_id)
        if entry is None:
            return None  # restored from a backup older than the job
        done = set(conn.execute(select(sent.c.user_id).where(sent.c.journal_id == journal_id)).scalars())
        people_left = [u for u in recipients(conn, entry) if u.id not in done]
        news = _news(conn, entry)
    failures: list[Exception] = []
    last = None
    for to in people_left:
        if last is not None:
            _note_now(context, last)
        sending = _send(context, news, to, now)
        if isinstance(sending, Exception):
            failures.append(sending)
        last = partial(_note, entry, to, now) if sending is True else None
    if failures:
        if last is not None:
            _note_now(context, last)
        kind = NotSentNow if any(isinstance(one, Away) for one in failures) else NotSent
        raise kind(f"{len(failures)} of {len(people_left)} mails about journal row {journal_id} were not sent")
    return last


def _note_now(context: MailContext, effects: Effects) -> None:
    with context.db.write() as tx:
        effects(tx)


def _note(entry: journal.Entry, to: User, now: datetime, tx: Tx) -> None:
    """This person has the mail."""
    tx.execute(_SENT, {"journal_id": entry.id, "user_id": to.id, "at": now})
    if entry.action == "account.delete":  # the address was kept for this mail only
        tx.execute(delete(journal_private).where(journal_private.c.journal_id == entry.id))


def _send(context: MailContext, news: News, to: User, now: datetime) -> bool | Exception:
    """True when the mail went out, False where there is nothing to mail any more; else what kept it."""
    link = SECRET_LINKS.get(news.entry.action)
    if link is not None:
        # Made here, so that the secret is in the mail and nowhere else; a repeated mail makes the earlier link useless.
        with context.db.write() as tx:
            secret = link.make(tx, news.entry, to, now)
        if secret is None:
            return False
        news = replace(news, secret=secret)
    try:
        context.mailer.send(message(context.settings, news, to, now))
    except Exception as error:  # any mailer, any failure: the next attempt tries again
        # The text of an SMTP error repeats the address: only its kind is logged.
        log.warning(
            "mail not sent", journal_id=news.entry.id, user_id=to.id, error=type(error.__cause__ or error).__name__
        )
        return error
    return True


def _news(conn: Connection, entry: journal.Entry) -> News:
    ids = {i for i in (entry.actor_id, entry.user_id) if i}
    names = people.names(conn, ids)
    file = catalog.file(conn, entry.subject_id) if entry.subject_kind is SubjectKind.FILE else None
    return News(
        entry,
        names.get(entry.actor_id, ""),
        names.get(entry.user_id or "", ""),
        file.case_id if file else None,
        letter=letter_of(conn, entry),
    )
