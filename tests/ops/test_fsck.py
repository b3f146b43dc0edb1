"""Each kind of damage is planted in a whole index and named by its code; a whole index has nothing to tell."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, text, update

from bonded.catalog.tables import file, project
from bonded.db.engine import Database, Tx
from bonded.journal.seal import seal
from bonded.journal.tables import journal_leaf, journal_unsealed, to_publish
from bonded.journal.tables import seal as seals
from bonded.ops import fsck as fsck_module
from bonded.ops import look_metadata
from bonded.ops.disagreements import CODES, Disagreement
from bonded.ops.fsck import fsck
from bonded.ops.ground import Ground, Sizes
from bonded.tuf.base import read_base
from bonded.tuf.refresh import refresh
from bonded.tuf.roles import hashed
from bonded.tuf.tables import bin_table, head, page, target
from bonded.values.states import FileState
from tests.tuf_ops.index import Index
from tests.tuf_recovery.attacker import Attacker

HERE = "packages/alpha/alpha-1.0-py3-none-any.whl"


def filled(index: Index) -> Index:
    """An index with two projects, everything published and every job done."""
    index.upload("alpha")
    index.upload("beta")
    index.upload("gamma", public=False)
    index.settle_everything()
    return index


@pytest.fixture
def whole(index: Index) -> Index:
    return filled(index)


@pytest.fixture
def whole_sqlite(sqlite_index: Index) -> Index:
    return filled(sqlite_index)


@pytest.fixture
def whole_postgres(postgres_db: Database, tmp_path: Path, now: datetime) -> Index:
    return filled(Index(tmp_path / "pg", postgres_db, now))


def run(index: Index, **more: timedelta) -> list[Disagreement]:
    now = index.now + more.get("later", timedelta(0))

    def ground() -> Ground:
        return Ground(index.db, index.vault, index.public, index.root, now)

    return list(fsck(ground, pause=lambda: None))


def codes(index: Index, **more: timedelta) -> set[str]:
    return {one.code for one in run(index, **more) if not one.warning}


def overwrite(index: Index, name: str, data: bytes, store: str = "public") -> None:
    """Other bytes under a name, as a bad disk or an intruder would leave them (links are broken first)."""
    path = index.folder / store / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def a_bin(index: Index, prefix: str) -> str:
    base = read_base(index.public)
    role, version = next((r, v) for r, v in sorted(base.versions.items()) if r.startswith(prefix) and v > 1)
    return f"metadata/{version}.{role}.json"


def vault_key(index: Index) -> str:
    with index.db.read() as conn:
        return str(conn.execute(select(file.c.vault_key).where(file.c.filename.like("alpha%"))).scalar_one())


def execute(index: Index, statement: object) -> None:
    with index.db.write() as tx:
        tx.execute(statement)  # type: ignore[call-overload]


def page_name(index: Index) -> str:
    with index.db.read() as conn:
        sha256 = conn.execute(select(page.c.html_sha256).where(page.c.project_key == "alpha")).scalar_one()
    return f"simple/alpha/{sha256}.index.html"


def drop_trigger(index: Index, table: str, verb: str) -> None:
    with index.db.write() as tx:
        name = f"{table}_no_{verb}"
        tx.execute(text(f"DROP TRIGGER IF EXISTS {name}" + ("" if tx.dialect.name == "sqlite" else f" ON {table}")))


def change_journal(index: Index) -> None:
    drop_trigger(index, "journal", "update")
    with index.db.write() as tx:
        tx.execute(text("UPDATE journal SET actor_id = 'somebody else' WHERE action = 'file.publish'"))


def lose_leaf(index: Index) -> None:
    drop_trigger(index, "journal_leaf", "delete")
    execute(index, delete(journal_leaf).where(journal_leaf.c.seq == 1))


def rewrite_log(index: Index) -> None:
    """Somebody with the database rewrites the end of the log; the signed snapshot remembers."""
    for table in ("journal_leaf", "journal_node", "seal"):
        drop_trigger(index, table, "delete")
    with index.db.write() as tx:
        tx.execute(text("DELETE FROM seal"))
        tx.execute(text("DELETE FROM journal_leaf"))
        tx.execute(text("DELETE FROM journal_node"))


def old_orphan(index: Index) -> None:
    overwrite(index, "f" * 64 + ".nobody", b"x", "vault")
    path = index.folder / "vault" / ("f" * 64 + ".nobody")
    before = (index.now - timedelta(days=8)).timestamp()
    os.utime(path, (before, before))


def rewrite_seal(index: Index) -> None:
    """The root that was sealed is not that of the rows; nor is the one that the snapshot signs, then."""
    drop_trigger(index, "seal", "update")
    with index.db.write() as tx:
        tx.execute(update(seals).values(root=b"\0" * 32))


def other_roots(index: Index) -> None:
    """Rows, leaves, nodes and seals were all computed anew after one row was changed: only signed snapshots remember."""
    for table in ("journal_leaf", "journal_node", "seal"):
        drop_trigger(index, table, "delete")
    drop_trigger(index, "journal", "update")
    with index.db.write() as tx:
        tx.execute(text("UPDATE journal SET actor_id = 'somebody else' WHERE action = 'file.publish'"))
        ids = list(tx.execute(select(journal_leaf.c.journal_id).order_by(journal_leaf.c.seq)).scalars())
        for table in ("seal", "journal_leaf", "journal_node"):
            tx.execute(text(f"DELETE FROM {table}"))
        tx.execute(insert(journal_unsealed), [{"id": n} for n in ids if n not in waiting(tx)])
        seal(tx, now=index.now)


def waiting(tx: Tx) -> set[int]:
    return set(tx.execute(select(journal_unsealed.c.id)).scalars())


def root_of_two(index: Index) -> None:
    """The first root, from which clients may begin, is gone. (With later ones: tests/tuf_recovery/test_put_back.py.)"""
    index.public.delete("metadata/1.root.json")


def unannounced(index: Index) -> None:
    """Somebody with the online key adds a target and says that nothing changed."""
    Attacker(index.folder / "public", index.key(), index.now, record="empty").attack(1, {"packages/x/x-1.whl": b"evil"})


def listed_and_gone(index: Index) -> None:
    """A quarantined file, of which the row says that it is a target still."""
    with index.db.read() as conn:
        beta = str(conn.execute(select(file.c.id).where(file.c.filename.like("beta%"))).scalar_one())
    index.move("review.quarantine", beta, FileState.QUARANTINED)
    index.settle_everything()
    execute(index, update(file).values(listed=True).where(file.c.id == beta))


def break_record(index: Index) -> None:
    first = min((index.folder / "public/publications").iterdir(), key=lambda path: int(path.stem))
    first.unlink()


def stray_target(index: Index) -> None:
    """A row is lost: what the bin lists is what nobody stands for."""
    execute(index, delete(target).where(target.c.path == HERE))


DAMAGE: dict[str, Callable[[Index], object]] = {
    "vault-missing": lambda i: i.vault.delete(vault_key(i)),
    "vault-damaged": lambda i: overwrite(i, vault_key(i), b"rot", "vault"),
    "vault-metadata": lambda i: overwrite(i, vault_key(i) + ".metadata", b"rot", "vault"),
    "vault-facts": lambda i: i.vault.delete(vault_key(i) + ".facts.json"),
    "vault-orphan": old_orphan,
    "name-not-held": lambda i: execute(i, update(file).values(holds_name=False).where(file.c.state == "public")),
    "file-unrecorded": lambda i: execute(i, update(file).values(id="unknown").where(file.c.filename.like("gamma%"))),
    "journal-changed": change_journal,
    "journal-gap": lose_leaf,
    "journal-short": rewrite_log,
    "metadata-missing": lambda i: i.public.delete(a_bin(i, "bin-")),
    "metadata-damaged": lambda i: overwrite(
        i, a_bin(i, "page-bin-"), i.public.get(a_bin(i, "page-bin-")).data.replace(b'"length":', b'"length":1')
    ),
    "bin-row-differs": lambda i: execute(i, update(bin_table).values(sha256="0" * 64)),
    "head-behind": lambda i: execute(i, update(head).values(head=1)),
    "record-broken": break_record,
    "record-differs": unannounced,
    "root-missing": root_of_two,
    "root-damaged": lambda i: overwrite(i, "metadata/1.root.json", b"{}"),
    "name-of-the-future": lambda i: overwrite(i, f"metadata/{read_base(i.public).n + 5}.snapshot.json", b"{}"),
    "journal-root": rewrite_seal,
    "journal-known-root": other_roots,
    "changes-missing": lambda i: i.public.delete(f"publications/{read_base(i.public).n}.json"),
    "target-missing": lambda i: execute(
        i, insert(target).values(hash32=7, path="packages/alpha/never.whl", sha256="0" * 64, length=1)
    ),
    "target-extra": stray_target,
    "target-differs": lambda i: execute(i, update(target).values(length=1).where(target.c.path == HERE)),
    "file-not-published": stray_target,
    "file-listed-differs": listed_and_gone,
    "file-wrongly-published": lambda i: execute(
        i, update(file).values(state="removed").where(file.c.state == "public")
    ),
    "page-row-differs": lambda i: execute(i, update(page).values(html_sha256="0" * 64)),
    "publication-parked": lambda i: execute(
        i, insert(to_publish).values(project_key="beta", journal_id=1, at=i.now, failures=3, parked=1)
    ),
    "object-missing": lambda i: i.public.delete(HERE),
    "object-damaged": lambda i: overwrite(i, HERE, b"malware"),
    "bytes-not-allowed": lambda i: execute(i, update(project).values(status="quarantined")),
    "plain-copy-differs": lambda i: overwrite(i, "simple/alpha/index.html", b"<a href=evil>"),
    "compressed-copy-differs": lambda i: overwrite(i, "simple/alpha/index.json.gz", b"rot"),
    "client-refuses": lambda i: overwrite(i, page_name(i), b"<a href=evil>"),
}


def test_a_whole_index_has_nothing_to_tell(whole: Index) -> None:
    assert [one.line() for one in run(whole) if not one.warning] == []


@pytest.mark.parametrize("code", sorted(DAMAGE))
def test_planted_damage_is_named(whole_sqlite: Index, code: str) -> None:
    DAMAGE[code](whole_sqlite)
    assert code in codes(whole_sqlite)


@pytest.mark.parametrize(
    "code", ["file-unrecorded", "journal-changed", "journal-short", "target-extra", "vault-orphan"]
)
def test_damage_is_named_on_postgresql_too(whole_postgres: Index, code: str) -> None:
    DAMAGE[code](whole_postgres)
    assert code in codes(whole_postgres)


def test_expired_metadata_are_told(whole_sqlite: Index) -> None:
    found = run(whole_sqlite, later=timedelta(days=2))
    assert "metadata-expired" in {one.code for one in found}
    assert "client-refuses" in {one.code for one in found}


def test_offline_roles_that_expire_soon_are_a_warning(whole_sqlite: Index) -> None:
    found = run(whole_sqlite, later=timedelta(days=350))
    near = [one for one in found if one.code == "metadata-margin"]
    assert {one.subject for one in near} == {"root", "targets", "pages", "bins"}
    assert all(one.warning for one in near)


def test_a_database_that_has_not_caught_up_is_a_warning(whole_sqlite: Index) -> None:
    whole_sqlite.wait(hours=10)
    refresh(whole_sqlite.publisher, whole_sqlite.now)  # needs no database; the publisher's next claim adopts it
    found = run(whole_sqlite)
    assert {(one.code, one.warning) for one in found} == {("not-settled", True)}


def test_an_index_in_which_nothing_has_run_yet_has_nothing_to_tell(index: Index) -> None:
    assert [one.line() for one in run(index) if one.code != "no-synchronous-standby"] == []


def test_an_old_schema_ends_the_check(sqlite_index: Index) -> None:
    with sqlite_index.db.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert [one.code for one in run(sqlite_index)] == ["schema-old"]


def test_a_changed_schema_is_told(sqlite_index: Index) -> None:
    with sqlite_index.db.write() as tx:
        tx.execute(text("CREATE TABLE surprise (x INTEGER)"))
    assert [one.code for one in run(sqlite_index)] == ["schema-differs"]


def test_a_dangling_row_is_told(sqlite_index: Index) -> None:
    sqlite_index.upload("alpha")
    with sqlite_index.db.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("DELETE FROM release")
        raw.execute("PRAGMA foreign_keys=ON")
    assert "dangling-row" in codes(sqlite_index)


def test_a_damaged_database_page_is_told(tmp_path: Path, sqlite_index: Index) -> None:
    for n in range(40):
        sqlite_index.upload(f"p{n}")
    with sqlite_index.db.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.execute("PRAGMA writable_schema=ON")
        raw.execute(
            "UPDATE sqlite_master SET sql = replace(sql, '\"sha256\"', '\"md5\"') WHERE name = 'ix_file_sha256'"
        )
        raw.execute("UPDATE sqlite_master SET sql = replace(sql, 'sha256)', 'md5)') WHERE name = 'ix_file_sha256'")
        raw.execute("PRAGMA writable_schema=OFF")
        connection.connection.invalidate()
    sqlite_index.db.engine.dispose()
    assert codes(sqlite_index) & {"database-damaged", "schema-differs"}


def test_postgresql_without_a_standby_is_a_warning(whole_postgres: Index) -> None:
    found = [one for one in run(whole_postgres) if one.code == "no-synchronous-standby"]
    assert [one.warning for one in found] == [True]


def test_what_heals_between_two_looks_is_not_told(whole_sqlite: Index) -> None:
    """A publication may pass between two reads of a running index."""
    path = whole_sqlite.path("simple/alpha/index.html")
    good = path.read_bytes()
    path.write_bytes(b"older")
    found = list(
        fsck(
            lambda: Ground(
                whole_sqlite.db, whole_sqlite.vault, whole_sqlite.public, whole_sqlite.root, whole_sqlite.now
            ),
            pause=lambda: path.write_bytes(good),  # type: ignore[arg-type,return-value]
        )
    )
    assert [one.line() for one in found if not one.warning] == []


def test_waiting_work_is_no_disagreement(whole: Index) -> None:
    whole.upload("alpha", "2.0")
    assert codes(whole) == set()
    whole.publish()
    assert codes(whole) == set()


BYTES = {
    "metadata/timestamp.json": {"metadata-damaged"},
    "snapshot": {"metadata-damaged"},
    "targets": {"metadata-damaged"},
    "pages": {"metadata-damaged"},
    "root": {"root-damaged"},
    "page bin": {"metadata-damaged"},
    "file bin": {"metadata-damaged"},
    "record": {"changes-missing", "record-broken"},
    "file": {"object-damaged"},
    "hashed file": {"object-damaged"},
    "file metadata": {"object-damaged"},
    "hashed page": {"object-damaged"},
    "plain page": {"plain-copy-differs"},
    "vault": {"vault-damaged"},
    "vault metadata": {"vault-metadata"},
}


def named(index: Index, kind: str) -> Path:
    """The file behind one object of each kind."""
    base = read_base(index.public)
    sha256 = index.public.get(HERE).data
    names = {
        "snapshot": f"metadata/{base.n}.snapshot.json",
        "targets": "metadata/1.targets.json",
        "pages": "metadata/1.pages.json",
        "root": "metadata/1.root.json",
        "page bin": a_bin(index, "page-bin-"),
        "file bin": a_bin(index, "bin-"),
        "record": f"publications/{base.n}.json",
        "file": HERE,
        "hashed file": hashed(HERE, hashlib.sha256(sha256).hexdigest()),
        "file metadata": f"{HERE}.metadata",
        "hashed page": page_name(index),
        "plain page": "simple/alpha/index.json",
    }
    if kind.startswith("vault"):
        return index.folder / "vault" / (vault_key(index) + (".metadata" if kind == "vault metadata" else ""))
    return index.path(names.get(kind, kind))


@pytest.mark.parametrize("kind", sorted(BYTES))
def test_a_flipped_byte_in_each_kind_of_object_is_named(whole_sqlite: Index, kind: str) -> None:
    path = named(whole_sqlite, kind)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # other names of the same bytes stay whole
    path.write_bytes(data)
    assert BYTES[kind] <= codes(whole_sqlite)


def test_compressed_copies_may_be_missing(whole_sqlite: Index) -> None:
    for path in (whole_sqlite.folder / "public").rglob("*"):
        if path.suffix in (".gz", ".zst"):
            path.unlink()
    assert codes(whole_sqlite) == set()


def test_an_object_that_nobody_knows_is_a_warning(whole_sqlite: Index) -> None:
    known = ("metadata/1.bin-1-9.json", "publications/notes.txt", f"simple/alpha/{'0' * 64}.index.html")
    for name in known:
        overwrite(whole_sqlite, name, b"?")
    found = [one for one in run(whole_sqlite) if one.code == "object-stray"]
    assert {one.subject for one in found} == set(known)
    assert all(one.warning for one in found)


def test_a_list_without_end_ends(whole_sqlite: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fsck_module, "MOST", 3)
    execute(whole_sqlite, update(bin_table).values(sha256="0" * 64))
    found = [one.code for one in run(whole_sqlite)]
    assert found.count("bin-row-differs") == 3
    assert "too-many" in found


def test_sizes_are_told_beside_what_clients_accept(whole_sqlite: Index) -> None:
    sizes = Sizes()
    now = whole_sqlite.now
    ground = Ground(whole_sqlite.db, whole_sqlite.vault, whole_sqlite.public, whole_sqlite.root, now, sizes)
    assert list(look_metadata.look(ground)) == []
    assert {kind: limit for kind, (_, limit) in sizes.largest.items()} == {
        "snapshot": 2_000_000,
        "targets": 5_000_000,
        "timestamp": 16_384,
        "root": 512_000,
    }
    assert any(line.startswith("timestamp: at most ") for line in sizes.lines())


@pytest.mark.parametrize(("column", "value"), [("count", 99), ("length", 1), ("version", 1)])
def test_each_wrong_column_of_a_bins_row_is_named(whole_sqlite: Index, column: str, value: int) -> None:
    execute(whole_sqlite, update(bin_table).values({column: value}))
    assert any(one.code == "bin-row-differs" and f"{column} " in one.sentence for one in run(whole_sqlite))


def test_a_timestamp_that_is_not_renewed_in_time_is_a_warning(whole_sqlite: Index) -> None:
    found = run(whole_sqlite, later=timedelta(hours=13))
    assert "metadata-margin" in {one.code for one in found if one.warning}


def test_every_code_is_planted_by_a_test() -> None:
    elsewhere = {
        "metadata-expired",
        "metadata-margin",
        "schema-old",
        "schema-differs",
        "dangling-row",
        "database-damaged",
        "no-synchronous-standby",
        "limit-near",
        "not-settled",
        "object-stray",
        "too-many",
        "journal-restarted",  # in tests/tuf_recovery
        "vault-provenance",  # in tests/publishing/test_attested_uploads.py
        "private-open",  # in tests/ops/test_rights.py
    }
    journal = {"node", "seal", "loose", "lost", "private", "backdated"}  # planted in tests/journal
    assert set(CODES) == DAMAGE.keys() | elsewhere | {f"journal-{kind}" for kind in journal}


def test_a_line_begins_with_its_code_and_an_unknown_code_cannot_be_made() -> None:
    one = Disagreement("object-missing", "packages/x", "it is not in the store")
    assert one.line() == "object-missing packages/x: it is not in the store"
    with pytest.raises(ValueError, match="catalogue"):
        Disagreement("invented", "x", "y")


def test_metadata_near_the_limits_of_clients_are_a_warning(
    whole_sqlite: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look_metadata, "TARGETS_LIMIT", 1000)
    found = [one for one in run(whole_sqlite) if one.code == "limit-near"]
    assert found
    assert all(one.warning for one in found)
    assert fsck_module.LOOKS["metadata"] is look_metadata.look
