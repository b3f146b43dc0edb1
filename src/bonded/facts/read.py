"""`read()`: an archive in, facts out. One unpack, under budgets that count; nothing of the package is run or imported."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from bonded.facts.archive import Budget
from bonded.facts.collect import SCREENING, collect
from bonded.facts.model import Facts
from bonded.facts.naming import naming_of
from bonded.facts.package import Package
from bonded.facts.scripts import scripts_of
from bonded.facts.spend import Spend


def read(stream: BinaryIO, filename: str, budget: Budget = SCREENING) -> Facts:
    """Facts of the archive in `stream` (seekable, at its start), named `filename`. Same bytes and name: same facts.

    Raises nothing for what is in the archive; OSError when the stream fails.
    """
    digest = hashlib.sha256()
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    stream.seek(0)
    found = collect(stream, filename, budget)
    package = Package(found, Spend())
    modules = package.modules()
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
        naming=naming_of(found),
        scripts=scripts_of(found.scripts, found.kind),
    )


def _first(metadata: dict[str, list[str]], key: str) -> str:
    return metadata.get(key, [""])[0]
