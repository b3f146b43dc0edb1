"""The queue: order, paging, one case with its evidence; what is shown and what is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import zstandard
from sqlalchemy import insert

from bonded.accounts import people
from bonded.catalog import read
from bonded.catalog.tables import evidence as evidence_table
from bonded.db.engine import Database, Tx
from bonded.review import decide, evidence, queue
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, SubjectKind, Verdict
from bonded.values.who import OPERATOR
from tests.review.making import (
    into_case,
    kept_text,
    one_file,
    one_finding,
    one_verdict,
    open_case,
    project,
    state_of_check,
)


def owner(tx: Tx, now: datetime) -> str:
    found = people.by_name(tx, "owner")
    return (found or people.create(tx, OPERATOR, "owner", "o@example.invalid", is_admin=False, now=now)).id


def one_case(db: Database, now: datetime, name: str, score: float, files: int = 1) -> int:
    with db.write() as tx:
        made = project(tx, owner(tx, now), now, name)
        case_id = open_case(tx, made, now, score=score)
        for n in range(files):
            one_file(tx, made, now + timedelta(seconds=n), case_id=case_id)
    return case_id


def test_the_highest_score_comes_first_and_the_oldest_among_equals(db: Database, now: datetime) -> None:
    a, b, c, d = (one_case(db, now, n, s) for n, s in (("a", 0.5), ("b", 0.9), ("c", 0.5), ("d", 0.1)))
    with db.read() as conn:
        lines, cursor = queue.cases(conn)
        assert [line.id for line in lines] == [b, a, c, d]
        assert cursor is None
        assert queue.count_open(conn) == 4
        seen: list[int] = []
        after = None
        while True:
            page, after = queue.cases(conn, after=after, limit=1)
            seen += [line.id for line in page]
            if after is None:
                break
        assert seen == [b, a, c, d]
        assert [line.id for line in queue.cases(conn, project="c")[0]] == [c]
        assert queue.cases(conn, state="closed") == ([], None)


def test_a_line_counts_what_waits(sqlite_db: Database, now: datetime) -> None:
    case_id = one_case(sqlite_db, now, "Sample", 0.8, files=3)
    with sqlite_db.read() as conn:
        found = queue.case(conn, case_id)
    with sqlite_db.write() as tx:
        decide.reject(tx, OPERATOR, [found.files[0].file.id], reason="bad", now=now)
    with sqlite_db.read() as conn:
        ((line,), _) = queue.cases(conn)
    assert (line.files, line.waiting, line.project_key, line.project_name) == (3, 2, "sample", "Sample")


def test_a_case_has_files_verdicts_and_decisions(db: Database, now: datetime) -> None:
    case_id = one_case(db, now, "Sample", 0.8, files=2)
    with db.write() as tx:
        first, second = (f.file.id for f in queue.case(tx, case_id).files)
        one_verdict(tx, first, now, "reject", 0.9)
        one_verdict(tx, first, now, "review", 0.7)
        decide.reject(tx, OPERATOR, [first], reason="bad", now=now)
    with db.read() as conn:
        found = queue.case(conn, case_id)
    one, two = found.files
    assert one.judged
    assert (one.judged.verdict, one.judged.score, one.judged.unread) == (Verdict.REVIEW, 0.7, ("a/b: big",))
    assert one.judged.terms == (("install-time-execution", 0.7),)
    assert one.decided
    assert (one.decided.action, one.decided.reason, one.settled) == ("review.reject", "bad", True)
    assert (two.file.id, two.judged, two.decided, two.settled) == (second, None, None, False)
    with db.read() as conn, pytest.raises(Refusal) as caught:
        queue.case(conn, 999_999)
    assert caught.value.code == "no-such-case"


def test_findings_are_ranked_and_withdrawn_ones_left_out(db: Database, now: datetime) -> None:
    case_id = one_case(db, now, "Sample", 0.8)
    with db.write() as tx:
        found = queue.case(tx, case_id)
        file_id = found.files[0].file.id
        one_finding(tx, file_id, now, message="never run", run_when="never", severity="critical")
        one_finding(tx, file_id, now, message="called", run_when="call")
        one_finding(tx, file_id, now, message="at install")
        one_finding(tx, file_id, now, message="being tried", check="tried", severity="critical")
        one_finding(tx, file_id, now, message="withdrawn", check="noisy", severity="critical")
        one_finding(
            tx,
            file_id,
            now,
            message="the name",
            check="name-deception",
            subject_kind=SubjectKind.PROJECT,
            subject_id=found.project.id,
            file_id=None,
            severity="low",
            run_when="unknown",
        )
        other = project(tx, owner(tx, now), now, "other")
        one_finding(tx, one_file(tx, other, now), now, message="of another project")
        state_of_check(tx, "noisy", "wiped_out", now)
        state_of_check(tx, "tried", "evaluation", now)
    with db.read() as conn:
        shown = queue.case(conn, case_id).findings
    assert [e.finding.message for e in shown] == ["at install", "called", "the name", "never run", "being tried"]
    assert [e.deciding for e in shown] == [True, True, True, True, False]
    assert shown[0].finding.trace == ("setup.py:3", "os.system")


def test_kept_text(sqlite_db: Database, now: datetime) -> None:
    with sqlite_db.write() as tx:
        kept_text(tx, "a", {"lines": ["x = 1"]}, now)
        kept_text(tx, "b", ["only", "a", "list"], now)
        kept_text(tx, "bomb", {"lines": "0" * (evidence.MAX_EVIDENCE + 1)}, now)
        for name, data in (("junk", b"junk"), ("not json", zstandard.ZstdCompressor().compress(b"{"))):
            tx.execute(insert(evidence_table).values(sha256=name, text=data, created_at=now))
    with sqlite_db.read() as conn:
        assert evidence.text_of(conn, "a") == {"lines": ["x = 1"]}
        assert evidence.text_of(conn, "b") == {"text": ["only", "a", "list"]}
        assert [evidence.text_of(conn, name) for name in ("bomb", "junk", "not json", "absent")] == [None] * 4


def test_ten_thousand_cases_are_paged_quickly(sqlite_db: Database, now: datetime) -> None:
    """One page costs no more than its lines: the index gives their order."""
    with sqlite_db.write() as tx:
        made: list[read.Project] = [project(tx, owner(tx, now), now, f"p{n}") for n in range(300)]
        for n, each in enumerate(made):
            into_case(tx, one_file(tx, each, now, state=FileState.HELD), open_case(tx, each, now, score=n / 300))
    with sqlite_db.read() as conn:
        plan = conn.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM review_case WHERE state = 'open' ORDER BY score DESC, id LIMIT 50"
        ).all()
        lines, cursor = queue.cases(conn, limit=50)
    assert any("ix_review_case_state_score" in str(row) for row in plan)
    assert (len(lines), lines[0].project_key) == (50, "p299")
    assert cursor == (lines[-1].score, lines[-1].id)
