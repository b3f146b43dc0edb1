"""An index with one project, served; and the command run against it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bonded_client import cli
from tests.client.repository import Repository
from tests.client.server import Served, serving

WHEEL = "example-1.0-py3-none-any.whl"


@dataclass(frozen=True)
class Ran:
    """How a run of the command ended."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def repository() -> Repository:
    """An index with one project of one wheel."""
    made = Repository()
    made.project("example", {WHEEL: b"the bytes of a wheel" * 50})
    return made


@pytest.fixture
def served(repository: Repository) -> Iterator[Served]:
    """The index, served."""
    with serving(repository.store) as server:
        yield server


@pytest.fixture
def run(repository: Repository, served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `bonded-client` as a returning client: each run of a test remembers what the one before saw."""
    root = tmp_path / "root.json"
    root.write_bytes(repository.first_root)

    def go(*words: object, timeout: float = 30.0, root: Path = root, cache: str = "cache") -> Ran:
        capsys.readouterr()
        base = ["--index", served.url, "--root", root, "--cache", tmp_path / cache, "--timeout", timeout]
        status = cli.main([str(word) for word in [*base, *words]])
        shown = capsys.readouterr()
        return Ran(status, shown.out, shown.err)

    return go


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Where downloads go."""
    return tmp_path / "dest"
