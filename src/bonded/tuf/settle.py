"""settle: after the flip, one transaction tells the database what clients can see now.

If we die before it commits, nothing is lost: the next claim finds the flipped number and settles it from its row and from
`publications/<n>.json`. It deletes exactly the events that were collected, never "all up to".

What it writes is worked out beforehand (`settlement`), while the disk is busy with the publication's objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.engine import Dialect

from bonded.catalog.tables import file as file_table
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue, enqueue_all
from bonded.journal.record import record
from bonded.journal.tables import to_publish
from bonded.tuf.roles import changes_name, hash32, hashed, metadata_name, page_path
from bonded.tuf.tables import bin_table, journal_publication, page, publication, superseded, target
from bonded.tuf.upsert import Upsert, upsert, upserting
from bonded.values.states import SubjectKind
from bonded.values.who import PUBLISHER

AFTER_FLIP = timedelta(seconds=2)
"""When to look first whether the plain page has followed, so that a removed file's bytes may go after it."""
CHUNK = 500
T = TypeVar("T")

# Built once: building a statement costs several times what running it does.
_LIVE = (
    update(publication)
    .where(publication.c.n == bindparam("number"))
    .values(state="live", flipped_at=bindparam("now"), settled_at=bindparam("now"))
)
_LISTED = update(file_table).where(file_table.c.id.in_(bindparam("ids", expanding=True))).values(listed=True)
_FORGET = delete(to_publish).where(to_publish.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class Settlement:
    """Everything that settling one publication writes: `row` is the publication's, `upserts` what is inserted or updated by
    primary key, `targets` the paths of those that are gone, `files` the names of the distribution files among them."""

    row: Mapping[str, Any]
    upserts: tuple[Upsert, ...]
    targets: tuple[str, ...]
    files: tuple[str, ...]


def settlement(dialect: Dialect, row: Mapping[str, Any], changes: Mapping[str, Any], now: datetime) -> Settlement:
    """What makes publication `row` live in the database. `changes` is its `publications/<n>.json`. Pure."""
    n, targets = int(row["n"]), changes["targets"]
    pages, old_pages = _pages(changes, n)
    new = [
        {"hash32": hash32(path), "path": path, "sha256": change["new"]["sha256"], "length": change["new"]["length"]}
        for path, change in targets.items()
        if change["new"] is not None
    ]
    replaced = [metadata_name(role, old) for role, old, *_ in row["bins"] if old]
    superseded_now = [metadata_name("snapshot", int(row["base_n"])), *replaced, *old_pages]
    journal = [{"journal_id": journal_id, "n": n} for journal_id in row["journal_ids"]]
    upserts = (
        upserting(dialect, bin_table, _bins(row["bins"], n)),
        upserting(dialect, target, new),
        upserting(dialect, page, pages),
        upserting(dialect, superseded, _superseded(superseded_now, now), keep=True),
        upserting(dialect, journal_publication, journal, keep=True),
    )
    gone = tuple(path for path, change in targets.items() if change["new"] is None)
    return Settlement(row, upserts, gone, tuple(_files(gone)))


def settle(tx: Tx, done: Settlement, *, now: datetime, purges: bool, burned: bool = False) -> None:
    """Make a publication live in the database. `purges`: there are caches that are told about it; `burned`: another publisher
    burned it, which had not seen our flip."""
    row = done.row
    n = int(row["n"])
    tx.execute(_LIVE, {"number": n, "now": now})
    if burned:  # nothing of it may be swept
        _not_superseded(tx, written(row))
    for one in done.upserts:
        one.run(tx)
    _delete_targets(tx, done.targets)
    _mark_listed(tx, row["expose"], done.files)
    for batch in chunks(row["row_ids"]):
        tx.execute(_FORGET, {"ids": batch})
    _follow_up(tx, row["projects"], done.files, n, now, purges=purges)
    facts = {"content": row["content"], "changes": row["changes_sha256"], "kind": row["kind"]}
    record(tx, "publication.flip", PUBLISHER, (SubjectKind.PUBLICATION, str(n)), now=now, facts=facts)


def settle_row(tx: Tx, row: Mapping[str, Any], changes: Mapping[str, Any], *, now: datetime, purges: bool) -> None:
    """Make the publication live whose row the database has, worked out here and now."""
    burned = row["state"] == "burned"
    settle(tx, settlement(tx.dialect, row, changes, now), now=now, purges=purges, burned=burned)


def _bins(bins: list[list[Any]], n: int) -> list[dict[str, Any]]:
    """Bins as their new version `n`: [[role, old version, sha256, length, expiry in s since 1970, count], ...]."""
    return [
        {
            "name": role,
            "version": n,
            "sha256": sha256,
            "length": length,
            "expires": datetime.fromtimestamp(expires, UTC),
            "count": count,
        }
        for role, _, sha256, length, expires, count in bins
    ]


def written(row: Mapping[str, Any]) -> list[str]:
    """Every object that a publication puts and that no other one can put: what to sweep when it is burned."""
    n = int(row["n"])
    bins = (metadata_name(b[0], n) for b in row["bins"])
    return [metadata_name("snapshot", n), changes_name(n), *bins, *row["pages"]]


def _not_superseded(tx: Tx, names: list[str]) -> None:
    for batch in chunks(names):
        tx.execute(delete(superseded).where(superseded.c.name.in_(batch)))


def supersede(tx: Tx, names: list[str], now: datetime) -> None:
    """Note that something newer took the place of these objects: the sweep counts their age from now."""
    upsert(tx, superseded, _superseded(names, now), keep=True)


def _superseded(names: Iterable[str], now: datetime) -> list[dict[str, Any]]:
    return [{"name": name, "at": now} for name in names]


def _delete_targets(tx: Tx, paths: Sequence[str]) -> None:
    for batch in chunks(paths):
        tx.execute(delete(target).where(target.c.hash32.in_(list(map(hash32, batch))), target.c.path.in_(batch)))


def _mark_listed(tx: Tx, exposed: list[list[str]], gone: Sequence[str]) -> None:
    """Note on the files' rows which are signed targets now, so that the next publication need not look them up."""
    for batch in chunks([file_id for _, file_id in exposed]):
        tx.execute(_LISTED, {"ids": batch})
    for batch in chunks(gone):
        names = file_table.c.filename.in_(batch)
        tx.execute(update(file_table).where(names, file_table.c.listed).values(listed=False))


def _files(paths: Iterable[str]) -> Iterator[str]:
    """Names of the distribution files among targets."""
    return (path.rpartition("/")[2] for path in paths if path.startswith("packages/"))


def _pages(changes: Mapping[str, Any], n: int) -> tuple[list[dict[str, Any]], list[str]]:
    """Live pages by project, and the objects whose place they take; a project without a page keeps a row with empty digests,
    so that its plain copy goes."""
    rows, old_names = [], []
    for key in (*changes["pages"], ""):
        html, json = (changes["targets"].get(page_path(key, form)) for form in ("html", "json"))
        if html is None or json is None:
            continue
        digests = {f"{form}_sha256": c["new"]["sha256"] if c["new"] else "" for form, c in _forms(html, json)}
        rows.append({"project_key": key, "n": n, **digests})
        old_names += [
            hashed(page_path(key, form), c["old"]["sha256"])
            for form, c in _forms(html, json)
            if c["old"] and c["old"] != c["new"]
        ]
    return rows, old_names


def _forms(html: T, json: T) -> tuple[tuple[str, T], tuple[str, T]]:
    return ("html", html), ("json", json)


def _follow_up(tx: Tx, projects: Sequence[str], gone: Sequence[str], n: int, now: datetime, *, purges: bool) -> None:
    """Queue what comes after a publication: plain copies, purges, and bytes that may go once no page names them."""
    enqueue_all(tx, "plain", [(f"plain:{key}", {"project": key}) for key in projects], now=now)
    if purges:
        enqueue(tx, "purge", f"purge:{n}", {"keys": ["timestamp"]}, now=now)
    for batch in chunks(gone):
        found = tx.execute(select(file_table.c.id).where(file_table.c.filename.in_(batch), file_table.c.burnt))
        jobs = [(f"takedown:{file_id}:removed", {"file_id": file_id, "after": n}) for file_id in found.scalars()]
        enqueue_all(tx, "takedown", jobs, now=now, due=now + AFTER_FLIP)


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
