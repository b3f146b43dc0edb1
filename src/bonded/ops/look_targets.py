"""fsck looks at targets: what bins list, what the rows say, and what the catalogue wants listed are one and the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, select

from bonded.catalog.read import FILES
from bonded.catalog.tables import file, project
from bonded.db.engine import Database
from bonded.journal.tables import to_publish
from bonded.ops.chain import Broken, Chain, bins, read_bins, read_chain
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.fsck_pages import Facts, pieces, targets_at
from bonded.ops.ground import Ground
from bonded.tuf.roles import file_path, page_path
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
    "Somebody else signed, or the database is older than the store: `bonded tuf compare` tells what was added, `bonded tuf recover` takes it back.",
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

LISTED = define(
    "file-listed-differs",
    "A file's row says that it is a signed target, and it is none: the next publication would go by it.",
    "Record a change of the project: its next publication looks again. If it stays, report it with this line.",
)


def look(ground: Ground) -> Iterator[Disagreement]:
    """Bins against rows, then rows against the catalogue. Ends early where the chain of metadata is broken."""
    try:
        chain = read_chain(ground.public, ground.root)
    except Broken:
        return  # told by the look at metadata
    yield from _bins(ground, chain)
    yield from _catalogue(ground)


def _bins(ground: Ground, chain: Chain) -> Iterator[Disagreement]:
    """Each bin against the rows of its range of hashes: never all targets in memory."""
    for delegating in chain.delegating:
        count = len(list(bins(chain, delegating)))
        begin = "simple/" if delegating == "pages" else "packages/"
        for number, document in enumerate(read_bins(ground.public, chain, delegating)):
            if isinstance(document, Broken):
                continue
            with ground.db.read() as conn:
                rows = _rows(conn, begin, number * 2**32 // count, (number + 1) * 2**32 // count)
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


def _catalogue(ground: Ground) -> Iterator[Disagreement]:
    with ground.db.read() as conn:
        parked = conn.execute(select(to_publish.c.project_key, to_publish.c.at).where(to_publish.c.parked == 1)).all()
        waiting = set(conn.execute(select(to_publish.c.project_key)).scalars())
    for key, at in parked:
        yield Disagreement(PARKED, key, f"its change of {at.isoformat()} is not published")
    yield from _files(ground.db, waiting)
    yield from _pages(ground.db, waiting)


def _files(db: Database, waiting: set[str]) -> Iterator[Disagreement]:
    """Every file that was ever public, against the targets."""
    c, p = file.c, project.c
    wanted = select(c.id, p.key, p.status, p.deleted, c.filename, c.state, c.sha256, c.listed).select_from(FILES)
    for rows in pieces(db, wanted.where(c.burnt), c.id):
        paths = {row.id: file_path(row.key, row.filename) for row in rows if row.key not in waiting}
        with db.read() as conn:
            live = targets_at(conn, paths.values())
        for row in rows:
            if row.id in paths:
                yield from _file(paths[row.id], row, live.get(paths[row.id], ("", 0))[0])


def _file(path: str, row: Any, signed: str) -> Iterator[Disagreement]:
    served = row.state == FileState.PUBLIC and row.status != ProjectStatus.QUARANTINED and not row.deleted
    if served and signed != row.sha256:
        yield Disagreement(
            NOT_PUBLISHED, path, f"it is public with sha256 {row.sha256}, the targets say {signed or None}"
        )
    elif not served and signed == row.sha256:
        yield Disagreement(WRONGLY_PUBLISHED, path, f"it is {row.state} in a project that is {row.status}")
    elif row.listed and signed != row.sha256:
        yield Disagreement(LISTED, path, f"its row says that it is listed, the targets say {signed or None}")


def _pages(db: Database, waiting: set[str]) -> Iterator[Disagreement]:
    for rows in pieces(db, select(page.c.project_key, page.c.html_sha256, page.c.json_sha256), page.c.project_key):
        with db.read() as conn:
            live = targets_at(conn, (page_path(row.project_key, form) for row in rows for form in ("html", "json")))
        for key, html, json in rows:
            for form, sha256 in (("html", html), ("json", json)):
                path = page_path(key, form)
                signed = live.get(path, ("", 0))[0]
                if key not in waiting and signed != sha256:
                    told = f"the row says {sha256 or 'none'}, the targets {signed or 'none'}"
                    yield Disagreement(PAGE_ROW, path, told)
