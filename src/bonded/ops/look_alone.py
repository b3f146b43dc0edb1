"""fsck without a database: what the public store says of itself, from the trusted root down to the bytes of every target."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bonded.ops.chain import Document
from bonded.ops.disagreements import Disagreement
from bonded.ops.ground import Ground
from bonded.ops.look_metadata import look_above_bins, look_at_bins
from bonded.ops.look_store import of_targets


def look(ground: Ground) -> Iterator[Disagreement]:
    """Every role, every bin, and every object that a bin lists. Reads the whole store; holds one bin at a time."""
    chain = yield from look_above_bins(ground)
    if chain is not None:
        yield from look_at_bins(ground, chain, partial(_objects, ground))


def _objects(ground: Ground, document: Document) -> Iterator[Disagreement]:
    listed = sorted(document.signed["targets"].items())
    return of_targets(ground.public, [(path, str(t["hashes"]["sha256"]), int(t["length"])) for path, t in listed])
