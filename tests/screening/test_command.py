"""`bonded scan` and `bonded check`, as commands."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner, Result

from bonded.cli import bonded
from bonded.screening.command import archives
from tests.screening.conftest import DOUBTFUL, HOSTILE, PLAIN, wheel


def command(*words: object) -> Result:
    return CliRunner().invoke(bonded, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def folder_of_archives(tmp_path: Path) -> Path:
    for name, source in (("c_plain", PLAIN), ("b_doubtful", DOUBTFUL), ("a_hostile", HOSTILE)):
        (tmp_path / f"{name}-1.0-py3-none-any.whl").write_bytes(wheel(source, name))
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "broken-1.0.tar.gz").write_bytes(b"no archive")
    (tmp_path / "readme.txt").write_text("not an archive")
    return tmp_path


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_lines_have_the_fields_of_the_contract_in_input_order(folder_of_archives: Path) -> None:
    result = command("scan", folder_of_archives, "--format", "jsonl", "--jobs", "3")
    assert result.exit_code == 0, result.output
    rows = lines(result)
    assert [(Path(row["path"]).name.split("-")[0], row["verdict"]) for row in rows] == [
        ("a_hostile", "reject"),
        ("b_doubtful", "review"),
        ("c_plain", "clear"),
        ("broken", "review"),
    ]
    first = rows[0]
    assert list(first) == [
        "path",
        "sha256",
        "verdict",
        "score",
        "findings",
        "unread",
        "not_run",
        "cpu_seconds",
        "rules",
    ]
    assert first["sha256"] == hashlib.sha256(Path(first["path"]).read_bytes()).hexdigest()
    assert first["findings"] == [
        {
            "check": "decoded-or-downloaded-code-executed",
            "version": 1,
            "severity": "critical",
            "confidence": 0.95,
            "path": "a_hostile/__init__.py",
            "line": 3,
            "end_line": 3,
            "message": "decoded code is executed",
            "excerpt": "exec(base64.b64decode('cHJpbnQoMSk='))",
            "when": "import",
            "trace": ["line 3: base64.b64decode", "line 3: builtins.exec"],
        }
    ]
    assert 0 <= first["score"] <= 1
    assert first["not_run"] == ["provenance-lost", "publisher-change", "release-divergence", "sdist-wheel-divergence"]
    assert "publisher-change" in result.stderr
    assert rows[3]["unread"]


def without_times(result: Result) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "cpu_seconds"} for row in lines(result)]


def test_the_same_bytes_give_the_same_line_whatever_the_jobs(folder_of_archives: Path) -> None:
    one = without_times(command("scan", folder_of_archives, "--json", "--jobs", "1"))
    assert without_times(command("scan", folder_of_archives, "--json", "--jobs", "4")) == one
    assert without_times(command("scan", folder_of_archives, "--json", "--sandbox", "rlimits")) == one


def test_exit_status(folder_of_archives: Path) -> None:
    plain = folder_of_archives / "c_plain-1.0-py3-none-any.whl"
    doubtful = folder_of_archives / "b_doubtful-1.0-py3-none-any.whl"
    assert command("scan", plain, "--fail-on", "review").exit_code == 0
    assert command("scan", doubtful, "--fail-on", "review").exit_code == 1
    assert command("scan", doubtful, "--fail-on", "reject").exit_code == 0
    assert command("scan", folder_of_archives, "--fail-on", "reject").exit_code == 1
    assert command("scan", folder_of_archives / "nothing").exit_code == 2
    (folder_of_archives / "empty").mkdir()
    none = command("scan", folder_of_archives / "empty")
    assert (none.exit_code, none.stdout) == (1, "")


def test_text_is_for_people_and_safe_for_terminals(tmp_path: Path) -> None:
    path = tmp_path / "bad-1.0-py3-none-any.whl"
    path.write_bytes(wheel(HOSTILE.rstrip() + "  # \x1b[31m\u202e red\n"))
    result = command("scan", path)
    assert re.search(r"^reject  0\.9\d", result.stdout, re.MULTILINE)
    assert "critical: decoded code is executed" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "\\u202e" in result.stdout


def test_sarif(folder_of_archives: Path) -> None:
    result = command("scan", folder_of_archives, "--format", "sarif")
    log = json.loads(result.stdout)
    assert log["version"] == "2.1.0"
    run = log["runs"][0]
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} >= {"startup-hook", "unreadable-archive"}
    first = run["results"][0]
    assert (first["ruleId"], first["level"]) == ("decoded-or-downloaded-code-executed", "error")
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "endLine": 3}


def test_places_in_sarif_are_uri_references_whatever_files_are_called(tmp_path: Path) -> None:
    odd = "100% a: b#c\n?é-1.0-py3-none-any.whl"
    (tmp_path / odd).write_bytes(wheel(HOSTILE, "odd"))
    (run,) = json.loads(command("scan", tmp_path, "--format", "sarif").stdout)["runs"]
    places = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]}
    assert places
    for place in places:
        parts = urlsplit(place)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        assert re.fullmatch(r"[A-Za-z0-9%._~/!+,;=@$&'()*-]+", place)
    assert f"{tmp_path / odd}!/odd/__init__.py" in {unquote(place) for place in places}


def test_what_is_no_ordinary_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe-1.0.tar.gz")
    (tmp_path / "device-1.0.tar.gz").symlink_to("/dev/zero")
    result = command("scan", tmp_path, "--format", "jsonl")
    assert result.exit_code == 1, "they got no verdict"
    assert [row["unread"] for row in lines(result)] == [["the file cannot be read: it is no ordinary file"]] * 2


def test_a_policy_file_decides_and_changes_the_rules(folder_of_archives: Path) -> None:
    policy = folder_of_archives / "policy.toml"
    policy.write_text("[thresholds]\nreview = 0.96\nreject = 0.97\n")
    path = folder_of_archives / "a_hostile-1.0-py3-none-any.whl"
    before, after = lines(command("scan", path, "--json")), lines(command("scan", path, "--json", "--policy", policy))
    assert (before[0]["verdict"], after[0]["verdict"]) == ("reject", "clear")
    assert before[0]["rules"] != after[0]["rules"]
    assert before[0]["findings"] == after[0]["findings"]
    policy.write_text("[thresholds]\nreview = 7\n")
    bad = command("scan", path, "--policy", policy)
    assert bad.exit_code == 1
    assert "thresholds.review" in bad.stderr


def test_archives_are_found_in_order(folder_of_archives: Path) -> None:
    found = archives([folder_of_archives / "c_plain-1.0-py3-none-any.whl", folder_of_archives])
    assert [path.name.split("-")[0] for path in found] == ["c_plain", "a_hostile", "b_doubtful", "c_plain", "broken"]


def test_check_list_and_show() -> None:
    rows = json.loads(command("check", "list", "--json").stdout)
    assert {"startup-hook", "name-deception"} <= {row["name"] for row in rows}
    assert "startup-hook" in command("check", "list").stdout
    assert "**Why it matters.**" in command("check", "show", "startup-hook").stdout
    assert json.loads(command("check", "show", "startup-hook", "--json").stdout)["version"] >= 1
    assert command("check", "show", "nothing").exit_code == 1


def test_check_test() -> None:
    result = command("check", "test", "startup-hook", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)[0]
    assert report["samples"] >= 5
    assert report["wrong"] == report["lost"] == []
    assert "0 wrong" in command("check", "test", "startup-hook").stdout
    assert command("check", "test", "nothing").exit_code == 1


def test_check_new(tmp_path: Path) -> None:
    result = command("check", "new", "made-here", "Finds something", "--into", tmp_path)
    assert result.exit_code == 0
    assert str(tmp_path / "made_here" / "check.py") in result.stdout
    assert command("check", "new", "made-here", "Finds something", "--into", tmp_path).exit_code == 1


def test_check_set_state(tmp_path: Path) -> None:
    from bonded.screening.states import CheckState, states
    from bonded.wiring import open_house

    directory = tmp_path / "data"
    made = command("init", directory, "--dev-keys")
    assert made.exit_code == 0, made.output
    result = command("check", "set-state", "startup-hook", "evaluation", "--reason", "new", "--dir", directory)
    assert (result.exit_code, result.stdout) == (0, "startup-hook is evaluation\n")
    house = open_house(directory)
    with house.db.read() as conn:
        assert states(conn) == {"startup-hook": CheckState.EVALUATION}
    house.closed()
