"""Archives of elsewhere: taken in, screened as `bonded scan` does, and forgotten but for the verdict.

Nothing of a submission reaches the catalogue. The archive waits in the vault under a name that no file has, and goes in the
transaction after the one that keeps its verdict; an archive given by address is fetched by the worker and never kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from bonded.db.engine import Database, Tx
from bonded.db.jobs import enqueue
from bonded.facts.archive import is_archive
from bonded.journal import record
from bonded.screening.outbound import Rules, parse
from bonded.screening.service_tables import delivery, submission
from bonded.seams import Counter, Storage
from bonded.values.refusals import Refusal, define
from bonded.values.states import SubjectKind
from bonded.values.text import has_control, iso, new_id
from bonded.values.who import Actor, ActorKind

QUEUE = "submission"

NOT_OPEN = define(
    "screening-not-open",
    403,
    "Screening is not open to this token",
    "On this index only tokens that the operator made (bonded token create --permission screen), and those of "
    "administrators, may have archives screened. The operator can open it with service.open_to.",
)
SUBMISSION_FORM = define(
    "submission-form",
    400,
    "The submission cannot be read",
    'Send the archive as the part "content" of a multipart/form-data request, with its file name; or a JSON object with '
    '"url" and, if you know it, "sha256". File names end as those of wheels and source distributions do.',
)
KEY_REUSED = define(
    "idempotency-key-reused",
    422,
    "The key stands for something else",
    "An Idempotency-Key stands for one submission. This one was used before, with another archive or address.",
)
TOO_MANY = define(
    "too-many-submissions",
    429,
    "Too many submissions",
    "Each token may submit so many archives in an hour, and have so many waiting. The answer says when to try again.",
)
NO_SUBMISSION = define(
    "no-such-submission",
    404,
    "No such submission",
    "There is no submission of this number by your account. Verdicts are kept for some weeks; after that, submit again.",
)


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """What the operator allows; see the settings of the same names."""

    open_to: str = "operator"
    max_file_bytes: int = 256 * 2**20
    per_hour: int = 600
    max_waiting: int = 1000
    keep: timedelta = timedelta(days=30)
    fetch: Rules = field(default_factory=lambda: Rules(()))
    fetch_timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """What taking submissions in works with."""

    db: Database
    vault: Storage
    counter: Counter
    limits: ServiceLimits


@dataclass(frozen=True, slots=True)
class Sender:
    """Who submits. `trusted`: the operator made the token, or the person is an administrator."""

    user_id: str
    token_id: str
    trusted: bool
    ip: str = ""
    agent: str = ""

    def actor(self) -> Actor:
        """The sender as the journal names them."""
        return Actor(ActorKind.TOKEN, self.user_id, self.token_id, self.ip, self.agent)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is submitted: an archive at `path`, or a `url` with the hash that is expected ("" for any)."""

    filename: str
    sha256: str = ""
    size: int | None = None
    path: Path | None = None
    url: str | None = None
    key: str | None = None

    def digest(self) -> str:
        """Of what is asked for: an idempotency key stands for one of these."""
        return hashlib.sha256(repr((self.filename, self.sha256, self.url)).encode()).hexdigest()


def submit(context: ServiceContext, sender: Sender, asked: Asked, now: datetime) -> tuple[dict[str, Any], bool]:
    """The submission as its sender sees it, and whether this made it. The same archive or key again is the same submission.

    Raises Refusal: screening-not-open, submission-form, address-refused, idempotency-key-reused, too-many-submissions,
    storage errors as StorageError.
    """
    limits = context.limits
    if limits.open_to == "operator" and not sender.trusted:
        raise Refusal(NOT_OPEN, "This token may not have archives screened on this index")
    check(asked, limits)
    with context.db.read() as conn:
        if known := _known(conn, sender, asked):
            return known, False
        waiting = conn.execute(_waiting(sender.token_id)).scalar_one()
    if waiting >= limits.max_waiting:
        raise Refusal(TOO_MANY, f"too many submissions of this token wait already ({waiting})", retry_after=30)
    if wait := context.counter.hit(f"screen:{sender.token_id}", limits.per_hour, timedelta(hours=1), now):
        raise Refusal(
            TOO_MANY,
            f"This token has submitted as many archives within an hour as it may ({limits.per_hour})",
            retry_after=wait,
        )
    return _take(context, sender, asked, now)


def check(asked: Asked, limits: ServiceLimits) -> None:
    """Raise Refusal for what cannot be an archive, or may not be fetched."""
    name = asked.filename
    if not name or len(name) > 250 or has_control(name) or "/" in name or "\\" in name or not is_archive(name):
        raise Refusal(SUBMISSION_FORM, "The file name is not one of a wheel or source distribution")
    if asked.sha256 and (len(asked.sha256) != 64 or set(asked.sha256) - set("0123456789abcdef")):
        raise Refusal(SUBMISSION_FORM, "The sha256 is not 64 hexadecimal digits in lower case")
    if asked.key is not None and not (0 < len(asked.key) <= 200 and asked.key.isascii() and asked.key.isprintable()):
        raise Refusal(SUBMISSION_FORM, "An Idempotency-Key has 1 to 200 printable ASCII characters")
    if asked.url is not None:
        limits.fetch.check(parse(asked.url))


