"""Sealing: order without gaps, nothing lost, roots as defined; also with writers and sealers at the same moment."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from bonded.db.engine import Database, Tx
from bonded.journal import leaf, proofs, record
from bonded.journal import seal as sealing
from bonded.journal.tables import journal, journal_leaf, journal_unsealed, seal
from bonded.journal.tree import EMPTY_ROOT, consistent, hash_leaf, included
from bonded.values.states import SubjectKind
from bonded.values.who import OPERATOR
from tests.journal import naive


def note(tx: Tx, n: int, now: datetime) -> int:
    return record(tx, "user.login", OPERATOR, (SubjectKind.USER, f"u{n}"), now=now, facts={"n": n})


def write(db: Database, count: int, now: datetime) -> None:
    with db.write() as tx:
        for n in range(count):
            note(tx, n, now + timedelta(seconds=n))


def seal_now(db: Database, now: datetime) -> tuple[int, bytes]:
    with db.write() as tx:
        return sealing.seal(tx, now=now)


def leaves(db: Database) -> list[bytes]:
    query = select(journal).join(journal_leaf, journal_leaf.c.journal_id == journal.c.id).order_by(journal_leaf.c.seq)
    with db.read() as conn:
        return [leaf.leaf_bytes(dict(row)) for row in conn.execute(query).mappings()]


def test_an_empty_log_has_the_empty_root(db: Database, now: datetime) -> None:
    assert seal_now(db, now) == (0, EMPTY_ROOT)
    with db.read() as conn:
        assert sealing.current(conn) == (0, EMPTY_ROOT)


def test_sealing_in_rounds_gives_the_root_of_all_leaves(db: Database, now: datetime) -> None:
    total = 0
    for count in (1, 2, 5, 13, 0, 30):
        write(db, count, now)
        total += count
        size, root = seal_now(db, now)
        assert size == total
        assert root == naive.mth(leaves(db))
    with db.read() as conn:
        assert sealing.current(conn) == (total, root)
        assert sealing.unsealed(conn) == 0
        rows = conn.execute(select(seal.c.first, seal.c.last, seal.c.size).order_by(seal.c.id)).all()
    assert [tuple(r) for r in rows] == [(0, 0, 1), (1, 2, 3), (3, 7, 8), (8, 20, 21), (21, 50, 51)]


def test_more_rows_than_one_batch(sqlite_db: Database, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    write(sqlite_db, 25, now)
    monkeypatch.setattr(sealing, "BATCH", 10)
    size, root = seal_now(sqlite_db, now)
    assert (size, root) == (25, naive.mth(leaves(sqlite_db)))


def test_a_row_that_rolls_back_leaves_no_gap(db: Database, now: datetime) -> None:
    write(db, 3, now)
    with pytest.raises(RuntimeError), db.write() as tx:
        note(tx, 99, now)
        raise RuntimeError
    write(db, 2, now)
    assert seal_now(db, now)[0] == 5
    with db.read() as conn:
        assert list(conn.execute(select(journal_leaf.c.seq).order_by(journal_leaf.c.seq)).scalars()) == list(range(5))


def test_a_row_that_commits_late_gets_a_later_number(postgres_db: Database, now: datetime) -> None:
    with postgres_db.write() as slow:
        early = note(slow, 1, now)
        write(postgres_db, 2, now)
        assert seal_now(postgres_db, now)[0] == 2
    assert seal_now(postgres_db, now)[0] == 3
    with postgres_db.read() as conn:
        assert conn.execute(select(journal_leaf.c.seq).where(journal_leaf.c.journal_id == early)).scalar_one() == 2


def test_writers_and_sealers_at_the_same_moment(db: Database, now: datetime) -> None:
    errors: list[BaseException] = []

    def run(work: object) -> None:
        try:
            for _ in range(12):
                work()  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    jobs = [lambda: write(db, 2, now)] * 4 + [lambda: seal_now(db, now)] * 2
    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    size, root = seal_now(db, now)
    assert size == 4 * 12 * 2
    assert root == naive.mth(leaves(db))
    with db.read() as conn:
        assert list(conn.execute(select(journal_leaf.c.seq).order_by(journal_leaf.c.seq)).scalars()) == list(range(96))
        assert conn.execute(select(journal_unsealed.c.id)).first() is None


def test_proofs_from_the_database_convince_an_outsider(db: Database, now: datetime) -> None:
    write(db, 11, now)
    old_size, old_root = seal_now(db, now)
    write(db, 10, now)
    size, root = seal_now(db, now)
    with db.read() as conn:
        first = conn.execute(select(journal.c.id).order_by(journal.c.id).limit(1)).scalar_one()
        for journal_id in (first, first + 7, first + 20):
            proof = proofs.inclusion(conn, journal_id, None)
            assert proof.root == root
            assert included(hash_leaf(proof.leaf), proof.index, proof.size, proof.path, root)
        then = proofs.inclusion(conn, first + 3, 11)
        assert then.root == old_root
        assert included(hash_leaf(then.leaf), then.index, 11, then.path, old_root)
        grown = proofs.consistency(conn, old_size, None)
        assert consistent(old_size, size, old_root, root, list(grown.path))


def test_a_leaf_survives_the_way_through_either_database(db: Database, now: datetime) -> None:
    facts = {"float": 0.1, "big": 2**53, "text": "żółć\U0001f600", "list": [1, None, True], "nested": {"b": 1, "a": 2}}
    at = now.replace(microsecond=123_456)
    with db.write() as tx:
        made = record(tx, "user.login", OPERATOR, (SubjectKind.USER, "u"), now=at, facts=facts, private={"e": "x@y"})
        row = dict(tx.execute(select(journal).where(journal.c.id == made)).mappings().one())
    expected = (
        b'{"action":"user.login","actor_id":"","actor_kind":"operator","at":"2026-01-05T12:00:00.123456Z",'
        b'"credential_id":"","facts":{"big":9007199254740992,"float":0.1,"list":[1,null,true],'
        b'"nested":{"a":2,"b":1},"text":"' + "żółć\U0001f600".encode() + b'"},"id":%d,"private_hash":"%s",'
        b'"project_key":null,"subject_id":"u","subject_kind":"user","user_id":null,"v":1}'
    ) % (made, row["private_hash"].encode())
    assert leaf.leaf_bytes(row) == expected


def test_a_duplicate_number_is_impossible(db: Database, now: datetime) -> None:
    write(db, 1, now)
    seal_now(db, now)
    with db.read() as conn:
        only = conn.execute(select(journal_leaf)).mappings().one()
    with pytest.raises(IntegrityError), db.write() as tx:
        tx.execute(insert(journal_leaf).values(seq=0, journal_id=only["journal_id"], leaf_hash=b""))
