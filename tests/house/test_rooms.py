"""Rooms say what they are for, files are named by a reader's question, and neither files nor functions grow without end."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "src/bonded", ROOT / "client/src/bonded_client"]
ROOMS = sorted(path.parent for path in (ROOT / "src/bonded").glob("*/__init__.py"))
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}


def modules() -> list[Path]:
    """Our own modules: not samples of checks, which are data, nor migrations, which are generated."""
    found = [path for source in SOURCES for path in source.rglob("*.py")]
    return sorted(path for path in found if not {"samples", "versions"} & set(path.parts))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_there_are_rooms() -> None:
    assert {"values", "catalog", "tuf", "web", "serve", "cli"} <= {room.name for room in ROOMS}


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_what_it_is_for(room: Path) -> None:
    """Purpose, what it may import, its invariant, in three to ten lines."""
    words = ast.get_docstring(ast.parse((room / "__init__.py").read_text())) or ""
    assert 3 <= len(words.splitlines()) <= 10, f"{room.name}: {len(words.splitlines())} lines"
    assert "Invariant:" in words
    assert "import" in words.lower()


def test_every_module_says_what_it_is() -> None:
    silent = [path for path in modules() if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))]
    assert [str(path.relative_to(ROOT)) for path in silent] == []


def test_names_say_something() -> None:
    """By file, folder and class: `screening/policy.py`, not `services/manager.py`."""
    paths = [path for path in modules() if {part.removesuffix(".py") for part in path.parts} & EMPTY_NAMES]
    assert paths == []
    for path in modules():
        classes = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]
        assert [name for name in classes if name.endswith(("Manager", "Helper", "Utils", "Util"))] == [], path


def percentile_95(sizes: list[int]) -> int:
    return sorted(sizes)[int(len(sizes) * 0.95)]


def test_files_stay_small() -> None:
    sizes = [len(path.read_text().splitlines()) for path in modules() if path.name != "__init__.py"]
    assert statistics.median(sizes) <= 110
    assert percentile_95(sizes) <= 300


def test_functions_stay_small() -> None:
    trees = [ast.parse(path.read_text()) for path in modules()]
    sizes = [(node.end_lineno or 0) - node.lineno + 1 for tree in trees for node in functions(tree)]
    assert statistics.median(sizes) <= 12
    assert percentile_95(sizes) <= 40
