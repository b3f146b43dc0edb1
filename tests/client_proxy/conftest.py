"""An index with two projects, one of which needs the other, served; and a proxy before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.server import Served, serving
from tests.client_proxy.index import Index
from tests.client_proxy.running import Running, proxying
from tests.client_proxy.wheels import wheel


@pytest.fixture
def index() -> Index:
    """`example` 1.0 needs `helper` 1.0."""
    made = Index()
    made.release("helper", wheel("helper"))
    made.release("example", wheel("example", requires=("helper",)))
    made.list_projects()
    return made


@pytest.fixture
def served(index: Index) -> Iterator[Served]:
    """The index, served; `served.odd` spoils answers."""
    with serving(index.store) as server:
        yield server


@pytest.fixture
def running(index: Index, served: Served, tmp_path: Path) -> Iterator[Running]:
    """A proxy that polls the index at each request."""
    with proxying(served.url, index.first_root, tmp_path / "cache") as proxy:
        yield proxy
