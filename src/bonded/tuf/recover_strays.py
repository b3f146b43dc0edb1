"""Objects that an intruder put into the store, or that belong to publications which nobody believes any more.

They are deleted at once: no client of the publication that is live now asks for them, and whoever still reads what the
intruder signed shall get 404 rather than more of it. Caches are purged of everything (recover_caches).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

import structlog
from sqlalchemy import Connection, select

from bonded.seams import Storage
from bonded.tuf.base import read_base
from bonded.tuf.context import Publisher
from bonded.tuf.packs import PREFIX
from bonded.tuf.recover_offline import Standing
from bonded.tuf.roles import hash32
from bonded.tuf.settle import chunks, supersede
from bonded.tuf.tables import page, publication, superseded, target

_METADATA = re.compile(r"metadata/(\d+)\.([^/]+)\.json(?:\.gz|\.zst)?")
_RECORD = re.compile(r"publications/(\d+)\.json(?:\.gz|\.zst)?")
_HASHED = re.compile(r"((?:simple/)(?:[^/]+/)?)([0-9a-f]{64})\.([^/]+?)(?:\.gz|\.zst)?")
_PLAIN = re.compile(r"(?:simple|pypi)/([^/]+)/.+")
AT_ONCE = 500
OFFLINE = ("root", "targets", "pages", "bins")

log = structlog.get_logger("bonded.recover")


def remove_strays(p: Publisher, standing: Standing, good: int, n: int) -> list[str]:
    """Delete what does not belong to publication `good`, nor to `n`, nor to one that this database made; returns names.

    Call with the lock held, after the flip. If we stop anywhere, doing it again deletes the rest.
    """
    gone: list[str] = []
    for names in chunks(_listed(p.public), AT_ONCE):
        with p.db.read() as conn:
            stray = [*_versioned(conn, names, standing, good, n), *stray_pages(conn, names)]
        for name in stray:
            log.warning("an object that nobody stands for is deleted", name=name)
            p.public.delete(name)
        gone += stray
    p.public.barrier()
    return gone


def retire(p: Publisher, now: datetime) -> int:
    """Have the sweep take what something newer took the place of, where a lost database knew it; returns how many.

    Call with the lock held, after the flip. The sweep looks again whether each is needed.
    """
    base = read_base(p.public)
    versions = {**base.versions, "snapshot": base.n}
    count = 0
    for names in chunks(_listed(p.public), AT_ONCE):
        with p.db.read() as conn:
            old = {_original(name) for name in stray_pages(conn, names) if _HASHED.fullmatch(name)}
        for name in names:
            found = _METADATA.fullmatch(name)
            if found and found[2] not in OFFLINE and versions.get(found[2]) != int(found[1]):
                old.add(_original(name))
        with p.db.write() as tx:
            supersede(tx, sorted(old), now)
        count += len(old)
    return count


def _listed(public: Storage) -> Iterator[str]:
    for prefix in ("metadata/", PREFIX, "simple/", "pypi/"):
        for entry in list(public.entries(prefix)):
            yield entry.name


def _versioned(conn: Connection, names: list[str], standing: Standing, good: int, n: int) -> Iterator[str]:
    """Metadata and records of publications after `good` that are neither ours nor `n`'s."""
    later: dict[str, int] = {}
    for name in names:
        if found := _METADATA.fullmatch(name):
            version, role = int(found[1]), found[2]
            if role in standing.versions:
                if version > standing.versions[role]:
                    yield name
            elif version > good:
                later[name] = version
        elif (found := _RECORD.fullmatch(name)) and int(found[1]) > good:
            later[name] = int(found[1])
    asked = {version for version in later.values() if version < 2**63}
    query = select(publication.c.n).where(publication.c.n.in_(asked), publication.c.kind != "adopted")
    ours = {n, *conn.execute(query).scalars()}
    yield from (name for name, version in later.items() if version not in ours)


def stray_pages(conn: Connection, names: list[str]) -> Iterator[str]:
    """Hash-named pages that are no target and wait for no sweep; plain copies of projects that have no page."""
    hashed = {name: found for name in names if (found := _HASHED.fullmatch(name))}
    paths = {found[1] + found[3]: "" for found in hashed.values()}
    live = _live(conn, paths)
    waits = _superseded(conn, (_original(name) for name in hashed))
    for name, found in hashed.items():
        if (found[1] + found[3], found[2]) not in live and _original(name) not in waits:
            yield name
    plain = {name: found[1] for name in names if name not in hashed and (found := _PLAIN.fullmatch(name))}
    query = select(page.c.project_key).where(page.c.project_key.in_(set(plain.values())), page.c.html_sha256 != "")
    shown = set(conn.execute(query).scalars())
    yield from (name for name, key in plain.items() if key not in shown)


def _live(conn: Connection, paths: Iterable[str]) -> set[tuple[str, str]]:
    wanted = set(paths)
    query = select(target.c.path, target.c.sha256).where(target.c.hash32.in_([hash32(path) for path in wanted]))
    return {(path, sha256) for path, sha256 in conn.execute(query).all() if path in wanted}


def _superseded(conn: Connection, names: Iterable[str]) -> set[str]:
    return set(conn.execute(select(superseded.c.name).where(superseded.c.name.in_(set(names)))).scalars())


def _original(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".zst")
