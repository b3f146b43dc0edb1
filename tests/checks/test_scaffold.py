"""A scaffolded check works at once, and bad names are refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from bonded.checks import harness, registry
from bonded.checks.outside import provide
from bonded.checks.scaffold import CannotScaffold, scaffold


def test_the_scaffold_is_a_check_that_passes_its_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = scaffold(tmp_path, "made-by-scaffold", "Says something")
    assert [file.relative_to(tmp_path).as_posix() for file in files] == [
        "made_by_scaffold/__init__.py",
        "made_by_scaffold/check.py",
        "made_by_scaffold/samples/flag/at_import.py",
        "made_by_scaffold/samples/pass/when_called.py",
    ]
    monkeypatch.syspath_prepend(str(tmp_path))
    one = registry.load("made_by_scaffold.check")
    assert (one.name, one.sentence) == ("made-by-scaffold", "Says something.")
    assert harness.problems(one) == []
    assert [(outcome.sample.expected, outcome.right) for outcome in harness.run(one)] == [
        ("flag", True),
        ("pass", True),
    ]


def test_bad_requests_are_refused(tmp_path: Path) -> None:
    scaffold(tmp_path, "there-already", "Says something.")
    for name, sentence in (
        ("there-already", "A."),
        ("Bad Name", "A."),
        ("../x", "A."),
        ("x", ""),
        ("x", 'a "quote"'),
        ("x", "y" * 300),
        ("import", "A."),
    ):
        with pytest.raises(CannotScaffold):
            scaffold(tmp_path, name, sentence)


def test_a_check_without_words_or_samples_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scaffold(tmp_path, "bare-check", "Says something")
    for file in (tmp_path / "bare_check" / "samples").rglob("*.py"):
        file.unlink()
    code = tmp_path / "bare_check" / "check.py"
    code.write_text('"""Short."""\n' + code.read_text().split('"""', 2)[2])
    monkeypatch.syspath_prepend(str(tmp_path))
    assert len(harness.problems(registry.load("bare_check.check"))) == 3


def bonded(*words: object, status: int = 0) -> str:
    """What the command prints."""
    from bonded.cli import bonded as program

    done = CliRunner().invoke(program, [str(word) for word in words])
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture(autouse=True)
def _nothing_from_outside() -> Iterator[None]:
    yield
    provide(None)


def test_everything_of_a_new_check_is_green_at_once(tmp_path: Path) -> None:
    into = tmp_path / "my_checks"
    made = bonded("check", "new", "opens-file", "A file is opened", "--into", into, "--package")
    there = {path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file()}
    assert there == {
        "opens_file/__init__.py",
        "opens_file/check.py",
        "opens_file/samples/flag/at_import.py",
        "opens_file/samples/pass/when_called.py",
        "test_samples.py",
        "pyproject.toml",
        "docs/check-opens-file.md",
        "docs/catalogue.md",
    }
    assert all(str(into / one) in made for one in there)
    said = bonded("check", "test", "--from", into)
    assert said.startswith("opens-file: 2 samples, 0 wrong, 12 of 12 rewrites kept; ")
    assert "ms a sample" in said
    bonded("check", "new", "second-one", "Another", "--into", into, "--package")
    points = tomllib.loads((into / "pyproject.toml").read_text())["project"]["entry-points"]["bonded.checks"]
    assert points == {"opens-file": "opens_file.check", "second-one": "second_one.check"}
    assert "[second-one](check-second-one.md)" in (into / "docs" / "catalogue.md").read_text()


