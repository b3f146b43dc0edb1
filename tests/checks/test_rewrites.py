"""Rewrites that change nothing of what a program does keep its alert, and no rewritten file slips past the pre-filter."""

from __future__ import annotations

import ast
import contextlib
import io
import types
from pathlib import Path

import pytest

from bonded.checks.rewrites import REWRITES, Files
from tests.checks.rewritten import Outcome, is_alert, outcomes, plain, positives

UNDONE = {
    "obfuscated-code/escapes.py": "what is flagged is how its letters are escaped: written anew, they are plain letters",
    "obfuscated-code/folded.py": "what is flagged are letters that Python folds: written anew, its names are plain",
    "obfuscated-code/hidden_line.py": "what is flagged is a bare carriage return in a comment: written anew, there is none",
    "obfuscated-code/reversed_text.py": "what is flagged is the order in which a line is shown: written anew, marks are escapes",
    "obfuscated-code/wall.py": "what is flagged are blanks before a statement: written anew, it has a line of its own",
}
"""Samples whose alert is for how the text is written, not for what it does; any tool that rewrites a program undoes that."""
RENAMED = {
    "obfuscated-code/mixed.py": "what is flagged is its one name",
    "obfuscated-code/alike.py": "what is flagged are its names",
    "obfuscated-code/underscores.py": "what is flagged are its names",
}
"""Samples that other names make plain."""
ALLOWED = {(sample, name) for sample in UNDONE for name in REWRITES} | {(one, "rename") for one in RENAMED}


@pytest.fixture(scope="module")
def rows() -> list[Outcome]:
    return outcomes()


@pytest.fixture(scope="module")
def some() -> list[Outcome]:
    """The share of every run."""
    return outcomes(4)


@pytest.mark.slow
def test_every_rewrite_is_tried_on_most_samples(rows: list[Outcome]) -> None:
    assert len(REWRITES) == 12
    assert len({row.sample for row in rows}) >= 70
    for name in REWRITES:
        assert sum(row.rewrite == name for row in rows) >= 30, name


@pytest.mark.slow
def test_alerts_survive_rewrites(rows: list[Outcome]) -> None:
    assert len(lost(rows)) <= 0.05 * len(rows), lost(rows)
    assert lost(rows) <= ALLOWED


def test_alerts_survive_some_rewrites(some: list[Outcome]) -> None:
    assert {row.rewrite for row in some} == set(REWRITES)
    assert lost(some) <= ALLOWED


def lost(rows: list[Outcome]) -> set[tuple[str, str]]:
    """Which samples lost their alert by which rewrite."""
    return {(row.sample, row.rewrite) for row in rows if not row.kept}


def test_what_is_undone_is_undone_by_writing_it_anew() -> None:
    """No rewrite is to blame for these: the program, parsed and written again, has no alert."""
    by_name = {one.name: one for one in positives()}
    assert [name for name in UNDONE if is_alert(by_name[name], plain(by_name[name]))] == []
    others = [one for name, one in by_name.items() if name not in UNDONE and name.startswith("obfuscated-code/")]
    assert [one.name for one in others if not is_alert(one, plain(one))] == []


@pytest.mark.slow
def test_no_rewrite_slips_past_the_prefilter(rows: list[Outcome]) -> None:
    assert [(row.sample, row.rewrite) for row in rows if not row.parsed] == []


def test_no_rewrite_of_some_slips_past_the_prefilter(some: list[Outcome]) -> None:
    assert [(row.sample, row.rewrite) for row in some if not row.parsed] == []


PROGRAM = '''
"""A program of every shape that the rewrites touch."""
from __future__ import annotations
import base64, json as j
import os.path
from collections import OrderedDict, deque as queue


class Counter:
    start = 3

    def __init__(self, first):
        self.total = first
        self.first = first

    def add(self, more):
        self.total += more
        return self


def double(text, times=2):
    import math
    count = int(math.floor(times + 0.5))
    return text * count


def outer():
    found = []

    def inner():
        nonlocal found
        found = [*found, "inner"]

    inner()
    return found


total = 0


def bump():
    global total
    total += eval("1 + 1")


bump()
try:
    int("no number")
except ValueError as error:
    reason = str(error)[:7]
start = Counter(Counter.start).add(4)
print(double("ab"), start.total, start.first, f"{total:>3}", j.dumps({"key": os.path.join("a", "b")}), outer())
print(base64.b64encode(b"some bytes that are long").decode(), OrderedDict(a=1), list(queue("xy")), reason, "\\u00e9\\n")
exec("print('executed')")
'''


def printed(source: str, files: Files, tmp_path: Path) -> str:
    """What our own program prints, as a module that is imported."""
    module = types.ModuleType("sample")
    module.__dict__["__file__"] = f"{tmp_path}/sample.py"
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, "sample.py", "exec"), module.__dict__)
    return out.getvalue()


@pytest.mark.parametrize("name", sorted(REWRITES))
def test_a_rewrite_changes_nothing_of_what_a_program_does(name: str, tmp_path: Path) -> None:
    files: Files = {}
    source = REWRITES[name](PROGRAM, files)
    assert source != ast.unparse(ast.parse(PROGRAM)) + "\n"
    assert printed(source, files, tmp_path) == printed(PROGRAM, {}, tmp_path)
