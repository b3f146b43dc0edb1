"""Who is told about a journal row: from the action's `notify`, the roles of today, and the person concerned."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, select

from bonded.accounts import people
from bonded.accounts.people import User
from bonded.catalog import read
from bonded.journal.read import Entry
from bonded.journal.tables import journal
from bonded.mail.kinds import AND_PEOPLE, OWNERS_ONLY, kind_of, letter_of, unwilling
from bonded.mail.mailboxes import mailbox
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
    if (action.notify is Notify.OWNERS or action.name in AND_PEOPLE) and entry.project_key:
        found += _people(conn, entry.project_key, only_owners=action.name in OWNERS_ONLY)
    if action.notify is Notify.SUBJECT or action.name.startswith("role."):
        found.append(_concerned(conn, entry))
    if action.name == "user.lost-domain" and found == [None]:
        found = [*people.admins(conn)]  # the person cannot be reached any more
    without = unwilling(conn, kind_of(letter_of(conn, entry)))
    once = {u.id: u for u in found if u is not None and u.email and u.id not in without}
    return sorted(once.values(), key=lambda u: u.name)


def _people(conn: Connection, key: str, *, only_owners: bool) -> list[User | None]:
    """Who works on the project."""
    project = read.project(conn, key)
    if project is None:
        return []
    roles = read.roles(conn, project.id)
    return [people.by_id(conn, user_id) for user_id, role in roles if role is Role.OWNER or not only_owners]


def _concerned(conn: Connection, entry: Entry) -> User | None:
    """The person concerned, with the address where this mail must go."""
    return mailbox(conn, entry, people.by_id(conn, entry.user_id or _subject(entry)))


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