def test_what_is_wrong_is_said_by_the_test(tmp_path: Path) -> None:
    bonded("check", "new", "opens-file", "A file is opened", "--into", tmp_path)
    folder = tmp_path / "opens_file"
    (folder / "samples" / "flag" / "quiet.py").write_text("x = 1\n")
    (folder / "samples" / "pass" / "loud.py").write_text("import os, zlib\nos.system('x')\n")
    said = bonded("check", "test", "opens-file", "--from", tmp_path, status=1)
    assert "opens-file: 4 samples, 2 wrong" in said
    assert "wrong: opens-file: flag/quiet.py: not flagged" in said
    assert "wrong: opens-file: pass/loud.py: flagged: medium: a command is run by os.system" in said
    path = folder / "check.py"
    path.write_text(path.read_text().replace("    for module", "    import sys; sys.exit(3)\n    for module", 1))
    said = bonded("check", "test", "--from", tmp_path, status=1)
    assert "flag/at_import.py: crash: it ended the program: exit status 3" in said
    path.write_text("import no_such_library\n")
    said = bonded("check", "test", "--from", tmp_path, status=1)
    assert "opens_file.check cannot be used: ModuleNotFoundError: No module named 'no_such_library'" in said
    assert "there is no check called nobody" in bonded("check", "test", "nobody", status=1)


def test_samples_that_are_none_are_told_by_name_and_the_others_are_tried(tmp_path: Path) -> None:
    bonded("check", "new", "opens-file", "A file is opened", "--into", tmp_path)
    samples = tmp_path / "opens_file" / "samples" / "flag"
    wrong = {
        "syntax.toml": ("x = [", "it stands for no archive: Invalid value"),
        "name.toml": ('metadata = "Version: 1"', "the key 'Name' is missing or unknown"),
        "path.toml": ('[[members]]\ntext = "x"', "the key 'path' is missing or unknown"),
        "bytes.toml": ('[[members]]\npath = "a"\nbase64 = "x"', "Invalid base64-encoded string"),
        "context.toml": ("[context]\nnope = 1", "the key 'nope' is missing or unknown"),
        "members.toml": ("members = 3", "it stands for no archive: 'int' object"),
    }
    for name, (text, _) in wrong.items():
        (samples / name).write_text(text)
    (samples / "gone.py").symlink_to(tmp_path / "nowhere")
    said = bonded("check", "test", "opens-file", "--from", tmp_path, status=1)
    assert "opens-file: 9 samples, 7 wrong" in said
    assert "wrong: opens-file: flag/gone.py: it cannot be read: No such file or directory" in said
    for name, (_, words) in wrong.items():
        (line,) = (one for one in said.splitlines() if f"flag/{name}: " in one)
        assert words in line


def test_a_text_rule_loses_rewrites_and_is_told_so(tmp_path: Path) -> None:
    bonded("check", "new", "text-rule", "A call is recognised by its text", "--into", tmp_path)
    path = tmp_path / "text_rule" / "check.py"
    path.write_text(path.read_text().replace('call.name == "os.system"', '"os.system(" in call.excerpt'))
    (one,) = json.loads(bonded("check", "test", "--from", tmp_path, "--json"))
    assert one["wrong"] == []
    assert "at_import.py: alias" in one["lost"]
    assert one["rewrites"] == 12


def test_a_package_needs_a_folder_and_another_project_is_left_alone(tmp_path: Path) -> None:
    assert "--package needs --into" in bonded("check", "new", "x-y", "A", "--package", status=2)
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert "has no table" in bonded("check", "new", "x-y", "A", "--into", tmp_path, "--package", status=1)
    assert (tmp_path / "pyproject.toml").read_text() == "[project]\nname = 'other'\n"


def test_a_broken_neighbour_is_told_and_the_others_are_tried(tmp_path: Path) -> None:
    bonded("check", "new", "opens-file", "A file is opened", "--into", tmp_path)
    bonded("check", "new", "half-written", "Not yet written", "--into", tmp_path)
    (tmp_path / "half_written" / "check.py").write_text("import no_such_library\n")
    broken = "Error: half_written.check cannot be used: ModuleNotFoundError"
    said = bonded("check", "test", "--from", tmp_path, status=1)
    assert "opens-file: 2 samples, 0 wrong" in said
    assert broken in said
    assert broken not in bonded("check", "test", "opens-file", "--from", tmp_path)
    said = bonded("check", "test", "half-written", "--from", tmp_path, status=1)
    assert "there is no check called half-written; half_written.check cannot be used: ModuleNotFoundError" in said
    said = bonded("check", "new", "third-one", "Another", "--into", tmp_path)
    assert broken in said
    assert str(tmp_path / "docs" / "check-third-one.md") in said
    assert "half_written.check cannot be used" in bonded("check", "pages", tmp_path, "--from", tmp_path, status=1)


