"""The check kit: what a check declares, what it yields, and how its yields become findings.

A check is one folder `checks/<name_with_underscores>/` with a `check.py`: a documented module with one function under
`@check(...)`, which takes facts (and a context, if it declares that it needs one) and yields `Hit`s. Nothing else is needed; it is found by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bonded.checks.context import Context
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS
from bonded.facts.model import Argument, Call, Facts, Module
from bonded.values.finding import Finding, Severity, When
from bonded.values.states import SubjectKind

if TYPE_CHECKING:
    from bonded.checks.outside import Runner

NAME = re.compile(r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")
MOST_VERSION = 2**31 - 1
"""What every database takes: a version goes into each finding."""
MOST_FINDINGS = 20
"""Findings kept of one check on one subject: the gravest ones, then the first."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One piece of evidence that a check yields. Without `severity` it has the check's own."""

    message: str
    confidence: float
    path: str = ""
    line: int = 0
    end_line: int = 0
    excerpt: str = ""
    when: When = When.UNKNOWN
    trace: tuple[str, ...] = ()
    severity: Severity | None = None


Function = Callable[..., Iterable[Hit]]
"""`(facts)`, or `(facts, context)` for a check that needs or uses context."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `subject` is what it is about; `needs_context` keeps it from running where there is no index, and one that
    `uses_context` is given None there.

    A check of an outside package or a YARA rule says where it is from (`origin`), has a `runner`, and a hash of its code in
    `rules`; `folder` has its samples. Raises ValueError for a version that is no whole number from 1 on.
    """

    name: str
    version: int
    severity: Severity
    sentence: str
    function: Function
    subject: SubjectKind
    needs_context: bool
    documentation: str
    module: str
    origin: str = ""
    rules: str = ""
    folder: str = ""
    runner: Runner | None = None
    uses_context: bool = False

    def __post_init__(self) -> None:
        if type(self.version) is not int or not 1 <= self.version <= MOST_VERSION:
            raise ValueError(f"the version of {self.name} is {self.version!r}, not a whole number from 1 on"[:300])

    def run(self, facts: Facts, context: Context | None) -> list[Finding]:
        """Findings in a fixed order, at most MOST_FINDINGS. Raises whatever the check raises."""
        arguments = (facts, context) if self.needs_context or self.uses_context else (facts,)
        return self.findings_of(self.function(*arguments))

    def findings_of(self, hits: Iterable[Hit]) -> list[Finding]:
        """What the hits say, as findings of this check: the gravest first, each once, at most MOST_FINDINGS."""
        found = [self._finding(hit) for hit in hits]
        found.sort(key=_order)
        kept: dict[tuple[str, int, str], Finding] = {}
        for one in found:
            kept.setdefault((one.path, one.line, one.message), one)
        return list(kept.values())[:MOST_FINDINGS]

    def _finding(self, hit: Hit) -> Finding:
        return Finding(
            check=self.name,
            version=self.version,
            severity=hit.severity or self.severity,
            confidence=round(hit.confidence, 3),
            message=hit.message,
            path=hit.path,
            line=hit.line,
            end_line=hit.end_line or hit.line,
            excerpt=hit.excerpt,
            when=hit.when,
            trace=hit.trace,
        )


def check(
    *,
    name: str,
    version: int,
    severity: Severity,
    sentence: str,
    subject: SubjectKind = SubjectKind.FILE,
    needs_context: bool = False,
    uses_context: bool = False,
) -> Callable[[Function], Check]:
    """Declare a check. Its documentation is the docstring of its module.

    Raises ValueError for a name that is not lower-case words joined by "-", a sentence that is none, or a version that is not a
    whole number from 1 on.
    """
    if not NAME.match(name):
        raise ValueError(f"{name!r} is no name for a check: lower-case words joined by '-'")
    if not sentence.endswith(".") or len(sentence) > 160:
        raise ValueError(f"the sentence of {name} is not one sentence of at most 160 characters")

    def declare(function: Function) -> Check:
        import sys

        documentation = sys.modules[function.__module__].__doc__ or ""
        return Check(
            name,
            version,
            severity,
            sentence,
            function,
            subject,
            needs_context,
            documentation.strip(),
            function.__module__,
            uses_context=uses_context,
        )

    return declare


_SEVERITIES = list(Severity)
_SOONEST = [When.INSTALL, When.STARTUP, When.IMPORT, When.UNKNOWN, When.CALL, When.NEVER]


def _order(finding: Finding) -> tuple[int, int, float, str, int, str]:
    return (
        -_SEVERITIES.index(finding.severity),
        _SOONEST.index(finding.when),
        -finding.confidence,
        finding.path,
        finding.line,
        finding.message,
    )


# What checks ask of facts again and again.


def labels_of(arguments: Iterable[Argument]) -> frozenset[str]:
    """All labels of these arguments."""
    return frozenset(label for one in arguments for label in one.labels)


def steps_of(call: Call, *labels: str) -> tuple[str, ...]:
    """The steps of the first argument that has one of `labels`, and the call itself."""
    for one in call.arguments:
        if not set(labels).isdisjoint(one.labels):
            return (*one.steps, f"line {call.line}: {call.name}")
    return (f"line {call.line}: {call.name}",)


def at(module: Module, call: Call, message: str, confidence: float, trace: tuple[str, ...] = ()) -> Hit:
    """A hit at a call."""
    return Hit(
        message,
        confidence,
        path=module.path,
        line=call.line,
        end_line=call.end_line,
        excerpt=call.excerpt,
        when=call.when,
        trace=trace,
    )


def graver(hit: Hit, severity: Severity) -> Hit:
    """The hit with another severity than the check's own."""
    return replace(hit, severity=severity)


def runs_code(call: Call) -> bool:
    """Whether the call runs its first argument as Python."""
    return call.name in CODE_SINKS


def runs_command(call: Call) -> bool:
    """Whether the call runs a command or a program."""
    return call.name in COMMAND_SINKS


def word_set(text: str) -> frozenset[str]:
    """The words of a text, as a check lists them."""
    return frozenset(text.split())
