"""Kinds of news about projects: which of them people can do without, and which letter says which.

What shows an attack (roles, quarantine, files that appear in an old release) reaches everybody who works on a project. The
rest each person may switch off for themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from bonded.catalog.tables import file, project, release
from bonded.db.engine import Tx
from bonded.journal import record
from bonded.journal.read import Entry
from bonded.mail.tables import unwanted
from bonded.values.states import SubjectKind
from bonded.values.who import Actor

OLD = timedelta(days=1)
"""A file that comes so much later than the first one of its release is told in a letter of its own."""
LATE = "file.publish-late"
"""That letter: an attacker with a token adds files to releases that people have pinned."""

OPTIONAL: dict[str, tuple[str, ...]] = {
    "release": ("file.publish",),
    "yank": ("file.yank", "file.unyank"),
    "status": ("project.archive", "project.unarchive", "project.deprecate", "project.undeprecate"),
    "consent": ("file.approve", "role.decline", "role.expire-invitation", "role.revoke-invitation"),
}
"""Kind -> the letters of it. No other letter can be switched off."""

OWNERS_ONLY = frozenset(
    {
        "file.stage",
        "project.start-dual",
        "project.ask-end-dual",
        "project.keep-dual",
        "project.end-dual",
        "review.ask-owner",
        "role.invite",
        "role.decline",
        "role.revoke-invitation",
        "role.expire-invitation",
    }
)
"""News that ask something only owners can do; all other news of projects go to maintainers too."""

AND_PEOPLE = frozenset({"file.withdraw"})
"""News to administrators that the people of the project get as well."""


def letter_of(conn: Connection, entry: Entry) -> str:
    """The name of the letter: that of the action, but for files that come late."""
    return LATE if entry.action == "file.publish" and _late(conn, entry) else entry.action


def kind_of(letter: str) -> str | None:
    """The optional kind of a letter; None for those that everybody gets."""
    return next((kind for kind, letters in OPTIONAL.items() if letter in letters), None)


def choices(conn: Connection, user_id: str) -> frozenset[str]:
    """The kinds that a person does not want."""
    return frozenset(conn.execute(select(unwanted.c.kind).where(unwanted.c.user_id == user_id)).scalars())


def unwilling(conn: Connection, kind: str | None) -> frozenset[str]:
    """Ids of those who do not want mails of `kind`."""
    if kind is None:
        return frozenset()
    return frozenset(conn.execute(select(unwanted.c.user_id).where(unwanted.c.kind == kind)).scalars())


def choose(tx: Tx, who: Actor, user_id: str, wanted: frozenset[str], *, now: datetime) -> None:
    """Keep which optional kinds a person wants; records what they do not."""
    kinds = sorted(set(OPTIONAL) - wanted)
    tx.execute(delete(unwanted).where(unwanted.c.user_id == user_id))
    if kinds:
        tx.execute(insert(unwanted), [{"user_id": user_id, "kind": kind} for kind in kinds])
    subject = (SubjectKind.USER, user_id)
    record(tx, "account.set-mails", who, subject, now=now, user=user_id, facts={"unwanted": kinds})


def _late(conn: Connection, entry: Entry) -> bool:
    """Whether a file of the same release was received a day or more before this one."""
    first = (
        select(file.c.uploaded_at)
        .join(release, file.c.release_id == release.c.id)
        .join(project, release.c.project_id == project.c.id)
        .where(project.c.key == entry.project_key, release.c.version == str(entry.facts.get("version", "")))
        .where(file.c.burnt, file.c.id != entry.subject_id)
        .order_by(file.c.uploaded_at)
        .limit(1)
    )
    began = conn.execute(first).scalar_one_or_none()
    return began is not None and entry.at - began >= OLD
