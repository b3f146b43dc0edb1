"""`verify-journal`: an index that changed, cut or invented history is found out, whatever its proofs say."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bonded.journal import proofs, tree
from bonded.journal.seal import current
from bonded.journal.tables import journal
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
