"""A publication that issues bins from the rows of targets, however many, one at a time: how a recovery becomes visible.

It is the publisher's open, put, flip and settle for what does not fit into memory. If it stops before the flip, the number
is burned and nothing of it is visible; after the flip, the next claim settles it from its row.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import structlog
from sqlalchemy import select, update

from bonded.journal.seal import seal
from bonded.seams import Changed, OtherBytes
from bonded.tuf import binfile, pointer
from bonded.tuf.binfile import Target
from bonded.tuf.canonical import enclose
from bonded.tuf.changes import target_change
from bonded.tuf.context import Publisher
from bonded.tuf.outcome import Burned
from bonded.tuf.plan import Sign
from bonded.tuf.recover_pages import Rendered, facts_of, render
from bonded.tuf.renew import rows_of
from bonded.tuf.roles import TIMESTAMP, changes_name, metadata_name
from bonded.tuf.settle import settle_row
from bonded.tuf.tables import head, publication
from bonded.tuf.threads import ahead
from bonded.tuf.trust import Trust
from bonded.tuf.upsert import upsert

log = structlog.get_logger("bonded.recover")

Before = Callable[[Sequence[str]], Iterable[Mapping[str, Target]]]
"""Roles -> the targets that each had in the publication that we go on from, in order."""


@dataclass(frozen=True, slots=True)
class Start:
    """What the publication goes on from. `tag`: of the timestamp that it takes the place of; `previous` is named in the
    record; `versions` are all that the snapshot lists beside the issued bins; `content` as in Base."""

    tag: str | None
    previous: tuple[int, str, str]
    content: int
    versions: Mapping[str, int]
    trust: Trust
    n: int


@dataclass(slots=True)
class _Made:
    """Grows bin by bin."""

    bins: list[list[Any]] = field(default_factory=list)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)


def issue(
    p: Publisher,
    start: Start,
    roles: Collection[str],
    pages: Collection[str],
    before: Before,
    now: datetime,
    before_flip: Callable[[], None] = lambda: None,
) -> int:
    """Issue `roles` from the rows, with the pages of the projects `pages` rendered anew; returns the number.

    `roles` must hold every bin of those pages. `before_flip` is called when everything is in the store, durably, and
    nothing of it visible. Raises Burned (begin again with the next number), SignerRefused, StorageError.
    """
    attempt = secrets.token_hex(8)
    p.signer.reserve(start.n, attempt)
    with p.db.write() as tx:
        size, root = seal(tx, now=now)
    journal = {"size": size, "root": root.hex()}
    _open(p, start, attempt, roles, journal, now)
    sign = _signing(p, start, attempt)
    try:
        rendered = render(p, pages, start.n)
        made = _bins(p, start, sorted(roles), rendered, before, sign, now)
        row = _pointers(p, start, attempt, made, rendered, journal, sign, now)
        p.public.barrier()
        before_flip()
        p.public.replace(TIMESTAMP, row["timestamp"], start.tag)
    except (OtherBytes, Changed) as error:
        raise Burned(f"number {start.n}: {error}") from error
    p.memory.base = None
    _settle(p, start.n, row["changes"], now)
    log.info("recovered", publication=start.n, bins=len(made.bins), pages=len(rendered.pages))
    return start.n


def _signing(p: Publisher, start: Start, attempt: str) -> Sign:
    """Only with keys that the offline roles list: a key that was revoked signs nothing any more."""
    trust = start.trust
    listed = {"timestamp": tuple(trust.timestamp.keys), "snapshot": tuple(trust.snapshot.keys)}
    bins = tuple(trust.bins.keys)

    def sign(role: str, payload: bytes) -> list[dict[str, str]]:
        return p.signer.sign(start.n, attempt, role, payload, listed.get(role, bins))

    return sign


def _open(
    p: Publisher, start: Start, attempt: str, roles: Collection[str], journal: Mapping[str, Any], now: datetime
) -> None:
    """Allocate the number and name what will be put under it, so that it is swept should we stop."""
    values = {
        "n": start.n,
        "attempt": attempt,
        "base_n": start.previous[0],
        "base_attempt": start.previous[1],
        "kind": "recover",
        "content": start.content,
        **{column: [] for column in ("row_ids", "journal_ids", "projects", "expose", "pages")},
        "bins": [[role, start.versions.get(role, 0), "", 0, 0, 0] for role in sorted(roles)],
        "snapshot_sha256": "",
        "changes_sha256": "",
        "timestamp": b"",
        "journal_size": journal["size"],
        "journal_root": bytes.fromhex(journal["root"]),
        "state": "open",
        "opened_at": now,
        "flipped_at": None,
        "settled_at": None,
    }
    with p.db.write() as tx:
        upsert(tx, head, [{"id": 1, "head": start.n}], keep=True)
        tx.execute(update(head).where(head.c.head <= start.n).values(head=start.n + 1))
        upsert(tx, publication, [values])


def _bins(
    p: Publisher,
    start: Start,
    roles: list[str],
    rendered: Rendered,
    before: Before,
    sign: Sign,
    now: datetime,
) -> _Made:
    made, layout = _Made(), start.trust.layout
    news: dict[str, dict[str, Target | None]] = {}
    for path, target in rendered.targets.items():
        news.setdefault(layout.role(path), {})[path] = target

    def files() -> Iterator[tuple[str, bytes]]:
        for role, old in zip(roles, before(roles), strict=True):
            with p.db.read() as conn:
                wanted = rows_of(conn, layout, [role])[role]
            for path, target in news.get(role, {}).items():
                if target is None:
                    wanted.pop(path, None)
                else:
                    wanted[path] = target
            expires = binfile.expiry(role, now, p.settings.lifetime)
            signed = binfile.render(binfile.body(wanted), start.n, expires)
            data = enclose(signed, sign(role, signed))
            facts = [hashlib.sha256(data).hexdigest(), len(data), int(expires.timestamp()), len(wanted)]
            made.bins.append([role, start.versions.get(role, 0), *facts])
            _changed(made, old, wanted)
            yield metadata_name(role, start.n), data

    for _ in ahead(lambda file: p.public.create(*file), files(), p.public.at_once):
        pass
    return made


def _changed(made: _Made, old: Mapping[str, Target], new: Mapping[str, Target]) -> None:
    for path in old.keys() | new.keys():
        if old.get(path) != new.get(path):
            made.changes[path] = target_change(old.get(path), new.get(path), {})


def _pointers(
    p: Publisher,
    start: Start,
    attempt: str,
    made: _Made,
    rendered: Rendered,
    journal: Mapping[str, Any],
    sign: Sign,
    now: datetime,
) -> dict[str, Any]:
    """Put the record and the snapshot; complete the row. Returns timestamp (bytes) and changes (decoded)."""
    with p.db.read() as conn:
        pages = facts_of(conn, made.changes, rendered)
    n, content = start.n, start.n if made.changes else start.content
    before = dict(zip(("publication", "attempt", "sha256"), start.previous, strict=True))
    changes = {
        "publication": n,
        "attempt": attempt,
        "kind": "recover",
        "content": content,
        "at": binfile.utc(now),
        "previous": before,
        "journal": dict(journal),
        "targets": made.changes,
        "pages": pages,
    }
    record = orjson.dumps(changes, option=orjson.OPT_SORT_KEYS)
    extra = {
        "publication": n,
        "attempt": attempt,
        "content": content,
        "changes": hashlib.sha256(record).hexdigest(),
        "journal_size": journal["size"],
        "journal_root": journal["root"],
        "at": binfile.utc(now),
    }
    expires = now + p.settings.lifetime
    versions = {**start.versions, **{row[0]: n for row in made.bins}}
    snapshot = pointer.snapshot(pointer.Listing(versions), n, expires, extra, sign)[1]
    timestamp = pointer.timestamp(snapshot, n, expires, sign)[1]
    p.public.create(changes_name(n), record)
    p.public.create(metadata_name("snapshot", n), snapshot)
    values = {
        "content": content,
        "bins": made.bins,
        "pages": list(rendered.objects),
        "projects": sorted(rendered.pages),
        "snapshot_sha256": hashlib.sha256(snapshot).hexdigest(),
        "changes_sha256": extra["changes"],
        "timestamp": timestamp,
    }
    with p.db.write() as tx:
        tx.execute(update(publication).where(publication.c.n == n).values(**values))
    return {"timestamp": timestamp, "changes": changes}


def _settle(p: Publisher, n: int, changes: Mapping[str, Any], now: datetime) -> None:
    with p.db.write() as tx:
        row = tx.execute(select(publication).where(publication.c.n == n)).mappings().one()
        settle_row(tx, {**row}, changes, now=now, purges=p.purger.active)
