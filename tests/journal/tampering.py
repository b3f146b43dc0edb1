"""Ways to tamper with the journal of an index by somebody who has its database wholly, drawn at random from a seed.

Each begins with one change of what happened (a row changed, swapped, left out, put in, backdated, cut off at the end) or of
what the log is made of (leaves, nodes, seals, private data), and goes on to cover it up as far as the level says: nothing, the
leaf, the tree, or everything, so that the log is one of itself again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update

from bonded.db.engine import Tx
from bonded.journal.leaf import leaf_bytes, leaf_hash
from bonded.journal.record import private_hash
from bonded.journal.seal import seal
from bonded.journal.tables import journal, journal_leaf, journal_node, journal_private, journal_unsealed
from bonded.journal.tables import seal as seals
from bonded.journal.tree import completed

TABLES = ("journal", "journal_leaf", "journal_node", "seal")
LEVELS = ("nothing", "leaf", "tree", "everything")
AFAR = 10_000_000


@dataclass(frozen=True)
class Tampering:
    """What was done; `sealed` rows are those that the newest signed snapshot covers."""

    kind: str
    level: str
    detail: str


@dataclass
class Hand:
    """Somebody at work in one transaction. `sealed` is the size that was signed."""

    tx: Tx
    rng: random.Random
    sealed: int
    now: datetime
    detail: str = ""

    def any_seq(self) -> int:
        return self.rng.randrange(self.sealed)

    def row(self, seq: int) -> dict[str, Any]:
        query = select(journal).join(journal_leaf, journal_leaf.c.journal_id == journal.c.id)
        return dict(self.tx.execute(query.where(journal_leaf.c.seq == seq)).mappings().one())

    def write(self, number: int, **values: Any) -> None:
        self.tx.execute(update(journal).where(journal.c.id == number).values(**values))


def texts(conn: Connection) -> list[bytes]:
    """The rows of the log in its order, as an outsider is shown them."""
    query = select(journal_leaf.c.seq, journal).join(journal, journal.c.id == journal_leaf.c.journal_id)
    return [leaf_bytes(dict(row)) for row in conn.execute(query.order_by(journal_leaf.c.seq)).mappings()]


def tamper(tx: Tx, rng: random.Random, sealed: int, now: datetime) -> Tampering:
    """One random tampering within the first `sealed` rows."""
    for table in TABLES:
        for verb in ("update", "delete"):
            on = f" ON {table}" if tx.dialect.name == "postgresql" else ""
            tx.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{verb}{on}"))
    hand = Hand(tx, rng, sealed, now)
    kind = rng.choice(sorted(KINDS))
    levels = KINDS[kind](hand)
    level = rng.choice(levels)
    COVER[level](hand)
    return Tampering(kind, level, hand.detail)


# ---- what is done


def change_a_field(hand: Hand) -> tuple[str, ...]:
    row = hand.row(hand.any_seq())
    name = hand.rng.choice(
        [
            "action",
            "actor_kind",
            "actor_id",
            "credential_id",
            "subject_kind",
            "subject_id",
            "project_key",
            "user_id",
            "facts",
        ]
    )
    other = {"innocent": hand.rng.random()} if name == "facts" else f"another {hand.rng.random()}"
    hand.write(row["id"], **{name: other})
    hand.detail = name
    return LEVELS


def backdate(hand: Hand) -> tuple[str, ...]:
    row = hand.row(hand.any_seq())
    by = timedelta(microseconds=hand.rng.choice([1, 1_000_000, 3_600_000_000, 86_400_000_000 * 90]))
    hand.write(row["id"], at=row["at"] - by)
    hand.detail = str(by)
    return LEVELS


def swap_contents(hand: Hand) -> tuple[str, ...]:
    """What two rows say is exchanged; each keeps its number and place."""
    while True:
        one, two = (hand.row(hand.any_seq()) for _ in range(2))
        bare = [{k: v for k, v in row.items() if k != "id"} for row in (one, two)]
        if bare[0] != bare[1]:
            break
    hand.write(one["id"], **bare[1])
    hand.write(two["id"], **bare[0])
    return LEVELS


def swap_places(hand: Hand) -> tuple[str, ...]:
    one, two = hand.rng.sample(range(hand.sealed), 2)
    for old, new in ((one, AFAR), (two, one), (AFAR, two)):
        hand.tx.execute(update(journal_leaf).where(journal_leaf.c.seq == old).values(seq=new))
    return ("nothing", "tree", "everything")


def leave_a_row_out(hand: Hand) -> tuple[str, ...]:
    """The row and its leaf are gone, those after it move up."""
    seq = hand.any_seq()
    number = hand.row(seq)["id"]
    hand.tx.execute(delete(journal_leaf).where(journal_leaf.c.seq == seq))
    hand.tx.execute(delete(journal_private).where(journal_private.c.journal_id == number))
    hand.tx.execute(delete(journal).where(journal.c.id == number))
    _shift(hand, seq + 1, -1)
    return ("nothing", "tree", "everything")


def lose_a_row(hand: Hand) -> tuple[str, ...]:
    """The row is gone; its leaf is there."""
    number = hand.row(hand.any_seq())["id"]
    hand.tx.execute(delete(journal_private).where(journal_private.c.journal_id == number))
    hand.tx.execute(delete(journal).where(journal.c.id == number))
    return ("nothing",)


def lose_a_leaf(hand: Hand) -> tuple[str, ...]:
    hand.tx.execute(delete(journal_leaf).where(journal_leaf.c.seq == hand.any_seq()))
    return ("nothing",)


def put_a_row_in(hand: Hand) -> tuple[str, ...]:
    """A row that never was, in the middle of the log."""
    seq = hand.any_seq()
    made = hand.row(hand.any_seq()) | {"id": AFAR, "subject_id": f"invented {hand.rng.random()}"}
    if made["private_hash"]:
        made["private_hash"] = None
    hand.tx.execute(insert(journal).values(made))
    _shift(hand, seq, 1)
    hand.tx.execute(insert(journal_leaf).values(seq=seq, journal_id=AFAR, leaf_hash=leaf_hash(made)))
    return ("nothing", "tree", "everything")


def put_a_row_beside(hand: Hand) -> tuple[str, ...]:
    """A row that is in the journal and not in its log."""
    made = hand.row(hand.any_seq()) | {"id": AFAR, "private_hash": None}
    hand.tx.execute(insert(journal).values(made))
    return ("nothing",)


def cut_the_end_off(hand: Hand) -> tuple[str, ...]:
    """The newest rows, signed ones among them, never were."""
    first = hand.rng.randrange(hand.sealed)
    ids = list(hand.tx.execute(select(journal_leaf.c.journal_id).where(journal_leaf.c.seq >= first)).scalars())
    hand.tx.execute(delete(journal_leaf).where(journal_leaf.c.seq >= first))
    hand.tx.execute(delete(journal_unsealed))
    newer = journal.c.id.in_(ids)
    hand.tx.execute(delete(journal_private).where(journal_private.c.journal_id.in_(ids)))
    hand.tx.execute(delete(journal).where(newer))
    loose = select(journal_leaf.c.journal_id)
    hand.tx.execute(delete(journal_private).where(journal_private.c.journal_id.not_in(loose)))
    hand.tx.execute(delete(journal).where(journal.c.id.not_in(loose)))
    hand.detail = f"{len(ids)} rows"
    return ("nothing", "tree", "everything")


def change_an_address(hand: Hand) -> tuple[str, ...]:
    """Private data, hashed into the row: with its hash computed anew from the level of the leaf on."""
    kept = list(hand.tx.execute(select(journal_private).order_by(journal_private.c.journal_id)).all())
    row = hand.rng.choice(kept)
    data = {"ip": f"203.0.113.{hand.rng.randrange(256)}", "agent": str(hand.rng.random())}
    mine = journal_private.c.journal_id == row.journal_id
    hand.tx.execute(update(journal_private).where(mine).values(data=data))
    if hand.rng.random() < 0.5:
        return ("nothing",)
    hand.write(row.journal_id, private_hash=private_hash(bytes(row.salt), data))
    hand.detail = "with its hash"
    return LEVELS


def swap_addresses(hand: Hand) -> tuple[str, ...]:
    """One person's address stands beside another's act."""
    one, two = hand.rng.sample(list(hand.tx.execute(select(journal_private)).all()), 2)
    for mine, other in ((one, two), (two, one)):
        where = journal_private.c.journal_id == mine.journal_id
        hand.tx.execute(update(journal_private).where(where).values(salt=other.salt, data=other.data))
    return ("nothing",)


def change_a_salt(hand: Hand) -> tuple[str, ...]:
    row = hand.rng.choice(list(hand.tx.execute(select(journal_private)).all()))
    mine = journal_private.c.journal_id == row.journal_id
    hand.tx.execute(update(journal_private).where(mine).values(salt=hand.rng.randbytes(16)))
    return ("nothing",)


def unbind_an_address(hand: Hand) -> tuple[str, ...]:
    """The row is made to say that nothing private is bound to it."""
    row = hand.rng.choice(list(hand.tx.execute(select(journal_private)).all()))
    hand.write(row.journal_id, private_hash=None)
    return LEVELS


def change_a_leaf(hand: Hand) -> tuple[str, ...]:
    where = journal_leaf.c.seq == hand.any_seq()
    hand.tx.execute(update(journal_leaf).where(where).values(leaf_hash=hand.rng.randbytes(32)))
    return ("nothing",)


def change_a_node(hand: Hand) -> tuple[str, ...]:
    node = hand.rng.choice(list(hand.tx.execute(select(journal_node)).all()))
    where = (journal_node.c.level == node.level) & (journal_node.c.position == node.position)
    act = hand.rng.choice(["change", "delete", "add"])
    hand.detail = act
    if act == "change":
        hand.tx.execute(update(journal_node).where(where).values(hash=hand.rng.randbytes(32)))
    elif act == "delete":
        hand.tx.execute(delete(journal_node).where(where))
    else:
        hand.tx.execute(insert(journal_node).values(level=node.level, position=AFAR, hash=hand.rng.randbytes(32)))
    return ("nothing",)


def change_a_seal(hand: Hand) -> tuple[str, ...]:
    row = hand.rng.choice(list(hand.tx.execute(select(seals)).all()))
    mine = seals.c.id == row.id
    hand.detail = name = hand.rng.choice(["root", "size", "first", "last", "previous", "delete"])
    if name == "delete":
        hand.tx.execute(delete(seals).where(mine))
    else:
        value: Any = hand.rng.randbytes(32) if name == "root" else (getattr(row, name) or 0) + hand.rng.randrange(1, 9)
        hand.tx.execute(update(seals).where(mine).values({name: value}))
    return ("nothing",)


def mark_a_sealed_row(hand: Hand) -> tuple[str, ...]:
    hand.tx.execute(insert(journal_unsealed).values(id=hand.row(hand.any_seq())["id"]))
    return ("nothing",)


def forge_a_recovery(hand: Hand) -> tuple[str, ...]:
    """A row is changed, and another one claims that a recovery lost what snapshots signed."""
    change_a_field(hand)
    made = hand.row(hand.any_seq()) | {"id": AFAR, "private_hash": None, "action": "publication.recover"}
    made |= {"facts": {"before": 2**60, "kept": 0}}
    hand.tx.execute(insert(journal).values(made))
    hand.tx.execute(insert(journal_unsealed).values(id=AFAR))
    return ("everything",)


KINDS: dict[str, Callable[[Hand], tuple[str, ...]]] = {
    act.__name__: act
    for act in (
        change_a_field,
        backdate,
        swap_contents,
        swap_places,
        leave_a_row_out,
        lose_a_row,
        lose_a_leaf,
        put_a_row_in,
        put_a_row_beside,
        cut_the_end_off,
        change_an_address,
        swap_addresses,
        change_a_salt,
        unbind_an_address,
        change_a_leaf,
        change_a_node,
        change_a_seal,
        mark_a_sealed_row,
        forge_a_recovery,
    )
}


def _shift(hand: Hand, first: int, by: int) -> None:
    """Move the leaves from `first` on by one place, each over a place that is free."""
    later = journal_leaf.c.seq >= first
    hand.tx.execute(update(journal_leaf).where(later).values(seq=journal_leaf.c.seq + AFAR))
    moved = journal_leaf.c.seq >= AFAR
    hand.tx.execute(update(journal_leaf).where(moved).values(seq=journal_leaf.c.seq - AFAR + by))


# ---- how far it is covered up


def leaf_anew(hand: Hand) -> None:
    """Every leaf is again the hash of its row."""
    query = select(journal_leaf.c.seq, journal_leaf.c.leaf_hash, journal)
    joined = query.join(journal, journal.c.id == journal_leaf.c.journal_id)
    for row in [dict(row) for row in hand.tx.execute(joined).mappings()]:
        value = leaf_hash(row)
        if value != bytes(row["leaf_hash"]):
            where = journal_leaf.c.seq == row["seq"]
            hand.tx.execute(update(journal_leaf).where(where).values(leaf_hash=value))


def tree_anew(hand: Hand) -> None:
    """The nodes too; the seals are as they were."""
    leaf_anew(hand)
    hand.tx.execute(delete(journal_node))
    made: dict[tuple[int, int], bytes] = {}
    for row in hand.tx.execute(select(journal_leaf).order_by(journal_leaf.c.seq)).all():
        made[0, row.seq] = bytes(row.leaf_hash)
        for level, position, value in completed(row.seq, made[0, row.seq], lambda lv, pos: made[lv, pos]):
            made[level, position] = value
    nodes = [{"level": lv, "position": pos, "hash": value} for (lv, pos), value in made.items() if lv]
    if nodes:
        hand.tx.execute(insert(journal_node), nodes)


def everything_anew(hand: Hand) -> None:
    """Leaves, nodes and seals, as if it had always been so: one seal for each that was there, as far as rows go."""
    order = list(hand.tx.execute(select(journal_leaf.c.journal_id).order_by(journal_leaf.c.seq)).scalars())
    old = [(row.size, row.at) for row in hand.tx.execute(select(seals.c.size, seals.c.at).order_by(seals.c.id)).all()]
    waiting = list(hand.tx.execute(select(journal_unsealed.c.id)).scalars())
    for table in (seals, journal_node, journal_leaf, journal_unsealed):
        hand.tx.execute(delete(table))
    done = 0
    for size, at in [*old, (len(order), hand.now)]:
        part = order[done : min(size, len(order))]
        if part:
            _seal_in_order(hand, part, at)
            done += len(part)
    if waiting:
        hand.tx.execute(insert(journal_unsealed), [{"id": number} for number in waiting])


def _seal_in_order(hand: Hand, ids: list[int], at: datetime) -> None:
    """The sealer goes by number; the order of this log may be another, so one row is sealed after the other."""
    first = hand.tx.execute(select(func.count()).select_from(journal_leaf)).scalar_one()
    for number in ids:
        hand.tx.execute(insert(journal_unsealed).values(id=number))
        seal(hand.tx, now=at)
    hand.tx.execute(delete(seals).where(seals.c.first >= first, seals.c.size < first + len(ids)))
    newest = hand.tx.execute(select(func.max(seals.c.id))).scalar_one()
    previous = hand.tx.execute(select(func.max(seals.c.id)).where(seals.c.id < newest)).scalar_one()
    hand.tx.execute(update(seals).where(seals.c.id == newest).values(first=first, previous=previous))


COVER: dict[str, Callable[[Hand], None]] = {
    "nothing": lambda hand: None,
    "leaf": leaf_anew,
    "tree": tree_anew,
    "everything": everything_anew,
}
