"""Screen one archive: facts and checks in the sandbox, whatever happens a result. Reaches no database.

A crash, a timeout or a memory limit is a finding of `check-failed`, which names what failed; other checks are unaffected.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from bonded.checks.context import Context
from bonded.checks.kit import Check
from bonded.checks.outside import Material, Ran, Runner
from bonded.facts.model import Facts, build, load
from bonded.screening.child import CheckOutput, checks_call, evidence_call, framed, many_call, screen_call, unframed
from bonded.screening.evidence import wanted
from bonded.seams import Sandbox, SandboxResult
from bonded.values.finding import Finding, Severity

FAILED = "check-failed"
"""The name under which a failure is a finding; it is no check of its own."""
FAILED_VERSION = 1


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """Limits of one child. The defaults are above what any honest archive was seen to need."""

    cpu_seconds: float = 20.0
    memory_bytes: int = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scanner:
    """What scanning works with."""

    sandbox: Sandbox
    settings: ScanSettings = ScanSettings()


CheckRun = Ran
"""How one check ended."""


@dataclass(frozen=True)
class ScanResult:
    """What came out. `facts_json` is None when no facts could be made; `not_run` names checks that lacked what they need:
    context, or the archive."""

    facts_json: bytes | None
    runs: tuple[CheckRun, ...]
    failures: tuple[Finding, ...]
    not_run: tuple[str, ...]
    cpu_seconds: float
    left: bytes = b""
    """What is kept of the archive for others that hold the same members (`facts.kept`)."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*(one for run in self.runs for one in run.findings), *self.failures)

    @cached_property
    def facts(self) -> Facts | None:
        """The facts as values: made when somebody asks, for most do not."""
        return load(self.facts_json) if self.facts_json is not None else None

    @cached_property
    def unread(self) -> tuple[str, ...]:
        own = tuple(one.message for one in self.failures)
        return (*orjson.loads(self.facts_json)["unread"], *own) if self.facts_json is not None else own


def scan(
    data: bytes | Path | BinaryIO,
    filename: str,
    context: Context | None,
    checks: Iterable[Check],
    scanner: Scanner,
    *,
    known: Sequence[bytes] | None = None,
) -> ScanResult:
    """Screen the archive `data` named `filename` with `checks`. Without `context`, checks that need one do not run.

    `known` is what was kept of archives like it: the result is the same, sooner, and has what is kept of this one. With None
    nothing is. Raises OSError only when `data` itself cannot be read.
    """
    every = sorted(checks, key=lambda one: one.name)
    with _opened(data) as stream:
        able = [one for one in every if _is_able(one, context, stream)]
        ours = [one for one in able if one.runner is None]
        asked = {"filename": filename.encode("utf-8", "replace").decode(), **_asked(ours, context)}
        head = orjson.dumps(asked | {"keeps": known is not None})
        argument = b"".join(framed(one) for one in (head, *(known or ())))
        made = scanner.sandbox.run(screen_call, argument, **_limits(scanner, stream))
        facts_json, left, said = _parts(made.value)
        if not facts_json:
            return _no_facts(made, every)
        if made.outcome == "ok":
            runs, spent = _runs(said, made.cpu_seconds), 0.0
        else:  # the facts came, and then a check failed: each by itself
            runs, spent = [_alone(facts_json, context, one, scanner) for one in ours], made.cpu_seconds
        found = _assembled(facts_json, context, every, able, runs, scanner, spent, stream)
        return replace(found, left=left)


def _parts(value: bytes) -> tuple[bytes, bytes, bytes]:
    """Facts, what is kept, and what checks said: of what a child gave before it ended. Empty where it ended before."""
    found, rest = unframed(value)  # JSON never looks like a frame: its first letter would make it exabytes long
    facts_json, left = (*found, b"", b"")[:2]
    return facts_json, left, rest


def judge(
    facts_json: bytes,
    context: Context | None,
    checks: Iterable[Check],
    scanner: Scanner,
    *,
    spent: float = 0.0,
    archive: BinaryIO | None = None,
) -> ScanResult:
    """Run checks over facts that are there already; `spent` are processor seconds used so far. Checks that read members
    of the archive run when it is given."""
    every = sorted(checks, key=lambda one: one.name)
    able = [one for one in every if _is_able(one, context, archive)]
    ours = [one for one in able if one.runner is None]
    runs = _all_at_once(facts_json, context, ours, scanner)
    if runs is None:
        runs = [_alone(facts_json, context, one, scanner) for one in ours]
    return _assembled(facts_json, context, every, able, runs, scanner, spent, archive)


@dataclass(frozen=True, slots=True)
class ToJudge:
    """Stored facts of one archive, what is known besides, and the checks that are to judge it."""

    facts_json: bytes
    context: Context
    checks: tuple[Check, ...]


def judge_many(some: Sequence[ToJudge], scanner: Scanner) -> list[ScanResult]:
    """`judge` for each, without archives, in one child for all of them: making a child costs more than most judging.

    Where the child fails, each is judged by itself, and so the one that is to blame is known.
    """
    asked = []
    for one in some:
        names = sorted(check.name for check in one.checks if check.runner is None)
        asked.append({"checks": names, "context": one.context, "size": len(one.facts_json)})
    call: Callable[..., SandboxResult] = scanner.sandbox.run
    stream = io.BytesIO(b"".join(one.facts_json for one in some))
    result = call(many_call, orjson.dumps(asked), **_limits(scanner, stream))
    if result.outcome != "ok":
        return [judge(one.facts_json, one.context, one.checks, scanner) for one in some]
    outputs = [[build(CheckOutput, raw) for raw in raws] for raws in orjson.loads(result.value)]
    return [_judged(one, found, scanner) for one, found in zip(some, outputs, strict=True)]


