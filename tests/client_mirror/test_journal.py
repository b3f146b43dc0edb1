"""`verify-journal`: an index that changed, cut or invented history is found out, whatever its proofs say."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from bonded.journal import proofs, record, tree
from bonded.journal.seal import current
from bonded.journal.tables import journal, journal_leaf
from bonded.journal.verify import verify as check
from bonded.values.states import SubjectKind
from bonded.values.who import OPERATOR
from bonded_client import cli
from bonded_client.journal_tree import EMPTY, extends, is_included, leaf_hash
from tests.client.conftest import Ran
from tests.client.server import Served, serving
from tests.client_mirror.conftest import Folder
from tests.tuf.world import World


class WithProofs(Folder):
    """The public store, and the proofs as the web application answers them."""

    def __init__(self, world: World) -> None:
        super().__init__(world.folder / "public")
        self._world = world

    def get(self, path: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
        if path in self or not path.startswith("journal/proof/"):
            return super().get(path, default)
        kind, *rest = path.removeprefix("journal/proof/").replace("?size=", "/").split("/")
        with self._world.db.read() as conn:
            if kind == "rows":
                rows = proofs.rows(conn, int(rest[0]), int(rest[1]))
                return json.dumps({"first": int(rest[0]), "rows": [row.decode() for row in rows]}).encode()
            if kind == "consistency":
                proof = proofs.consistency(conn, int(rest[0]), int(rest[1]))
                return json.dumps({"path": [value.hex() for value in proof.path]}).encode()
            row = proofs.inclusion(conn, int(rest[0]), int(rest[1]))
        hashes = [value.hex() for value in row.path]
        return json.dumps({"index": row.index, "leaf": row.leaf.hex(), "path": hashes}).encode()


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with serving(WithProofs(world)) as server:
        yield server


@pytest.fixture
def verify(world: World, served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run `verify-journal` as a returning client."""

    def go(*words: object) -> Ran:
        capsys.readouterr()
        base = ["--index", served.url, "--root", world.folder / "keys/root.json", "--cache", tmp_path / "cache"]
        status = cli.main([str(word) for word in [*base, "verify-journal", *words]])
        shown = capsys.readouterr()
        return Ran(status, shown.out, shown.err)

    return go


def more(world: World, filename: str) -> None:
    """More rows in the journal, sealed and signed."""
    world.upload("example", filename)
    world.publish()


def test_the_log_grows_and_is_proven(verify: Callable[..., Ran], world: World) -> None:
    first = verify("--json")
    assert (first.status, first.err) == (0, "")
    more(world, "example-2.0.tar.gz")
    then = verify("--json").lines[0]
    with world.db.read() as conn:
        size, _ = current(conn)
        number = conn.execute(select(journal.c.id).where(journal.c.action == "file.publish").limit(1)).scalar_one()
    assert (then["size"] <= size, then["since"]["size"]) == (True, first.lines[0]["size"])  # type: ignore[index,operator]
    assert first.lines[0]["size"] < then["size"]  # type: ignore[operator]
    ran = verify("--row", number, "--json")
    assert ran.status == 0, ran
    assert ran.lines[1]["says"]["action"] == "file.publish"  # type: ignore[index]
    assert verify().out.startswith("publication ")


def test_a_proof_that_proves_nothing(verify: Callable[..., Ran], world: World, served: Served) -> None:
    size = verify("--json").lines[0]["size"]
    more(world, "example-2.0.tar.gz")
    new = json.loads((world.folder / "public/metadata/timestamp.json").read_bytes())["signed"]["version"]
    snapshot = json.loads((world.folder / f"public/metadata/{new}.snapshot.json").read_bytes())
    path = f"journal/proof/consistency/{size}/{snapshot['signed']['x-bonded']['journal_size']}"
    good = served.store.get(path)
    assert good is not None
    lie = json.loads(good)
    lie["path"][0] = "00" * 32
    for answer, code, status in (
        (json.dumps(lie).encode(), "altered", 6),
        (b'{"path": []}', "altered", 6),
        (b'{"path": ["zz"]}', "malformed", 6),
        (b"[]", "malformed", 6),
        (b"<html>", "malformed", 6),
    ):
        served.store[path] = answer
        ran = verify()
        assert (ran.status, ran.out, ran.err.endswith(f"[{code}]\n")) == (status, "", True), ran
    del served.store[path]
    assert verify().status == 0, "what was refused was not remembered"


