"""build: from what collect read to a whole signed publication, without touching a store or a database. Pure.

Previous bins come in through `load`, signatures through `sign`; equal arguments give equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from bonded.tuf import binfile, pointer
from bonded.tuf.binfile import Target
from bonded.tuf.canonical import enclose
from bonded.tuf.changes import file_facts, page_facts, target_change
from bonded.tuf.pages import list_html, list_json, page_html, page_json
from bonded.tuf.plan import Exposure, NewBin, PageFileLike, PageLike, Plan, Row, Sign, SignMany, Work
from bonded.tuf.roles import Layout, changes_name, check_path, file_path, hashed, metadata_name, page_path
from bonded.tuf.threads import Each, in_order, shares

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


@dataclass(frozen=True, slots=True)
class Number:
    """What a publication is called and when it is signed. `lifetime` of timestamp and snapshot."""

    n: int
    attempt: str
    kind: str
    now: datetime
    lifetime: timedelta


@dataclass(slots=True)
class _Draft:
    """Grows while pages are rendered."""

    targets: dict[str, Target | None] = field(default_factory=dict)
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: list[tuple[str, bytes]] = field(default_factory=list)
    exposures: list[Exposure] = field(default_factory=list)

    def change(self, path: str, old: Target | None, new: Target | None, facts: Mapping[str, Any]) -> None:
        self.targets[check_path(path)] = new
        self.changes[path] = target_change(old, new, facts)


class BadProject(Exception):
    """A project's state cannot be published: its rows are the fault, not the store. `key` is the project's."""

    def __init__(self, key: str, cause: Exception) -> None:
        super().__init__(f"project {key!r} cannot be published: {type(cause).__name__}: {cause}")
        self.key = key


def build(
    work: Work, base: From, number: Number, load: Load, sign: Sign, many: SignMany, each: Each = in_order
) -> Plan:
    """The publication `number` of `work` on top of `base`. `many` signs bins, `sign` snapshot and timestamp.

    Raises BadProject, DamagedBin, SignerRefused.
    """
    draft = _draft(work, number.n)
    bins, files, differing = _bins(work, base, number, draft.targets, load, many, each)
    content = number.n if draft.targets or work.rows else base.content
    changes = _changes(work, base, number, content, draft)
    changes_bytes = orjson.dumps(changes, option=orjson.OPT_SORT_KEYS)
    versions = dict(base.versions) | {b.role: number.n for b in bins} | {f.role: f.version for f in work.offline}
    extra: dict[str, Any] = {
        "publication": number.n,
        "attempt": number.attempt,
        "content": content,
        "changes": _sha256(changes_bytes),
        "journal_size": work.journal_size,
        "journal_root": work.journal_root,
        "at": binfile.utc(number.now),
    }
    expires = number.now + number.lifetime
    snapshot, snapshot_file = pointer.snapshot(versions, number.n, expires, extra, sign)
    signed_pointer, timestamp = pointer.timestamp(snapshot_file, number.n, expires, sign)
    return Plan(
        n=number.n,
        attempt=number.attempt,
        kind=number.kind,
        content=content,
        base_n=base.n,
        base_attempt=base.attempt,
        rows=work.rows,
        projects=tuple(sorted(work.pages)) + (("",) if work.project_list is not None else ()),
        exposures=tuple(draft.exposures),
        objects=(
            *draft.pages,
            *files,
            *((metadata_name(f.role, f.version), f.data) for f in work.offline),
            (changes_name(number.n), changes_bytes),
            (metadata_name("snapshot", number.n), snapshot_file),
        ),
        bins=tuple(bins),
        changes=changes,
        changes_sha256=extra["changes"],
        snapshot=snapshot,
        snapshot_sha256=_sha256(snapshot_file),
        versions=versions,
        pointer=signed_pointer,
        timestamp=timestamp,
        differing=tuple(differing),
        journal_size=work.journal_size,
        journal_root=work.journal_root,
    )


def _draft(work: Work, n: int) -> _Draft:
    draft = _Draft()
    for key, page in sorted(work.pages.items()):
        try:
            _project(draft, work, key, page, n)
        except Exception as error:  # whatever a project's state breaks, its own rows alone must answer for it
            raise BadProject(key, error) from error
    if work.project_list is not None:
        old = work.old.get("", {})
        listed = tuple(project if project.serial else replace(project, serial=n) for project in work.project_list)
        for form, render in (("html", list_html), ("json", list_json)):
            _page(draft, "", form, render(listed, n), old)
    return draft


def _project(draft: _Draft, work: Work, key: str, page: PageLike | None, n: int) -> None:
    """Render one project's pages and find what changed among its targets."""
    old = work.old.get(key, {})
    if page is not None:
        _page(draft, key, "html", page_html(page, n), old)
        _page(draft, key, "json", page_json(page, n), old)
    files = page.files if page else ()
    kept = {file_path(key, f.filename): f for f in files if work.expose_all or not f.listed}
    for path, file in kept.items():
        new = Target(file.sha256, file.size)
        if old.get(path) != new:
            draft.change(path, old.get(path), new, file_facts(file))
            draft.exposures.append(_exposure(path, file))
        elif work.expose_all:
            draft.exposures.append(_exposure(path, file))
    pages = {page_path(key, form) for form in ("html", "json")} if page else set()
    gone = [path for path in old if path not in kept and path not in pages]
    shown = {file_path(key, f.filename) for f in files} if gone else set()
    for path in gone:
        if path not in shown:
            before = old[path]
            draft.change(path, before, None, {"state": work.gone.get(path, "withdrawn")})


