"""Files with exact versions: what is read, what is refused with its line, and what a rewriting leaves alone."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.markers import default_environment
from packaging.tags import sys_tags
from packaging.version import Version

from bonded_client.failures import Failure
from bonded_client.interpreter import Interpreter, ask
from bonded_client.pinned import read, rewritten

HERE = Interpreter({k: str(v) for k, v in default_environment().items()}, tuple(sys_tags()), ())
OLD, NEW = "0" * 64, "1" * 64


def written(folder: Path, text: str, name: str = "requirements.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def after(folder: Path, text: str) -> str:
    return rewritten(read(written(folder, text), HERE), {"example": (Version("2.0"), [NEW])})


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("example==1.0\n", "example==2.0\n"),
        ("Example == 1.0  # because", "Example == 2.0  # because"),
        ("example[fast]==1.0 ; python_version>'3'\nb==1\n", "example[fast]==2.0 ; python_version>'3'\nb==1\n"),
        (
            f"example==1.0 --hash=sha256:{OLD} --hash=sha256:{NEW}  # both\n",
            f"example==2.0 \\\n    --hash=sha256:{NEW}  # both\n",
        ),
        (
            f"# one\r\nexample==1.0 \\\r\n    --hash=sha256:{OLD}\r\n    # via b\r\nb==1 --hash=sha256:{OLD}\r\n",
            f"# one\r\nexample==2.0 \\\r\n    --hash=sha256:{NEW}\r\n    # via b\r\nb==1 --hash=sha256:{OLD}\r\n",
        ),
        ("--index-url https://one.example.org/\n-f x\nexample===1.0\n", None),
        ("example==1.0 ; python_version<'3'\nb==1\n", "example==1.0 ; python_version<'3'\nb==1\n"),
        ("\ufeffexample==1.0\n", None),
        ("example==1.0\x0cb==1\ra==1\r", None),
        ("example==1.0 \\\n  # aside\nb==1\n", "example==2.0\n  # aside\nb==1\n"),
        ("a==1.0\nexample==1.0;python_version=='1.0' or python_version>'3'\n", None),
    ],
)
def test_only_the_lines_of_what_moves_change(tmp_path: Path, before: str, expected: str | None) -> None:
    if expected is None:
        expected = re.sub(r"(example={2,3})1\.0", r"\g<1>2.0", before)
    assert after(tmp_path, before) == expected


comments = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(comments.map("# {}".format), st.just(""), st.just("  # via b"), st.just("b==1.0"))), st.data()
)
def test_all_else_stays_as_it_was(tmp_path: Path, rows: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(rows)))
    newline = data.draw(st.sampled_from(["\n", "\r\n"]))
    texts = [newline.join([*rows[:at], pin, *rows[at:]]) for pin in ("example==1.0", "example==2.0")]
    assert after(tmp_path, texts[0]) == texts[1]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a==1\nexample\n", 2),
        ("example>=1.0\n", 1),
        ("example==1.*\n", 1),
        ("example==1.0,!=1.1\n", 1),
        ("\n\nexample @ https://files.example.org/example-1.0.tar.gz\n", 3),
        ("-e .\n", 1),
        ("./here\n", 1),
        ("-r other.txt\n", 1),
        ("a==1\n--constraint other.txt\n", 2),
        ("example===not!a!version\n", 1),
        ("example==${VERSION}\n", 1),
        ("a==1 \\\n  --hash=sha256:00 \\\n  # said\n;\n", 4),
        ("\x00\n", 1),
    ],
)
def test_a_line_that_is_no_exact_version_is_named(tmp_path: Path, text: str, number: int) -> None:
    with pytest.raises(Failure, match=rf"Line {number} of .* \[requirements-invalid\]"):
        read(written(tmp_path, text), HERE)


def test_two_versions_of_one_project_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="in two versions"):
        read(written(tmp_path, "A==1\na==2\n"), HERE)
    assert set(read(written(tmp_path, "a==1;python_version<'3'\na==2\n"), HERE).found.packages) == {"a"}
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(Failure, match="UTF-8"):
        read(tmp_path / "bytes.txt", HERE)
    with pytest.raises(Failure, match="disk"):
        read(tmp_path / "nowhere.txt", HERE)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from(["a==1", "\\", "\n", " ", "#", "--hash=sha256:00", "-e", ";", "'"])).map("".join)
)
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text.encode("utf-8", "replace").decode())
    with suppress(Failure):  # and no other error
        assert rewritten(read(path, HERE), {}) == path.read_bytes().decode()


LOCK = f"""
lock-version = "1.0"
created-by = "somebody"

[[packages]]
name = "example"
version = "1.0"

[[packages.wheels]]
url = "https://files.example.org/example-1.0-py3-none-any.whl"
hashes = {{sha256 = "{OLD}"}}

[[packages]]
name = "cloned"
vcs = {{type = "git", url = "https://code.example.org/cloned", commit-id = "{40 * "0"}"}}

[[packages]]
name = "other"
version = "1.0"
marker = "python_version < '3'"

[[packages.wheels]]
url = "https://files.example.org/other-1.0-py3-none-any.whl"
hashes = {{sha256 = "{OLD}"}}
"""


def test_a_lock_file(tmp_path: Path) -> None:
    file = read(written(tmp_path, LOCK, "pylock.toml"), HERE)
    (package,) = file.found.packages.values()
    assert (package.name, str(package.version), package.hashes) == ("example", "1.0", (("sha256", OLD),))
    assert "cloned has no version" in file.found.notes[0]


@pytest.mark.parametrize("text", ["", "a = [", 'lock-version = "9.0"', LOCK.replace('name = "example"', "name = 1")])
def test_a_lock_file_that_is_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(Failure, match="requirements-invalid"):
        read(written(tmp_path, text, "pylock.toml"), HERE)


def test_a_python_says_what_it_is_and_runs_nothing_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the folder was imported from')")
    monkeypatch.chdir(tmp_path)
    said = ask(Path(sys.executable))
    assert said.version == HERE.version
    assert said.tags == HERE.tags
    assert said.environment == HERE.environment
    assert str(tmp_path) not in said.paths


@pytest.mark.parametrize("program", ["nowhere", "#!/bin/sh\necho no", "#!/bin/sh\necho '{}'", "#!/bin/sh\nexit 3"])
def test_what_is_no_python(tmp_path: Path, program: str) -> None:
    path = tmp_path / "python"
    if program != "nowhere":
        path.write_text(program)
        path.chmod(0o755)
    with pytest.raises(Failure, match="python-unusable"):
        ask(path)