def test_a_place_without_checks_is_no_success(tmp_path: Path) -> None:
    """Else a run in CI would be green for ever after the folder was renamed."""
    into = tmp_path / "checks"
    bonded("check", "new", "opens-file", "A file is opened", "--into", into)
    said = bonded("check", "test", "--from", into / "opens_file", status=1)
    assert (
        f"{into / 'opens_file'} has a check.py of its own: each check is a folder in the folder that is named" in said
    )
    for command in (("check", "test"), ("check", "pages", tmp_path / "pages")):
        said = bonded(*command, "--from", into / "docs", status=1)
        assert f"there is no check in {into / 'docs'}: each is a folder in it with a check.py" in said
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    said = bonded("check", "test", "--from", tmp_path / "bare", status=1)
    assert f"no package in {tmp_path / 'bare'} declares a check, by an entry point in the group bonded.checks" in said


def test_a_refused_request_leaves_nothing_behind(tmp_path: Path) -> None:
    said = bonded("check", "new", "startup-hook", "One of ours", "--into", tmp_path, status=1)
    assert "another check is called startup-hook already, from Bonded itself" in said
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    bonded("check", "new", "x-y", "A", "--into", tmp_path, "--package", status=1)
    assert [one.name for one in tmp_path.iterdir()] == ["pyproject.toml"]


def test_a_sentence_is_refused_for_what_is_wrong_with_it(tmp_path: Path) -> None:
    for sentence in ('a "quote"', "back\\slash", "{x}"):
        said = bonded("check", "new", "x-y", sentence, "--into", tmp_path, status=1)
        assert 'the sentence is written into code: leave out " \\ { } and line breaks' in said
    assert "at most 160 characters" in bonded("check", "new", "x-y", "y" * 160, "--into", tmp_path, status=1)
    bonded("check", "new", "x-y", "y" * 159 + ".", "--into", tmp_path)


@pytest.mark.slow
def test_a_package_that_was_built_before_ships_its_checks_once(tmp_path: Path) -> None:
    """setuptools leaves the folder `build` beside the checks."""
    bonded("check", "new", "opens-file", "A file is opened", "--into", tmp_path, "--package")
    for _ in range(2):
        build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
        subprocess.run([sys.executable, "-c", build], cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").iterdir()
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "opens_file/samples/flag/at_import.py" in names
    assert not [one for one in names if one.startswith("build/")]


@pytest.mark.slow
def test_the_test_that_is_scaffolded_passes_and_fails(tmp_path: Path) -> None:
    bonded("check", "new", "opens-file", "A file is opened", "--into", tmp_path)

    def tested() -> str:
        words = [sys.executable, "-m", "pytest", "-q", tmp_path]
        return subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False).stdout

    assert "1 passed" in tested()
    (tmp_path / "opens_file" / "samples" / "flag" / "quiet.py").write_text("x = 1\n")
    assert "flag/quiet.py: not flagged" in tested()


@pytest.mark.slow
def test_a_new_check_of_bonded_itself_is_green_at_once(tmp_path: Path) -> None:
    """In a copy of the checkout, with the page and the line in the catalogue."""
    root = Path(registry.__file__).parents[3]
    shutil.copytree(root / "src" / "bonded", tmp_path / "src" / "bonded", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "docs" / "check-author", tmp_path / "docs" / "check-author")

    def inside(*words: str) -> str:
        program = "import sys; sys.path.insert(0, 'src'); from bonded.cli import bonded; bonded(sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", program, *words], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = inside("check", "new", "opens-file", "A file is opened")
    assert str(tmp_path / "docs" / "check-author" / "check-opens-file.md") in said
    assert "[opens-file](check-opens-file.md)" in (tmp_path / "docs" / "check-author" / "catalogue.md").read_text()
    assert inside("check", "test", "opens-file").startswith("opens-file: 2 samples, 0 wrong")
    assert "opens-file" in inside("check", "list")
