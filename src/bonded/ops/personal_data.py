"""Everything that is stored about one person, for them (GDPR, articles 15 and 20).

It is found by walking all tables: each column that holds ids of people is looked through, so a table that somebody adds
tomorrow is exported without a line here. What proves identity (keys, hashes, secrets) stays: it is of no use to read and of
much use to steal.
"""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Column, Connection, LargeBinary, Table, or_, select

from bonded.accounts.people import User
from bonded.db.tables import whole
from bonded.journal.read import MAX_PAGE, of_user

PEOPLE = frozenset({"user_id", "uploader_id", "actor_id", "reporter_id"})
"""Columns that hold the id of a person; so do those that end in `_by`, and all that refer to accounts."""
OWN_ID = frozenset({"user_account", "registration"})
"""Tables whose rows are people."""
SECRET = frozenset({"key", "secret", "csrf", "name_key", "data", "challenge", "id_hash"})
"""Columns that are left out, besides bytes and whatever ends in `_hash`. `data` of a session holds challenges."""
BY_PAGES = frozenset({"journal"})
"""Tables with a reader of their own."""

WORDS = """What {index} stores about the account {name}
Put together at {at}

Each file is one table of the index: its rows that are about you, as JSON.
history.json is what you did and what was done about you, newest first; addresses of other people are left out.
Passwords, keys and codes are stored as hashes or sealed, and are not part of this.
Times are in UTC. Sizes are in bytes.
"""


def person_columns(table: Table) -> list[Column[Any]]:
    """The columns of `table` in which ids of people stand."""
    found = [c for c in table.columns if _of_people(c)]
    return [*found, table.c.id] if table.name in OWN_ID else found


def shown_columns(table: Table) -> list[Column[Any]]:
    """The columns that an export shows."""
    secret = SECRET if table.name != "project" else frozenset()
    return [
        c
        for c in table.columns
        if not isinstance(c.type, LargeBinary) and not c.name.endswith("_hash") and c.name not in secret
    ]


def collect(conn: Connection, user: User) -> dict[str, list[dict[str, Any]]]:
    """Table -> its rows about the person, only tables that have some; and their history."""
    found = {}
    for table in whole().sorted_tables:
        mine = person_columns(table)
        if not mine or table.name in BY_PAGES:
            continue
        rows = conn.execute(select(*shown_columns(table)).where(or_(*(c == user.id for c in mine))))
        found[str(table.name)] = [{str(name): value for name, value in row._mapping.items()} for row in rows]
    found["history"] = _history(conn, user.id)
    return {name: rows for name, rows in found.items() if rows}


def as_json(found: dict[str, list[dict[str, Any]]], now: datetime) -> bytes:
    """All of it as one JSON object."""
    return orjson.dumps({"made_at": now} | found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def as_zip(found: dict[str, list[dict[str, Any]]], index: str, name: str, now: datetime) -> bytes:
    """One JSON file for each table, and words about them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", WORDS.format(index=index, name=name, at=now.isoformat()))
        for table, rows in sorted(found.items()):
            archive.writestr(f"{table}.json", orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    return out.getvalue()


def _of_people(column: Column[Any]) -> bool:
    refers = any(key.target_fullname == "user_account.id" for key in column.foreign_keys)
    return refers or column.name in PEOPLE or column.name.endswith("_by")


def _history(conn: Connection, user_id: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    before = None
    while True:
        page = of_user(conn, user_id, before=before, limit=MAX_PAGE)
        for one in page.entries:
            row = {name: getattr(one, name) for name in one.__slots__ if name != "seq"}
            entries.append(row | {"subject_kind": str(one.subject_kind)})
        before = page.before
        if before is None:
            return entries
