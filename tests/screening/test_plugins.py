"""Outside checks under their authors' mistakes: nothing escapes, neighbours are unaffected, the verdict says what happened."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bonded.adapters.sandbox_pick import pick
from bonded.adapters.sandbox_plugin import BadInterpreter, look, plugin_sandbox
from bonded.screening.plugins import PATIENCE, REST, Place, survey
from bonded.screening.run import Scanner, ScanSettings, scan
from bonded.seams import Sandbox
from tests.screening.conftest import wheel
from tests.screening.outside import FLAGGED, NAME, Tried, attempt, good, opened, write_check


@pytest.fixture(scope="module", params=["auto", "rlimits"])
def kind(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """Both kinds of isolation (the same one where there are no namespaces)."""
    made = pick(request.param)
    yield made
    made.close()


@pytest.fixture(scope="module")
def like() -> Iterator[Sandbox]:
    """The isolation that is used here."""
    made = pick("auto")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "checks"
    good(made)
    return made


def unharmed(tried: Tried) -> None:
    """The good neighbour and all of our own checks ran as if nothing was there."""
    assert tried.of("good-one").outcome == "ok"
    assert [(one.path, one.line) for one in tried.of("good-one").findings] == [("sample/__init__.py", 3)]
    assert tried.ours
    assert all(run.outcome == "ok" for run in tried.ours)


WHILE_RUNNING = {
    "raises": ("raise KeyError('metadata')", "crash: KeyError: 'metadata' (check.py, line"),
    "sys.exit": ("sys.exit(0)", "crash: it ended the program: exit status 0"),
    "os._exit": ("os._exit(0)", "crash: exit status 0"),
    "abort": ("os.abort()", "crash: ended with signal"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "crash: ended with signal 11"),
    "recursion": ("def again(n): return again(n + 1)\nagain(0)", "crash: RecursionError"),
    "infinite loop": ("while True: pass", "timeout: processor time ran out"),
    "endless findings": ("while True: yield Hit('more', 0.5)", ("timeout", "memory")),
    "memory": ("block = bytearray(10**10)", "memory: memory ran out"),
    "fork": ("os.fork()", "crash: "),
    "thread left behind": ("threading.Thread(target=time.sleep, args=(60,)).start()", "crash: RuntimeError: can't start new thread"),
    "a program": ("import subprocess; subprocess.run(['true'])", "crash: "),
    "kills its parent": ("os.kill(os.getppid(), 9)", "crash: "),
    "closes everything": ("os.closerange(0, 256)", "crash: "),
    "network": ("socket.create_connection(('127.0.0.1', 9), 1)", "crash: PermissionError: [Errno 1] Operation not permitted"),
    "writes a file": ("open('/tmp/written-by-a-check', 'w').write('x')", "crash: "),
    "confidence": ("yield Hit('sure', 5)", "crash: ValueError: confidence 5 of bad-confidence is not in 0..1"),
    "not a hit": ("yield 'words'", "crash: AttributeError"),
    "not JSON": ("yield Hit('x', 0.5, line=object())", "crash: TypeError"),
    "not a severity": ("yield Hit('x', 0.5, severity='dreadful')", "crash: "),
}  # fmt: skip


def named(mistake: str) -> str:
    """The name of the check that makes the mistake."""
    return "bad-" + mistake.replace(".", "-").replace(" ", "-").replace("_", "").lower()


@pytest.fixture(scope="module")
def all_at_once(kind: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """One archive, screened with every check that makes a mistake, a good one, and all of ours."""
    folder = tmp_path_factory.mktemp("mistakes")
    good(folder)
    for mistake, (body, _) in WHILE_RUNNING.items():
        write_check(folder, named(mistake), body=body)
    return attempt(kind, folder)


@pytest.mark.parametrize("mistake", WHILE_RUNNING)
def test_a_mistake_while_running(mistake: str, all_at_once: Tried) -> None:
    run = all_at_once.of(named(mistake))
    assert run.outcome.startswith(WHILE_RUNNING[mistake][1]), run
    assert run.findings == ()
    said = [one for one in all_at_once.result.failures if one.message.startswith(f"{run.check} ")]
    assert [(one.check, one.severity) for one in said] == [("check-failed", "medium")]
    assert not Path("/tmp/written-by-a-check").exists()


def test_neighbours_of_mistakes_are_unaffected(all_at_once: Tried) -> None:
    unharmed(all_at_once)
    assert all_at_once.refused == []
    assert len(all_at_once.words) == len(WHILE_RUNNING)


WHILE_IMPORTED = {
    "raises": ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
    "syntax": ("def", "SyntaxError"),
    "sys.exit": ("sys.exit('bye')", "it ended the program: exit status bye"),
    "os._exit": ("os._exit(0)", "it crashed: exit status 0"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "it crashed: ended with signal 11"),
    "memory": ("block = bytearray(10**11)", "it ran out of memory"),
    "network": ("socket.create_connection(('127.0.0.1', 9), 1)", "Error"),
    "no check": ("def check(**_): return lambda function: function\nsys.modules['bonded.checks.kit'].check = check", "declares 0 checks, not one"),
}  # fmt: skip


def test_mistakes_on_import_are_refused_with_their_reasons(folder: Path, kind: Sandbox) -> None:
    for mistake, (top, _) in WHILE_IMPORTED.items():
        write_check(folder, named(mistake), top=top)
    tried = attempt(kind, folder)
    reasons = {one.name: one.reason for one in tried.refused}
    for mistake, (_, words) in WHILE_IMPORTED.items():
        name = named(mistake).replace("-", "_")
        assert words in reasons[name], reasons
        assert reasons[name].startswith(f"{name}.check cannot be used: ")
        assert len(reasons[name]) < 700
        assert "\n" not in reasons[name]
    assert [one.name for one in tried.checks] == ["good-one"]
    assert tried.words == []
    unharmed(tried)


@pytest.mark.parametrize("version", ['"1.0"', "20260101120000", "0", "1.5", "None", "[1]", "True"])
def test_a_version_that_no_database_takes_is_refused_and_stops_nobody(
    version: str, folder: Path, like: Sandbox
) -> None:
    odd = write_check(folder, "odd-version")
    odd.write_text(odd.read_text().replace("version=1,", f"version={version},"))
    tried = attempt(like, folder)
    assert [one.name for one in tried.checks] == ["good-one"]
    assert f"the version of odd-version is {version.replace(chr(34), chr(39))}, not a whole" in tried.refused[0].reason
    unharmed(tried)


def test_one_that_never_ends_its_import_is_refused(
    folder: Path, like: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bonded.screening.plugins.DESCRIBE_SECONDS", 0.5)
    write_check(folder, "bad-one", top="while True: pass")
    tried = attempt(like, folder)
    assert [one.reason for one in tried.refused] == ["bad_one.check cannot be used: it ran out of time"]
    unharmed(tried)


def test_printing_and_changing_what_it_was_given_harms_nobody(folder: Path, like: Sandbox) -> None:
    body = """
    print("x" * 50_000_000); sys.stderr.write("y" * 50_000_000)
    facts.metadata.clear()
    import bonded.checks.kit as kit
    kit.Check.findings_of = lambda *_: 1 / 0
    os.environ["PATH"] = ""
    """
    write_check(folder, "aa-first", body=body)
    tried = attempt(like, folder, cpu_seconds=3)
    unharmed(tried)
    assert tried.of("aa-first").outcome.startswith(("ok", "crash"))


def test_long_words_are_cut_and_findings_are_few(folder: Path, like: Sandbox) -> None:
    body = "for n in range(500): yield Hit(f'{n}' * 9999, 0.5, excerpt='e' * 99999, trace=('t' * 999,) * 99)"
    write_check(folder, "wordy-one", body=body)
    found = attempt(like, folder, cpu_seconds=3).of("wordy-one").findings
    assert len(found) == 20
    assert all(len(one.message) <= 600 and len(one.excerpt) <= 2000 and len(one.trace) <= 20 for one in found)


def test_nothing_of_ours_is_in_its_environment(folder: Path, like: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BONDED_SECRET", "the passphrase")
    write_check(folder, "nosy-one", body="yield Hit(repr(sorted(os.environ.items())), 0.5)")
    message = max(attempt(like, folder).of("nosy-one").findings, key=lambda one: len(one.message)).message
    assert "passphrase" not in message
    assert "PATH" in message


def test_keys_and_the_rest_of_the_machine_cannot_be_read(folder: Path, tmp_path: Path, kind: Sandbox) -> None:
    (tmp_path / "passphrase").write_text("the passphrase")
    files = [str(tmp_path / "passphrase"), "/etc/passwd", "/etc/hostname", str(Path.home() / ".profile")]
    body = f"""
    def can(act):
        try:
            act()
            return True
        except OSError:
            return False
    read = [path for path in {files!r} if can(lambda: open(path).read())]
    listed = [path for path in {[str(tmp_path), "/root", "/home", "/tmp", "/etc"]!r} if can(lambda: os.listdir(path))]
    yield Hit(repr([read, [path for path in listed if os.listdir(path)]]), 0.5)
    """
    write_check(folder, "nosy-one", body=body)
    tried = attempt(kind, folder)
    said = {one.message for one in tried.of("nosy-one").findings} - {"it ran"}
    if kind.level not in ("bubblewrap", "landlock"):
        # The page on threats says so: here files are protected by the account's own rights alone.
        assert any(str(tmp_path / "passphrase") in one for one in said), said
        return
    if kind.level == "landlock":
        assert said == {"[[], []]"}
    else:  # namespaces show folders on the way to what may be seen, with nothing else in them
        assert {one.partition(", [")[0] for one in said} == {"[[]"}
        assert "passphrase" not in str(said)
    unharmed(tried)


def test_one_that_is_slow_again_and_again_is_left_out_for_a_while(folder: Path, like: Sandbox) -> None:
    write_check(folder, "slow-one", body="while True: pass")
    box = opened(like, folder)
    checks, _ = survey(Place("folder", box, (folder,)))
    scanner = Scanner(like, ScanSettings(cpu_seconds=0.3))
    outcomes = []
    for _ in range(PATIENCE + REST + 1):
        run = next(r for r in scan(wheel(FLAGGED), NAME, None, checks, scanner).runs if r.check == "slow-one")
        outcomes.append(run.outcome.partition(":")[0])
        if len(outcomes) > PATIENCE + 2:
            checks[1].runner._resting = min(checks[1].runner._resting, 1)  # type: ignore[union-attr]
        if len(outcomes) > PATIENCE + 4:
            break
    box.close()
    assert outcomes[:PATIENCE] == ["timeout"] * PATIENCE
    assert outcomes[PATIENCE] == "killed"
    assert outcomes[-1] == "timeout", "it gets another chance"


@pytest.mark.slow
@pytest.mark.parametrize("body", ["while True:\n    try: os.fork()\n    except OSError: pass", "time.sleep(1000)"])
def test_storms_and_sleepers_end(body: str, folder: Path, kind: Sandbox) -> None:
    write_check(folder, "bad-one", body=body)
    tried = attempt(kind, folder)
    assert tried.of("bad-one").outcome.startswith("timeout")
    unharmed(tried)
    end = time.monotonic() + 60
    while processes_over(folder) and time.monotonic() < end:  # one that was killed takes a moment to go
        time.sleep(0.05)
    assert processes_over(folder) == []


def processes_over(folder: Path) -> list[str]:
    """Command lines that name the folder: of its sandbox and of what forked there; in namespaces, nothing outlives the first of it."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # others come and go meanwhile
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return [one for one in found if str(folder) in one]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of its own, with a package that declares a check and nothing of Bonded's."""
    where = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", where], check=True)
    site = next(where.glob("lib/python*/site-packages"))
    good(site)
    (site / "its_own_library.py").write_text("WORD = 'library'\n")
    path = site / "good_one" / "check.py"
    path.write_text(path.read_text().replace("from collections", "import its_own_library\nfrom collections"))
    info = site / "good_package-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: good-package\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[bonded.checks]\ngood-one = good_one.check\ngone = not_there.check\n")
    return where


