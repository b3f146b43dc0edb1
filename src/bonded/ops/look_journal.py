"""fsck looks at the journal: every row, leaf, node and seal again, and against the roots that signed snapshots carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, select

from bonded.journal.tables import journal
from bonded.journal.verify import verify
from bonded.ops.disagreements import Disagreement, define
from bonded.ops.ground import Ground
from bonded.seams import NotStored, Storage
from bonded.tuf.threads import ahead

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


BACKDATED = define(
    "journal-backdated",
    "A row of the journal says that it was written more than a day before it was put in.",
    "A clock was set back, or somebody put the row in by hand: look at what it says, and who could write to the database.",
)
RESTARTED = define(
    "journal-restarted",
    "The journal lost its end with a database, and went on after a recovery: what snapshots signed of the lost rows cannot be checked.",
    "Nothing more can be done. Auditors who kept a later root will notice, and should be told when it was.",
)


@dataclass(frozen=True, slots=True)
class Loss:
    """A recovery: of what publications up to `before` signed, the log has the first `kept` rows only."""

    before: int
    kept: int
    journal_id: int


def look(ground: Ground) -> Iterator[Disagreement]:
    """Everything that `journal.verify` finds, against the roots in all snapshots that the store still has."""
    with ground.db.read() as conn:
        told = list(losses(conn))
        known: dict[int, bytes] = {}
        lost: dict[Loss, int] = {}
        for n, size, root in _signed_roots(ground.public):
            loss = next((loss for loss in told if n <= loss.before and size > loss.kept), None)
            if loss is None:
                known[size] = root
            else:
                lost[loss] = max(size, lost.get(loss, 0))
        for loss, size in lost.items():
            sentence = f"{size} rows were signed until publication {loss.before}, the log kept {loss.kept} of them"
            yield Disagreement(RESTARTED, f"row {loss.journal_id}", sentence, warning=True)
        for found in verify(conn, known.items()):
            subject = f"row {found.journal_id}" if found.journal_id else "log"
            kind = BACKDATED if found.kind == "backdated" else KINDS[found.kind]
            yield Disagreement(kind, subject, found.sentence, warning=kind is BACKDATED)


def losses(conn: Connection) -> Iterator[Loss]:
    """What recoveries wrote into the journal of the rows that they found gone."""
    query = (
        select(journal.c.id, journal.c.facts).where(journal.c.action == "publication.recover").order_by(journal.c.id)
    )
    for journal_id, facts in conn.execute(query):
        if isinstance(facts.get("before"), int) and isinstance(facts.get("kept"), int):
            yield Loss(facts["before"], facts["kept"], journal_id)


def _signed_roots(public: Storage) -> Iterator[tuple[int, int, bytes]]:
    """(publication, size, root) from the extra field of each snapshot: the live one, those in their grace, one of each day."""

    def promised(name: str) -> tuple[int, int, bytes] | None:
        try:
            extra = orjson.loads(public.get(name).data)["signed"]["x-bonded"]
            return int(extra["publication"]), int(extra["journal_size"]), bytes.fromhex(extra["journal_root"])
        except (NotStored, ValueError, KeyError, TypeError):
            return None  # a damaged snapshot is told by the look at metadata; without the field it promised nothing

    names = (entry.name for entry in public.entries("metadata/") if entry.name.endswith(".snapshot.json"))
    for found in ahead(promised, names, public.at_once):
        if found is not None and found[1]:
            yield found
