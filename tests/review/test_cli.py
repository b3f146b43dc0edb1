"""`bonded review`: the console's acts on the command line."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import insert, update

from bonded.accounts import people
from bonded.catalog import read
from bonded.catalog.tables import case, trait
from bonded.cli import bonded
from bonded.values.refusals import Refusal
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from bonded.wiring import House, open_house
from tests.review.making import one_file, one_finding, one_verdict, open_case, project


@pytest.fixture
def house(migrated_sqlite: Path, tmp_path: Path) -> House:
    (tmp_path / "bonded.toml").write_text('url = "https://index.example.invalid/"\n')
    (tmp_path / "bonded.db").write_bytes(migrated_sqlite.read_bytes())
    (tmp_path / "run").mkdir()
    return open_house(tmp_path)


@pytest.fixture
def case_id(house: House, now: datetime) -> int:
    with house.db.write() as tx:
        owner = people.create(tx, OPERATOR, "owner", "o@example.invalid", is_admin=False, now=now)
        made = project(tx, owner.id, now)
        number = open_case(tx, made, now)
        first = one_file(tx, made, now, case_id=number)
        one_file(tx, made, now, case_id=number, version="2.0")
        one_verdict(tx, first, now)
        one_finding(tx, first, now, message="hidden \u202e text", excerpt="a = 1\x1b[2J\nb = 2")
    return number


def run(house: House, *words: str) -> Result:
    return CliRunner().invoke(bonded, ["review", *words, "--dir", str(house.directory)])


def done(house: House, *words: str) -> str:
    result = run(house, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def files(house: House) -> dict[str, FileState]:
    with house.db.read() as conn:
        found = read.project(conn, "sample")
        assert found
        return {f.filename: f.state for f in read.files(conn, found.id)}


def test_the_queue(house: House, case_id: int) -> None:
    assert done(house, "list") == f"{case_id}\tsample\t2 of 2 wait\t0.70\truns code\n"
    (line,) = json.loads(done(house, "list", "--json", "--project", "SAMPLE"))
    assert (line["case"], line["waiting"], line["state"]) == (case_id, 2, "open")
    assert done(house, "list", "--closed") == ""


def test_a_case_is_shown_with_nothing_hidden(house: House, case_id: int) -> None:
    text = done(house, "show", str(case_id))
    assert "install-time-execution (high, 90%, runs: install) setup.py:3" in text
    assert "policy said review (0.70)" in text
    assert "hidden \\u202e text" in text
    assert "a = 1\\x1b[2J" in text
    assert "\x1b" not in text
    shown = json.loads(done(house, "show", str(case_id), "--json"))
    assert len(shown["files"]) == 2
    assert shown["findings"][0]["check"] == "install-time-execution"
    assert isinstance(run(house, "show", "999").exception, Refusal)


def test_deciding_about_a_whole_case(house: House, case_id: int) -> None:
    done(house, "ask-owner", str(case_id), "--reason", "What is this for?")
    assert set(files(house).values()) == {FileState.HELD}
    done(house, "reject", str(case_id), "--reason", "it steals")
    assert set(files(house).values()) == {FileState.REJECTED}
    assert done(house, "list") == ""
    for words, said in (
        (("reject", "again"), f"somebody has decided about every file of case {case_id}: name the files"),
        (("release", "after all"), f"somebody has decided about every file of case {case_id}: name the files"),
    ):
        refused = run(house, words[0], str(case_id), "--reason", words[1]).exception
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.sentence) == ("nothing-chosen", said)
    done(house, "reopen", str(case_id), "--reason", "a slip")
    assert set(files(house).values()) == {FileState.HELD}
    result = run(house, "release", str(case_id), "--reason", "harmless")
    assert result.stdout == ""
    assert result.stderr.count("release: sample-") == 2
    assert set(files(house).values()) == {FileState.PUBLIC}


def test_deciding_about_one_file(house: House, case_id: int) -> None:
    first, second = sorted(files(house))
    done(house, "release", first, "--reason", "harmless")
    done(house, "quarantine", first, "--reason", "on second thoughts")
    done(house, "remove", second, "--reason", "it steals")
    assert files(house) == {first: FileState.QUARANTINED, second: FileState.REMOVED}
    assert "quarantine: on second thoughts" in done(house, "show", str(case_id))


def test_refusals(house: House, case_id: int) -> None:
    first = min(files(house))
    for words, code in (
        (("release", "unknown-1.0.tar.gz"), "no-such-file"),
        (("release", "999"), "no-such-case"),
        (("quarantine", first), "wrong-state"),
        (("reopen", str(case_id)), "nothing-chosen"),
    ):
        result = run(house, *words, "--reason", "why not")
        assert isinstance(result.exception, Refusal)
        assert result.exception.code == code
    assert run(house, "release", str(case_id)).exit_code == 2, "a reason is required"
    assert set(files(house).values()) == {FileState.HELD}


@pytest.mark.parametrize("number", ["²", "9" * 30, "0", "-1"])
def test_numbers_that_no_row_has_are_told_in_a_sentence(house: House, number: str) -> None:
    for words in (("release", number, "--reason", "x"), ("show", number), ("unsuppress", number, "--reason", "x")):
        result = run(house, *words)
        assert isinstance(result.exception, Refusal | SystemExit), result.exception
    result = run(house, "release", number, "--reason", "why not")
    assert result.exit_code == 2 or getattr(result.exception, "code", "") in ("no-such-file", "no-such-case")


def test_levels_undo_and_campaigns(house: House, case_id: int) -> None:
    first = min(files(house))
    told = json.loads(done(house, "reject", first, "--level", "project", "--reason", "all of it", "--json"))
    assert (told["act"], len(told["files"]), len(told["journal"])) == ("reject", 2, 2)
    assert set(files(house).values()) == {FileState.REJECTED}
    assert len(json.loads(done(house, "undo", "--json"))["journal"]) == 2
    assert set(files(house).values()) == {FileState.HELD}
    result = run(house, "undo")
    assert isinstance(result.exception, Refusal)
    assert result.exception.code == "nothing-to-undo"
    (campaign,) = json.loads(done(house, "campaigns", "--json"))
    assert (campaign["id"], campaign["cases"]) == (case_id, 1)
    assert json.loads(done(house, "regroup", "--json")) == {"cases": 1}
    assert done(house, "campaigns") == f"{case_id}\t1 cases\t0.70\truns code\n"
    assert done(house, "list", "--check", "no-such-check") == ""
    assert json.loads(done(house, "related", str(case_id), "--json")) == []


def test_campaigns_name_people_and_not_their_numbers(house: House, case_id: int, now: datetime) -> None:
    with house.db.write() as tx:
        whose = people.by_name(tx, "owner")
        assert whose
        for name in ("second", "third"):
            made = project(tx, whose.id, now, name)
            number = open_case(tx, made, now)
            marked = one_file(tx, made, now, case_id=number)
            tx.execute(insert(trait).values(file_id=marked, kind="uploader", value=whose.id, note=""))
            tx.execute(update(case).where(case.c.id == number).values(campaign_id=case_id))
    assert "\tuploader: owner (2 cases)\n" in done(house, "campaigns")


def test_suppressions(house: House, case_id: int) -> None:
    finding = json.loads(done(house, "show", str(case_id), "--json"))["findings"][0]["finding"]
    made = json.loads(done(house, "suppress", str(finding), "--days", "30", "--reason", "a test", "--json"))
    (line,) = json.loads(done(house, "suppressions", "--json"))
    assert (line["id"], line["check"], line["reason"]) == (made["suppression"], "install-time-execution", "a test")
    done(house, "unsuppress", str(line["id"]), "--reason", "it was not")
    assert json.loads(done(house, "suppressions", "--json")) == []
    assert "a test" in done(house, "suppressions", "--over")
    assert isinstance(run(house, "unsuppress", "1", "--reason", "again").exception, Refusal)


def test_differences_say_when_an_archive_is_gone(house: House, case_id: int) -> None:
    answers = json.loads(done(house, "differences", str(case_id), "--json"))
    assert [(one["why"], one["outcome"]) for one in answers] == [("previous", "gone")]
    assert "(gone, 0 members the same)" in done(house, "differences", str(case_id))
