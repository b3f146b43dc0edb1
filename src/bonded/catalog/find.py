"""Finding projects: the exact name, then names that begin so, then names a slip away, then words of what they say.

Each step asks one index, and later steps run only while the answer is not full. Within a step, what other projects here
require comes first. Only projects that were public once have a row to be found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, TextClause, collate, func, select, text

from bonded.catalog.requirements import dependants
from bonded.catalog.search_tables import near, search
from bonded.catalog.slips import MOST, distance, slips, squashed
from bonded.catalog.tables import project
from bonded.db.among import among
from bonded.values.names import normalize
from bonded.values.states import ProjectStatus

MOST_FOUND = 200
CANDIDATES = 60
"""Most that one step gives."""
ENOUGH = 100
"""Later steps, which find what fits less, are not taken once there is so much."""
COMMON = 400
"""Matches from which on a word tells nothing."""
WORDS = 8
LONGEST = 100
LEAST_HELD = 3
"""A shorter part of a name is in nearly every name; PostgreSQL's index of names has parts of this length (`db.full_text`)."""

_PLANS = text("SET LOCAL plan_cache_mode = force_custom_plan")
"""A plan for any word is a bad plan for a common one: each is planned by its own figures, in a third of a millisecond."""
_HELD = text("project_words_letters_of(project_search.key) @> CAST(:letters AS text[])")

Hit = Row[Any]
# In the order of bytes: PostgreSQL has an index of its own for that, and sorts thousands in a third of the time of its own order.
# SQLite has no other.
_BYTES = {"postgresql": collate(search.c.key, "C"), "sqlite": search.c.key}


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


def known(conn: Connection, keys: Collection[str]) -> set[str]:
    """Those of `keys` (normalized names) that have a page here."""
    query = select(search.c.key).join(project, project.c.id == search.c.project_id)
    return (
        set(conn.execute(query.where(search.c.key.in_(sorted(keys)), ~project.c.deleted)).scalars()) if keys else set()
    )


def several(conn: Connection, keys: Collection[str]) -> list[Found]:
    """What is shown of these projects (normalized names), by name; those without a page are left out."""
    rows = _hits(conn, select(search.c.id).where(search.c.key.in_(sorted(keys)))) if keys else ()
    return [_as_found(row) for row in sorted(rows, key=lambda row: row.key)]


def _collected(conn: Connection, asked: str, steps: Sequence[Any], limit: int) -> list[Found]:
    asked = asked.replace("\0", "").strip()[:LONGEST]  # PostgreSQL has no NUL in texts
    key = _as_key(asked)
    found: dict[str, Hit] = {}
    if conn.dialect.name == "postgresql":
        conn.execute(_PLANS)
    for step in steps:
        if len(found) < min(limit, ENOUGH):
            for hit in step(conn, key, asked):
                found.setdefault(hit.key, hit)
    return [_as_found(hit) for hit in list(found.values())[:limit]]


def _as_key(asked: str) -> str:
    """What was typed as a normalized name; "" when no name can be like that."""
    key = normalize("-".join(asked.split())).strip("-")
    return key if re.fullmatch("[a-z0-9-]+", key) else ""


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
    name, after = _BYTES[conn.dialect.name], key[:-1] + chr(ord(key[-1]) + 1)
    return _required_first(conn, _hits(conn, _shortest(conn).where(name >= key, name < after)))


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
    return ask(conn, words, every=True) or ask(conn, words, every=False)


def _holding(conn: Connection, key: str, _asked: str) -> Sequence[Hit]:
    """Names with `key` somewhere in them: `soup` in `beautifulsoup4`."""
    if len(key) < LEAST_HELD:
        return ()
    ids = _shortest(conn)
    if conn.dialect.name == "sqlite":
        # An index of three letters at a time; keys are letters, digits and dashes, so quotes hold them.
        held = text(
            "project_search.id IN (SELECT rowid FROM project_words_letters WHERE project_words_letters MATCH :held)"
        )
        return _required_first(conn, _hits(conn, ids.where(held.bindparams(held=f'"{key}"'))))
    parts = sorted({key[at : at + LEAST_HELD] for at in range(len(key) - LEAST_HELD + 1)})
    ids = ids.where(_HELD.bindparams(letters=parts), search.c.key.contains(key, autoescape=True))
    return _required_first(conn, _hits(conn, ids))


