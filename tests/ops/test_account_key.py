"""Several hosts, one key: a host without the key of accounts, or with another, says so before people meet it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from bonded.accounts import key_proof, people, tokens
from bonded.accounts.sealing import Sealer
from bonded.cli import bonded
from bonded.cli.serve import check_key
from bonded.db.engine import Database
from bonded.journal.tables import journal
from bonded.settings import SettingsError
from bonded.values.who import OPERATOR
from bonded.wiring import House, open_house

ONE, OTHER = Sealer(b"1" * 32), Sealer(b"2" * 32)


def agrees(db: Database, sealer: Sealer) -> bool:
    with db.read() as conn:
        return key_proof.agrees(conn, sealer)


def keep(db: Database, sealer: Sealer, now: datetime) -> bool:
    with db.write() as tx:
        return key_proof.keep(tx, sealer, now=now)


def test_the_first_key_is_the_one(db: Database, now: datetime) -> None:
    assert agrees(db, ONE)
    assert agrees(db, OTHER), "nothing is sealed yet"
    assert keep(db, ONE, now)
    assert not keep(db, OTHER, now)
    assert (agrees(db, ONE), agrees(db, OTHER)) == (True, False)


def test_a_database_from_before_the_proof_is_judged_by_its_tokens(db: Database, now: datetime) -> None:
    with db.write() as tx:
        ann = people.create(tx, OPERATOR, "ann", "ann@example.invalid", is_admin=False, now=now)
        tokens.mint(
            tx,
            OPERATOR,
            ann,
            sealer=ONE,
            name="t",
            projects=(),
            permissions=("upload",),
            expires_at=now + timedelta(days=1),
            operator=True,
            now=now,
        )
    assert not keep(db, OTHER, now), "the wrong host does not make its key the one"
    assert keep(db, ONE, now)
    assert not agrees(db, OTHER)


def test_a_lost_key_is_given_up_by_a_person_with_a_reason(db: Database, now: datetime) -> None:
    keep(db, ONE, now)
    with db.write() as tx:
        key_proof.accept(tx, OPERATOR, OTHER, reason="the disk is gone", now=now)
    assert (agrees(db, ONE), agrees(db, OTHER)) == (False, True)
    with db.read() as conn:
        facts = conn.execute(select(journal.c.facts).where(journal.c.action == "keys.accounts")).scalar_one()
    assert facts == {"reason": "the disk is gone"}


@pytest.fixture
def first(tmp_path: Path) -> House:
    """The first host, started once."""
    folder = tmp_path / "first"
    made = CliRunner().invoke(bonded, ["init", str(folder), "--dev-keys", "--page-bins", "4", "--bins", "4"])
    assert made.exit_code == 0, made.output
    house = open_house(folder)
    check_key(house)
    return house


@pytest.fixture
def second(first: House, tmp_path: Path) -> Path:
    """A second host on the same database, with everything but the key of accounts."""
    folder = tmp_path / "second"
    shutil.copytree(first.directory, folder, ignore=shutil.ignore_patterns("secrets", "bonded.db*", "run"))
    with (folder / "bonded.toml").open("a") as file:
        file.write(f'[database]\nurl = "{first.database_url}"\n')
    return folder


def test_a_host_without_the_key_makes_none_and_does_not_start(second: Path) -> None:
    for role in ("serve", "web", "worker"):
        port = [] if role == "worker" else ["--port", "0"]  # another program may be at the usual one
        words = [Path(sys.executable).parent / "bonded", role, second, *port]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        *before, line = done.stderr.splitlines()
        assert all(json.loads(one)["level"] == "warning" for one in before)  # of a machine that has no bubblewrap, say
        assert "(setting `account.key_file`) is not on this host" in line
        assert "copy it from a host that has it" in line
    assert not (second / "secrets/accounts.key").exists()
    with pytest.raises(SettingsError):
        _ = open_house(second).sealer


def test_a_host_with_another_key_says_so_everywhere(
    first: House, second: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (second / "secrets").mkdir()
    (second / "secrets/accounts.key").write_text("ab" * 32)
    house = open_house(second)
    check_key(house)
    said = capsys.readouterr().err
    assert said.startswith("Warning: this host's account.key_file is not the key")
    assert said.count("\n") == 1
    assert house.problems() == [said.removeprefix("Warning: ").strip()], "what /readyz says"
    assert "accounts-key" in {alarm.kind for alarm in house.status().alarms}
    shown = CliRunner().invoke(bonded, ["policy", "key", "--dir", str(second)])
    assert shown.exit_code == 1
    assert "is not the key" in shown.output
    check_key(first)
    assert capsys.readouterr().err == ""
    assert first.problems() == []
    assert "accounts-key" not in {alarm.kind for alarm in first.status().alarms}
    shutil.copy(first.key_path, house.key_path)
    mended = open_house(second)
    check_key(mended)
    assert (mended.problems(), capsys.readouterr().err) == ([], "")


def test_the_command_that_gives_a_lost_key_up(second: Path) -> None:
    run = CliRunner()
    bare = run.invoke(bonded, ["policy", "key", "--accept", "--dir", str(second)])
    assert bare.exit_code != 0
    assert not (second / "secrets/accounts.key").exists(), "without a reason nothing is made"
    done = run.invoke(bonded, ["policy", "key", "--accept", "--reason", "the disk is gone", "--dir", str(second)])
    assert done.exit_code == 0, done.output
    assert run.invoke(bonded, ["policy", "key", "--dir", str(second)]).exit_code == 0
    check_key(open_house(second))
    assert open_house(second).problems() == []
