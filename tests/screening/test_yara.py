"""A folder of YARA rules: what is linted, refused and tried on load, and what hits become."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bonded.checks.kit import Check
from bonded.checks.outside import Refused
from bonded.checks.registry import built_in, rules_hash
from bonded.checks.yara_scan import scopes_of
from bonded.screening import yara
from bonded.screening.run import Scanner, judge, scan
from bonded.screening.yara import survey
from bonded.seams import Sandbox
from bonded.values.finding import Finding, Severity, When
from tests.screening.conftest import wheel

NAME = "sample-1.0-py3-none-any.whl"
BEACON = "import os\n\nADDRESS = 'beacon.example.invalid'\n"


def rule(
    name: str = "beacon-words", *, strings: str = '$a = "beacon.example.invalid"', condition: str = "$a", **meta: object
) -> str:
    """A rule with all meta it needs, and what `meta` says instead."""
    values = {"name": name, "sentence": "The package names a beacon.", "severity": "medium", "confidence": "0.6"} | meta
    lines = "\n".join(
        f"    {key} = {value if isinstance(value, int | float) else f'{chr(34)}{value}{chr(34)}'}"
        for key, value in values.items()
        if value is not None
    )
    return f"rule {name.replace('-', '_')} {{\n  meta:\n{lines}\n  strings:\n    {strings}\n  condition:\n    {condition}\n}}\n"


@pytest.fixture
def load(tmp_path: Path, sandbox: Sandbox) -> Callable[..., tuple[list[Check], list[Refused]]]:
    """Write files and load their folder."""

    def loaded(**files: str) -> tuple[list[Check], list[Refused]]:
        for name, text in files.items():
            (tmp_path / f"{name}.yar").write_text(text)
        return survey(tmp_path, sandbox)

    return loaded


def found(checks: list[Check], sandbox: Sandbox, data: bytes) -> list[Finding]:
    return list(scan(data, NAME, None, checks, Scanner(sandbox)).findings)


def test_a_hit_is_a_finding_with_path_line_and_text(load: Callable[..., object], sandbox: Sandbox) -> None:
    checks, refused = load(mine=rule(version=3, strings='$a = "beacon.example.invalid" fullword'))  # type: ignore[misc]
    assert refused == []
    (one,) = found(checks, sandbox, wheel(BEACON))
    assert (one.check, one.version, one.severity, one.confidence) == ("beacon-words", 3, Severity.MEDIUM, 0.6)
    assert (one.message, one.path, one.line, one.end_line) == ("The package names a beacon", "sample/__init__.py", 3, 3)
    assert (one.excerpt, one.when) == ("ADDRESS = 'beacon.example.invalid'", When.IMPORT)
    assert found(checks, sandbox, wheel("ADDRESS = 'example.invalid'")) == []


def test_when_is_as_the_rule_says_or_as_the_members_place_says(load: Callable[..., object], sandbox: Sandbox) -> None:
    checks, _ = load(mine=rule(), other=rule("other-words", when="install"))  # type: ignore[misc]
    members = {"tests/test_it.py": BEACON, "script.pth": "x beacon.example.invalid"}
    times = {(one.check, one.path): one.when for one in found(checks, sandbox, wheel("x = 1", **members))}
    assert times["beacon-words", "tests/test_it.py"] is When.NEVER
    assert times["beacon-words", "script.pth"] in (When.STARTUP, When.UNKNOWN)
    assert times["other-words", "tests/test_it.py"] is When.INSTALL


def test_scopes(load: Callable[..., object], sandbox: Sandbox) -> None:
    files = {
        scope: rule(f"in-{scope}", scope=scope, strings='$a = "beacon" nocase')
        for scope in ("python", "metadata", "any")
    }
    checks, _ = load(**files)  # type: ignore[misc]
    data = wheel(
        BEACON,
        **{"sample-1.0.dist-info/METADATA": "Name: sample\nVersion: 1.0\nSummary: Beacon\n", "picture.png": "BEACON"},
    )
    where: dict[str, set[str]] = {}
    for one in found(checks, sandbox, data):
        where.setdefault(one.check, set()).add(one.path)
    assert where["in-python"] == {"sample/__init__.py"}
    assert where["in-metadata"] == {"sample-1.0.dist-info/METADATA"}
    assert where["in-any"] == {"sample/__init__.py", "sample-1.0.dist-info/METADATA", "picture.png"}
    assert scopes_of("x/PKG-INFO") == scopes_of("x.egg-info/requires.txt") == ("metadata", "any")


REFUSED = {
    "does not compile": ("rule x { condition: $a }", "it does not compile: line 1, unknown pattern `$a`"),
    "includes": ('include "/etc/passwd"\n' + rule(), "it does not compile: line 1, include statements not allowed"),
    "no meta": ("rule x { condition: true }", "no rule of it has meta: a rule that finds something needs name, sentence, severity, confidence"),
    "slow loop": (rule(condition="for any i in (0..filesize): (uint8(i) == 65 and $a)"), "it is slow: line"),
    "slow pattern": (rule(strings='$a = "b"'), "it is slow: line"),
    "no sentence": (rule(sentence=None), "rule beacon_words has no meta `sentence`"),
    "bad name": (rule(name="Beacon"), "meta `name` of rule Beacon must be lower-case words joined by '-'"),
    "bad severity": (rule(severity="dreadful"), "must be one of info, low, medium, high, critical"),
    "bad confidence": (rule(confidence="high"), "meta `confidence` of rule beacon_words must be a number in 0..1"),
    "bad scope": (rule(scope="images"), "must be one of python, metadata, any"),
    "bad when": (rule(when="later"), "must be one of install, startup, import"),
    "bad version": (rule(version=0), "meta `version` of rule beacon_words must be a number from 1 to 2147483647"),
    "text as version": (rule(version="2"), "meta `version` of rule beacon_words must be a number from 1 to"),
    "date as version": (rule(version=20260101120000), "must be a number from 1 to"),
    "bad sentence": (rule(sentence="no end"), "must be one sentence of at most 160 characters"),
}  # fmt: skip


def test_what_cannot_be_used_is_refused_in_one_sentence_and_the_rest_loads(load: Callable[..., object]) -> None:
    checks, refused = load(
        fine=rule("fine-one"), **{name.replace(" ", "_"): text for name, (text, _) in REFUSED.items()}
    )  # type: ignore[misc]
    assert [one.name for one in checks] == ["fine-one"]
    reasons = {one.origin: one.reason for one in refused}
    for name, (_, words) in REFUSED.items():
        file = f"{name.replace(' ', '_')}.yar"
        assert words in reasons[file], reasons[file]
        assert reasons[file].startswith(f"{file} is refused")
        assert "\n" not in reasons[file]
    assert len(refused) == len(REFUSED)


def test_a_rule_that_is_slow_on_ordinary_text_is_refused(
    load: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yara, "LINT_SECONDS", 1.0)
    slow = rule(strings="$a = /a[a-z]{0,300}[a-y]{0,300}[a-x]{0,300}q/", condition="#a > 100000")
    checks, refused = load(slow=slow, fine=rule("fine-one"))  # type: ignore[misc]
    assert [one.name for one in checks] == ["fine-one"]
    assert refused[0].reason.startswith("slow.yar is refused: it is slow: 4 MiB of ordinary text take it")


def test_samples_beside_a_rule_are_tried_when_it_loads(tmp_path: Path, load: Callable[..., object]) -> None:
    for kind, text in (("flag", BEACON), ("pass", "nothing")):
        (tmp_path / f"beacon-words.{kind}").mkdir()
        (tmp_path / f"beacon-words.{kind}" / "one.py").write_text(text)
    assert load(mine=rule())[1] == []  # type: ignore[index]
    (tmp_path / "beacon-words.pass" / "two.py").write_text(BEACON)
    (tmp_path / "beacon-words.flag" / "two.py").write_text("nothing")
    checks, refused = load(mine=rule())  # type: ignore[misc]
    assert checks == []
    assert refused[0].reason == (
        "mine.yar is refused in part: rule beacon_words does not flag its sample beacon-words.flag/two.py"
    )
    (tmp_path / "beacon-words.flag" / "two.py").unlink()
    _, refused = load(mine=rule())  # type: ignore[misc]
    assert refused[0].reason.endswith("rule beacon_words flags its sample beacon-words.pass/two.py")


def test_a_sample_that_cannot_be_read_refuses_its_own_rule_only(tmp_path: Path, load: Callable[..., object]) -> None:
    (tmp_path / "other-one.flag").mkdir()
    (tmp_path / "other-one.flag" / "gone.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "beacon-words.flag").mkdir()
    (tmp_path / "beacon-words.flag" / "one.py").write_text(BEACON)
    (tmp_path / "beacon-words.flag" / os.fsdecode(b"two\xff.py")).write_text(BEACON)
    checks, refused = load(mine=rule() + rule("other-one"))  # type: ignore[misc]
    assert [one.name for one in checks] == ["beacon-words"]
    assert [one.reason for one in refused] == [
        "mine.yar is refused in part: the sample other-one.flag/gone.py of rule other_one cannot be read"
    ]


def test_files_that_are_none_are_refused_and_the_rest_loads(tmp_path: Path, load: Callable[..., object]) -> None:
    (tmp_path / os.fsdecode(b"na\xffme.yar")).write_text(rule("other-one"))
    (tmp_path / "gone.yar").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.yar")
    checks, refused = load(mine=rule())  # type: ignore[misc]
    assert [one.name for one in checks] == ["beacon-words"]
    assert sorted(one.reason for one in refused) == [
        "gone.yar is refused: it cannot be read: No such file or directory",
        "na?me.yar is refused: its name is no UTF-8 text",
        "pipe.yar is refused: it is no ordinary file",
    ]


def test_helpers_and_several_rules_in_one_file(load: Callable[..., object], sandbox: Sandbox) -> None:
    helper = "private rule small { condition: filesize < 1000 }\n"
    checks, refused = load(
        mine=helper + rule("one-rule", condition="small and $a") + rule("two-rule") + rule("bad-rule", severity="x")
    )  # type: ignore[misc]
    assert [one.name for one in checks] == ["one-rule", "two-rule"]
    assert [one.name for one in refused] == ["bad_rule"]
    assert {one.check for one in found(checks, sandbox, wheel(BEACON))} == {"one-rule", "two-rule"}


def test_the_rules_hash_follows_the_file(load: Callable[..., object]) -> None:
    first = rules_hash(load(mine=rule())[0])  # type: ignore[index]
    assert rules_hash(load(mine=rule())[0]) == first  # type: ignore[index]
    assert rules_hash(load(mine=rule(strings='$a = "beacon"'))[0]) != first  # type: ignore[index]


def test_many_hits_are_few_findings(load: Callable[..., object], sandbox: Sandbox) -> None:
    checks, _ = load(mine=rule())  # type: ignore[misc]
    members = {f"sample/m{n:03}.py": BEACON * 500 for n in range(60)}
    assert len(found(checks, sandbox, wheel(BEACON, **members))) == 20


def test_our_own_checks_and_other_rules_run_where_one_breaks(load: Callable[..., object], sandbox: Sandbox) -> None:
    checks, _ = load(mine=rule(), other=rule("other-words"))  # type: ignore[misc]
    runner = checks[0].runner
    assert isinstance(runner, yara.YaraRunner)
    runner.sources["other.yar"] = "rule other_words { condition: $gone }"  # as if it had changed under us
    result = scan(wheel(BEACON), NAME, None, [*built_in(), *checks], Scanner(sandbox))
    runs = {run.check: run.outcome for run in result.runs}
    assert runs["other-words"].startswith("crash: BadRule: it does not compile")
    assert {outcome for check, outcome in runs.items() if check != "other-words"} == {"ok"}
    assert {one.check for one in result.findings} >= {"beacon-words", "check-failed"}


def test_rules_do_not_run_over_stored_facts(load: Callable[..., object], sandbox: Sandbox) -> None:
    checks, _ = load(mine=rule())  # type: ignore[misc]
    made = scan(wheel(BEACON), NAME, None, checks, Scanner(sandbox))
    assert made.facts_json is not None
    again = judge(made.facts_json, None, checks, Scanner(sandbox))
    assert (again.not_run, again.runs) == (("beacon-words",), ())


def test_what_is_no_text_or_too_large_is_refused(
    tmp_path: Path, load: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yara, "LARGEST", 2000)
    (tmp_path / "binary.yar").write_bytes(b"\xff\xfe")
    (tmp_path / "large.yara").write_text("x" * 3000)
    _, refused = load()  # type: ignore[misc]
    assert [one.reason for one in refused] == [
        "binary.yar is refused: it is no UTF-8 text",
        "large.yara is refused: it is larger than 2000 bytes",
    ]