_FTS5 = text("SELECT rowid FROM project_words WHERE project_words MATCH :ask LIMIT :most")
_FTS5_RANKED = text(
    "SELECT rowid FROM project_words WHERE project_words MATCH :ask ORDER BY bm25(project_words, 10, 4, 2) LIMIT :most"
)
_TSQUERY = text("SELECT id FROM project_search WHERE project_words @@ to_tsquery('english', :ask) LIMIT :most")
_TSQUERY_NAMED = text(
    "SELECT id FROM project_search WHERE to_tsvector('english', name) @@ to_tsquery('english', :ask) LIMIT :most"
)
"""By words in names, of which there is an index: with that of all words, and weights, each row has to be read."""
_TSQUERY_RANKED = text(
    "SELECT id FROM project_search, to_tsquery('english', :ask) ask WHERE project_words @@ ask "
    "ORDER BY ts_rank(project_words, ask) DESC, length(key), key LIMIT :most"
)


def _fts5(conn: Connection, words: Sequence[str], *, every: bool) -> Sequence[Hit]:
    """By words; the last one may be unfinished. Words are letters and digits, so quotes hold them."""
    ask = (" AND " if every else " OR ").join(f'"{word}"' for word in words) + "*"
    return _ranked(conn, ask, _FTS5, _FTS5_RANKED, lambda: _ids(conn, _FTS5, ask=f"name: ({ask})"))


def _tsquery(conn: Connection, words: Sequence[str], *, every: bool) -> Sequence[Hit]:
    both = " & " if every else " | "
    ask = both.join(f"'{word}'" for word in words) + ":*"

    def in_names() -> Sequence[int]:
        if len(words[-1]) >= LEAST_HELD:
            return _ids(conn, _TSQUERY_NAMED, ask=ask)
        # So little begins a word of so many names that enough are sooner read than all looked up.
        return _ids(conn, _TSQUERY, ask=both.join(f"'{word}':A" for word in words) + "*")

    return _ranked(conn, ask, _TSQUERY, _TSQUERY_RANKED, in_names)


def _ids(conn: Connection, statement: TextClause, most: int = COMMON, **asked: Any) -> Sequence[int]:
    return conn.execute(statement, {**asked, "most": most}).scalars().all()


def _ranked(
    conn: Connection, ask: str, plain: TextClause, ranked: TextClause, named: Callable[[], Sequence[int]]
) -> Sequence[Hit]:
    """The best of what matches `ask`. Where that is nearly everything, no match is better than another, and comparing them
    all would take long: those with it in their name (`named`) then, what others require first."""
    few = _ids(conn, plain, ask=ask)
    if len(few) < COMMON:
        return _in_order(conn, _ids(conn, ranked, CANDIDATES, ask=ask))
    return _in_order(conn, _most_required(conn, named() or few))


def _most_required(conn: Connection, ids: Sequence[int]) -> Sequence[int]:
    """CANDIDATES of the rows with these ids, by `_required_first`: read as far as that needs it."""
    rows: Sequence[Any] = conn.execute(select(search.c.id, search.c.key).where(among(conn, search.c.id, ids))).all()
    return [row.id for row in _required_first(conn, rows)[:CANDIDATES]]


def _shortest(conn: Connection) -> Select[Any]:
    """The ids of the rows with the shortest names; the caller says of which."""
    return select(search.c.id).order_by(func.length(search.c.key), _BYTES[conn.dialect.name]).limit(CANDIDATES)


def _in_order(conn: Connection, ids: Sequence[int]) -> Sequence[Hit]:
    place = {row_id: at for at, row_id in enumerate(ids)}
    return sorted(_hits(conn, ids), key=lambda hit: place[hit.id]) if ids else ()


def _hits(conn: Connection, ids: Select[Any] | Sequence[int]) -> Sequence[Hit]:
    """What is shown of the rows with these ids, in no order; deleted projects are not."""
    chosen: ColumnElement[bool] = (
        among(conn, search.c.id, ids) if isinstance(ids, Sequence) else search.c.id.in_(ids.subquery().select())
    )
    columns = (search.c.id, search.c.key, search.c.name, search.c.version, search.c.summary, project.c.status)
    rows: Sequence[Any] = conn.execute(
        select(*columns).join(project, project.c.id == search.c.project_id).where(chosen, ~project.c.deleted)
    ).all()
    return rows


def _required_first(conn: Connection, hits: Sequence[Hit]) -> Sequence[Hit]:
    """By how many projects here require them, then the shorter names."""
    count = dependants(conn, [hit.key for hit in hits]) if hits else {}
    return sorted(hits, key=lambda hit: (-count.get(hit.key, 0), len(hit.key), hit.key))
