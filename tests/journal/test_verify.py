"""Tampering with the journal is found: each kind of it, and also by somebody who recomputed the log afterwards."""

from __future__ import annotations

from datetime import datetime
from itertools import product

import pytest
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from bonded.db.engine import Database, Tx
from bonded.journal import record, seal, verify
from bonded.journal.tables import journal, journal_leaf, journal_node, journal_private, journal_unsealed
from bonded.journal.tables import seal as seals
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind

ALICE = Actor(ActorKind.USER, "alice", "session", "192.0.2.1", "Browser")


def fill(db: Database, now: datetime, rounds: tuple[int, ...] = (5, 6, 1)) -> list[int]:
    ids = []
    for count in rounds:
        with db.write() as tx:
            ids += [record(tx, "user.login", ALICE, (SubjectKind.USER, f"u{n}"), now=now) for n in range(count)]
            seal.seal(tx, now=now)
    return ids


def kinds(db: Database, known: tuple[tuple[int, bytes], ...] = ()) -> set[str]:
    with db.read() as conn:
        return {d.kind for d in verify.verify(conn, known)}


def unlock(tx: Tx) -> None:
    """What somebody with the rights of a superuser can do."""
    for table, verb in product(("journal", "journal_leaf", "journal_node", "seal"), ("update", "delete")):
        name = f"{table}_no_{verb}"
        tx.execute(text(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if tx.dialect.name == "postgresql" else "")))
    if tx.dialect.name == "postgresql":
        tx.execute(text("SET LOCAL session_replication_role = replica"))


def test_a_whole_log_has_no_disagreements(db: Database, now: datetime) -> None:
    assert kinds(db) == set()
    fill(db, now)
    with db.read() as conn:
        size, root = seal.current(conn)
    assert kinds(db, ((size, root),)) == set()
    with db.write() as tx:
        record(tx, "user.login", ALICE, (SubjectKind.USER, "u"), now=now)
    assert kinds(db) == set()


def test_a_log_longer_than_a_page(sqlite_db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "BATCH", 7)
    fill(sqlite_db, now, (30, 9))
    assert kinds(sqlite_db) == set()
    with sqlite_db.write() as tx:
        unlock(tx)
        tx.execute(delete(journal_node).where(journal_node.c.level == 3, journal_node.c.position == 1))
    assert kinds(sqlite_db) == {"node"}


def test_the_database_itself_refuses_to_change_rows(db: Database, now: datetime) -> None:
    fill(db, now)
    statements = [update(journal).values(action="user.logout"), delete(journal)]
    statements += [update(journal_leaf).values(leaf_hash=b""), delete(journal_leaf)]
    statements += [
        update(journal_node).values(hash=b""),
        delete(journal_node),
        update(seals).values(size=1),
        delete(seals),
    ]
    statements += [text("TRUNCATE journal CASCADE")] if db.dialect == "postgresql" else []
    for statement in statements:
        with pytest.raises(DBAPIError, match="insert-only"), db.write() as tx:
            tx.execute(statement)


def test_private_data_can_be_deleted_without_a_trace_in_the_log(sqlite_db: Database, now: datetime) -> None:
    fill(sqlite_db, now)
    with sqlite_db.write() as tx:
        tx.execute(delete(journal_private))
    assert kinds(sqlite_db) == set()


def change_a_row(tx: Tx, ids: list[int]) -> None:
    unlock(tx)
    tx.execute(update(journal).where(journal.c.id == ids[3]).values(facts={"innocent": True}))


def delete_a_row(tx: Tx, ids: list[int]) -> None:
    unlock(tx)
    if tx.dialect.name == "sqlite":
        tx.execute(text("PRAGMA defer_foreign_keys=ON"))
        tx.execute(delete(journal_leaf).where(journal_leaf.c.journal_id == ids[3]))
    tx.execute(delete(journal).where(journal.c.id == ids[3]))


def delete_the_newest(tx: Tx, ids: list[int]) -> None:
    tx.execute(delete(journal_leaf).where(journal_leaf.c.journal_id == ids[-1]))
    unlock(tx)
    tx.execute(delete(journal_private).where(journal_private.c.journal_id == ids[-1]))
    tx.execute(delete(journal).where(journal.c.id == ids[-1]))


def reorder_two_rows(tx: Tx, ids: list[int]) -> None:
    at = select(journal_leaf.c.seq).where(journal_leaf.c.journal_id == ids[2]).scalar_subquery()
    seq = tx.execute(select(at)).scalar_one()
    tx.execute(update(journal_leaf).where(journal_leaf.c.seq == seq).values(seq=1000))
    tx.execute(update(journal_leaf).where(journal_leaf.c.seq == seq + 1).values(seq=seq))
    tx.execute(update(journal_leaf).where(journal_leaf.c.seq == 1000).values(seq=seq + 1))


def put_a_row_in(tx: Tx, ids: list[int]) -> None:
    row = dict(tx.execute(select(journal).where(journal.c.id == ids[0])).mappings().one())
    tx.execute(insert(journal).values(row | {"id": ids[-1] + 50}))


def change_a_node(tx: Tx, ids: list[int]) -> None:
    tx.execute(update(journal_node).where(journal_node.c.level == 2).values(hash=b"\1" * 32))


def change_a_root(tx: Tx, ids: list[int]) -> None:
    tx.execute(update(seals).where(seals.c.id == 2).values(root=b"\2" * 32))


def delete_a_seal(tx: Tx, ids: list[int]) -> None:
    tx.execute(delete(seals).where(seals.c.id == 2))


def mark_a_sealed_row(tx: Tx, ids: list[int]) -> None:
    tx.execute(insert(journal_unsealed).values(id=ids[1]))


def change_an_address(tx: Tx, ids: list[int]) -> None:
    tx.execute(update(journal_private).where(journal_private.c.journal_id == ids[1]).values(data={"ip": "203.0.113.9"}))


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (change_a_row, {"changed", "root"}),
        (delete_a_row, {"gap", "lost"}),
        (delete_the_newest, {"short", "seal"}),
        (reorder_two_rows, {"changed", "node", "root"}),
        (put_a_row_in, {"loose"}),
        (change_a_node, {"node"}),
        (change_a_root, {"root"}),
        (delete_a_seal, {"seal"}),
        (mark_a_sealed_row, {"loose"}),
        (change_an_address, {"private"}),
    ],
)
def test_tampering_is_found(sqlite_db: Database, now: datetime, tamper: object, expected: set[str]) -> None:
    ids = fill(sqlite_db, now)
    with sqlite_db.write() as tx:
        unlock(tx)
        tamper(tx, ids)  # type: ignore[operator]
    found = kinds(sqlite_db)
    assert found & expected, found


def test_somebody_who_recomputes_everything_is_found_by_a_published_root(db: Database, now: datetime) -> None:
    ids = fill(db, now)
    with db.read() as conn:
        published = seal.current(conn)
    with db.write() as tx:
        change_a_row(tx, ids)
        for table in (seals, journal_node, journal_leaf):
            tx.execute(delete(table))
        tx.execute(insert(journal_unsealed), [{"id": i} for i in ids])
        assert seal.seal(tx, now=now)[0] == published[0]
    assert kinds(db) == set(), "on its own, a rewritten log is consistent"
    assert kinds(db, (published,)) == {"known-root"}


def test_a_log_that_was_cut_is_found_by_a_published_root(sqlite_db: Database, now: datetime) -> None:
    fill(sqlite_db, now, (3,))
    assert kinds(sqlite_db, ((9, b"\3" * 32),)) == {"short"}
