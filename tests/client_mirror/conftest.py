"""A published index, served from its folder; and `bonded-client mirror` run against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bonded.db.engine import Database
from bonded_client import cli
from tests.client.conftest import Ran
from tests.client.server import Served, serving
from tests.tuf.world import World

WHEEL, SDIST = "example-1.0-py3-none-any.whl", "example-1.0.tar.gz"
Mirror = Callable[..., Ran]


class Folder(dict[str, bytes]):
    """A store for the test server that reads a folder at each request; what is set in it comes instead."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root

    def get(self, path: str, default: bytes | None = None) -> bytes | None:  # type: ignore[override]
        if path in self:
            return self[path]
        file = self.root / path
        return file.read_bytes() if file.is_file() and not path.startswith(".") else default


@pytest.fixture
def world(sqlite_db: Database, tmp_path: Path) -> World:
    """An index with two projects, published now: clients have a clock of their own."""
    made = World.make(sqlite_db, tmp_path / "index", datetime.now(UTC).replace(microsecond=0))
    made.upload("example", WHEEL)
    made.upload("example", SDIST)
    made.upload("other", "other-2.0.tar.gz")
    made.publish()
    return made


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    """The index, served."""
    with serving(Folder(world.folder / "public")) as server:
        yield server


@pytest.fixture
def mirror(world: World, served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Mirror:
    """Run `mirror DIR --once` (or with other words); one DIR is one mirror."""

    def go(directory: Path, *words: object, url: str = "", timeout: float = 30.0) -> Ran:
        capsys.readouterr()
        base = ["--index", url or served.url, "--root", world.folder / "keys/root.json", "--timeout", timeout]
        more = words or ("--once",)
        status = cli.main([str(word) for word in [*base, "mirror", directory, "--keep-free", 1, *more]])
        shown = capsys.readouterr()
        return Ran(status, shown.out, shown.err)

    return go


def tree(directory: Path) -> dict[str, bytes]:
    """Every object that a mirror serves."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and ".mirror" not in path.parts
    }