def test_a_row_that_is_not_what_was_signed(verify: Callable[..., Ran], world: World, served: Served) -> None:
    head = verify("--json").lines[0]
    with world.db.read() as conn:
        proof = proofs.inclusion(conn, 1, int(str(head["size"])))
    said = json.loads(proof.leaf) | {"actor_id": "somebody-else"}
    path = f"journal/proof/inclusion/1?size={head['size']}"
    hashes = [value.hex() for value in proof.path]
    served.store[path] = json.dumps(
        {"index": proof.index, "leaf": json.dumps(said).encode().hex(), "path": hashes}
    ).encode()
    ran = verify("--row", 1)
    assert (ran.status, ran.out, "[altered]" in ran.err) == (6, "", True)


def test_every_row_is_read_and_proven_while_the_log_grows(
    verify: Callable[..., Ran], world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also across lengths at which the tree gets another root level, and in answers of a few rows."""
    monkeypatch.setattr(proofs, "MOST_ROWS", 7)
    out = tmp_path / "rows.jsonl"
    sizes = set()
    for n in range(12):
        ran = verify("--read", "new", "--out", out, "--json")
        assert (ran.status, ran.err) == (0, ""), ran
        sizes.add(int(str(ran.lines[0]["size"])))
        assert len(out.read_bytes().splitlines()) == max(sizes), "each row once"
        with world.db.write() as tx:
            for k in range(n * 3):
                record(tx, "user.login", OPERATOR, (SubjectKind.USER, f"u{k}"), now=world.now)
        more(world, f"example-{n + 10}.0.tar.gz")
    assert len({size.bit_length() for size in sizes}) > 3
    assert verify("--read", "all").out.rstrip().endswith("every row is what was signed")
    texts = out.read_text().splitlines()
    with world.db.read() as conn:
        query = select(journal.c.id).join(journal_leaf, journal_leaf.c.journal_id == journal.c.id)
        ids = list(conn.execute(query.order_by(journal_leaf.c.seq)).scalars())
    assert [json.loads(text)["id"] for text in texts] == ids[: len(texts)]


@pytest.mark.parametrize("read", ["new", "all"])
def test_a_row_that_was_changed_in_place_is_found(verify: Callable[..., Ran], world: World, read: str) -> None:
    """Leaves, nodes, seals and proofs are as they were; only what the row says is not."""
    assert verify("--read", "all").status == 0
    with world.db.write() as tx:
        tx.execute(text("DROP TRIGGER journal_no_update"))
        tx.execute(update(journal).where(journal.c.id == 2).values(actor_id="somebody-else"))
    more(world, "example-2.0.tar.gz")
    ran = verify("--read", read)
    if read == "new":
        assert ran.status == 0, "who reads new rows only has seen the old one as it was"
    else:
        assert (ran.status, "[altered]" in ran.err) == (6, True)


def test_rows_of_a_run_that_failed_are_taken_back(verify: Callable[..., Ran], world: World, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    assert verify("--out", out).status == 0
    before = out.read_bytes()
    more(world, "example-2.0.tar.gz")
    with world.db.write() as tx:
        tx.execute(text("DROP TRIGGER journal_no_update"))
        first_new = journal_leaf.c.seq == len(before.splitlines())
        newest = select(journal_leaf.c.journal_id).where(first_new).scalar_subquery()
        tx.execute(update(journal).where(journal.c.id == newest).values(actor_id="somebody-else"))
    assert verify("--out", out).status == 6
    assert out.read_bytes() == before


def test_what_is_no_list_of_rows_is_refused(verify: Callable[..., Ran], served: Served) -> None:
    size = verify("--json").lines[0]["size"]
    path = f"journal/proof/rows/0/{size}"
    good = json.loads(served.store.get(path) or b"")["rows"]
    deep = "[" * 100_000
    for answer, code in (
        ({"rows": []}, "malformed"),
        ({"rows": [*good[:-1], good[0]]}, "altered"),
        ({"rows": good[::-1]}, "altered"),
        ({"rows": good + good}, "malformed"),
        ({"rows": "x" * 20}, "malformed"),
        ({"rows": [None] * len(good)}, "malformed"),
        ({"rows": ["{}"] * len(good)}, "malformed"),
        ({"rows": ['{"id": 1, "at": "yesterday"}']}, "malformed"),
        ({"rows": ['{"id": 1e999, "at": "2026-01-01T00:00:00Z"}']}, "malformed"),
        ({"rows": ['{"id": 1, "at": "2026-01-01T00:00:00Z", "x": "\udfff"}']}, "malformed"),
        ({"rows": [deep]}, "malformed"),
        ({}, "malformed"),
        ([], "malformed"),
    ):
        served.store[path] = json.dumps(answer).encode()
        ran = verify("--read", "all")
        assert (ran.status, ran.out, ran.err.endswith(f"[{code}]\n")) == (6, "", True), (answer, ran)
        assert "Traceback" not in ran.err
    for raw in (deep.encode(), b"\xff\xfe", b'{"rows": NaN}', b""):
        served.store[path] = raw
        assert verify("--read", "all").err.endswith("[malformed]\n"), raw[:10]
    del served.store[path]
    assert verify("--read", "all").status == 0


def test_a_row_of_long_ago_that_was_put_in_lately_is_told(verify: Callable[..., Ran], world: World) -> None:
    with world.db.write() as tx:
        old = record(tx, "user.login", OPERATOR, (SubjectKind.USER, "u"), now=world.now - timedelta(days=400))
    more(world, "example-2.0.tar.gz")
    ran = verify("--read", "all", "--json")
    assert ran.status == 0
    assert f"row {old} says" in ran.err
    assert ran.lines[0]["read"] == {"all": True, "backdated": 1}
    with world.db.read() as conn:
        assert {d.kind for d in check(conn)} == {"backdated"}


def test_what_was_kept_and_does_not_fit_together_is_told(verify: Callable[..., Ran], tmp_path: Path) -> None:
    assert verify("--read", "all").status == 0
    (kept,) = (tmp_path / "cache").rglob("journal.json")
    seen = json.loads(kept.read_bytes())
    good = kept.read_text()
    for peaks in ([*seen["peaks"][:-1], "00" * 32], seen["peaks"] + ["00" * 32], ["zz"] * len(seen["peaks"]), 7):
        kept.write_text(json.dumps(seen | {"peaks": peaks}))
        ran = verify("--read", "new")
        assert (ran.status, "[disk]" in ran.err) == (8, True), peaks
    kept.write_text(good)
    assert verify("--read", "new").status == 0


@pytest.mark.parametrize("change", ["shorter", "rewritten"])
def test_history_that_was_seen_otherwise(verify: Callable[..., Ran], tmp_path: Path, change: str) -> None:
    """The head of another history, as an index would sign that had rewritten its journal: its own proofs are of no use."""
    verify()
    (kept,) = (tmp_path / "cache").rglob("journal.json")
    seen = json.loads(kept.read_bytes())
    if change == "shorter":
        seen["size"] += 5
    else:
        seen["root"] = hashlib.sha256(b"another history").hexdigest()
    kept.write_text(json.dumps(seen))
    ran = verify()
    code = "rollback" if change == "shorter" else "altered"
    assert (ran.status, ran.out, ran.err.endswith(f"[{code}]\n")) == (6, "", True), ran
    kept.write_text("{")
    assert verify().status == 8, "what was seen is not forgotten silently"


def test_proofs_of_logs_of_all_small_sizes() -> None:
    """Against the log's own arithmetic, every pair of sizes and every leaf; and never with a hash changed."""
    rng = random.Random(1)
    rows = [rng.randbytes(9) for _ in range(20)]

    def nodes(level: int, position: int) -> bytes:
        if level == 0:
            return leaf_hash(rows[position])
        return tree.hash_pair(nodes(level - 1, 2 * position), nodes(level - 1, 2 * position + 1))

    roots = [tree.root(size, nodes) for size in range(21)]
    for new in range(1, 21):
        assert extends(0, EMPTY, new, roots[new], [])
        for old in range(1, new + 1):
            path = tree.consistency(old, new, nodes)
            assert extends(old, roots[old], new, roots[new], path)
            assert not extends(old, roots[old - 1], new, roots[new], path)
            if path:
                assert not extends(old, roots[old], new, roots[new], [*path[:-1], b"\0" * 32])
                assert not extends(old, roots[old], new, roots[new], path[:-1])
        for index in range(new):
            path = tree.inclusion(index, new, nodes)
            assert is_included(leaf_hash(rows[index]), index, new, path, roots[new])
            assert not is_included(leaf_hash(b"other"), index, new, path, roots[new])
            assert not is_included(leaf_hash(rows[index]), index, new, [*path, b"\0" * 32], roots[new])
