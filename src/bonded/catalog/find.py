"""Finding projects: the exact name, then names that begin so, then names a slip away, then words of what they say.

Each step asks one index, and later steps run only while the answer is not full. Within a step, what other projects here
require comes first. Only projects that were public once have a row to be found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, collate, func, select, text

from bonded.catalog.requirements import dependants
from bonded.catalog.search_tables import near, search
from bonded.catalog.slips import MOST, distance, slips, squashed
from bonded.catalog.tables import project
from bonded.values.names import normalize
from bonded.values.states import ProjectStatus

MOST_FOUND = 200
CANDIDATES = 60
"""Most that one step gives."""
WORDS = 8
LONGEST = 100
LEAST_HELD = 3
"""A shorter part of a name is in nearly every name."""

Hit = Row[Any]
_SHORT_FIRST = (func.length(search.c.key), search.c.key)


@dataclass(frozen=True, slots=True)
class Found:
    """One project. `version` and `summary` are "" where nothing of it is public, and of quarantined ones."""

    key: str
    name: str
    version: str
    summary: str
    status: ProjectStatus


def find(conn: Connection, asked: str, limit: int = MOST_FOUND) -> list[Found]:
    """At most `limit` projects for what somebody typed, the likeliest first."""
    return _collected(conn, asked, (_exact, _beginning, _slipped, _worded, _holding), limit)


def near_names(conn: Connection, name: str, limit: int = 5) -> list[Found]:
    """Projects that somebody may have meant who typed a name that is not there."""
    return _collected(conn, name, (_slipped, _beginning, _holding), limit)


def _collected(conn: Connection, asked: str, steps: Sequence[Any], limit: int) -> list[Found]:
    asked = asked.replace("\0", "").strip()[:LONGEST]  # PostgreSQL has no NUL in texts
    key = normalize(asked).strip("-")
    found: dict[str, Hit] = {}
    for step in steps:
        if len(found) < limit:
            for hit in step(conn, key, asked):
                found.setdefault(hit.key, hit)
    return [_as_found(hit) for hit in list(found.values())[:limit]]


def _as_found(hit: Hit) -> Found:
    status = ProjectStatus(hit.status)
    silent = status is ProjectStatus.QUARANTINED
    return Found(hit.key, hit.name, "" if silent else hit.version, "" if silent else hit.summary, status)


def _exact(conn: Connection, key: str, _asked: str) -> Sequence[Hit]:
    return _hits(conn, select(search.c.id).where(search.c.key == key)) if key else ()


def _beginning(conn: Connection, key: str, _asked: str) -> Sequence[Hit]:
    """Names that begin with `key`: the shortest of many, then by how many projects require them."""
    if not key:
        return ()
    # In the order of bytes, for which PostgreSQL has an index of its own; SQLite has no other order.
    name = collate(search.c.key, "C") if conn.dialect.name == "postgresql" else search.c.key
    after = key[:-1] + chr(ord(key[-1]) + 1)
    ids = select(search.c.id).where(name >= key, name < after).order_by(*_SHORT_FIRST).limit(CANDIDATES)
    return _required_first(conn, _hits(conn, ids))


def _slipped(conn: Connection, key: str, _asked: str) -> Sequence[Hit]:
    """Names at most MOST slips away, the nearest first."""
    if not key:
        return ()
    ids = select(search.c.id).join(near, near.c.project_id == search.c.project_id).where(near.c.slip.in_(slips(key)))
    mine = squashed(key)
    hits = [hit for hit in _required_first(conn, _hits(conn, ids)) if distance(mine, squashed(hit.key)) <= MOST]
    return sorted(hits, key=lambda hit: distance(mine, squashed(hit.key)))


def _worded(conn: Connection, _key: str, asked: str) -> Sequence[Hit]:
    """What has all the words in its name, summary or keywords; without any such, what has one of them."""
    words = re.findall(r"\w+", asked.lower())[:WORDS]
    if not words:
        return ()
    ask = _fts5 if conn.dialect.name == "sqlite" else _tsquery
    return _in_order(conn, ask(conn, words, every=True) or ask(conn, words, every=False))


def _holding(conn: Connection, key: str, _asked: str) -> Sequence[Hit]:
    """Names with `key` somewhere in them: `soup` in `beautifulsoup4`. Reads all names, so it comes last."""
    if len(key) < LEAST_HELD:
        return ()
    ids = select(search.c.id).where(search.c.key.contains(key, autoescape=True)).order_by(*_SHORT_FIRST)
    return _required_first(conn, _hits(conn, ids.limit(CANDIDATES)))


def _fts5(conn: Connection, words: Sequence[str], *, every: bool) -> list[int]:
    """Ids of rows by words; the last word may be unfinished. Words are letters and digits, so quotes hold them."""
    query = text(
        "SELECT rowid FROM project_words WHERE project_words MATCH :ask ORDER BY bm25(project_words, 10, 4, 2) LIMIT :most"
    )
    quoted = [f'"{word}"' for word in words]
    ask = (" AND " if every else " OR ").join(quoted) + "*"
    return list(conn.execute(query, {"ask": ask, "most": CANDIDATES}).scalars())


def _tsquery(conn: Connection, words: Sequence[str], *, every: bool) -> list[int]:
    query = text(
        "SELECT id FROM project_search, to_tsquery('english', :ask) ask WHERE project_words @@ ask "
        "ORDER BY ts_rank(project_words, ask) DESC, length(key), key LIMIT :most"
    )
    ask = (" & " if every else " | ").join(f"'{word}'" for word in words) + ":*"
    return list(conn.execute(query, {"ask": ask, "most": CANDIDATES}).scalars())


def _in_order(conn: Connection, ids: Sequence[int]) -> Sequence[Hit]:
    place = {row_id: at for at, row_id in enumerate(ids)}
    return sorted(_hits(conn, ids), key=lambda hit: place[hit.id]) if ids else ()


def _hits(conn: Connection, ids: Select[Any] | Sequence[int]) -> Sequence[Hit]:
    """What is shown of the rows with these ids, in no order; deleted projects are not."""
    chosen: ColumnElement[bool] = search.c.id.in_(ids if isinstance(ids, Sequence) else ids.subquery().select())
    columns = (search.c.id, search.c.key, search.c.name, search.c.version, search.c.summary, project.c.status)
    rows: Sequence[Hit] = conn.execute(
        select(*columns).join(project, project.c.id == search.c.project_id).where(chosen, ~project.c.deleted)
    ).all()
    return rows


def _required_first(conn: Connection, hits: Sequence[Hit]) -> Sequence[Hit]:
    """By how many projects here require them, then the shorter names."""
    count = dependants(conn, [hit.key for hit in hits]) if hits else {}
    return sorted(hits, key=lambda hit: (-count.get(hit.key, 0), len(hit.key), hit.key))
