"""Loading outside checks: whatever is wrong with one is said, the rest runs, and on an index they begin in evaluation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from sqlalchemy import select

from bonded.catalog.tables import finding, verdict
from bonded.checks.outside import provide
from bonded.checks.registry import built_in, by_name, discover
from bonded.screening import loading, states
from bonded.screening.loading import Loader, Sources
from bonded.seams import Sandbox
from bonded.telemetry.measures import CHECKS_REFUSED
from bonded.telemetry.metrics import _meter
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from bonded.wiring import outside_checks
from tests.screening.index import Index
from tests.screening.outside import FLAGGED, good, write_check
from tests.screening.test_yara import BEACON, rule


@pytest.fixture(autouse=True)
def _nothing_afterwards() -> Iterator[None]:
    yield
    provide(None)


@pytest.fixture
def drop_in(tmp_path: Path) -> Path:
    made = tmp_path / "checks.d"
    made.mkdir()
    return made


def loader(sandbox: Sandbox, drop_in: Path | None, *plugins: Path) -> Loader:
    made = outside_checks(plugins, drop_in, lambda: sandbox)
    assert isinstance(made, Loader)
    return made


def test_nothing_there_costs_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    made = Loader(Sources((), tmp_path / "not-there"), lambda: 1 / 0, lambda *_: 1 / 0)  # type: ignore[arg-type, return-value]
    assert made() is made()
    assert made().checks == ()


def test_a_check_that_lies_in_the_drop_in_folder_itself_is_said(sandbox: Sandbox, drop_in: Path) -> None:
    """`cp -r my_check checks.d` does that where there is no checks.d yet."""
    write_check(drop_in, "good-one").rename(drop_in / "check.py")
    (told,) = loader(sandbox, drop_in)().refused
    assert told.reason == f"{drop_in} has a check.py of its own: each check is a folder in the folder that is named"


def test_broken_and_double_ones_are_said_and_the_rest_is_there(sandbox: Sandbox, drop_in: Path, tmp_path: Path) -> None:
    good(drop_in)
    write_check(drop_in, "startup-hook")
    write_check(drop_in, "broken-one", top="import no_such_library")
    (drop_in / "rules.yar").write_text(rule() + rule("good-one"))
    (drop_in / "bad.yar").write_text("rule")
    other = tmp_path / "other"
    good(other)
    made = loader(sandbox, drop_in, other, tmp_path / "nowhere")
    before = _meter.of(CHECKS_REFUSED, {})._value.get()
    with structlog.testing.capture_logs() as logs:
        outside = made()
    assert [one.name for one in outside.checks] == ["beacon-words", "good-one"]
    assert outside.checks[1].origin == f"{other}: good_one", "places that are named in settings come first"
    reasons = {(one.name, one.origin.partition(":")[0].rpartition("/")[2]): one.reason for one in outside.refused}
    assert reasons["startup-hook", "checks.d"] == "another check is called startup-hook already, from Bonded itself"
    assert reasons["good-one", "checks.d"] == f"another check is called good-one already, from {other}: good_one"
    assert reasons["good-one", "YARA rules"] == f"another check is called good-one already, from {other}: good_one"
    assert "no_such_library" in reasons["broken_one", "checks.d"]
    assert reasons["bad", "bad.yar"].startswith("bad.yar is refused: it does not compile")
    assert reasons[str(tmp_path / "nowhere"), "nowhere"].endswith(
        "No such file or directory: '" + str(tmp_path / "nowhere") + "'"
    )
    assert len(outside.refused) == 6
    assert {one["reason"] for one in logs} == set(reasons.values())
    assert _meter.of(CHECKS_REFUSED, {})._value.get() == before + 6
    made.close()


def test_a_folder_whose_name_is_no_text_keeps_no_other_check_away(sandbox: Sandbox, drop_in: Path) -> None:
    good(drop_in)
    (drop_in / os.fsdecode(b"ch\xffeck")).mkdir()
    (drop_in / os.fsdecode(b"ch\xffeck") / "check.py").write_text("")
    made = loader(sandbox, drop_in)
    outside = made()
    assert [one.name for one in outside.checks] == ["good-one"]
    assert ["ch?eck.check cannot be used" in one.reason for one in outside.refused] == [True]
    made.close()


def test_the_folder_is_read_again_when_it_changes(sandbox: Sandbox, drop_in: Path) -> None:
    made = loader(sandbox, drop_in)
    provide(made)
    assert discover() == built_in()
    (drop_in / "rules.yar").write_text(rule())
    assert by_name("beacon-words") is not None
    first = made()
    assert made() is first
    (drop_in / "rules.yar").write_text(rule(version=2))
    assert by_name("beacon-words").version == 2  # type: ignore[union-attr]
    path = good(drop_in)
    assert by_name("good-one") is not None
    text = (path / "check.py").read_text()
    (path / "check.py").write_text(text.replace("version=1", "version=7"))
    assert by_name("good-one").version == 7  # type: ignore[union-attr]
    (drop_in / "rules.yar").unlink()
    assert by_name("beacon-words") is None
    made.close()


def test_a_folder_that_cannot_be_read_is_said(sandbox: Sandbox, drop_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(drop_in))

    monkeypatch.setattr(loading.yara, "survey", broken)
    (drop_in / "rules.yar").write_text(rule())
    assert [one.reason for one in loader(sandbox, drop_in)().refused] == [
        f"outside checks cannot be read: Permission denied: {drop_in}"
    ]


def test_on_an_index_they_are_evaluated_until_somebody_enables_them(small: Index, drop_in: Path) -> None:
    good(drop_in)
    (drop_in / "rules.yar").write_text(rule(severity="high", confidence="0.95"))
    write_check(drop_in, "broken-one", body="raise KeyError('x')")
    provide(loader(small.sandbox, drop_in))
    source = BEACON.replace("import os\n", FLAGGED)
    first = small.screened("first", source)
    assert first.state is FileState.PUBLIC, "checks on trial decide nothing, not even by breaking"
    assert {one.check for one in small.rows(finding)} >= {"good-one", "beacon-words", "check-failed"}
    for name in ("good-one", "beacon-words"):
        with small.db.write() as tx:
            states.set_state(tx, OPERATOR, name, states.CheckState.ENABLED, reason="tried on a corpus", now=small.now)
    second = small.screened("second", source)
    assert second.state in (FileState.HELD, FileState.REJECTED)
    with small.db.write() as tx:
        states.set_state(tx, OPERATOR, "broken-one", states.CheckState.ENABLED, reason="by mistake", now=small.now)
    third = small.screened("third")
    assert third.state is FileState.HELD, "a check that counts and breaks is never a silent pass"
    unread = [row.unread for row in small.rows(verdict)][-1]
    assert unread == ["broken-one crashed: KeyError: 'x' (check.py, line 10)"]


def test_a_change_of_rules_is_another_set_of_rules(small: Index, drop_in: Path) -> None:
    provide(loader(small.sandbox, drop_in))
    small.screened("first")
    (drop_in / "rules.yar").write_text(rule())
    small.screened("second")
    with small.db.read() as conn:
        assert len(set(conn.scalars(select(verdict.c.rules)))) == 2


def test_a_package_in_bondeds_own_environment_is_found_by_its_entry_point(tmp_path: Path) -> None:
    """An environment that has Bonded and a package of checks: the package is found, and never imported by the command."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (site / "bonded-is-here.pth").write_text("\n".join(path for path in sys.path if Path(path).is_dir()) + "\n")
    package = write_check(site, "found-one", top="print('imported')").parent
    (package / "words.txt").write_text("data")
    info = site / "found_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: found-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bonded.checks]\nfound-one = found_one.check\n")
    program = (
        "import sys; from bonded.cli import bonded\n"
        "try: bonded(['check', 'show', 'found-one'])\nfinally: assert 'found_one' not in sys.modules"
    )
    done = subprocess.run(
        [tmp_path / "venv" / "bin" / "python", "-I", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "from Bonded's environment: found-package 1.0" in done.stdout
    assert "imported" not in done.stdout


def bonded(*words: str, status: int = 0) -> str:
    from bonded.cli import bonded as program

    done = CliRunner().invoke(program, words)
    assert done.exit_code == status, done.output
    return done.output


def test_list_and_show_tell_what_is_there_and_what_was_refused(
    small: Index, drop_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = drop_in.parent
    monkeypatch.delenv("BONDED_DIR", raising=False)
    url = small.db.engine.url.render_as_string(hide_password=False)
    (directory / "bonded.toml").write_text(f'name = "x"\nurl = "http://localhost:8000/"\n[database]\nurl = "{url}"\n')
    good(drop_in)
    (drop_in / "bad.yar").write_text("rule")
    provide(loader(small.sandbox, drop_in))
    small.screened("first", FLAGGED)
    small.screened("second")
    lines = bonded("check", "list", "--dir", str(directory)).splitlines()
    assert any(
        line.split() == ["good-one", "1", "medium", "evaluation", "A", "command", "is", "run."] for line in lines
    )
    assert any(line.startswith("startup-hook ") and " enabled " in line for line in lines)
    assert any(line.startswith("bad ") and "bad.yar is refused: it does not compile" in line for line in lines)
    shown = bonded("check", "show", "good-one", "--dir", str(directory))
    assert "state evaluation; found something in 1 of 2 (50.0%)" in shown
    assert "from checks.d: good_one" in shown
    refused = bonded("check", "show", "bad", "--dir", str(directory), status=1)
    assert "bad.yar is refused: it does not compile" in refused
    monkeypatch.chdir(directory.parent)
    assert "good-one" not in bonded("check", "list")
