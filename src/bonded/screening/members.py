"""Facts of members that the newest archives of a project left for the next ones (`facts.kept`): a few rows for each project.

They only save time. Facts come out the same without them, so a row that is lost or too old is no loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from bonded.catalog.read import File
from bonded.checks.registry import facts_rules
from bonded.db.engine import Tx
from bonded.screening.rows import insert_missing
from bonded.screening.tables import member_facts

MOST_ROWS = 6
"""Archives of one project that leave something: the newest."""
MOST_GIVEN = 2
"""Archives that are given to the reading of another one."""
_C = member_facts.c
_NEWEST = (
    select(_C.sha256, _C.filename)
    .where(_C.project_id == bindparam("project"), _C.rules == bindparam("rules"))
    .order_by(_C.created_at.desc(), _C.sha256)
    .limit(bindparam("most"))
)
_N = member_facts.alias("newest").c
_OLD = delete(member_facts).where(
    _C.project_id == bindparam("project"),
    (_C.rules != bindparam("rules"))
    | _C.sha256.not_in(
        select(_N.sha256)
        .where(_N.project_id == bindparam("project"), _N.rules == bindparam("rules"))
        .order_by(_N.created_at.desc(), _N.sha256)
        .limit(bindparam("most"))
    ),
)
_DATA = select(_C.sha256, _C.data).where(
    _C.project_id == bindparam("project"),
    _C.rules == bindparam("rules"),
    _C.sha256.in_(bindparam("hashes", expanding=True)),
)


def known(conn: Connection, file: File) -> tuple[bytes, ...]:
    """What the archives of the project that are likest to `file` left, the likest first."""
    about = {"project": file.project_id, "rules": facts_rules(), "most": MOST_ROWS}
    rows = [(row.sha256, row.filename) for row in conn.execute(_NEWEST, about)]
    hashes = [one for one, _ in sorted(rows, key=lambda row: _unlike(row[1], file.filename))][:MOST_GIVEN]
    found = {row.sha256: bytes(row.data) for row in conn.execute(_DATA, about | {"hashes": hashes})} if hashes else {}
    return tuple(found[one] for one in hashes if one in found)


def _unlike(filename: str, other: str) -> int:
    """0 for archives of the same kind and tags, 1 for those of the same kind, 2 for others. Of equals, the newest stays first."""
    left, right = (_tags(one) for one in (filename, other))
    return 0 if left == right else 1 if left[0] == right[0] else 2


def _tags(filename: str) -> tuple[str, ...]:
    """The kind and, of a wheel, the tags behind name and version."""
    stem, _, kind = filename.rpartition(".")
    return ("whl", *stem.split("-")[2:]) if kind == "whl" else ("sdist",)


def keep(tx: Tx, some: Sequence[tuple[File, bytes]], now: datetime) -> None:
    """Keep what archives left, and drop what newer ones of the same project replace."""
    rules = facts_rules()
    rows: dict[tuple[str, str], dict[str, Any]] = {
        (file.project_id, file.sha256): {"filename": file.filename, "data": data} for file, data in some if data
    }
    same = {"rules": rules, "created_at": now}
    new = [{"project_id": key[0], "sha256": key[1]} | rows[key] | same for key in sorted(rows)]
    insert_missing(tx, member_facts, new)
    for project in sorted({key[0] for key in rows}):
        tx.execute(_OLD, {"project": project, "rules": rules, "most": MOST_ROWS})
