"""Keeping what the search looks in: one row for each project that was ever public, changed with its files.

A row holds the words of the release that installers would choose; it follows files as they become public and stop being so,
in the transaction that moves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from packaging.version import InvalidVersion, Version
from sqlalchemy import Executable, and_, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bonded.catalog.search_tables import near, search
from bonded.catalog.slips import slips
from bonded.catalog.tables import file, project, release
from bonded.db.engine import Tx
from bonded.values.states import FileState

LONGEST_SUMMARY, LONGEST_WORDS = 300, 600
_SHOWN = select(search.c.version).where(search.c.project_id == bindparam("project"))
_SAID_ANEW = update(search).where(search.c.project_id == bindparam("project"))
_METADATA = (
    select(project.c.key, project.c.name, release.c.metadata)
    .outerjoin(release, and_(release.c.project_id == project.c.id, release.c.version == bindparam("version")))
    .where(project.c.id == bindparam("project"))
)
_VERSIONS = (
    select(release.c.version)
    .distinct()
    .join(file, file.c.release_id == release.c.id)
    .where(file.c.project_id == bindparam("project"), file.c.state.concat("") == FileState.PUBLIC, ~file.c.yanked)
)


def published(tx: Tx, project_id: str, version: str) -> None:
    """A file of `version` became public: its words count when installers would choose it now."""
    shown = tx.execute(_SHOWN, {"project": project_id}).scalar_one_or_none()
    if shown is None or (shown != version and preferred(version) > preferred(shown)):
        _write(tx, project_id, version, new=shown is None)


def refresh(tx: Tx, project_id: str) -> None:
    """Read everything anew: a file stopped being public, or many changed at once."""
    versions = tx.execute(_VERSIONS, {"project": project_id}).scalars().all()
    known = tx.execute(_SHOWN, {"project": project_id}).scalar_one_or_none()
    if versions or known is not None:
        _write(tx, project_id, max(versions, key=preferred, default=""), new=known is None)


def withdrawn(tx: Tx, project_id: str, version: str) -> None:
    """A file of `version` is no longer public."""
    if tx.execute(_SHOWN, {"project": project_id}).scalar_one_or_none() == version:
        refresh(tx, project_id)


def preferred(version: str) -> tuple[int, Any]:
    """A sort key: final versions after others, as installers choose; "" is the least."""
    try:
        parsed = Version(version)
    except InvalidVersion:
        return (1, version) if version else (0, "")
    return (2 if parsed.is_prerelease else 3, parsed)


def words_of(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """(summary, other words) of core metadata. Pure."""
    summary = metadata.get("summary")
    keywords = metadata.get("keywords") or ""
    listed = " ".join(map(str, keywords)) if isinstance(keywords, list) else str(keywords)
    topics = [
        str(one).rpartition("::")[2] for one in _list(metadata.get("classifiers")) if str(one).startswith("Topic")
    ]
    words = " ".join([listed.replace(",", " "), *topics])
    return (summary[:LONGEST_SUMMARY] if isinstance(summary, str) else "", " ".join(words.split())[:LONGEST_WORDS])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _write(tx: Tx, project_id: str, version: str, *, new: bool) -> None:
    key, name, metadata = tx.execute(_METADATA, {"project": project_id, "version": version}).one()
    summary, words = words_of(metadata or {})
    said = {"version": version, "summary": summary, "words": words}
    if not new:
        tx.execute(_SAID_ANEW, {"project": project_id} | said)
        return
    tx.execute(_insert(tx.dialect.name, "search"), said | {"project_id": project_id, "key": key, "name": name})
    rows = [{"slip": slip, "project_id": project_id} for slip in sorted(slips(key))]
    tx.execute(_insert(tx.dialect.name, "near"), rows)


@cache
def _insert(dialect: str, table: str) -> Executable:
    """Insert unless another transaction was first."""
    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement: Executable = make({"search": search, "near": near}[table]).on_conflict_do_nothing()
    return statement
