"""A policy as a TOML file, with tests of its own that must hold before it is used.

always_review = ["check-failed", "unreadable-archive"]
fitted = true         # false: findings weigh what their severity does, and the fitted terms are not used

[thresholds]
review = 0.4
reject = 0.65

[severity]            # of findings of checks without a fitted term: info, low, medium, high, critical: 0..1
low = 0.2

[when]                # install, startup, import, call, never, unknown: 0..1
call = 0.6

[weights.startup-hook]   # of findings of one check by severity, instead of the fitted terms: 0..1
medium = 0.3

[[exemptions]]
check = "startup-hook"
project = "our-*"
path = "*.pth"
reason = "Our own hook, reviewed."
expires = 2027-01-01T00:00:00Z

[[tests]]
name = "a hook alone is looked at"
project = "x"
findings = [{ check = "startup-hook", severity = "medium", confidence = 0.9, when = "startup" }]
expect = "review"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bonded.screening.policy import Exemption, Policy, decide
from bonded.screening.together import NAME as TOGETHER
from bonded.values.finding import Finding, Severity, When
from bonded.values.meant import meant
from bonded.values.names import normalize
from bonded.values.states import Verdict
from bonded.values.text import written

LIKENESS = 0.85
"""From which on the name of a check is taken for one of ours that is misspelt, and not for a plug-in's."""
_TEST_DAY = datetime(2000, 1, 1, tzinfo=UTC)


Weight = Annotated[float, Field(ge=0, le=1)]


class BadPolicy(Exception):
    """The policy file cannot be used; the message is one sentence that names the file and the key."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Thresholds(_Part):
    review: float = Field(default=Policy().review, gt=0, le=1)
    reject: float = Field(default=Policy().reject, gt=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> _Thresholds:
        if self.reject < self.review:
            raise ValueError("reject must not be lower than review")
        return self


class _Exemption(_Part):
    check: str
    reason: str = Field(min_length=3)
    project: str = "*"
    path: str = "*"
    expires: datetime | None = None


class _TestFinding(_Part):
    check: str
    severity: Severity
    confidence: float = Field(ge=0, le=1)
    when: When = When.UNKNOWN
    path: str = ""


class _Test(_Part):
    name: str
    findings: tuple[_TestFinding, ...] = ()
    project: str = ""
    expect: Literal["clear", "review", "reject"]


class _File(_Part):
    thresholds: _Thresholds = _Thresholds()
    fitted: bool = True
    severity: dict[Severity, Weight] = {}
    when: dict[When, Weight] = {}
    weights: dict[str, dict[Severity, Weight]] = {}
    always_review: tuple[str, ...] = Policy().always_review
    exemptions: tuple[_Exemption, ...] = ()
    tests: tuple[_Test, ...] = ()


def load_policy(path: Path | str | None) -> Policy:
    """The policy in the file; the built-in one for None and "". Raises BadPolicy, also when one of its tests fails."""
    if not path:
        return Policy()
    try:
        raw = tomllib.loads(written(Path(path).read_bytes()))
    except (OSError, ValueError) as error:  # no text, or no TOML
        raise BadPolicy(f"the policy file {path} cannot be read: {error}") from None
    try:
        read = _File(**raw)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"] if part != "[key]")  # said of a key that is not one of a list
        raise BadPolicy(f"`{key}` in the policy file {path} is wrong: {first['msg']}") from None
    for key, name, ours in _misspelt(read):
        raise BadPolicy(f"`{key}` in the policy file {path} names no check: {name!r}. Did you mean {ours!r}?")
    policy = _policy(read)
    for one in read.tests:
        _hold(one, policy, path)
    return policy


def _misspelt(read: _File) -> Iterator[tuple[str, str, str]]:
    """Names of no check of ours that are nearly one: key, name, and what was meant. Others may be those of plug-ins."""
    from bonded.checks.registry import built_in  # every command imports this module, for its error

    known = {one.name for one in built_in()} | {*Policy().always_review, TOGETHER, "*"}
    named = [
        *((f"always_review.{at}", name) for at, name in enumerate(read.always_review)),
        *((f"weights.{name}", name) for name in read.weights),
        *((f"exemptions.{at}.check", one.check) for at, one in enumerate(read.exemptions)),
        *((f"tests.{at}.findings", one.check) for at, test in enumerate(read.tests) for one in test.findings),
    ]
    for key, name in named:
        if name not in known and (near := meant(name, sorted(known), likeness=LIKENESS)):
            yield key, name, near


def _policy(read: _File) -> Policy:
    plain = Policy()
    exemptions = tuple(
        # Names of projects are compared in their normal form, whatever a person writes.
        Exemption(one.check, one.reason, normalize(one.project), one.path, _aware(one.expires))
        for one in read.exemptions
    )
    return Policy(
        review=read.thresholds.review,
        reject=read.thresholds.reject,
        severities=plain.severities | read.severity,
        times=plain.times | read.when,
        weights=_weights(read),
        terms=dict(plain.terms) if read.fitted else {},
        always_review=read.always_review,
        exemptions=exemptions,
    )


def _weights(read: _File) -> dict[tuple[str, str], float]:
    return {(check, one.value): weight for check, rows in read.weights.items() for one, weight in rows.items()}


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _hold(test: _Test, policy: Policy, path: Path | str) -> None:
    findings = [_finding(one) for one in test.findings]
    got = decide(findings, policy.at(normalize(test.project), _TEST_DAY)).verdict
    if got is not Verdict(test.expect):
        raise BadPolicy(f"test {test.name!r} of the policy file {path} expects {test.expect}, the policy gives {got}")


def _finding(one: _TestFinding) -> Finding:
    values: dict[str, Any] = one.model_dump()
    return Finding(version=1, message="a finding of the test", **values)
