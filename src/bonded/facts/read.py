"""`read()`: an archive in, facts out. One unpack, under budgets that count; nothing of the package is run or imported."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from bonded.facts.archive import Budget
from bonded.facts.archive_repeats import Repeats
from bonded.facts.collect import SCREENING, collect
from bonded.facts.kept import Known, Left
from bonded.facts.marks import Marks
from bonded.facts.model import Facts
from bonded.facts.naming import naming_of
from bonded.facts.package import Package
from bonded.facts.scripts import scripts_of
from bonded.facts.spend import Spend


def read(
    stream: BinaryIO,
    filename: str,
    budget: Budget = SCREENING,
    *,
    known: Known | None = None,
    left: Left | None = None,
) -> Facts:
    """Facts of the archive in `stream` (seekable, at its start), named `filename`. Same bytes and name: same facts.

    `known` is what was kept of archives that may hold the same members: the facts are the same with it, only sooner. What
    this one leaves for others is put in `left`. Raises nothing for what is in the archive; OSError when the stream fails.
    """
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    stream.seek(0)
    repeats = Repeats(known.unpacked() if known is not None else None, left.unpacked if left is not None else None)
    found = collect(stream, filename, budget, repeats)
    marks = Marks(found.sources, found.hashes, known)
    package = Package(found, Spend(), marks, known, left)
    modules = package.modules()
    naming = naming_of(found, marks)
    if left is not None:
        left.marks = marks.used
    return Facts(
        filename=filename,
        sha256=digest.hexdigest(),
        kind=found.kind,
        name=_first(found.metadata, "name"),
        version=_first(found.metadata, "version"),
        metadata=found.metadata,
        members=tuple(sorted(found.members, key=lambda member: member.path)),
        modules=modules,
        troubles=tuple(found.troubles),
        unread=tuple(dict.fromkeys([*found.unread, *package.unread])),
        naming=naming,
        scripts=scripts_of(found.scripts, found.kind, found.backend, modules, found.data),
    )


def _first(metadata: dict[str, list[str]], key: str) -> str:
    return metadata.get(key, [""])[0]
