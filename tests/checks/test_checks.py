"""Every check, held against its samples and against the rules of the kit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bonded.checks import harness
from bonded.checks.kit import Check
from bonded.checks.registry import discover, folder_of

RESERVED = (b"203.0.113.", b"169.254.169.254", b"localhost", b"127.0.0.1")
CHECKS = {one.name: one for one in discover()}
SAMPLES = [(one, sample) for one in CHECKS.values() for sample in harness.samples(one)]


def test_the_five_checks_are_there() -> None:
    assert set(CHECKS) >= {
        "decoded-or-downloaded-code-executed",
        "install-time-execution",
        "name-deception",
        "startup-hook",
        "unreadable-archive",
    }


@pytest.mark.parametrize(("one", "sample"), SAMPLES, ids=lambda value: getattr(value, "name", None) or value.path.name)
def test_samples(one: Check, sample: harness.Sample) -> None:
    outcome = harness.outcome(one, sample)
    assert outcome.right, outcome.findings
    assert all(found.check == one.name and found.version == one.version for found in outcome.findings)


@pytest.mark.parametrize("one", CHECKS.values(), ids=CHECKS)
def test_a_check_is_documented_and_has_samples_of_both_kinds(one: Check) -> None:
    assert harness.problems(one) == []
    assert folder_of(one).name == one.name.replace("-", "_")
    for heading in ("What it looks for.", "Why it matters.", "What is not flagged."):
        assert f"**{heading}**" in one.documentation


@pytest.mark.parametrize("one", CHECKS.values(), ids=CHECKS)
def test_a_check_is_small_and_imports_only_the_kit_facts_and_values(one: Check) -> None:
    text = (folder_of(one) / "check.py").read_text("utf-8")
    assert len(text.splitlines()) <= 120
    imported = re.findall(r"^(?:from|import) ([\w.]+)", text, re.MULTILINE)
    for name in imported:
        assert name.startswith(
            ("bonded.checks", "bonded.facts", "bonded.values", "__future__", "re", "collections.abc")
        ), name


def test_samples_hold_no_host_but_example_invalid() -> None:
    host = re.compile(rb"https?://([^/'\"\s?]+)")
    for one in CHECKS.values():
        for path in (folder_of(one) / "samples").rglob("*"):
            if path.is_file():
                for found in host.findall(path.read_bytes()):
                    # Names and addresses reserved for examples (RFC 2606, RFC 5737), the machine itself, and the clouds' own.
                    assert found.endswith(b"example.invalid") or found.startswith(RESERVED), (path, found)


def test_evidence_names_the_line(tmp_path: Path) -> None:
    one = CHECKS["decoded-or-downloaded-code-executed"]
    path = tmp_path / "payload.py"
    path.write_text("import base64\n\n\nexec(\n    base64.b64decode('eD0x'),\n)\n")
    found = harness.findings(one, harness.Sample(path, harness.FLAG))
    assert [(f.path, f.line, f.end_line) for f in found] == [("sample/__init__.py", 4, 6)]
    assert "b64decode" in found[0].excerpt
    assert found[0].trace == ("line 5: base64.b64decode", "line 4: builtins.exec")
