"""`bonded check facts`: authors see what a check gets to see, of archives and of samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bonded.checks import harness
from bonded.cli import bonded
from bonded.facts.model import load
from bonded.screening.facts_text import UNPARSED

HIDDEN = """\
import base64, os

def later(word):
    getattr(os, "sys" + "tem")(word)

exec(base64.b64decode("aW1wb3J0IG9zOyBvcy5zeXN0ZW0oJ2VjaG8gaGknKQ=="))
"""


def told(*words: str | Path) -> Result:
    return CliRunner().invoke(bonded, ["check", "facts", *map(str, words)])


def archive(folder: Path, *members: tuple[str, bytes], sdist: bool = False) -> Path:
    data, name = harness.pack(list(members), sdist=sdist)
    (folder / name).write_bytes(data)
    return folder / name


def test_of_a_sample(tmp_path: Path) -> None:
    (tmp_path / "hidden.py").write_text(HIDDEN)
    done = told(tmp_path / "hidden.py")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == f"{tmp_path}/hidden.py stands for"
    assert lines[1] == "sample-1.0-py3-none-any.whl: wheel, name sample, version 1.0"
    assert 'naming.tops: "sample"' in lines
    assert "  module, its top level runs at import" in lines
    assert "  line 4: os.system, runs at call, scope later, hidden" in lines
    assert "    0: not known  labels: parameter" in lines
    assert "    0: text \"import os; os.system('echo hi')\"  labels: decoded" in lines
    assert "      - line 6: base64.b64decode" in lines
    assert "  line 6: os.system, runs at import, depth 1" in lines
    assert lines[lines.index("  line 6: decoded, depth 1") + 1] == "    | import os; os.system('echo hi')"


def test_of_an_archive(tmp_path: Path) -> None:
    done = told(
        archive(
            tmp_path,
            ("setup.py", b"import os\nos.system('make')\n"),
            ("pkg/run.sh", b"#!/bin/sh\necho hi\n"),
            sdist=True,
        )
    )
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "sample-1.0.tar.gz: sdist, name sample, version 1.0"
    assert "  module, its top level runs at install" in lines
    place = next(n for n, line in enumerate(lines) if line.startswith("member sample-1.0/pkg/run.sh"))
    assert lines[place + 1].startswith("  script in ")
    assert "    | echo hi" in lines


def test_of_a_module_that_is_not_worth_parsing(tmp_path: Path) -> None:
    lines = told(archive(tmp_path, ("pkg/__init__.py", b"VALUE = 1\n"))).output.splitlines()
    assert lines[-3:-1] == ["member pkg/__init__.py: text, 10 bytes", f"  {UNPARSED}"]


def test_members_are_chosen_by_their_paths(tmp_path: Path) -> None:
    path = archive(tmp_path, ("pkg/__init__.py", HIDDEN.encode()), ("other/__init__.py", HIDDEN.encode()))
    done = told(path, "--member", "pkg/*")
    heads = [line for line in done.output.splitlines() if not line.startswith(" ")]
    assert heads == [f"member pkg/__init__.py: text, {len(HIDDEN)} bytes"]
    none = told(path, "--member", "nowhere/*")
    assert (none.exit_code, none.stdout) == (1, "")
    assert "no member matches nowhere/*" in none.stderr


def test_programs_get_what_is_stored(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text('[[members]]\npath = "pkg/__init__.py"\ntext = "import os; os.system(1)"\n')
    done = told("--json", tmp_path / "one.toml", archive(tmp_path, ("pkg/__init__.py", b"")))
    first, second = map(load, map(str.encode, done.stdout.splitlines()))
    assert [call.name for module in first.modules for call in module.calls] == ["os.system"]
    assert (second.kind, json.loads(done.stdout.splitlines()[1])["modules"]) == ("wheel", [])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("notes.txt", "hello", "it is neither an archive nor a sample"),
        ("broken.toml", "[[members", "it stands for no archive"),
        ("keyless.toml", '[[members]]\ntext = "x"\n', "the key 'path' is missing"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_others_are_shown(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "good.py").write_text("import os; os.system('x')")
    done = told(tmp_path / name, tmp_path / "good.py")
    assert done.exit_code == 1
    assert said in done.stderr
    assert "os.system, runs at import" in done.stdout


def test_nothing_of_an_archive_reaches_the_terminal_as_it_is(tmp_path: Path) -> None:
    path = archive(tmp_path, ("pkg/\x1b[2Jrun.py", 'import os; os.system("\u202e")'.encode()))
    output = told(path).output
    assert "\x1b" not in output
    assert "\u202e" not in output
    assert r"\x1b[2Jrun.py" in output
