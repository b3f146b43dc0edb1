"""settle: after the flip, one transaction tells the database what clients can see now.

If we die before it commits, nothing is lost: the next claim finds the flipped number and settles it from its row and from
`publications/<n>.json`. It deletes exactly the events that were collected, never "all up to".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Row, bindparam, delete, select, update

from bonded.catalog.tables import file as file_table
from bonded.db.engine import Tx
from bonded.db.jobs import enqueue, enqueue_all
from bonded.journal.record import record
from bonded.journal.tables import to_publish
from bonded.tuf.roles import changes_name, hash32, hashed, metadata_name, page_path
from bonded.tuf.tables import bin_table, journal_publication, page, publication, superseded, target
from bonded.tuf.upsert import upsert
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


def settle(tx: Tx, row: Row[*tuple[Any, ...]], changes: Mapping[str, Any], *, now: datetime, purges: bool) -> None:
    """Make publication `row` live in the database. `changes` is its `publications/<n>.json`; `purges`: there are caches
    that are told about it."""
    n = int(row.n)
    tx.execute(_LIVE, {"number": n, "now": now})
    if row.state == "burned":  # by another publisher, which had not seen our flip: nothing of it may be swept
        _not_superseded(tx, written(row))
    write_bins(tx, row.bins, n)
    _write_targets(tx, changes["targets"])
    _mark_listed(tx, row.expose, changes["targets"])
    old = [metadata_name("snapshot", int(row.base_n)), *replaced(row.bins), *_write_pages(tx, changes, n)]
    supersede(tx, old, now)
    _forget_events(tx, row, n)
    _follow_up(tx, row, changes, n, now, purges=purges)
    facts = {"content": row.content, "changes": row.changes_sha256, "kind": row.kind}
    record(tx, "publication.flip", PUBLISHER, (SubjectKind.PUBLICATION, str(n)), now=now, facts=facts)


def write_bins(tx: Tx, bins: list[list[Any]], n: int) -> None:
    """Bins as their new version `n`: [[role, old version, sha256, length, expiry in s since 1970, count], ...]."""
    rows = [
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
    upsert(tx, bin_table, rows)


def replaced(bins: list[list[Any]]) -> list[str]:
    """The objects whose place the bins of a publication take."""
    return [metadata_name(role, old) for role, old, *_ in bins if old]


def written(row: Row[*tuple[Any, ...]]) -> list[str]:
    """Every object that a publication puts and that no other one can put: what to sweep when it is burned."""
    n = int(row.n)
    return [metadata_name("snapshot", n), changes_name(n), *(metadata_name(b[0], n) for b in row.bins), *row.pages]


def _not_superseded(tx: Tx, names: list[str]) -> None:
    for batch in chunks(names):
        tx.execute(delete(superseded).where(superseded.c.name.in_(batch)))


def supersede(tx: Tx, names: list[str], now: datetime) -> None:
    """Note that something newer took the place of these objects: the sweep counts their age from now."""
    upsert(tx, superseded, [{"name": name, "at": now} for name in names], keep=True)


def _write_targets(tx: Tx, targets: Mapping[str, Any]) -> None:
    new, gone = [], []
    for path, change in targets.items():
        key = {"hash32": hash32(path), "path": path}
        if change["new"] is not None:
            new.append(key | {"sha256": change["new"]["sha256"], "length": change["new"]["length"]})
        else:
            gone.append(key)
    upsert(tx, target, new)
    for batch in chunks(gone):
        here = target.c.hash32.in_([k["hash32"] for k in batch]), target.c.path.in_([k["path"] for k in batch])
        tx.execute(delete(target).where(*here))


def _mark_listed(tx: Tx, exposed: list[list[str]], targets: Mapping[str, Any]) -> None:
    """Note on the files' rows which are signed targets now, so that the next publication need not look them up."""
    for batch in chunks([file_id for _, file_id in exposed]):
        tx.execute(_LISTED, {"ids": batch})
    for batch in chunks(gone_files(targets)):
        names = file_table.c.filename.in_(batch)
        tx.execute(update(file_table).where(names, file_table.c.listed).values(listed=False))


def gone_files(targets: Mapping[str, Any]) -> list[str]:
    """Names of the distribution files that a publication took away."""
    return [p.rpartition("/")[2] for p, c in targets.items() if not c["new"] and p.startswith("packages/")]


def _write_pages(tx: Tx, changes: Mapping[str, Any], n: int) -> list[str]:
    """Live pages by project; a project without a page keeps a row with empty digests, so that its plain copy goes.

    Returns the objects whose place they take.
    """
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
    upsert(tx, page, rows)
    return old_names


def _forms(html: T, json: T) -> tuple[tuple[str, T], tuple[str, T]]:
    return ("html", html), ("json", json)


def _forget_events(tx: Tx, row: Row[*tuple[Any, ...]], n: int) -> None:
    upsert(tx, journal_publication, [{"journal_id": j, "n": n} for j in row.journal_ids], keep=True)
    for batch in chunks(row.row_ids):
        tx.execute(_FORGET, {"ids": batch})


def _follow_up(
    tx: Tx, row: Row[*tuple[Any, ...]], changes: Mapping[str, Any], n: int, now: datetime, *, purges: bool
) -> None:
    """Queue what comes after a publication: plain copies, purges, and bytes that may go once no page names them."""
    enqueue_all(tx, "plain", [(f"plain:{key}", {"project": key}) for key in row.projects], now=now)
    if purges:
        enqueue(tx, "purge", f"purge:{n}", {"keys": ["timestamp"]}, now=now)
    for batch in chunks(gone_files(changes["targets"])):
        found = tx.execute(select(file_table.c.id).where(file_table.c.filename.in_(batch), file_table.c.burnt))
        jobs = [(f"takedown:{file_id}:removed", {"file_id": file_id, "after": n}) for file_id in found.scalars()]
        enqueue_all(tx, "takedown", jobs, now=now, due=now + AFTER_FLIP)


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """`items` in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
