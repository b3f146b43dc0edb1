"""One running index for all stories of a test process; each story uses projects of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.story.packages import Made, make
from tests.story.running import RunningIndex, running


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """A running index with an administrator."""
    with running(tmp_path_factory.mktemp("index")) as server:
        yield server


@pytest.fixture(scope="session")
def token(index: RunningIndex) -> str:
    """A token of an uploader, for any project of theirs."""
    return index.token("uploader")


_numbers = itertools.count(1)


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Made]:
    """Make a project of a name never used before: `made(backend="flit", version="2.0")`."""
    stem = "story-" + request.node.name.removeprefix("test_").split("[")[0].replace("_", "-")[:40].strip("-")

    def go(name: str = "", *, version: str = "1.0", backend: str = "hatchling") -> Made:
        return make(tmp_path / "projects", name or f"{stem}-{next(_numbers)}", version=version, backend=backend)

    return go
