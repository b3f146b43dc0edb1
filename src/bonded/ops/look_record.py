"""fsck looks at the public record: every publication back to the first, and what they add up to."""

from __future__ import annotations

from collections.abc import Iterator

from bonded.ops.chain import Broken, read_chain
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.seams import NotStored
from bonded.tuf.compare import compare
from bonded.tuf.trust import Untrusted

BROKEN = define(
    "record-broken",
    "The public record of publications does not lead back to the first: mirrors and a recovery cannot follow it.",
    "Copy the missing publications/N.json, or the pack of its day, back from a backup or a mirror.",
)
DIFFERS = define(
    "record-differs",
    "The live bins list what no publication announced, or lack what one did.",
    "Treat it as a compromise until it is explained: see the runbook, and `bonded tuf compare`.",
)


def look(ground: Ground) -> Iterator[Disagreement]:
    """Follow the record and fold it; the live bins must list exactly that."""
    try:
        read_chain(ground.public, ground.root)
        found = compare(ground.public).difference
    except (Untrusted, NotStored) as error:
        yield Disagreement(BROKEN, "publications", str(error))
        return
    except Broken:
        return  # told by the look at metadata
    for path in found.added:
        yield Disagreement(DIFFERS, path, "a bin lists it, and no publication says so")
    for path in found.removed:
        yield Disagreement(DIFFERS, path, "a publication added it, and no bin lists it")
    for path, (before, after) in found.changed.items():
        yield Disagreement(DIFFERS, path, f"the record says {before.sha256}, the bin {after.sha256}")
