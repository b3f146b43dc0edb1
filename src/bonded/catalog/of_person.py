"""A person's projects a page at a time: some have thousands, and no page or statement may grow with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select

from bonded.catalog.read import ANY_FILE, PROJECT_COLUMNS, File, Project, as_file, with_role
from bonded.catalog.search_tables import search
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import role as role_table
from bonded.values.names import normalize
from bonded.values.states import FileState, Role

AT_ONCE = 100
"""Projects on a page."""
MOST_WAITING = 500
"""Files that wait, told on one page."""
_P, _M, _F = project_table.c, role_table.c, file_table.c
_OTHER = role_table.alias("other")
_FOUND = _P.id.in_(select(search.c.project_id))


def count(conn: Connection, user_id: str, holding: str = "") -> int:
    """How many projects, deleted ones left out, the person has a role in; with `holding`, those with that in their name."""
    return int(conn.execute(_of(select(func.count()), user_id, *_holding(holding))).scalar_one())


def some(conn: Connection, user_id: str, holding: str = "", *, at: int = 1) -> list[tuple[Project, Role]]:
    """Page `at`, from 1, of the same projects by name, each with the role."""
    query = _of(select(*PROJECT_COLUMNS, _M.role), user_id, *_holding(holding))
    return [with_role(row) for row in conn.execute(query.order_by(_P.key).limit(AT_ONCE).offset((at - 1) * AT_ONCE))]


def has_any(conn: Connection, user_id: str) -> bool:
    """Whether the person has a role in any project, deleted ones included."""
    return conn.execute(select(_M.project_id).where(_M.user_id == user_id).limit(1)).first() is not None


def keys_among(conn: Connection, user_id: str, keys: Sequence[str]) -> set[str]:
    """Those of `keys`, a few normalized names, that are projects of the person."""
    return set(conn.execute(_of(select(_P.key), user_id, _P.key.in_(list(keys)))).scalars()) if keys else set()


def count_known(conn: Connection, user_id: str) -> int:
    """How many of them the public can find."""
    return int(conn.execute(_of(select(func.count()), user_id, _FOUND)).scalar_one())


def known(conn: Connection, user_id: str, *, at: int) -> list[str]:
    """Page `at`, from 1, of the names of those that the public can find."""
    query = _of(select(_P.key), user_id, _FOUND).order_by(_P.key).limit(AT_ONCE).offset((at - 1) * AT_ONCE)
    return list(conn.execute(query).scalars())


def waiting(conn: Connection, projects: Sequence[Project]) -> dict[str, list[File]]:
    """Files of these projects, a page of them, that are not public yet, by the project's name; at most MOST_WAITING."""
    states = _F.state.in_((FileState.RECEIVED, FileState.HELD))
    query = ANY_FILE.where(_F.project_id.in_([one.id for one in projects]), states)
    found: dict[str, list[File]] = {one.key: [] for one in projects}
    for row in conn.execute(query.order_by(_F.uploaded_at, _F.filename, _F.id).limit(MOST_WAITING)):
        file = as_file(row)
        found[file.project_key].append(file)
    return found


def owned_alone(conn: Connection, user_id: str) -> list[str]:
    """Names of the projects that would have no owner without this person."""
    others = exists().where(
        _OTHER.c.project_id == _M.project_id, _OTHER.c.role == Role.OWNER, _OTHER.c.user_id != user_id
    )
    query = _of(select(_P.key), user_id, _M.role == Role.OWNER, ~others.correlate(role_table))
    return list(conn.execute(query.order_by(_P.key)).scalars())


def _of(query: Select[Any], user_id: str, *more: ColumnElement[bool]) -> Select[Any]:
    joined = query.select_from(role_table.join(project_table, _M.project_id == _P.id))
    return joined.where(_M.user_id == user_id, ~_P.deleted, *more)


def _holding(text: str) -> list[ColumnElement[bool]]:
    return [_P.key.contains(normalize(text), autoescape=True)] if text else []
