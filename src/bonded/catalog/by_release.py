"""Files of a project by release, the newest first, a part of them at a time: some projects have tens of thousands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from bonded.catalog.read import ANY_FILE, File, as_file
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import release as release_table
from bonded.db.window import Window
from bonded.values.versions import version_order

_F, _R = file_table.c, release_table.c


@dataclass(frozen=True, slots=True)
class Counted:
    """A release with how many files it has, in every state."""

    id: str
    version: str
    files: int


# Built once: building a statement costs several times what running it does.
_COUNTED = (
    select(_R.id, _R.version, func.count())
    .join_from(file_table, release_table, _F.release_id == _R.id)
    .where(_F.project_id == bindparam("project"))
    .group_by(_R.id, _R.version)
)
_NEWEST = (_F.filename.desc(), _F.id.desc())


def counted(conn: Connection, project_id: str) -> list[Counted]:
    """The releases of a project that have files, the highest version first."""
    found = [Counted(*row) for row in conn.execute(_COUNTED, {"project": project_id})]
    return sorted(found, key=lambda one: version_order(one.version), reverse=True)


def some(conn: Connection, releases: Sequence[Counted], window: Window) -> list[tuple[str, list[File]]]:
    """(version, files by name, the last first) of those of `releases` that the window shows anything of."""
    cuts = cut([one.files for one in releases], window)
    whole = [releases[at].id for at, part in cuts if part.limit == releases[at].files]
    files: dict[str, list[File]] = {release_id: [] for release_id in whole}
    for row in conn.execute(ANY_FILE.where(_F.release_id.in_(whole)).order_by(*_NEWEST)) if whole else ():
        files[row.release_id].append(as_file(row))
    for at, part in cuts:
        one = releases[at]
        if one.id not in files:
            mine = ANY_FILE.where(_F.release_id == one.id).order_by(*_NEWEST).limit(part.limit).offset(part.offset)
            files[one.id] = [as_file(row) for row in conn.execute(mine)]
    return [(releases[at].version, files[releases[at].id]) for at, _ in cuts]


def cut(counts: Sequence[int], window: Window) -> list[tuple[int, Window]]:
    """(place, what is shown of it) of those among things of so many rows each that the window touches. Pure.

    At most the first and the last of them are shown in part.
    """
    found, start, end = [], 0, window.offset + window.limit
    for at, count in enumerate(counts):
        first, last = max(start, window.offset), min(start + count, end)
        if first < last:
            found.append((at, Window(last - first, first - start)))
        start += count
    return found