@pytest.mark.parametrize("where", ["folder", "executable"])
def test_a_package_in_an_environment_of_its_own(where: str, environment: Path, like: Sandbox) -> None:
    box = plugin_sandbox(like, environment if where == "folder" else environment / "bin" / "python")
    checks, refused = survey(Place("venv", box, entry_points=True))
    assert [(one.name, one.origin) for one in checks] == [("good-one", "venv: good-package 2.0")]
    assert [one.reason for one in refused] == [
        "not_there.check cannot be used: ModuleNotFoundError: No module named 'not_there'"
    ]
    result = scan(wheel(FLAGGED), NAME, None, checks, Scanner(like))
    assert [one.message for one in result.findings] == ["a command is run by os.system"]
    assert "its_own_library" not in sys.modules
    assert "good_one" not in sys.modules
    box.close()


def test_the_rules_of_an_outside_check_follow_its_code(folder: Path, like: Sandbox) -> None:
    from bonded.checks.registry import rules_hash

    box = opened(like, folder)

    def rules() -> str:
        return rules_hash(survey(Place("folder", box, (folder,)))[0])

    first = rules()
    assert rules() == first
    sample = folder / "good_one" / "samples" / "flag" / "another.py"
    sample.write_text("")
    assert rules() == first, "samples decide nothing"
    (folder / "good_one" / "words.txt").write_text("data")
    second = rules()
    path = folder / "good_one" / "check.py"
    path.write_text(path.read_text() + "# changed\n")
    assert len({first, second, rules()}) == 3
    box.close()


def test_interpreters_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_text('#!/bin/sh\necho \'[[3, 9], "/usr", "/usr/lib"]\'\n')
    old.chmod(0o755)
    with pytest.raises(BadInterpreter, match=r"old is Python 3\.9; plug-ins need 3\.11 or later"):
        look(old)
    with pytest.raises(BadInterpreter, match="is no Python that works"):
        look(tmp_path / "nowhere")
    (tmp_path / "words").write_text("words")
    with pytest.raises(BadInterpreter, match="is no Python that works"):
        look(tmp_path / "words")
