"""adopt: what is live and was not written with this database: the first publication, and what a refresher renewed.

A refresher changes no target: it only signs bins anew. Their versions are taken from the snapshot, each file's signature
being verified, so the database's `bin` rows again say which bytes the next version is made from.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bonded.tuf import binfile
from bonded.tuf.base import Base, signed_bin
from bonded.tuf.context import Publisher
from bonded.tuf.live import Name, locked_live
from bonded.tuf.outcome import Burned
from bonded.tuf.roles import metadata_name
from bonded.tuf.settle import supersede
from bonded.tuf.tables import bin_table, publication
from bonded.tuf.upsert import upsert


def adopt(p: Publisher, base: Base, known: Name, now: datetime, *, older: bool) -> None:
    """Make the database know base as live and each of its bins. With an `older` store the rows are right: do nothing.

    `known` is what the database held for live when base was compared with it. Raises Untrusted when a bin does not
    verify, Burned when another publisher moved on meanwhile. If we stop before the commit, the next claim does it again.
    """
    if older:
        return
    with p.db.read() as conn:
        before = {row.name: row.version for row in conn.execute(select(bin_table.c.name, bin_table.c.version))}
    rows, old = [], []
    for role, version in base.versions.items():
        if is_bin(base, role) and before.get(role) != version:
            rows.append(_row(p, base, role, version))
            if role in before:
                old.append(metadata_name(role, before[role]))
    with p.db.write() as tx:
        if locked_live(tx) != known:
            raise Burned("another publisher was here")
        upsert(tx, bin_table, rows)
        supersede(tx, old, now)
        if known != (base.n, base.attempt):
            # A row of that number is another attempt's, which was never flipped: what is in the store counts.
            upsert(tx, publication, [_publication(base, now)])


def is_bin(base: Base, role: str) -> bool:
    """Whether `role` is a bin of the live generation."""
    return base.trust.layout.pages.has(role) or base.trust.layout.files.has(role)


def _row(p: Publisher, base: Base, role: str, version: int) -> dict[str, Any]:
    data, signed = signed_bin(p.public, base.trust, role, version)
    return {
        "name": role,
        "version": version,
        "sha256": hashlib.sha256(data).hexdigest(),
        "length": len(data),
        "expires": binfile.expires_of(signed),
        "count": binfile.count(binfile.body_of(signed), base.trust.layout.prefix_of(role)),
    }


def _publication(base: Base, now: datetime) -> dict[str, Any]:
    return {
        "n": base.n,
        "attempt": base.attempt,
        "base_n": 0,
        "base_attempt": "",
        "kind": "adopted",
        "content": base.content,
        "row_ids": [],
        "journal_ids": [],
        "projects": [],
        "expose": [],
        "bins": [],
        "pages": [],
        "snapshot_sha256": "",
        "changes_sha256": base.changes,
        "timestamp": base.timestamp,
        "journal_size": base.journal_size,
        "journal_root": bytes.fromhex(base.journal_root),
        "state": "live",
        "opened_at": base.at,
        "flipped_at": base.at,
        "settled_at": now,
    }
