"""build: from what collect read to a whole signed publication, without touching a store or a database. Pure.

Previous bins come in through `load`, signatures through `sign`; equal arguments give equal bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from bonded.tuf import binfile, pointer
from bonded.tuf.binfile import Target
from bonded.tuf.canonical import enclose, sha256
from bonded.tuf.draft import Draft, LoadPage, make_draft, no_page
from bonded.tuf.plan import NewBin, Plan, Row, Sign, SignMany, Work
from bonded.tuf.roles import Layout, changes_name, metadata_name
from bonded.tuf.threads import Each, Objects, Share, alone, in_order, shares

TOGETHER = 32
"""Bins that are signed by one call: few round trips to a signer that is elsewhere, and little held in memory."""
Load = Callable[[str], bytes]
"""Role -> the canonical bytes of the signed part of its live bin."""


@dataclass(frozen=True, slots=True)
class From:
    """What a publication begins from, as values: the live publication's number, attempt and digest, and all versions."""

    n: int
    attempt: str
    content: int
    changes: str
    versions: Mapping[str, int]
    layout: Layout
    listing: bytes = b""
    """`versions` in the form of a snapshot, where it is at hand."""


@dataclass(frozen=True, slots=True)
class Number:
    """What a publication is called and when it is signed. `lifetime` of timestamp and snapshot."""

    n: int
    attempt: str
    kind: str
    now: datetime
    lifetime: timedelta


def build(
    work: Work,
    base: From,
    number: Number,
    load: Load,
    sign: Sign,
    many: SignMany,
    each: Each = in_order,
    load_page: LoadPage = no_page,
    share: Share = alone,
    together: int = TOGETHER,
) -> Plan:
    """The publication `number` of `work` on top of `base`. `many` signs bins, `sign` snapshot and timestamp; `share` makes
    pages and bins, perhaps in several processes; `together` bins are loaded one after the other and signed by one call.

    Raises BadProject, DamagedBin, Unspliced, SignerRefused.
    """
    draft = make_draft(work, number.n, load_page, each, share)
    bins, files, differing = _bins(work, base, number, draft.targets, load, many, each, share, together)
    content = number.n if draft.targets or work.rows else base.content
    changes = _changes(work, base, number, content, draft)
    changes_bytes = orjson.dumps(changes, option=orjson.OPT_SORT_KEYS)
    changed = {b.role: number.n for b in bins} | {f.role: f.version for f in work.offline}
    listing = pointer.Listing(base.versions, base.listing).then(changed)
    extra: dict[str, Any] = {
        "publication": number.n,
        "attempt": number.attempt,
        "content": content,
        "changes": sha256(changes_bytes),
        "journal_size": work.journal_size,
        "journal_root": work.journal_root,
        "at": binfile.utc(number.now),
    }
    expires = number.now + number.lifetime
    snapshot, snapshot_file = pointer.snapshot(listing, number.n, expires, extra, sign)
    signed_pointer, timestamp = pointer.timestamp(snapshot_file, number.n, expires, sign)
    return Plan(
        n=number.n,
        attempt=number.attempt,
        kind=number.kind,
        content=content,
        base_n=base.n,
        base_attempt=base.attempt,
        rows=work.rows,
        projects=tuple(work.projects) + (("",) if work.project_list is not None else ()),
        exposures=tuple(draft.exposures),
        objects=(
            *draft.pages,
            *files,
            *((metadata_name(f.role, f.version), f.data) for f in work.offline),
        ),
        last=((changes_name(number.n), changes_bytes), (metadata_name("snapshot", number.n), snapshot_file)),
        pages=tuple(draft.page_names),
        bins=tuple(bins),
        changes=changes,
        changes_sha256=extra["changes"],
        snapshot=snapshot,
        snapshot_sha256=sha256(snapshot_file),
        versions=listing.versions,
        listing=listing.text,
        pointer=signed_pointer,
        timestamp=timestamp,
        differing=tuple(differing),
        journal_size=work.journal_size,
        journal_root=work.journal_root,
    )


def _bins(
    work: Work,
    base: From,
    number: Number,
    targets: Mapping[str, Target | None],
    load: Load,
    many: SignMany,
    each: Each,
    share: Share,
    together: int,
) -> tuple[list[NewBin], Objects, list[str]]:
    """The new versions of every touched or renewed bin, those of their files that are here, and which of them differed from
    the rows."""
    touched: dict[str, dict[str, Target | None]] = {role: {} for role in (*work.renew, *work.resign)}
    for path, target in targets.items():
        touched.setdefault(base.layout.role(path), {})[path] = target
        other = base.layout.next_role(path)
        if other in work.bins or other in work.renew:  # those that are not written yet get it from the rows
            touched.setdefault(str(other), {})[path] = target

    def some(roles: Sequence[str]) -> tuple[list[tuple[NewBin, bool]], Objects]:
        bodies = [_body(work, base, role, load) for role in roles]
        spliced = [
            binfile.splice(body, base.layout.prefix_of(role), touched[role])
            for role, (body, _) in zip(roles, bodies, strict=True)
        ]
        bins, files = _signed(roles, spliced, base, number, many)
        return list(zip(bins, (differs for _, differs in bodies), strict=True)), files

    def make(roles: Sequence[str]) -> tuple[list[tuple[NewBin, bool]], Objects]:
        made = list(each(some, shares(roles, together)))
        return [fact for facts, _ in made for fact in facts], [file for _, files in made for file in files]

    facts, files = share(make, sorted(touched))
    return [new for new, _ in facts], files, sorted(new.role for new, differs in facts if differs)


def _body(work: Work, base: From, role: str, load: Load) -> tuple[bytes, bool]:
    """What a bin lists before this publication: by its file, or by the rows where it is rendered anew; whether those
    differ."""
    previous = binfile.body_of(load(role))
    if role not in work.renew:
        return previous, False
    by_rows = binfile.body(work.renew[role])
    return by_rows, by_rows != previous and base.layout.live(role)


def _signed(
    roles: Sequence[str], bodies: list[bytes], base: From, number: Number, many: SignMany
) -> tuple[list[NewBin], Objects]:
    """Bins with these bodies, and their files."""
    expiries = [binfile.expiry(role, number.now, number.lifetime) for role in roles]
    signed = [binfile.render(body, number.n, at) for body, at in zip(bodies, expiries, strict=True)]
    signatures = many(list(zip(roles, signed, strict=True)))
    bins, files = [], []
    for role, body, expires, text, own in zip(roles, bodies, expiries, signed, signatures, strict=True):
        data = enclose(text, own)
        listed = binfile.count(body, base.layout.prefix_of(role))
        bins.append(NewBin(role, base.versions.get(role, 0), sha256(data), len(data), expires, listed))
        files.append((metadata_name(role, number.n), data))
    return bins, files


def _changes(work: Work, base: From, number: Number, content: int, draft: Draft) -> dict[str, Any]:
    return {
        "publication": number.n,
        "attempt": number.attempt,
        "kind": number.kind,
        "content": content,
        "at": binfile.utc(number.now),
        "previous": {"publication": base.n, "attempt": base.attempt, "sha256": base.changes},
        "journal": {"size": work.journal_size, "root": work.journal_root},
        "targets": draft.changes,
        "pages": draft.page_facts,
    }


def journal_ids(rows: tuple[Row, ...]) -> list[int]:
    """The journal rows that a publication makes visible."""
    return sorted({row.journal_id for row in rows})
