"""Scanning one archive: a result whatever happens, failures as findings, neighbours unaffected."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bonded.adapters.sandbox_wire import Result
from bonded.checks.context import Context, Neighbour
from bonded.checks.registry import discover
from bonded.screening.child import screen_call
from bonded.screening.evidence import pack
from bonded.screening.policy import Policy, decide
from bonded.screening.run import FAILED, Scanner, evidence, judge, scan
from bonded.values.states import Verdict
from tests.screening.conftest import HOSTILE, PLAIN, wheel

NAME = "sample-1.0-py3-none-any.whl"
ALL = {one.name for one in discover()}
WITH_AN_INDEX = ("provenance-lost", "publisher-change", "release-divergence", "sdist-wheel-divergence")
"""Checks that need to know what was there before."""


def verdict(findings: Any) -> Verdict:
    return decide(findings, Policy()).verdict


def test_a_plain_archive_is_clear(scanner: Scanner) -> None:
    result = scan(wheel(PLAIN), NAME, None, discover(), scanner)
    assert result.findings == ()
    assert result.not_run == WITH_AN_INDEX
    assert {run.check for run in result.runs} == ALL - set(WITH_AN_INDEX)
    assert result.facts is not None
    assert 0 < result.cpu_seconds < 5


def test_a_hostile_archive_is_rejected_from_bytes_a_path_and_a_stream(scanner: Scanner, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(wheel(HOSTILE))
    for data in (wheel(HOSTILE), path, io.BytesIO(wheel(HOSTILE))):
        result = scan(data, NAME, None, discover(), scanner)
        assert verdict(result.findings) is Verdict.REJECT
        assert [(f.path, f.line) for f in result.findings] == [("sample/__init__.py", 3)]


def test_a_project_check_runs_with_its_context(scanner: Scanner) -> None:
    context = Context("reqeusts", new_project=True, nearest=Neighbour("requests", "one letter differs", 0.1))
    result = scan(wheel(), NAME, context, discover(), scanner)
    assert [one.check for one in result.findings] == ["name-deception"]
    assert result.not_run == ()


def test_judging_stored_facts_gives_the_same(scanner: Scanner) -> None:
    first = scan(wheel(HOSTILE), NAME, None, discover(), scanner)
    assert first.facts_json is not None
    again = judge(first.facts_json, None, discover(), scanner)
    assert (again.findings, again.facts, again.not_run) == (first.findings, first.facts, first.not_run)


def test_evidence_is_the_text_around_with_decoded_forms(scanner: Scanner) -> None:
    source = "# before\n" * 100 + HOSTILE + "# after\n" * 100
    data = wheel(source)
    result = scan(data, NAME, None, discover(), scanner)
    kept = evidence(data, NAME, result, scanner)
    assert len(kept) == 1
    lines = kept[0]["text"].split("\n")
    assert lines[103 - kept[0]["first_line"]].startswith("exec(")
    assert len(lines) == 61
    assert kept[0]["decoded"] == [{"how": "decoded on line 103, layer 1", "text": "print(1)"}]
    assert pack(kept[0]) == pack(dict(reversed(kept[0].items())))
    assert evidence(wheel(), NAME, scan(wheel(), NAME, None, discover(), scanner), scanner) == []


class Failing:
    """A sandbox in which some calls end badly, as the real one reports it; `partly`: reading the archive goes well first."""

    level = "rlimits"

    def __init__(self, real: Any, fails: Callable[[Any, bytes], str], *, partly: bool = False) -> None:
        self.real, self.fails, self.partly, self.calls = real, fails, partly, 0

    def run(self, call: Any, argument: bytes, **limits: Any) -> Any:
        self.calls += 1
        how = self.fails(call, argument)
        if not how:
            return self.real.run(call, argument, **limits)
        given = self.real.run(call, argument, **limits).value if self.partly and call is screen_call else b""
        return Result(how, given[: 8 + int.from_bytes(given[:8], "big")], "words", 0.1)

    def close(self) -> None:
        """Nothing of its own to end."""


@pytest.mark.parametrize("how", ["crash", "timeout", "memory", "killed"])
def test_reading_that_fails_is_a_finding_and_goes_to_review(scanner: Scanner, how: str) -> None:
    failing = Failing(scanner.sandbox, lambda call, _: how if call is screen_call else "")
    result = scan(wheel(), NAME, None, discover(), Scanner(failing))
    assert [one.check for one in result.findings] == [FAILED]
    assert "reading the archive" in result.findings[0].message
    assert verdict(result.findings) is Verdict.REVIEW
    assert set(result.not_run) == ALL
    assert result.unread


@pytest.mark.parametrize("how", ["crash", "timeout", "memory", "killed"])
def test_a_check_that_fails_is_named_and_harms_no_other(scanner: Scanner, how: str) -> None:
    failing = Failing(scanner.sandbox, lambda _, argument: how if b"startup-hook" in argument else "", partly=True)
    result = scan(wheel(HOSTILE), NAME, None, discover(), Scanner(failing))
    assert {one.check for one in result.findings} == {FAILED, "decoded-or-downloaded-code-executed"}
    failure = next(one for one in result.findings if one.check == FAILED)
    assert failure.message.startswith("startup-hook ")
    assert {run.check for run in result.runs if run.outcome == "ok"} == ALL - {"startup-hook", *WITH_AN_INDEX}


def test_real_limits_end_in_findings(scanner: Scanner) -> None:
    from bonded.screening.run import ScanSettings

    # A kernel counts a process's time in ticks (4 to 10 ms, coarser on a loaded virtual machine): reading takes many of them.
    source = "import os\nKEY = os.getenv('key')\n" + "def of(a, b):\n    return a + b * os.stat(a)\n" * 4000
    modules = {f"sample/part{number}.py": f"{source}\nNUMBER = {number}\n" for number in range(60)}
    small = Scanner(scanner.sandbox, ScanSettings(cpu_seconds=0.001))
    result = scan(wheel(**modules), NAME, None, discover(), small)
    assert [one.check for one in result.findings] == [FAILED]
    assert "ran out of time" in result.findings[0].message


def test_many_at_once_are_as_one_by_one(scanner: Scanner) -> None:
    from concurrent.futures import ThreadPoolExecutor

    archives = [wheel(HOSTILE if number % 3 == 0 else PLAIN, version=f"{number}.0") for number in range(9)]

    def one(data: bytes) -> object:
        return scan(data, NAME, None, discover(), scanner).findings

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, archives)) == [one(data) for data in archives]
