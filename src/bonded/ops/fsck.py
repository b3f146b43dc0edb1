"""`bonded fsck`: database, vault, public store, journal and metadata agree, seen also through a client's eyes.

Reads only. On a running index a publication may pass between two reads; so what looks wrong is looked at again after a
pause, and told only when it is wrong both times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from bonded.ops import (
    look_alone,
    look_client,
    look_database,
    look_journal,
    look_metadata,
    look_record,
    look_rights,
    look_roots,
    look_store,
    look_strays,
    look_targets,
    look_vault,
)
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground, Look

LOOKS: dict[str, Look] = {
    "database": look_database.look,
    "vault": look_vault.look,
    "journal": look_journal.look,
    "roots": look_roots.look,
    "metadata": look_metadata.look,
    "targets": look_targets.look,
    "record": look_record.look,
    "store": look_store.look,
    "strays": look_strays.look,
    "client": look_client.look,
    "rights": look_rights.look,
}
"""In the order in which a cause is told before what follows from it."""
ALONE: dict[str, Look] = {
    "roots": look_roots.look,
    "store": look_alone.look,
    "record": look_record.look,
    "client": look_client.look_alone,
}
"""Those that need the public store and nothing else."""


MOST = 10_000
"""Disagreements of one look that are told: who has more of them needs a backup, not a longer list."""
TOO_MANY = define(
    "too-many",
    "One part of the check found so many disagreements that it stopped.",
    "Look at the first of them: they mostly have one cause.",
)


def fsck(
    ground: Callable[[], Ground],
    *,
    pause: Callable[[], None],
    began: Callable[[str], None] = lambda _: None,
    looks: Mapping[str, Look] = MappingProxyType(LOOKS),
) -> Iterator[Disagreement]:
    """All disagreements, look by look. `ground` gives the ground as of now, `pause` waits before a second look.

    `began` is called with the name of each look (for progress).
    """
    for name, look in looks.items():
        began(name)
        first = list(_most(name, look(ground())))
        if not first:
            continue
        pause()
        again = {(d.code, d.subject) for d in _most(name, look(ground()))}
        yield from (d for d in first if (d.code, d.subject) in again)
        if name == "database" and any(d.code.startswith("schema-") for d in first):
            return  # nothing else can be asked of a database with another schema


def _most(name: str, found: Iterator[Disagreement]) -> Iterator[Disagreement]:
    for number, one in enumerate(found):
        if number == MOST:
            yield Disagreement(TOO_MANY, name, f"more than {MOST} disagreements")
            return
        yield one
