"""Checks over facts that were just made, and over the same facts out of storage, find the same; facts survive JSON."""

from __future__ import annotations

import io

from bonded.checks.registry import discover
from bonded.facts.model import dump, load
from bonded.facts.read import read
from bonded.screening.run import Scanner, judge, scan
from bonded.screening.warming import archives
from tests.screening.test_run import HOSTILE, NAME, wheel


def test_facts_are_the_same_after_storage() -> None:
    for stream, name in [*archives(), (io.BytesIO(wheel(HOSTILE)), NAME)]:
        facts = read(stream, name)
        assert facts.modules
        assert load(dump(facts)) == facts
        assert dump(load(dump(facts))) == dump(facts)


def test_stored_facts_give_the_same_findings(scanner: Scanner) -> None:
    fresh = scan(wheel(HOSTILE), NAME, None, discover(), scanner)
    assert fresh.facts_json is not None
    stored = judge(fresh.facts_json, None, discover(), scanner)
    assert stored.findings == fresh.findings != ()
    assert stored.unread == fresh.unread
    assert [run.check for run in stored.runs] == [run.check for run in fresh.runs]
