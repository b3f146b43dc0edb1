"""fsck looks at the journal: every row, leaf, node and seal again, and against the roots that signed snapshots carry."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from bonded.journal.verify import verify
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.seams import Storage

CURE = "Nothing in the journal is ever changed by Bonded: find out who wrote to the database; compare with a backup."
KINDS = {
    kind: define(f"journal-{kind}", meaning, CURE)
    for kind, meaning in {
        "gap": "A leaf of the journal's log is missing.",
        "lost": "A row that was sealed into the log is gone from the journal.",
        "changed": "A row of the journal is not what was sealed.",
        "node": "An inner node of the log is wrong: proofs would not verify.",
        "root": "A sealed root is not the root of the rows it covers.",
        "known-root": "A root that was published in a signed snapshot is not the log's: the log was rewritten.",
        "short": "A seal or signed snapshot covers more rows than the log has: rows were lost.",
        "seal": "The seals do not follow each other.",
        "loose": "A row of the journal is neither in the log nor waiting for it.",
        "private": "Private data kept beside a row are not what the row is bound to.",
    }.items()
}


def look(ground: Ground) -> Iterator[Disagreement]:
    """Everything that `journal.verify` finds, against the roots in all snapshots that the store still has."""
    known = dict(_signed_roots(ground.public))
    with ground.db.read() as conn:
        for found in verify(conn, known.items()):
            subject = f"row {found.journal_id}" if found.journal_id else "log"
            yield Disagreement(KINDS[found.kind], subject, found.sentence)


def _signed_roots(public: Storage) -> Iterator[tuple[int, bytes]]:
    """(size, root) from the extra field of each snapshot: the live one, those in their grace, one of each day."""
    for entry in public.entries("metadata/"):
        if not entry.name.endswith(".snapshot.json"):
            continue
        try:
            extra = orjson.loads(public.get(entry.name).data)["signed"]["x-bonded"]
            size, root = int(extra["journal_size"]), bytes.fromhex(extra["journal_root"])
        except (ValueError, KeyError, TypeError):
            continue  # a damaged snapshot is told by the look at metadata; without the field it promised nothing
        if size:
            yield size, root
