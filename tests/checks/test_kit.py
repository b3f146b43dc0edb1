"""The kit: declarations are checked, findings come in a fixed order and bounded, registries find what is there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bonded.checks import harness, outside, registry
from bonded.checks.context import Context
from bonded.checks.kit import MOST_FINDINGS, Check, Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity, When
from tests.facts.programs import wheel_of

FACTS = wheel_of({"a.py": ""})


def made(hits: list[Hit], **more: object) -> Check:
    @check(name="sample", version=3, severity=Severity.LOW, sentence="A sample.", **more)  # type: ignore[arg-type]
    def function(facts: Facts) -> Iterator[Hit]:
        yield from hits

    return function


def test_findings_carry_what_the_check_declares() -> None:
    found = made([Hit("words", 0.5, path="a.py", line=2, when=When.IMPORT)]).run(FACTS, None)
    assert [(f.check, f.version, f.severity, f.end_line) for f in found] == [("sample", 3, Severity.LOW, 2)]


def test_the_gravest_come_first_and_equal_ones_once() -> None:
    hits = [Hit("a", 0.5, line=2), Hit("a", 0.5, line=2), Hit("b", 0.9, severity=Severity.CRITICAL), Hit("c", 0.9)]
    assert [f.message for f in made(hits).run(FACTS, None)] == ["b", "c", "a"]
    assert made(hits[::-1]).run(FACTS, None) == made(hits).run(FACTS, None)


def test_there_are_never_too_many() -> None:
    hits = [Hit("a", 0.5, line=number) for number in range(1000)]
    assert len(made(hits).run(FACTS, None)) == MOST_FINDINGS


def test_a_check_that_uses_context_runs_without_one_too() -> None:
    seen: list[object] = []

    @check(name="sample", version=1, severity=Severity.LOW, sentence="A sample.", uses_context=True)
    def function(_facts: Facts, context: Context | None) -> Iterator[Hit]:
        seen.append(context)
        yield from ()

    function.run(FACTS, None)
    function.run(FACTS, Context("word-counter"))
    assert seen == [None, Context("word-counter")]
    assert not function.needs_context


def test_a_hint_flags_with_its_own_severity(tmp_path: Path) -> None:
    sample = harness.Sample(tmp_path / "x.py", harness.FLAG)
    (low,) = made([Hit("a", 0.5)]).run(FACTS, None)
    assert harness.Outcome(sample, (low,), Severity.LOW).right
    assert not harness.Outcome(sample, (low,)).right
    assert not harness.Outcome(sample, (), Severity.LOW).right


def test_a_check_that_needs_context_gets_it_and_others_do_not() -> None:
    seen: list[object] = []

    @check(name="sample", version=1, severity=Severity.LOW, sentence="A sample.", needs_context=True)
    def function(facts: Facts, context: Context) -> Iterator[Hit]:
        seen.append(context)
        return iter(())

    function.run(FACTS, Context(project="x"))
    assert seen == [Context(project="x")]


@pytest.mark.parametrize(
    ("name", "sentence"), [("Upper", "A."), ("two_words", "A."), ("x", "no end"), ("x", "y" * 200 + ".")]
)
def test_bad_declarations_are_refused(name: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"name for a check|not one sentence"):
        check(name=name, version=1, severity=Severity.LOW, sentence=sentence)


def test_a_module_declares_exactly_one_check() -> None:
    with pytest.raises(registry.BadCheck, match="declares 0 checks"):
        registry.load("bonded.checks.kit")


def test_rules_change_with_the_code_and_the_configuration() -> None:
    checks = registry.discover()
    assert len({registry.rules_of(one) for one in checks}) == len(checks)
    assert registry.rules_hash(checks) == registry.rules_hash(checks)
    assert registry.rules_hash(checks) != registry.rules_hash(checks, "another policy")
    assert registry.rules_hash(checks) != registry.rules_hash(checks[1:])


def test_checks_from_outside_stand_beside_ours() -> None:
    one = made([])
    outside.provide(lambda: outside.Outside((replace(one, name="a-sample", origin="elsewhere", rules="1"),)))
    try:
        assert registry.discover()[0].name == "a-sample"
        found = registry.by_name("a-sample")
        assert found is not None
        assert registry.rules_of(found) != registry.rules_of(replace(found, rules="2"))
    finally:
        outside.provide(None)
    assert registry.by_name("a-sample") is None
    assert registry.discover() == registry.built_in()


def test_the_kit_needs_the_standard_library_only() -> None:
    """An outside package's interpreter lends our code its own libraries: none may be needed."""
    source = Path(registry.__file__).parents[2]
    program = (
        f"import sys; sys.path[:0] = [{str(source)!r}]; import bonded.checks.plugin_host, bonded.adapters.sandbox_server;"
        "print(*[name for name in sys.modules if 'site-packages' in str(getattr(sys.modules[name], '__file__', ''))])"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
