"""`bonded check set-state`, `backfill`, `schedule`, `replay` and `precision` on a data directory, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bonded.accounts import people
from bonded.cli import bonded
from bonded.db.worker import work_once
from bonded.wiring import House, open_house
from tests.catalog.conftest import Shelf
from tests.screening.conftest import HOSTILE, PLAIN
from tests.screening.index import Index

CHECK = "decoded-or-downloaded-code-executed"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index") / "data"
    done = CliRunner().invoke(bonded, ["init", str(folder), "--dev-keys", "--page-bins", "2", "--bins", "2"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def house(made: Path, tmp_path: Path) -> Iterator[House]:
    """A data directory with a hostile and a plain file, both screened while the check was on trial."""
    import shutil

    folder = tmp_path / "data"
    shutil.copytree(made, folder)
    house = open_house(folder)
    run(folder, "set-state", CHECK, "evaluation", "--reason", "on trial")
    index = Index(Shelf(house.db, house.clock()), house.vault, house.sandbox)  # type: ignore[arg-type]
    for name, source in (("bad-thing", HOSTILE), ("plain-thing", PLAIN)):
        index.screened(name, source)
    yield house
    house.sandbox.close()
    house.history.sandbox.close()


def run(folder: Path, *words: str, status: int = 0) -> Result:
    done = CliRunner().invoke(bonded, ["check", *words, "--dir", str(folder)])
    refused = done.exception is not None and not isinstance(done.exception, SystemExit)
    assert (done.exit_code or int(refused)) == status, (done.output, done.exception)
    return done


def told(house: House, *words: str) -> Any:
    return json.loads(run(house.directory, *words, "--json").stdout)


def drain(house: House) -> None:
    while work_once(house.db, {"backfill": house.jobs()["backfill"]}, house.clock):
        pass


def test_from_trial_to_enabled(house: House) -> None:
    found = told(house, "replay", CHECK)
    assert (found["files"], found["judged"], found["changes"]) == (2, 2, {"clear to reject": 1})
    assert [(one["project"], one["then"], one["now"], one["by_these_checks"]) for one in found["changed"]] == [
        ("bad-thing", "clear", "reject", True)
    ]
    words = run(house.directory, "replay", CHECK).stdout
    assert "2 of 2 files judged anew, 1 verdicts would change" in words
    assert "clear -> reject" in words
    run(house.directory, "set-state", CHECK, "enabled", "--reason", "it is right")
    number = told(house, "backfill", CHECK, "--project", "*-thing")["id"]
    (before,) = told(house, "backfill", "--status")
    assert (before["state"], before["total"], before["done"], before["filter"]) == (
        "running",
        2,
        0,
        {"project": "*-thing"},
    )
    drain(house)
    (after,) = told(house, "backfill", "--status")
    assert (after["id"], after["state"], after["done"], after["cases"]) == (number, "done", 2, 1)
    assert after["verdicts"] == {"clear to reject": 1}
    line = run(house.directory, "backfill", "--status").stdout
    assert line.startswith(f"{number}\tdone\t2 of 2 files")


def test_pause_resume_cancel(house: House) -> None:
    number = str(told(house, "backfill", CHECK)["id"])
    assert told(house, "backfill", "--pause", number)["state"] == "paused"
    assert told(house, "backfill", "--resume", number)["state"] == "running"
    assert told(house, "backfill", "--cancel", number)["state"] == "cancelled"
    run(house.directory, "backfill", "--pause", number, status=1)


WRONG = [
    ("backfill",),
    ("backfill", CHECK, "--status"),
    ("backfill", "--pause", "1", "--cancel", "1"),
    ("backfill", "nothing"),
    ("backfill", CHECK, "--project", "[ab]"),
    ("backfill", CHECK, "--since", "yesterday"),
    ("backfill", "--pause", "77"),
    ("replay",),
    ("replay", "nothing"),
    ("schedule", "add", "x", "* * *", CHECK),
    ("schedule", "remove", "x"),
    ("schedule", "run", "x"),
    ("set-state", "nothing", "disabled", "--reason", "x"),
    ("set-state", CHECK, "odd", "--reason", "x"),
]


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_words_are_one_sentence(made: Path, words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(bonded, ["check", *words, "--dir", str(made)])
    assert done.exit_code != 0
    from bonded.cli.failures import sentence_of

    if not isinstance(done.exception, SystemExit):
        assert isinstance(done.exception, Exception)
        assert sentence_of(done.exception)


def test_a_policy_before_it_is_used(house: House, tmp_path: Path) -> None:
    run(house.directory, "set-state", CHECK, "enabled", "--reason", "it is right")
    policy = tmp_path / "policy.toml"
    policy.write_text("[thresholds]\nreview = 0.01\nreject = 1.0\n")
    found = told(house, "replay", "--policy", str(policy))
    assert found["changes"] == {"clear to review": 1}
    policy.write_text("[thresholds]\nreview = 7\n")
    done = run(house.directory, "replay", "--policy", str(policy), status=1)
    assert "thresholds.review" in done.output


def test_schedules(house: House) -> None:
    words = ("schedule", "add", "nightly", "30 3 * * *", "name-deception", "--newest", "--dormant", "30")
    assert run(house.directory, *words).stdout.startswith("nightly is due at ")
    (row,) = told(house, "schedule", "list")
    assert (row["cron"], row["checks"], row["filter"]) == (
        "30 3 * * *", ["name-deception"], {"newest": True, "dormant_days": 30},
    )  # fmt: skip
    assert "nightly\t30 3 * * *\tdue " in run(house.directory, "schedule", "list").stdout
    number = int(run(house.directory, "schedule", "run", "nightly").stdout)
    assert told(house, "backfill", "--status")[0]["id"] == number
    assert run(house.directory, "schedule", "remove", "nightly").stdout == "nightly is removed\n"
    assert told(house, "schedule", "list") == []


def test_precision(house: House) -> None:
    assert told(house, "precision") == []
    run(house.directory, "set-state", CHECK, "enabled", "--reason", "it is right")
    run(house.directory, "backfill", CHECK)
    drain(house)
    done = CliRunner().invoke(bonded, ["review", "remove", "1", "--reason", "malware", "--dir", str(house.directory)])
    assert done.exit_code == 0, done.output
    (row,) = [one for one in told(house, "precision") if one["check"] == CHECK]
    assert (row["right"], row["wrong"], row["precision"], row["floor"], row["state"]) == (1, 0, 1.0, 0.4, "enabled")
    assert (round(row["low"], 2), row["high"]) == (0.21, 1.0)
    assert "1 of 1" in run(house.directory, "precision", CHECK).stdout
    done = run(house.directory, "set-state", CHECK, "wiped_out", "--reason", "withdrawn")
    assert "stay so" not in done.stderr
    assert told(house, "precision", "nothing") == []
    said = run(house.directory, "precision", "nothing", CHECK).stderr
    assert said == "there is no check called nothing; `bonded check list` names them all\n"


def test_what_a_check_found_is_seen_also_while_it_decides_nothing(house: House) -> None:
    run(house.directory, "set-state", CHECK, "evaluation", "--reason", "on trial")
    (one,) = told(house, "findings", CHECK)
    assert (one["state"], one["severity"], one["version"]) == ("public", "critical", 1)
    said = run(house.directory, "findings", CHECK).stdout
    assert f"{one['filename']} (public): critical, " in said
    assert f"    {one['message']} ({one['path']}:{one['line']})\n" in said
    run(house.directory, "set-state", CHECK, "wiped_out", "--reason", "withdrawn")
    assert told(house, "findings", CHECK) == []
    assert "there is no check called nothing" in run(house.directory, "findings", "nothing", status=1).output


def test_what_a_state_leaves_held_is_said(house: House) -> None:
    run(house.directory, "set-state", CHECK, "enabled", "--reason", "it is right")
    index = Index(Shelf(house.db, house.clock()), house.vault, house.sandbox)  # type: ignore[arg-type]
    with house.db.read() as conn:
        index.people.append(people.by_name(conn, "ann"))
    index.screened("worse-thing", HOSTILE)
    done = run(house.directory, "set-state", CHECK, "disabled", "--reason", "noise")
    assert "1 files with findings of it are held, rejected or quarantined, and stay so" in done.stderr
