"""fsck looks at targets: what bins list, what the rows say, and what the catalogue wants listed are one and the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from bonded.catalog.read import FILES
from bonded.catalog.tables import file, project
from bonded.journal.tables import to_publish
from bonded.ops.chain import Broken, Chain, bins, read_chain, read_role
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.tuf.roles import page_path
from bonded.tuf.tables import page, target
from bonded.values.states import FileState, ProjectStatus

TARGET_MISSING = define(
    "target-missing",
    "A row says that a target is live and no bin lists it: clients do not see it.",
    "Run `bonded restore --in-place`, which issues every bin from the rows.",
)
TARGET_EXTRA = define(
    "target-extra",
    "A bin lists a target that no row knows: clients accept what the database does not stand for.",
    "Somebody else signed, or the database is older than the store: `bonded tuf compare` tells what was added.",
)
TARGET_DIFFERS = define(
    "target-differs",
    "A bin lists a target with another length or hash than its row.",
    "As target-extra: treat it as a compromise until it is explained.",
)
NOT_PUBLISHED = define(
    "file-not-published",
    "A public file is not among the targets, and no publication is waiting for it.",
    "Record a change of the project (for example yank and unyank) or run `bonded restore --in-place`.",
)
WRONGLY_PUBLISHED = define(
    "file-wrongly-published",
    "A file that may not be served is still among the targets, and no publication is waiting to take it out.",
    "Record a change of the project; look why its row in `to_publish` was lost.",
)
PAGE_ROW = define(
    "page-row-differs",
    "The row of a project's live page does not name the digests that are targets.",
    "Record a change of the project: the next publication writes both anew.",
)
PARKED = define(
    "publication-parked",
    "A change failed alone and was parked: it is not visible to clients.",
    "See the log for the cause; it is tried again when the project changes.",
)

Facts = tuple[str, int]
"""sha256 and length of a target."""


def look(ground: Ground) -> Iterator[Disagreement]:
    """Bins against rows, then rows against the catalogue. Ends early where the chain of metadata is broken."""
    try:
        chain = read_chain(ground.public, ground.root)
    except Broken:
        return  # told by the look at metadata
    with ground.db.read() as conn:
        yield from _bins(ground, chain, conn)
        yield from _catalogue(conn)


def _bins(ground: Ground, chain: Chain, conn: Connection) -> Iterator[Disagreement]:
    """Each bin against the rows of its range of hashes: never all targets in memory."""
    versions = chain.versions()
    for delegating, delegator in chain.keys.items():
        names = list(bins(chain, delegating)) if delegating != "targets" else []
        begin = "simple/" if delegating == "pages" else "packages/"
        for number, name in enumerate(names):
            try:
                document = read_role(ground.public, name, versions, delegator)
            except Broken:
                continue
            rows = _rows(conn, begin, number * 2**32 // len(names), (number + 1) * 2**32 // len(names))
            yield from _compare(_facts(document.signed["targets"]), rows)


def _facts(targets: Mapping[str, Any]) -> dict[str, Facts]:
    return {path: (str(info["hashes"]["sha256"]), int(info["length"])) for path, info in targets.items()}


def _rows(conn: Connection, begin: str, low: int, high: int) -> dict[str, Facts]:
    wanted = select(target.c.path, target.c.sha256, target.c.length).where(
        target.c.hash32 >= low, target.c.hash32 < high
    )
    return {path: (sha256, length) for path, sha256, length in conn.execute(wanted) if path.startswith(begin)}


def _compare(live: dict[str, Facts], rows: dict[str, Facts]) -> Iterator[Disagreement]:
    for path in sorted(rows.keys() - live.keys()):
        yield Disagreement(TARGET_MISSING, path, "no bin lists it")
    for path in sorted(live.keys() - rows.keys()):
        yield Disagreement(TARGET_EXTRA, path, f"a bin lists it with sha256 {live[path][0]}")
    for path in sorted(live.keys() & rows.keys()):
        if live[path] != rows[path]:
            yield Disagreement(
                TARGET_DIFFERS, path, f"the bin says {live[path][0]}, {live[path][1]} bytes; the row {rows[path][0]}"
            )


def _catalogue(conn: Connection) -> Iterator[Disagreement]:
    parked = select(to_publish.c.project_key, to_publish.c.at).where(to_publish.c.parked == 1)
    for key, at in conn.execute(parked):
        yield Disagreement(PARKED, key, f"its change of {at.isoformat()} is not published")
    waiting = set(conn.execute(select(to_publish.c.project_key)).scalars())
    listed = {row.path: row.sha256 for row in conn.execute(select(target.c.path, target.c.sha256))}
    yield from _files(conn, waiting, listed)
    yield from _pages(conn, waiting, listed)


def _files(conn: Connection, waiting: set[str], listed: Mapping[str, str]) -> Iterator[Disagreement]:
    wanted = (
        select(project.c.key, project.c.status, project.c.deleted, file.c.filename, file.c.state, file.c.sha256)
        .select_from(FILES)
        .where(file.c.burnt)
    )
    for key, status, deleted, filename, state, sha256 in conn.execute(wanted):
        if key in waiting:
            continue
        path = f"packages/{key}/{filename}"
        served = state == FileState.PUBLIC and status != ProjectStatus.QUARANTINED and not deleted
        if served and listed.get(path) != sha256:
            yield Disagreement(
                NOT_PUBLISHED, path, f"it is public with sha256 {sha256}, the targets say {listed.get(path)}"
            )
        if not served and listed.get(path) == sha256:
            yield Disagreement(WRONGLY_PUBLISHED, path, f"it is {state} in a project that is {status}")


def _pages(conn: Connection, waiting: set[str], listed: Mapping[str, str]) -> Iterator[Disagreement]:
    for key, html, json in conn.execute(select(page.c.project_key, page.c.html_sha256, page.c.json_sha256)):
        for end, sha256 in (("html", html), ("json", json)):
            path = page_path(key, end)
            if key not in waiting and listed.get(path, "") != sha256:
                yield Disagreement(PAGE_ROW, path, f"the row says {sha256 or 'none'}, the targets {listed.get(path)}")