def read(conn: Connection, user_id: str, submission_id: str) -> dict[str, Any]:
    """The submission as its sender sees it. Raises Refusal (no-such-submission), also for other people's."""
    c = submission.c
    row = conn.execute(select(submission).where(c.id == submission_id[:64], c.user_id == user_id)).one_or_none()
    if row is None:
        raise Refusal(NO_SUBMISSION, "There is no such submission of yours")
    return shown(dict(row._mapping))


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a sender sees of a row. `result` is as `bonded scan --format jsonl` prints it."""
    done = row["done_at"]
    plain = {name: row[name] for name in ("id", "state", "filename", "url", "sha256", "verdict", "error", "result")}
    return plain | {"created": iso(row["created_at"]), "done": iso(done) if done else None}


def expire(tx: Tx, limits: ServiceLimits, *, now: datetime) -> None:
    """Delete what was kept long enough: ended submissions and delivered webhooks."""
    old = now - limits.keep
    tx.execute(delete(submission).where(submission.c.state != "queued", submission.c.created_at < old))
    tx.execute(delete(delivery).where(delivery.c.created_at < old))


def _known(conn: Connection, sender: Sender, asked: Asked) -> dict[str, Any] | None:
    """The earlier submission of this key, or else of this very archive under this name that has not failed."""
    mine = select(submission).where(submission.c.user_id == sender.user_id)
    if asked.key is not None:
        row = conn.execute(mine.where(submission.c.idempotency_key == asked.key)).one_or_none()
        if row is not None and row.asked != asked.digest():
            raise Refusal(KEY_REUSED, "This Idempotency-Key was used for another archive")
        return shown(dict(row._mapping)) if row else None
    if asked.path is None:
        return None
    same = (submission.c.sha256 == asked.sha256) & (submission.c.filename == asked.filename)
    newest = mine.where(same, submission.c.state != "failed").order_by(submission.c.created_at.desc()).limit(1)
    row = conn.execute(newest).one_or_none()
    return shown(dict(row._mapping)) if row else None


def _waiting(token_id: str) -> Any:
    c = submission.c
    return select(func.count()).where(c.token_id == token_id, text("state = 'queued'"))  # as its index has it


def _take(context: ServiceContext, sender: Sender, asked: Asked, now: datetime) -> tuple[dict[str, Any], bool]:
    made = new_id()
    key = None
    if asked.path is not None:
        key = f"{asked.sha256}.{made}"
        context.vault.create(key, asked.path)
        context.vault.barrier()
    values = {
        "id": made,
        "user_id": sender.user_id,
        "token_id": sender.token_id,
        "idempotency_key": asked.key,
        "asked": asked.digest(),
        "filename": asked.filename,
        "url": asked.url,
        "sha256": asked.sha256 or None,
        "size": asked.size,
        "vault_key": key,
        "state": "queued",
        "created_at": now,
    }
    # If we stop before the commit, the vault has an object that no row names; such are swept after a week.
    known = None
    try:
        with context.db.write() as tx:
            if asked.key is None:
                _lock(tx, sender, asked)
                known = _known(tx, sender, asked)
            if known is None:
                row = tx.execute(insert(submission).values(values).returning(*submission.c)).one()
                enqueue(tx, QUEUE, f"submission:{made}", {"submission_id": made}, now=now)
                facts = {"submission": made, "filename": asked.filename, "sha256": asked.sha256}
                record(tx, "screening.submit", sender.actor(), (SubjectKind.INDEX, ""), now=now, facts=facts)
    except IntegrityError:  # the same key at the same moment
        _let_go(context, key)
        with context.db.read() as conn:
            known = _known(conn, sender, asked)
        if known is None:
            raise
        return known, False
    if known is not None:  # the same archive at the same moment
        _let_go(context, key)
        return known, False
    return shown(dict(row._mapping)), True


def _let_go(context: ServiceContext, key: str | None) -> None:
    """Delete an archive that is there already, under another name."""
    if key is not None:
        context.vault.delete(key)


def _lock(tx: Tx, sender: Sender, asked: Asked) -> None:
    """Let nobody else take the same in until the end of the transaction. On SQLite the transaction itself is the lock."""
    if tx.dialect.name == "postgresql":
        name = hashlib.sha256(f"submission {sender.user_id} {asked.digest()}".encode()).digest()
        number = int.from_bytes(name[:8], "big", signed=True)
        tx.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def ended(tx: Tx, submission_id: str, values: dict[str, Any], vault_key: str | None, *, now: datetime) -> None:
    """Keep how a submission ended; its archive is let go by a job of its own, once this is sure."""
    mine = (submission.c.id == submission_id) & (submission.c.state == "queued")
    tx.execute(update(submission).where(mine).values(values | {"done_at": now, "vault_key": None}))
    if vault_key is not None:
        enqueue(tx, QUEUE, f"submission-gone:{submission_id}", {"vault_key": vault_key}, now=now)