def _page(draft: _Draft, key: str, form: str, data: bytes, old: Mapping[str, Target]) -> None:
    path, new = page_path(key, form), Target(_sha256(data), len(data))
    draft.change(path, old.get(path), new, {})
    draft.pages.append((hashed(path, new.sha256), data))


def _exposure(path: str, file: PageFileLike) -> Exposure:
    return Exposure(path, file.file_id, file.vault_key, file.sha256, file.size, file.metadata_sha256)


def _bins(
    work: Work,
    base: From,
    number: Number,
    targets: Mapping[str, Target | None],
    load: Load,
    many: SignMany,
    each: Each,
) -> tuple[list[NewBin], list[tuple[str, bytes]], list[str]]:
    """The new versions of every touched or renewed bin, their files, and which of them differed from the rows."""
    touched: dict[str, dict[str, Target | None]] = {role: {} for role in (*work.renew, *work.resign)}
    for path, target in targets.items():
        touched.setdefault(base.layout.role(path), {})[path] = target
        other = base.layout.next_role(path)
        if other in work.bins or other in work.renew:  # those that are not written yet get it from the rows
            touched.setdefault(str(other), {})[path] = target

    differing: list[str] = []

    def some(roles: Sequence[str]) -> list[tuple[NewBin, tuple[str, bytes]]]:
        bodies = []
        for role in roles:
            body, differs = _body(work, base, role, load)
            bodies.append(binfile.splice(body, base.layout.prefix_of(role), touched[role]))
            if differs:
                differing.append(role)
        return _signed(roles, bodies, base, number, many)

    made = [both for share in each(some, shares(sorted(touched), TOGETHER)) for both in share]
    return [b for b, _ in made], [f for _, f in made], sorted(differing)


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
) -> list[tuple[NewBin, tuple[str, bytes]]]:
    """Bins with these bodies, and their files."""
    expiries = [binfile.expiry(role, number.now, number.lifetime) for role in roles]
    signed = [binfile.render(body, number.n, at) for body, at in zip(bodies, expiries, strict=True)]
    signatures = many(list(zip(roles, signed, strict=True)))
    made = []
    for role, body, expires, text, own in zip(roles, bodies, expiries, signed, signatures, strict=True):
        data = enclose(text, own)
        listed = binfile.count(body, base.layout.prefix_of(role))
        new = NewBin(role, base.versions.get(role, 0), _sha256(data), len(data), expires, listed)
        made.append((new, (metadata_name(role, number.n), data)))
    return made


def _changes(work: Work, base: From, number: Number, content: int, draft: _Draft) -> dict[str, Any]:
    return {
        "publication": number.n,
        "attempt": number.attempt,
        "kind": number.kind,
        "content": content,
        "at": binfile.utc(number.now),
        "previous": {"publication": base.n, "attempt": base.attempt, "sha256": base.changes},
        "journal": {"size": work.journal_size, "root": work.journal_root},
        "targets": draft.changes,
        "pages": {key: page_facts(page) for key, page in work.pages.items()},
    }


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def journal_ids(rows: tuple[Row, ...]) -> list[int]:
    """The journal rows that a publication makes visible."""
    return sorted({row.journal_id for row in rows})
