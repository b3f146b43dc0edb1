"""The self-assessment names tests that exist, says "not yet" where there are none, and leaves no criterion out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/administrator/openssf.md"
CRITERIA = {
    "Authentication": {"1": 5, "2": 4, "3": 3},
    "Authorisation": {"1": 2, "2": 1, "3": 3},
    "General": {"1": 2, "2": 4, "3": 3},
    "Command line": {"1": 1, "2": 1, "3": 3},
}
"""How many criteria each level of each track has."""


def rows() -> list[tuple[str, str, str, str]]:
    """(track, level, criterion, what shows it)."""
    found, track = [], ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            track = line.removeprefix("## ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0].isdigit():
            found.append((track, *cells))
    return found  # type: ignore[return-value]


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_criterion_of_every_level_has_its_row() -> None:
    counted = {
        track: {level: sum(1 for t, at, *_ in rows() if (t, at) == (track, level)) for level in levels}
        for track, levels in CRITERIA.items()
    }
    assert counted == CRITERIA


def test_each_row_names_tests_that_exist_or_says_not_yet() -> None:
    for track, level, criterion, shown in rows():
        names = re.findall(r"`(tests/[^`]+)`", shown)
        assert names or shown.startswith("not yet"), (track, level, criterion)
        assert not (names and "not yet" in shown), criterion
        for name in names:
            path, _, function = name.partition("::")
            assert (ROOT / path).is_file(), name
            assert not function or function in functions(ROOT / path), name


def test_the_disclosure_policy_says_what_it_must() -> None:
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    for word in ("90 days", "Safe harbour", "privately", "good faith"):
        assert word in text, word
