"""The operators' commands, run as a person runs them, on a directory that `bonded init` made."""

from __future__ import annotations

import gc
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bonded.cli import bonded
from bonded.db.jobs import claim, enqueue, failed
from bonded.ops import restore
from bonded.ops.backup import copy_database
from bonded.tuf.base import read_base
from bonded.tuf.publish import publish
from bonded.wiring import House, open_house
from tests.tuf_ops.index import Index


def run(*words: str) -> Result:
    return CliRunner().invoke(bonded, list(words))


def said(*words: str, code: int = 0) -> str:
    result = run(*words)
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A data directory with one published project."""
    folder = tmp_path / "data"
    said("init", str(folder), "--dev-keys", "--page-bins", "4", "--bins", "4")
    house = open_house(folder)
    index = Index.__new__(Index)
    index.folder, index.db, index.now, index.owner = folder, house.db, datetime.now(UTC), "0" * 26
    index.vault, index.public, index.publisher = house.vault, house.public, house.publisher  # type: ignore[assignment]
    index.add_owner()
    index.upload("alpha")
    publish(house.publisher, datetime.now(UTC))
    index.work()
    house.lock.release()  # type: ignore[attr-defined]
    return house


def test_status_shows_roles_and_development_keys(house: House) -> None:
    out = said("tuf", "status", "--dir", str(house.directory))
    assert out.startswith("DEVELOPMENT KEYS")
    assert "timestamp" in out
    assert "8 bins" in out
    assert re.search(r"timestamp signed at \S+, \d+\.\d s ago", out)
    assert re.search(r"2 changes, visible \d+\.\d s after it was signed", out)
    value = json.loads(said("tuf", "status", "--json", "--dir", str(house.directory)))
    assert value["development"] is True
    assert {role["name"] for role in value["roles"]} == {"root", "timestamp", "snapshot", "targets", "pages", "bins"}
    assert value["alarms"] == []
    assert value["flips"][0]["changes"] == 2


def test_nobody_else_may_enter_the_vault_and_everybody_the_public_store(house: House) -> None:
    assert (house.directory / "vault").stat().st_mode & 0o777 == 0o700
    assert (house.directory / "public").stat().st_mode & 0o777 == 0o755


def test_refresh_and_compare(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BONDED_DIR", str(house.directory))
    assert "nothing" in said("tuf", "refresh")
    assert said("tuf", "compare").startswith("no difference: ")
    out = said("tuf", "compare", "--since", "1")
    assert "added packages/alpha/alpha-1.0-py3-none-any.whl" in out
    value = json.loads(said("tuf", "compare", "--json", "--since", "1"))
    assert "simple/alpha/index.html" in value["added"]
    assert run("tuf", "compare", "--since", "1").stderr == ""
    never = run("tuf", "compare", "--since", "2", "--json")
    assert never.stderr == "no publication 2 is in the record: compared with 1, the newest before it\n"
    assert json.loads(never.stdout) == value


def test_a_target_that_was_never_announced_is_found(house: House) -> None:
    (house.directory / "public" / f"publications/{read_base(house.public).n}.json").write_bytes(b"{}")
    result = run("tuf", "compare", "--dir", str(house.directory))
    assert result.exit_code == 1
    assert "is not the one that was signed" in result.stderr


def test_fsck_says_nothing_of_a_whole_index_and_one_line_for_each_damage(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonded.cli.operations.SECOND_LOOK", 0.0)
    assert said("fsck", str(house.directory)) == ""
    house.public.delete("packages/alpha/alpha-1.0-py3-none-any.whl")
    out = said("fsck", str(house.directory), code=1)
    assert out.splitlines()[0].startswith("object-missing packages/alpha/alpha-1.0-py3-none-any.whl: ")
    value = json.loads(said("fsck", str(house.directory), "--json", code=1))
    assert value[0]["code"] == "object-missing"
    said("restore", "--in-place", str(house.directory))
    assert said("fsck", str(house.directory)) == ""


def test_backup_and_restore(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bonded.cli.operations.SECOND_LOOK", 0.0)
    copy, back = tmp_path / "copy.tar", tmp_path / "back"
    assert "objects" in said("backup", str(house.directory), str(copy), "--with-keys")
    value = json.loads(said("restore", str(copy), str(back), "--json"))
    assert value["files"] == 1
    assert not (tmp_path / ".back.restoring").exists()
    assert said("fsck", str(back)) == ""
    assert (back / "public/simple/alpha/index.html").exists()
    result = run("restore", str(copy), str(back))
    assert result.exit_code == 1
    assert result.exception
    assert "is not empty" in str(result.exception)


def test_what_others_need_not_read_is_its_owners(house: House, tmp_path: Path) -> None:
    """nginx is in the group, for the public store: password hashes and settings are none of its business."""

    def open_to_others(directory: Path) -> set[str]:
        return {path.name for path in directory.iterdir() if path.stat().st_mode & 0o077}

    public = {"public", "run"}
    before = os.umask(0o022)
    try:
        made, copy, back = tmp_path / "made", tmp_path / "copy", tmp_path / "back"
        said("init", str(made), "--dev-keys", "--page-bins", "2", "--bins", "2", "--admin", "root")
        assert open_to_others(made) <= public | {"secrets", "mail"}
        assert (made / "bonded.db").stat().st_mode & 0o777 == 0o600
        said("backup", str(house.directory), str(copy), "--with-keys")
        (copy / "bonded.db").chmod(0o644)
        said("restore", str(copy), str(back))
        assert open_to_others(back) <= public | {"mail"}
    finally:
        os.umask(before)


def test_of_two_restores_into_one_folder_the_second_is_refused(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took away what the first had written, which then said that all is well."""
    copy, back = tmp_path / "copy", tmp_path / "back"
    said("backup", str(house.directory), str(copy), "--with-keys")
    copy_all, second = restore.copy_all, []

    def beside(*words: Any) -> int:
        done = subprocess.run(
            [Path(sys.executable).parent / "bonded", "restore", copy, back], capture_output=True, text=True, check=False
        )
        second.append((done.returncode, done.stderr.strip()))
        return copy_all(*words)

    monkeypatch.setattr(restore, "copy_all", beside)
    said("restore", str(copy), str(back))
    assert second == [(1, f"bonded: another restore fills {back}: let it end (directory-in-use)")]
    said("fsck", str(back))
    assert not (tmp_path / ".back.restoring").exists()


