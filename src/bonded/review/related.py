"""Projects that have something to do with a case: by uploader, by equal contents, by similar code. Reads only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from bonded.catalog.read import File
from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.catalog.tables import trait as trait_table
from bonded.review.traits import ALIKE_FROM

MOST = 100
COMMON = 200
"""Contents that more files share are everybody's: a licence, an empty template."""


@dataclass(frozen=True, slots=True)
class Related:
    """Another project. `why` is uploader, archive, payload, address, alike or member; `shared` what they share (an address,
    a path, or a number of alike bands); `case_id` its newest case, `state` that case's, "" without one."""

    project_key: str
    project_name: str
    why: str
    shared: str
    count: int
    case_id: int | None
    state: str


def related(conn: Connection, project_id: str, files: Iterable[File]) -> list[Related]:
    """Related projects, the most telling kind first, each kind at most MOST."""
    own = list(files)
    found = [*_by_uploader(conn, project_id, own), *_by_archive(conn, project_id, own)]
    for kind in ("payload", "address", "alike", "member"):
        found += _by_trait(conn, project_id, [one.id for one in own], kind)
    order = ("archive", "payload", "address", "alike", "uploader", "member")
    cases = _cases(conn, {one[0] for one in found})
    lines = [
        Related(key, name, why, shared, count, *cases.get(pid, (None, "")))
        for pid, key, name, why, shared, count in found
    ]
    return sorted(lines, key=lambda one: (order.index(one.why), -one.count, one.project_key))


Found = tuple[str, str, str, str, str, int]
_F, _P, _T = file_table.c, project_table.c, trait_table.c


def _by_uploader(conn: Connection, project_id: str, own: list[File]) -> list[Found]:
    people = sorted({one.uploader_id for one in own} - {""})
    query = (
        select(_P.id, _P.key, _P.name, func.count())
        .join(file_table, _F.project_id == _P.id)
        .where(_F.uploader_id.in_(people), _P.id != project_id)
        .group_by(_P.id, _P.key, _P.name)
        .order_by(func.max(_F.uploaded_at).desc())
        .limit(MOST)
    )
    return [(pid, key, name, "uploader", "", count) for pid, key, name, count in conn.execute(query)]


def _by_archive(conn: Connection, project_id: str, own: list[File]) -> list[Found]:
    query = (
        select(_P.id, _P.key, _P.name, func.count())
        .join(file_table, _F.project_id == _P.id)
        .where(_F.sha256.in_(sorted({one.sha256 for one in own})), _P.id != project_id)
        .group_by(_P.id, _P.key, _P.name)
        .limit(MOST)
    )
    return [(pid, key, name, "archive", "", count) for pid, key, name, count in conn.execute(query)]


def _by_trait(conn: Connection, project_id: str, own: list[str], kind: str) -> list[Found]:
    # The values are named one by one: then no planner can take the whole table for the smaller side.
    mine = select(_T.value).where(_T.file_id.in_(own), _T.kind == kind).distinct()
    values = sorted(conn.execute(mine).scalars())
    if kind == "member":
        values = _rare(conn, values)
    note = func.min(_T.value if kind == "address" else _T.note)
    shared = func.count(_T.value.distinct())
    query = (
        select(_P.id, _P.key, _P.name, note, shared)
        .select_from(trait_table.join(file_table, _F.id == _T.file_id).join(project_table, _P.id == _F.project_id))
        .where(_T.kind == kind, _T.value.in_(values), _P.id != project_id)
        .group_by(_P.id, _P.key, _P.name)
        .order_by(shared.desc(), _P.key)
        .limit(MOST)
    )
    if kind == "alike":
        query = query.having(shared >= ALIKE_FROM)
    return [(pid, key, name, kind, str(words or ""), count) for pid, key, name, words, count in conn.execute(query)]


def _rare(conn: Connection, values: list[str]) -> list[str]:
    query = select(_T.value).where(_T.kind == "member", _T.value.in_(values)).group_by(_T.value)
    return list(conn.execute(query.having(func.count() <= COMMON)).scalars())


def _cases(conn: Connection, project_ids: set[str]) -> dict[str, tuple[int, str]]:
    c = case_table.c
    newest = select(func.max(c.id)).where(c.project_id.in_(sorted(project_ids))).group_by(c.project_id)
    rows = conn.execute(select(c.project_id, c.id, c.state).where(c.id.in_(newest)))
    return {row.project_id: (row.id, row.state) for row in rows}