def _judged(one: ToJudge, outputs: list[CheckOutput], scanner: Scanner) -> ScanResult:
    every = sorted(one.checks, key=lambda check: check.name)
    able = [check for check in every if _is_able(check, one.context, None)]
    runs = [CheckRun(found.check, _outcome(found), found.findings, found.seconds) for found in outputs]
    return _assembled(one.facts_json, one.context, every, able, runs, scanner, 0.0, None)


def _assembled(
    facts_json: bytes,
    context: Context | None,
    every: list[Check],
    able: list[Check],
    runs: list[CheckRun],
    scanner: Scanner,
    spent: float,
    archive: BinaryIO | None,
) -> ScanResult:
    """The result of our own checks' `runs`, and those of checks from elsewhere, which run here."""
    if any(one.runner is not None for one in able):
        limits = scanner.settings
        facts = load(facts_json)
        material = Material(facts, facts_json, context, archive, limits.cpu_seconds, limits.memory_bytes)
        runs = sorted([*runs, *_elsewhere(able, material)], key=lambda run: run.check)
    return ScanResult(
        facts_json=facts_json,
        runs=tuple(runs),
        failures=tuple(_failure(run.check, run.outcome) for run in runs if run.outcome != "ok"),
        not_run=tuple(one.name for one in every if one not in able),
        cpu_seconds=spent + sum(run.cpu_seconds for run in runs),
    )


def evidence(
    data: bytes | Path | BinaryIO, filename: str, result: ScanResult, scanner: Scanner
) -> list[dict[str, Any]]:
    """Texts around the findings, read from the archive in the sandbox; [] when that fails (findings have excerpts)."""
    findings = result.findings
    places = wanted(result.facts, findings) if findings and result.facts is not None else []
    if not places:
        return []
    argument = orjson.dumps({"filename": filename, "wanted": places})
    with _opened(data) as stream:
        kept = scanner.sandbox.run(evidence_call, argument, **_limits(scanner, stream))
    found: list[dict[str, Any]] = orjson.loads(kept.value) if kept.outcome == "ok" else []
    return found


def _is_able(one: Check, context: Context | None, archive: BinaryIO | None) -> bool:
    if one.needs_context and context is None:
        return False
    return one.runner is None or not one.runner.needs_archive or archive is not None


def _elsewhere(checks: list[Check], material: Material) -> list[CheckRun]:
    """Have each runner run the checks that are its own."""
    groups: dict[Runner, list[Check]] = {}
    for one in checks:
        if one.runner is not None:
            groups.setdefault(one.runner, []).append(one)
    return [run for runner, its in groups.items() for run in runner.run(its, material)]


def _limits(scanner: Scanner, stream: BinaryIO) -> dict[str, Any]:
    limits = scanner.settings
    return {"cpu_seconds": limits.cpu_seconds, "memory_bytes": limits.memory_bytes, "attachment": stream}


def _opened(data: bytes | Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    if isinstance(data, bytes):
        return io.BytesIO(data)
    return data.open("rb") if isinstance(data, Path) else nullcontext(data)


def _asked(checks: list[Check], context: Context | None) -> dict[str, Any]:
    return {"checks": [one.name for one in checks], "context": context}


def _ask(facts_json: bytes, context: Context | None, checks: list[Check], scanner: Scanner) -> SandboxResult:
    call: Callable[..., SandboxResult] = scanner.sandbox.run
    return call(checks_call, orjson.dumps(_asked(checks, context)), **_limits(scanner, io.BytesIO(facts_json)))


def _all_at_once(
    facts_json: bytes, context: Context | None, checks: list[Check], scanner: Scanner
) -> list[CheckRun] | None:
    """All checks in one child; None when the child failed, and it is not known which check it was."""
    if not checks:
        return []
    result = _ask(facts_json, context, checks, scanner)
    if result.outcome != "ok":
        return None
    return _runs(result.value, result.cpu_seconds)


def _runs(value: bytes, cpu_seconds: float) -> list[CheckRun]:
    """What a child said of its checks. What making it and its facts cost is shared by all; what a check cost is its own."""
    outputs = [build(CheckOutput, raw) for raw in orjson.loads(value)]
    rest = max(0.0, cpu_seconds - sum(one.seconds for one in outputs)) / max(1, len(outputs))
    return [CheckRun(one.check, _outcome(one), one.findings, one.seconds + rest) for one in outputs]


def _outcome(output: CheckOutput) -> str:
    return f"crash: {output.failure}" if output.failure else "ok"


def _alone(facts_json: bytes, context: Context | None, one: Check, scanner: Scanner) -> CheckRun:
    """One check in a child of its own, so that the one that fails is known and the others have their say."""
    result = _ask(facts_json, context, [one], scanner)
    if result.outcome != "ok":
        return CheckRun(one.name, f"{result.outcome}: {result.detail}", (), result.cpu_seconds)
    output = build(CheckOutput, orjson.loads(result.value)[0])
    return CheckRun(one.name, _outcome(output), output.findings, result.cpu_seconds)


def _failure(check: str, outcome: str) -> Finding:
    kind, _, detail = outcome.partition(": ")
    words = {"crash": "crashed", "timeout": "ran out of time", "memory": "ran out of memory"}.get(kind, "was killed")
    message = f"{check} {words}" + (f": {detail}" if detail and kind == "crash" else "")
    return Finding(FAILED, FAILED_VERSION, Severity.MEDIUM, 1.0, message[:600])


def _no_facts(result: SandboxResult, checks: Iterable[Check]) -> ScanResult:
    failure = _failure("reading the archive", f"{result.outcome}: {result.detail}")
    return ScanResult(None, (), (failure,), tuple(one.name for one in checks), result.cpu_seconds)
