"""The page of flows names tests that exist, and calls nothing seen in a browser that is not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/administrator/flows.md"
FLOWS = 29
SEEN_IN = {"browser", "tool", "mail", "program"}
BROWSERS = {"browser", "site"}
"""Fixtures that open a real browser, in the files that the page names."""


def rows(page: str) -> Iterator[tuple[int, str, str, list[str]]]:
    """(number of the flow, state, where it is seen, tests)."""
    flow = 0
    for line in page.splitlines():
        if heading := re.match(r"## (\d+)\. ", line):
            flow = int(heading[1])
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and flow and cells[0] not in ("state or error", "---"):
            yield flow, cells[0], cells[1], re.findall(r"`([^`]+)`", cells[2])


def problems(page: str) -> Iterator[str]:
    """What is wrong with the page, one sentence each."""
    found = list(rows(page))
    for number in {*range(1, FLOWS + 1)} - {flow for flow, *_ in found}:
        yield f"flow {number} has no row"
    for flow, state, seen, tests in found:
        if seen not in SEEN_IN or not tests:
            yield f"{flow}: {state}: nobody sees it"
        for test in tests:
            yield from (f"{flow}: {state}: {fault}" for fault in faults(test, seen))


def faults(name: str, seen: str) -> Iterator[str]:
    """Why a test cannot be what shows something there."""
    path, _, function = name.partition("::")
    function, _, case = function.rstrip("]").partition("[")
    file = ROOT / path
    text = file.read_text("utf-8") if file.is_file() else ""
    node = next(
        (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef) and one.name == function), None
    )
    if node is None:
        yield f"there is no {name}"
        return
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    if case and f'"{case}"' not in "\n".join(text.splitlines()[first - 1 : node.end_lineno]):
        yield f"{function} has no case {case}"
    takes = {one.arg for one in node.args.args}
    if (seen == "browser") != bool(takes & BROWSERS):
        yield f"{function} opens {'no' if seen == 'browser' else 'a'} browser"


def test_each_flow_has_its_states_and_each_state_a_test_that_shows_it() -> None:
    assert list(problems(PAGE.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("[name taken]", "[name eaten]", "has no case name eaten"),
        ("| browser | `tests/web/flows/", "| program | `tests/web/flows/", "opens a browser"),
        ("| program | `tests/web/", "| browser | `tests/web/", "opens no browser"),
        ("test_that_was_not_me", "test_it_was_me", "there is no"),
        ("## 29. ", "## 30. ", "flow 29 has no row"),
    ],
)
def test_a_planted_fault_is_found(before: str, after: str, said: str) -> None:
    page = PAGE.read_text("utf-8")
    assert before in page
    assert any(said in one for one in problems(page.replace(before, after, 1)))
