"""`bonded project` and `bonded file` on a real data directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bonded.cli import bonded
from bonded.db.engine import open_database
from bonded.values.refusals import Refusal
from bonded.values.states import FileState
from tests.catalog.conftest import Shelf


@pytest.fixture
def house(migrated_sqlite: Path, folder: Path, now: object) -> Shelf:
    """A data directory with one project, one public file and one that is held."""
    (folder / "bonded.toml").write_text("")
    (folder / "bonded.db").write_bytes(migrated_sqlite.read_bytes())
    shelf = Shelf(open_database(f"sqlite:///{folder / 'bonded.db'}"), now)  # type: ignore[arg-type]
    project = shelf.project("Sample", shelf.person("ann"))
    shelf.person("bob")
    shelf.file(project, state=FileState.PUBLIC, filename="sample-1.0-py3-none-any.whl")
    shelf.file(project, state=FileState.HELD, filename="sample-1.0.tar.gz")
    return shelf


def run(folder: Path, *words: str, input: str = "") -> Result:
    return CliRunner().invoke(bonded, [*words, "--dir", str(folder)], input=input)


def ok(folder: Path, *words: str) -> str:
    result = run(folder, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def code(folder: Path, *words: str) -> str:
    result = run(folder, *words)
    assert isinstance(result.exception, Refusal), result.output
    return result.exception.code


def test_listing_and_showing(house: Shelf, folder: Path) -> None:
    assert ok(folder, "project", "list") == "sample\tSample\tactive\n"
    assert json.loads(ok(folder, "project", "list", "--json"))[0]["key"] == "sample"
    shown = json.loads(ok(folder, "project", "show", "SAMPLE", "--json"))
    assert shown["roles"] == [{"name": "ann", "role": "owner"}]
    assert {f["filename"]: f["state"] for f in shown["files"]} == {
        "sample-1.0-py3-none-any.whl": "public",
        "sample-1.0.tar.gz": "held",
    }
    assert "owner\tann" in ok(folder, "project", "show", "sample")
    assert code(folder, "project", "show", "nowhere") == "no-such-project"


def test_statuses_are_set_and_shown(house: Shelf, folder: Path) -> None:
    for command, status in (
        (("archive", "sample", "--reason", "over"), "archived"),
        (("unarchive", "sample"), "active"),
        (("deprecate", "sample", "--reason", "use other"), "deprecated"),
        (("undeprecate", "sample"), "active"),
        (("quarantine", "sample", "--reason", "malware"), "quarantined"),
        (("release", "sample", "--reason", "was none"), "active"),
    ):
        ok(folder, "project", *command)
        assert json.loads(ok(folder, "project", "show", "sample", "--json"))["status"] == status
    assert code(folder, "project", "unarchive", "sample") == "wrong-state"
    assert run(folder, "project", "quarantine", "sample").exit_code == 2, "a quarantine needs a reason"


def test_roles_are_given_and_taken(house: Shelf, folder: Path) -> None:
    ok(folder, "project", "owner", "add", "sample", "bob", "--role", "maintainer")
    assert ok(folder, "project", "owner", "list", "sample") == "owner\tann\nmaintainer\tbob\n"
    assert code(folder, "project", "owner", "remove", "sample", "ann") == "sole-owner"
    ok(folder, "project", "owner", "remove", "sample", "bob", "--role", "maintainer")
    assert json.loads(ok(folder, "project", "owner", "list", "sample", "--json")) == [{"name": "ann", "role": "owner"}]


def test_files_are_yanked_and_deleted(house: Shelf, folder: Path) -> None:
    name = "sample-1.0-py3-none-any.whl"
    ok(folder, "file", "yank", name, "--reason", "broken")
    assert "public, yanked" in ok(folder, "project", "show", "sample")
    ok(folder, "file", "unyank", name)
    assert run(folder, "file", "delete", name, input="n\n").exit_code == 1
    ok(folder, "file", "delete", name, "--yes")
    assert f"{name}\tremoved" in ok(folder, "project", "show", "sample")
    assert code(folder, "file", "yank", "nothing.whl") == "no-such-file"


def test_a_project_is_deleted_when_one_is_sure(house: Shelf, folder: Path) -> None:
    assert run(folder, "project", "delete", "sample", input="n\n").exit_code == 1
    ok(folder, "project", "delete", "sample", "--yes")
    assert ok(folder, "project", "list") == ""
    assert ok(folder, "project", "list", "--all") == "sample\tSample\tdeleted\n"
