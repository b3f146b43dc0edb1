"""fsck looks at every root in the store: the chain that clients walk, whichever version they begin from."""

from __future__ import annotations

from collections.abc import Iterator

from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.tuf.put_back import damaged_roots

MISSING = define(
    "root-missing",
    "A root that clients have to pass is not in the store: those that hold an older one cannot go on.",
    "Run `bonded tuf put-back`. Where this host has no copy, copy it from a backup or a mirror.",
)
DAMAGED = define(
    "root-damaged",
    "A root in the store is not the one that was signed: clients that hold an older one cannot go on, and a publisher that starts "
    "publishes nothing.",
    "Find out who can write to the store; then run `bonded tuf put-back`. Where this host has no copy, copy it from a backup or a "
    "mirror, or delete it if the index never had a root of that version. Then purge caches.",
)


def look(ground: Ground) -> Iterator[Disagreement]:
    """From the root that users are given, forwards and backwards."""
    for one in damaged_roots(ground.public, ground.root, ground.kept):
        where = f"; {one.copy.where} has the one that was signed" if one.copy else "; this host has no copy"
        yield Disagreement(one.problem.code, one.problem.name, one.problem.why + where)
