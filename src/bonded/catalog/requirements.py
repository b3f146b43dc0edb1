"""Which projects of the index require which: who else is hit when one of them changes or goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from sqlalchemy import Connection, Executable, func, select
from sqlalchemy.dialects import postgresql, sqlite

from bonded.catalog.tables import requirement
from bonded.db.among import among
from bonded.db.engine import Tx
from bonded.values.names import normalize


def required(metadata: Mapping[str, Any]) -> set[str]:
    """Normalized names that a release's core metadata (`requires_dist`) name, extras and markers included. Pure.

    What cannot be read is left out: uploads are checked, older rows may hold anything.
    """
    said = metadata.get("requires_dist") or []
    names = set()
    for text in said if isinstance(said, list) else []:
        if not isinstance(text, str):
            continue
        try:
            names.add(normalize(Requirement(text).name))
        except InvalidRequirement:
            continue
    return names


def enter(tx: Tx, project_id: str, metadata: Mapping[str, Any]) -> None:
    """Note what a new release of the project requires; what is known already stays."""
    names = sorted(required(metadata))
    if names:
        tx.execute(_add(tx.dialect.name), [{"name": name, "project_id": project_id} for name in names])


def dependants(conn: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Key -> how many other projects here have ever required it; keys that nothing requires are left out."""
    r = requirement.c
    query = select(r.name, func.count()).where(among(conn, r.name, set(keys))).group_by(r.name)
    return {row[0]: row[1] for row in conn.execute(query)}


@cache
def _add(dialect: str) -> Executable:
    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: Executable = make(requirement).on_conflict_do_nothing()
    return statement
