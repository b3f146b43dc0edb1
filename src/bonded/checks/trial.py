"""A check on trial: its samples, rewrites of those it must flag, harmless rewrites of those it must not, and its cost.

A rewrite changes nothing of what a program does. An alert is kept when this check or another of ours still raises it: a program
in base64 is hidden code, whatever it was before.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from bonded.checks import harness
from bonded.checks.context import Context
from bonded.checks.harness import FLAG, PASS, BadSample, CannotJudge, Outcome, Sample
from bonded.checks.kit import Check
from bonded.checks.registry import built_in
from bonded.checks.rewrites import REWRITES, Files
from bonded.facts.read import read

HARMLESS = ("alias", "rename", "helper function")
"""Rewrites that honest people write too; the others hide something, and may be flagged for that."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a check did. `wrong` are sentences; `lost` rewrites ("sample: rewrite") that no check flags any more; `cost` and
    `most` processor milliseconds for a sample, the middle and the most."""

    check: str
    samples: int
    wrong: tuple[str, ...]
    rewrites: int
    lost: tuple[str, ...]
    cost: float
    most: float


def attempt(one: Check, *, rewrites: bool = True) -> Trial:
    """Try the check. Rules that read archives were tried on their samples when they were loaded."""
    wrong = [] if one.runner is not None and one.runner.needs_archive else list(harness.problems(one))
    costs: list[float] = []
    tried = harness.samples(one)
    for sample in tried:
        try:
            outcome, seconds = _outcome(one, sample)
        except (CannotJudge, BadSample) as error:
            wrong.append(f"{one.name}: {_name(sample)}: {error}")
            continue
        costs.append(seconds * 1000)
        if not outcome.right:
            wrong.append(f"{one.name}: {_name(sample)}: {_words(outcome)}")
    count, lost = 0, list[str]()
    if rewrites and not wrong:
        for sample in tried:
            for name, kept in _rewritten(one, sample):
                count += sample.expected == FLAG
                if not kept and sample.expected == FLAG:
                    lost.append(f"{sample.path.name}: {name}")
                elif not kept:
                    wrong.append(f"{one.name}: {_name(sample)}: flagged when rewritten: {name}")
    costs.sort()
    middle, most = (costs[len(costs) // 2], costs[-1]) if costs else (0.0, 0.0)
    return Trial(one.name, len(tried), tuple(wrong), count, tuple(lost), round(middle, 3), round(most, 3))


def _outcome(one: Check, sample: Sample) -> tuple[Outcome, float]:
    data, filename = harness.archive_of(sample.path)
    context = harness.context_of(sample.path) if sample.path.suffix == ".toml" else None
    context = context or (Context() if one.needs_context else None)
    judged = harness.judge(one, read(io.BytesIO(data), filename), context, data)
    return Outcome(sample, tuple(judged.findings), one.severity), judged.cpu_seconds


def _rewritten(one: Check, sample: Sample) -> Iterator[tuple[str, bool]]:
    """Each rewrite of a sample that is one program, and whether the check says of it what it must."""
    if (
        sample.path.suffix != ".py"
        or not sample.path.is_file()
        or sample.path.stem in ("sitecustomize", "usercustomize")
    ):
        return
    source = sample.path.read_text("utf-8", "replace")
    setup = sample.path.name.startswith("setup")
    for name in REWRITES if sample.expected == FLAG else HARMLESS:
        files: Files = {}
        try:
            program = REWRITES[name](source, files)
        except SyntaxError:
            return  # Python 2, or broken on purpose
        folder = "" if setup else "sample/"
        members = [(f"{folder}{path}", data) for path, data in files.items()]
        members.append((("setup.py" if setup else "sample/__init__.py"), program.encode()))
        yield name, _is_right(one, sample, members, sdist=setup)


def _is_right(one: Check, sample: Sample, members: harness.Members, *, sdist: bool) -> bool:
    data, filename = harness.pack(members, sdist=sdist)
    facts = read(io.BytesIO(data), filename)
    context = Context() if one.needs_context else None
    found = harness.judge(one, facts, context, data).findings
    if Outcome(sample, tuple(found), one.severity).right:
        return True
    if sample.expected == PASS:
        return False
    others = (finding for other in built_in() if not other.needs_context for finding in other.run(facts, None))
    return any(finding.severity in harness.GRAVE for finding in others)


def _name(sample: Sample) -> str:
    return f"{sample.expected}/{sample.path.name}"


def _words(outcome: Outcome) -> str:
    said = "; ".join(f"{one.severity.value}: {one.message}" for one in outcome.findings)
    return (
        f"not flagged ({said})"
        if said and outcome.sample.expected == FLAG
        else f"flagged: {said}"
        if said
        else "not flagged"
    )
