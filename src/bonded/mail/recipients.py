"""Who is told about a journal row: from the action's `notify`, the roles of today, and the person concerned."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, select

from bonded.accounts import people
from bonded.accounts.people import User
from bonded.catalog import read
from bonded.journal.read import Entry
from bonded.journal.tables import journal
from bonded.values.actions import ACTIONS, Notify
from bonded.values.states import Role, SubjectKind

QUIET = timedelta(hours=1)
"""Files of one release that become public within this time after another are one piece of news."""
_LOOK_BACK = 20


def recipients(conn: Connection, entry: Entry) -> list[User]:
    """The people to tell, each once, by name. [] also for news that was told already."""
    action = ACTIONS[entry.action]
    if action.name == "file.publish" and _told_already(conn, entry):
        return []
    found: list[User | None] = []
    if action.notify is Notify.ADMINS:
        found += people.admins(conn)
    if action.notify is Notify.OWNERS and entry.project_key:
        found += _owners(conn, entry.project_key)
    if action.notify is Notify.SUBJECT or action.name.startswith("role."):
        found.append(_concerned(conn, entry))
    once = {u.id: u for u in found if u is not None}
    return sorted(once.values(), key=lambda u: u.name)


def _owners(conn: Connection, key: str) -> list[User | None]:
    project = read.project(conn, key)
    if project is None:
        return []
    return [people.by_id(conn, user_id) for user_id, role in read.roles(conn, project.id) if role is Role.OWNER]


def _concerned(conn: Connection, entry: Entry) -> User | None:
    """The person concerned; about their address, where each of its mails must go.

    The link goes to the new address while it is still waited for, and the news of a change to the old one.
    """
    person = people.by_id(conn, entry.user_id or _subject(entry))
    if person is None:
        return None
    if entry.action == "user.email-link":
        wanted = entry.private.get("new_email")
        return replace(person, email=wanted) if wanted and wanted == person.new_email else None
    if entry.action == "user.change-email":
        return replace(person, email=entry.private.get("old_email", person.email))
    return person


def _subject(entry: Entry) -> str:
    return entry.subject_id if entry.subject_kind is SubjectKind.USER else ""


def _told_already(conn: Connection, entry: Entry) -> bool:
    """Whether another file of the same release became public just before: its mail was enough."""
    query = (
        select(journal.c.facts)
        .where(
            journal.c.project_key == entry.project_key,
            journal.c.action == entry.action,
            journal.c.id < entry.id,
            journal.c.at > entry.at - QUIET,
        )
        .order_by(journal.c.id.desc())
        .limit(_LOOK_BACK)
    )
    version = entry.facts.get("version")
    return any(facts.get("version") == version for facts in conn.execute(query).scalars())
