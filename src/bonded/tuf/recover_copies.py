"""Compressed copies that do not hold what they are copies of: no signature covers their bytes, and no digest is in their names.

Servers hand them out in place of their originals, so one that an intruder wrote makes clients stop at an object that is whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import structlog

from bonded.seams import NotStored, Storage
from bonded.tuf.packing import holds

PLACES = ("metadata/", "publications/", "simple/", "pypi/", "packages/")
ENDS = (".gz", ".zst")
# Distribution files are stored as they are; of what lies beside them, only the metadata have copies.
BESIDE = (".metadata.gz", ".metadata.zst")

log = structlog.get_logger("bonded.recover")


def remove_wrong_copies(public: Storage) -> list[str]:
    """Delete every copy that does not unpack to its original, or has none; returns their names. Copies are derived: the
    next publication of an object makes them again, and the original is handed out until then."""
    gone = []
    for name in _copies(public):
        if not _right(public, name):
            log.warning("a compressed copy of something else is deleted", name=name)
            public.delete(name)
            gone.append(name)
    public.barrier()
    return gone


def _copies(public: Storage) -> Iterator[str]:
    for prefix in PLACES:
        ends = BESIDE if prefix == "packages/" else ENDS
        yield from [entry.name for entry in public.entries(prefix) if entry.name.endswith(ends)]


def _right(public: Storage, name: str) -> bool:
    original, _, end = name.rpartition(".")
    if original.endswith(".jsonl"):
        return True  # packs of a day are stored compressed only, and clients know their digests
    try:
        return holds(public.read(name), end, public.read(original))
    except NotStored:
        return False
