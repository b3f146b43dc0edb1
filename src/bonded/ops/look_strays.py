"""fsck looks for objects that nobody stands for: names of the future, and what no publication and no sweep knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import Connection, select

from bonded.ops.chain import Broken, Chain, read_chain
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.fsck_pages import AT_ONCE
from bonded.ops.ground import Ground
from bonded.tuf.recover_strays import stray_pages
from bonded.tuf.settle import chunks
from bonded.tuf.tables import publication, superseded

FUTURE = define(
    "name-of-the-future",
    "An object has a version that nobody has published yet: its number is burned, or clients stop at it.",
    "Only somebody who can write to the store puts it there. Find out who; then delete it and purge caches.",
)
STRAY = define(
    "object-stray",
    "No publication and no sweep knows an object of the public store.",
    "Look at it: it is left over from a restore, or somebody else wrote it. It may be deleted.",
)
_NAME = re.compile(r"(?:metadata/(\d+)\.([^/]+)|publications/(\d+))\.json(?:\.gz|\.zst)?")
_PACK = re.compile(r"publications/\d{4}-\d{2}-\d{2}\.jsonl\.zst")
_KEPT = ("root", "targets", "pages", "bins", "snapshot")
"""Roles of which older versions stay: offline ones, and one snapshot of each day."""


def look(ground: Ground) -> Iterator[Disagreement]:
    """Metadata and records by their numbers, then pages."""
    try:
        chain = read_chain(ground.public, ground.root)
    except Broken:
        return  # told by the look at metadata
    versions = {**chain.versions(), "root": chain.root.version}
    with ground.db.read() as conn:
        settled = _ours(conn, chain.timestamp.version)  # else older bins wait for the publisher's next claim
    for prefix in ("metadata/", "publications/"):
        for names in chunks((entry.name for entry in ground.public.entries(prefix)), AT_ONCE):
            with ground.db.read() as conn:
                found = list(_numbered(conn, names, chain, versions))
            yield from (one for one in found if settled or not one.warning)
    for names in chunks((entry.name for entry in ground.public.entries("simple/")), AT_ONCE):
        with ground.db.read() as conn:
            stray = list(stray_pages(conn, names))
            held = _opened(conn)
        for name in stray:
            if _original(name) not in held and name not in ("simple/index.html", "simple/index.json"):
                yield Disagreement(STRAY, name, "no page is live or was live under this name", warning=True)


def _numbered(conn: Connection, names: list[str], chain: Chain, versions: dict[str, int]) -> Iterator[Disagreement]:
    live = chain.timestamp.version
    waits = set(conn.execute(select(superseded.c.name).where(superseded.c.name.in_(map(_original, names)))).scalars())
    for name in names:
        found = _NAME.fullmatch(name)
        if found is None:
            if (
                name != "metadata/timestamp.json"
                and not _PACK.fullmatch(name)
                and not name.startswith("metadata/times")
            ):
                yield Disagreement(STRAY, name, "nothing of ours has such a name", warning=True)
            continue
        version, role = int(found[1] or found[3]), found[2] or ""
        newest = versions.get(role, live) if role in _KEPT[:4] else live
        if version > newest:
            if not _ours(conn, version):
                yield Disagreement(FUTURE, name, f"version {newest} is live")
        elif role and role not in _KEPT and versions.get(role) != version and _original(name) not in waits:
            yield Disagreement(
                STRAY, name, f"version {versions.get(role, 'none')} is live, and no sweep knows it", True
            )


def _ours(conn: Connection, n: int) -> bool:
    """Whether this database gave the number to a publication that was not finished, or is on its way."""
    return n < 2**63 and conn.execute(select(publication.c.n).where(publication.c.n == n)).first() is not None


def _opened(conn: Connection) -> set[str]:
    """Page objects of publications that are on their way."""
    rows = conn.execute(select(publication.c.pages).where(publication.c.state == "open")).scalars()
    return {name for pages in rows for name in pages}


def _original(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".zst")
