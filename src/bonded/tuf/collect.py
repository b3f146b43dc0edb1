"""collect: read, in one repeatable-read transaction, exactly which events wait and the state that they name.

Events are taken by their ids: "greater than the last id" loses rows, because sequence numbers commit out of order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from bonded.catalog.pages import PageState, page_states
from bonded.catalog.patches import PagePatch, page_patches
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import project as project_table
from bonded.journal.seal import seal
from bonded.journal.tables import journal, to_publish
from bonded.tuf.binfile import Target
from bonded.tuf.claim import Claimed, Known
from bonded.tuf.context import Publisher
from bonded.tuf.generations import both, maintained
from bonded.tuf.lookup import live_targets
from bonded.tuf.plan import KnownBin, Listed, Row, Work
from bonded.tuf.renew import due_bins, rows_of
from bonded.tuf.roles import Layout, file_path, page_path
from bonded.tuf.settle import chunks
from bonded.tuf.tables import bin_table, page, publication
from bonded.values.states import FileState, SubjectKind

LONG_LIST = 10_000
"""Beyond so many projects the list is rebuilt less often."""
OVERDUE = 2
"""A publisher that is never idle takes a long list along when it is so many times as old as it should be."""

# Built once: building a statement costs several times what running it does.
_EVENTS = (
    select(
        to_publish.c.id,
        to_publish.c.project_key,
        to_publish.c.journal_id,
        journal.c.subject_kind,
        journal.c.subject_id,
    )
    .outerjoin(journal, journal.c.id == to_publish.c.journal_id)
    .where(to_publish.c.parked == 0)
    .order_by(to_publish.c.failures, to_publish.c.id)
    .limit(bindparam("most"))
)
_LAST_LIST = (
    select(page.c.n, publication.c.flipped_at)
    .outerjoin(publication, publication.c.n == page.c.n)
    .where(page.c.project_key == "")
)
_BEYOND = select(page.c.n).limit(1).offset(bindparam("many"))
_BINS = select(bin_table.c.name, bin_table.c.version, bin_table.c.sha256, bin_table.c.count).where(
    bin_table.c.name.in_(bindparam("names", expanding=True))
)


def collect(
    p: Publisher,
    claimed: Claimed,
    now: datetime,
    write: frozenset[str] = frozenset(),
    whole: frozenset[str] = frozenset(),
) -> Work:
    """What the next publication is about, the bins `write` rendered anew included. Seals the journal first, so that the
    snapshot signs its newest root. Pages of the projects `whole` are rendered from all rows, others are spliced where
    events name their files.

    If we stop here, nothing happened but a seal.
    """
    with p.db.write() as tx:
        size, root = seal(tx, now=now)
    base = claimed.base
    layout = base.trust.layout
    with p.db.read() as conn:
        rows, changed = _events(conn, p.memory.limit or p.settings.max_batch)
        keys = {row.project_key for row in rows}
        older = claimed.known is Known.OLDER
        if older:
            keys |= _pages_after(conn, claimed.since)
        patches = {} if older else page_patches(conn, {key: ids for key, ids in changed.items() if key not in whole})
        patched, withdrawn = _patched_targets(conn, patches)
        patches = {
            key: patch for key, patch in patches.items() if _page_paths(key).keys() <= patched.get(key, {}).keys()
        }
        rendered = keys - patches.keys()
        pages = page_states(conn, rendered, with_metadata=False)
        old, gone = _old_targets(conn, rendered, pages, all_files=older)
        old |= {key: patched[key] for key in patches}
        gone |= withdrawn
        shown: dict[str, PageState | PagePatch] = {**pages, **patches}
        listed = _project_list(conn, p, shown, keys, now, busy=bool(rows))
        if listed is not None:
            old[""] = live_targets(conn, _page_paths("")).get("", {})
        stale = _stale_bins(conn, base.versions) if older else set()
        renew = write | due_bins(conn, layout, p.settings, now, busy=bool(rows)) | {r for r in stale if layout.has(r)}
        return Work(
            rows=rows,
            pages={key: pages.get(key) for key in sorted(rendered)},
            patches=patches,
            old=old,
            gone=gone,
            project_list=listed,
            renew=rows_of(conn, layout, renew),
            bins=maintained(
                layout, _bins(conn, renew | _touched(layout, shown, old, listed is not None)), base.versions
            ),
            journal_size=size,
            journal_root=root.hex(),
            expose_all=older,
            base_url=p.settings.base_url,
        )


def _events(conn: Connection, limit: int) -> tuple[tuple[Row, ...], dict[str, list[str]]]:
    """The events, and the files that changed by project where all its events name one.

    Rows that failed before come last, so that one bad project never blocks others.
    """
    rows, changed, others = [], dict[str, list[str]](), set[str]()
    for row_id, key, journal_id, kind, subject in conn.execute(_EVENTS, {"most": limit}):
        rows.append(Row(row_id, key, journal_id))
        if kind == SubjectKind.FILE:
            changed.setdefault(key, []).append(subject)
        else:
            others.add(key)
    return tuple(rows), {key: ids for key, ids in changed.items() if key not in others}


def _pages_after(conn: Connection, n: int) -> set[str]:
    return set(conn.execute(select(page.c.project_key).where(page.c.n > n, page.c.project_key != "")).scalars())


def _old_targets(
    conn: Connection, keys: set[str], pages: Mapping[str, PageState], *, all_files: bool
) -> tuple[dict[str, dict[str, Target]], dict[str, str]]:
    """Live targets by project, and the states of those files that are not public any more by path.

    Public files that are listed already are looked up with `all_files` only: a name never has other bytes.
    """
    paths: dict[str, str] = {}
    gone: dict[str, str] = {}
    for key in keys:
        paths |= _page_paths(key)
        if key in pages:
            paths |= {file_path(key, file.filename): key for file in pages[key].files if all_files or not file.listed}
    for batch in chunks(sorted(keys)):
        query = (
            select(project_table.c.key, file_table.c.filename, file_table.c.state)
            .join(project_table, file_table.c.project_id == project_table.c.id)
            .where(project_table.c.key.in_(batch), file_table.c.burnt)
        )
        listed = [key for key in batch if key in pages and pages[key].files]
        if len(listed) == len(batch):  # public files are known already
            query = query.where(file_table.c.state.concat("") != FileState.PUBLIC)
        for key, filename, state in conn.execute(query).all():
            path = file_path(key, filename)
            paths[path] = key
            if state != FileState.PUBLIC:
                gone[path] = state
    return live_targets(conn, paths), gone


def _patched_targets(
    conn: Connection, patches: Mapping[str, PagePatch]
) -> tuple[dict[str, dict[str, Target]], dict[str, str]]:
    """The same for what changed on pages; a project that has no page yet has none here."""
    paths: dict[str, str] = {}
    gone: dict[str, str] = {}
    for key, patch in patches.items():
        paths |= _page_paths(key)
        paths |= {file_path(key, file.filename): key for file in patch.files if not file.listed}
        withdrawn = {file_path(key, name): state for release in patch.releases for name, state in release.gone.items()}
        paths |= dict.fromkeys(withdrawn, key)
        gone |= withdrawn
    return live_targets(conn, paths), gone


def _page_paths(key: str) -> dict[str, str]:
    return {page_path(key, form): key for form in ("html", "json")}


def _project_list(
    conn: Connection,
    p: Publisher,
    pages: Mapping[str, PageState | PagePatch],
    keys: set[str],
    now: datetime,
    *,
    busy: bool,
) -> tuple[Listed, ...] | None:
    """The project list when it is due, else None. Serial 0 means the publication being made.

    A long one takes seconds, so while people's changes wait (`busy`) it is left to a publication of its own, which an idle
    publisher makes; but not for ever.
    """
    last = conn.execute(_LAST_LIST).one_or_none()
    if last is not None and last.flipped_at is not None:
        age = abs(now - last.flipped_at)  # also of a list that was made while the clock was ahead
        if age < p.settings.list_interval:
            return None
        if age < p.settings.long_list_interval * (OVERDUE if busy else 1) and _is_long(conn):
            return None
    if not keys and not _pages_since(conn, last.n if last is not None else 0):
        return None
    shown = select(page.c.project_key, page.c.n, project_table.c.name).join(
        project_table, project_table.c.key == page.c.project_key
    )
    live = {
        key: Listed(key, name, n)
        for key, n, name in conn.execute(shown.where(page.c.html_sha256 != "")).all()
        if key not in keys
    }
    live |= {key: Listed(key, state.name, 0) for key, state in pages.items()}
    return tuple(live[key] for key in sorted(live))


def _is_long(conn: Connection) -> bool:
    return conn.execute(_BEYOND, {"many": LONG_LIST}).first() is not None


def _pages_since(conn: Connection, n: int) -> bool:
    """Whether a publication after `n` changed pages."""
    later = select(publication.c.n).where(
        publication.c.state == "live", publication.c.n > n, publication.c.kind == "publish"
    )
    return conn.execute(later.limit(1)).first() is not None


def _stale_bins(conn: Connection, versions: Mapping[str, int]) -> set[str]:
    """Bins whose version in the store is not the database's."""
    rows = conn.execute(select(bin_table.c.name, bin_table.c.version))
    return {row.name for row in rows if versions.get(row.name) != row.version}


def _touched(
    layout: Layout, pages: Mapping[str, PageState | PagePatch], old: Mapping[str, Mapping[str, Target]], listed: bool
) -> set[str]:
    """Every bin that build may write: of pages always, of files where one came, changed or went."""
    paths: set[str] = set(_page_paths("")) if listed else set()
    for key, state in pages.items():
        paths.update(_page_paths(key))
        live = old.get(key, {})
        now = {file_path(key, f.filename): f.sha256 for f in state.files if not f.listed}
        paths.update(path for path, sha256 in now.items() if path not in live or live[path].sha256 != sha256)
        paths.update(path for path in live if path not in now)
    for key, live in old.items():
        if key not in pages:
            paths.update(live)
    return both(layout, paths)


def _bins(conn: Connection, roles: Iterable[str]) -> dict[str, KnownBin]:
    found: dict[str, KnownBin] = {}
    for batch in chunks(sorted(roles)):
        for name, *facts in conn.execute(_BINS, {"names": batch}):
            found[name] = KnownBin(*facts)
    return found