def test_a_backup_without_keys_wants_them_at_restore(house: House, tmp_path: Path) -> None:
    copy, back = tmp_path / "copy", tmp_path / "new/folders/back"
    said("backup", str(house.directory), str(copy))
    result = run("restore", str(copy), str(back))
    assert "--keys" in str(result.exception)
    assert not (tmp_path / "new").exists(), "nothing is left, keys least of all"
    said("restore", str(copy), str(back), "--keys", str(house.directory / "keys"))
    assert (back / "public/metadata/timestamp.json").exists()


def test_nobody_reads_while_a_store_is_made_whole(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def look(*_: object, **__: object) -> None:
        seen.append((house.directory / "public").exists())
        raise RuntimeError("stopped halfway")

    with monkeypatch.context() as patch:
        patch.setattr("bonded.ops.restore.copy_all", look)
        assert isinstance(run("restore", "--in-place", str(house.directory)).exception, RuntimeError)
    gc.collect()  # the process that stopped is gone, and its lock with it
    assert seen == [False]
    assert not (house.directory / "public").exists()
    said("restore", "--in-place", str(house.directory))  # goes on with it
    assert (house.directory / "public/simple/alpha/index.html").exists()


def test_a_restore_beside_a_server_is_refused(house: House) -> None:
    with house.lock.held() as mine:
        assert mine
        result = run("restore", "--in-place", str(house.directory))
    assert result.exit_code == 1
    assert "stop the server" in str(result.exception)
    assert (house.directory / "public").exists()


def test_a_store_newer_than_the_database_is_refused_in_one_sentence(house: House, tmp_path: Path) -> None:
    copy_database(house.directory / "bonded.db", tmp_path / "older.db")
    index = Index.__new__(Index)
    index.folder, index.db, index.now, index.owner = house.directory, house.db, datetime.now(UTC), "0" * 26
    index.vault, index.public, index.publisher = house.vault, house.public, house.publisher  # type: ignore[assignment]
    index.upload("beta")
    publish(house.publisher, datetime.now(UTC))
    house.lock.release()  # type: ignore[attr-defined]
    house.db.close()
    with (
        closing(sqlite3.connect(tmp_path / "older.db")) as old,
        closing(sqlite3.connect(house.directory / "bonded.db")) as new,
    ):
        old.backup(new)
    result = run("restore", "--in-place", str(house.directory))
    assert result.exit_code == 1
    assert "the database knows nothing of it" in result.stderr


def test_jobs_are_listed_retried_and_discarded(house: House) -> None:
    where = ("--dir", str(house.directory))
    now = datetime.now(UTC)
    for key in ("screen:a", "screen:b"):
        with house.db.write() as tx:
            enqueue(tx, "screen", key, {"file_id": key}, now=now, max_attempts=1)
            taken = claim(tx, ["screen"], now=now, lease=now - now)
            assert taken
            failed(tx, taken, "boom\nmore", now=now)
    lines = said("job", "list", *where).splitlines()
    assert [line.split()[1:3] for line in lines] == [["dead", "screen:a"], ["dead", "screen:b"]]
    first, second = (line.split()[0] for line in lines)
    assert "screen:a is due now" in said("job", "retry", first, *where)
    assert "discarded" in said("job", "discard", second, "--reason", "gone", *where)
    assert said("job", "list", *where) == ""
    pending = json.loads(said("job", "list", "--state", "pending", "--json", *where))
    assert "screen:a" in [one["key"] for one in pending]
    assert run("job", "discard", "99", "--reason", "x", *where).exit_code == 1


def test_migrate_says_when_there_is_nothing_to_do(house: House) -> None:
    assert "nothing to do" in said("migrate", "--dir", str(house.directory))
