"""tuf-js reads what is published, as python-tuf does, and refuses what was changed."""

from __future__ import annotations

import hashlib

import pytest

from tests.tuf.conftest import sqlite_world  # noqa: F401
from tests.tuf.world import World
from tests.tufjs.client import Refused, tufjs

FILE = "packages/apple/apple-1.0.tar.gz"


def test_it_verifies_pages_and_files_and_comes_back(sqlite_world: World) -> None:  # noqa: F811
    world = sqlite_world
    world.upload("apple", "apple-1.0.tar.gz", b"crisp")
    first = world.publish()
    base, root = f"{world.public.root.as_uri()}/", (world.folder / "keys/root.json").read_bytes()
    with tufjs() as js:
        folder = world.folder / "clients/js"
        seen = js.look(
            base, folder, [FILE, "simple/apple/index.html", "simple/pear/index.html"], root=root, now=world.now
        )
        assert (seen.timestamp, seen.snapshot) == (first.n, first.n)
        assert seen.targets[FILE] == hashlib.sha256(b"crisp").hexdigest()
        assert seen.targets["simple/apple/index.html"]
        assert seen.targets["simple/pear/index.html"] is None
        world.upload("pear", "pear-1.0.tar.gz")
        second = world.publish()
        assert js.look(base, folder, now=world.now).timestamp == second.n
        path = world.public.root / f"metadata/{second.n}.snapshot.json"
        path.unlink()
        path.write_bytes(b"{}")
        with pytest.raises(Refused, match="Expected length"):
            js.look(base, world.folder / "clients/other", root=root, now=world.now)
