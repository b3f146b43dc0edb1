"""From findings to a verdict: pure, and explained by its own terms.

Each finding weighs `term x confidence`: the term is fitted for its check, its severity and when it runs (`screening.terms`),
or else is what its severity and its time weigh. Of each check only the heaviest finding counts, so that one habit of an author is
not counted a hundred times; the checks' weights are joined as if they were independent chances (1 - the product of their
complements). What is worse in company than alone is a finding of its own (`screening.together`). The score is compared with two
thresholds; checks under `always_review` never let a file pass below `review`, whatever their weight.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import orjson

from bonded.screening.terms import Key, fitted_weights, key_of, origin
from bonded.screening.together import NAME, together
from bonded.values.finding import Finding, Severity, When
from bonded.values.states import Verdict

SEVERITY_WEIGHTS = {
    Severity.INFO: 0.0,
    Severity.LOW: 0.2,
    Severity.MEDIUM: 0.6,
    Severity.HIGH: 0.7,
    Severity.CRITICAL: 1.0,
}
WHEN_WEIGHTS = {
    When.INSTALL: 1.0,
    When.STARTUP: 1.0,
    When.IMPORT: 1.0,
    When.UNKNOWN: 0.9,
    When.CALL: 0.6,
    When.NEVER: 0.1,
}


@dataclass(frozen=True, slots=True)
class Exemption:
    """Findings of `check` ("*": any) at a path that matches `path` in `project` ("*": any) count nothing until `expires`."""

    check: str
    reason: str
    project: str = "*"
    path: str = "*"
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How findings are weighed. A score of at least `review` (or `reject`) gives that verdict.

    `weights` are by (check, severity), from the policy file, and go before `terms`, the fitted ones, and those before
    `severities`.
    """

    review: float = 0.4
    reject: float = 0.65
    severities: dict[Severity, float] = field(default_factory=lambda: dict(SEVERITY_WEIGHTS))
    times: dict[When, float] = field(default_factory=lambda: dict(WHEN_WEIGHTS))
    weights: Mapping[tuple[str, str], float] = field(default_factory=dict)
    terms: Mapping[Key, float] = field(default_factory=lambda: dict(fitted_weights()))
    always_review: tuple[str, ...] = ("check-failed", "unreadable-archive")
    exemptions: tuple[Exemption, ...] = ()

    def at(self, project: str, now: datetime) -> Policy:
        """The policy with only those exemptions that hold for `project` at `now`."""
        held = tuple(
            one
            for one in self.exemptions
            if fnmatch.fnmatchcase(project, one.project) and (one.expires is None or now < one.expires)
        )
        return replace(self, exemptions=held)

    def fingerprint(self) -> str:
        """A hash of everything in it."""
        plain = replace(self, weights={}, terms={})
        weights = sorted([*key, weight] for key, weight in self.weights.items())
        terms = sorted([*key, weight] for key, weight in self.terms.items())
        parts = orjson.dumps([plain, weights, terms], option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
        return hashlib.sha256(parts).hexdigest()


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the score in 0..1, and the terms that make it up: (words, weight), the heaviest first, the company they
    keep last."""

    verdict: Verdict
    score: float
    terms: tuple[tuple[str, float], ...]


def decide(findings: Iterable[Finding], policy: Policy) -> Decision:
    """The verdict on one file, given all findings about it and its project. Pure; the order of findings does not matter."""
    best: dict[str, tuple[float, Finding]] = {}
    counting = [one for one in findings if not exempt(one, policy)]
    both = together(counting)
    if both is not None and not exempt(both, policy):
        counting.append(both)
    for one in counting:
        weight = weigh(one, policy)
        old = best.get(one.check)
        if old is None or (weight, _tie(old[1])) > (old[0], _tie(one)):
            best[one.check] = (weight, one)
    ordered = sorted(best.values(), key=lambda pair: (pair[1].check == NAME, -pair[0], pair[1].check))
    score = joined(weight for weight, _ in ordered)
    verdict = Verdict.REJECT if score >= policy.reject else Verdict.REVIEW if score >= policy.review else Verdict.CLEAR
    if verdict is Verdict.CLEAR and any(one.check in policy.always_review for _, one in ordered):
        verdict = Verdict.REVIEW
    return Decision(verdict, score, tuple((term(one, policy), weight) for weight, one in ordered))


def weigh(finding: Finding, policy: Policy) -> float:
    """What one finding weighs, in 0..1."""
    base, time, _ = _factors(finding, policy)
    weight = base * time * finding.confidence
    return round(min(weight, 0.99), 4)


def joined(weights: Iterable[float]) -> float:
    """The chance that at least one is right, were they independent."""
    rest = 1.0
    for weight in weights:
        rest *= 1.0 - weight
    return round(1.0 - rest, 4)


def exempt(finding: Finding, policy: Policy) -> bool:
    """Whether an exemption of the policy covers the finding."""
    return any(
        one.check in ("*", finding.check) and fnmatch.fnmatchcase(finding.path, one.path) for one in policy.exemptions
    )


def term(finding: Finding, policy: Policy) -> str:
    """The words under which a finding stands in the explanation: what and where, and how its weight came to be."""
    where = f"{finding.path}:{finding.line}" if finding.line else finding.path
    what = f"{finding.check}: {finding.message}" + (f" ({where}, runs at {finding.when})" if where else "")
    return f"{what}; {factors(finding, policy)}"


def factors(finding: Finding, policy: Policy) -> str:
    """The factors of a finding's weight, in words: no number of the score is without them."""
    base, time, words = _factors(finding, policy)
    run = f" × {time:.2f} for when it runs" if time != 1.0 else ""
    return f"{base:.2f} for {words}{run} × {finding.confidence:.2f} sure"


def _factors(finding: Finding, policy: Policy) -> tuple[float, float, str]:
    """What the check and severity weigh, what the time does, and where the first comes from."""
    severity = finding.severity.value
    own = policy.weights.get((finding.check, severity))
    if own is not None:
        return own, policy.times[finding.when], f"{severity} of this check, by the policy file"
    key = key_of(finding.check, severity, finding.when)
    term = policy.terms.get(key)
    if term is not None:
        seen = origin(key)
        return term, 1.0, f"{severity} of this check at this time" + (f", {seen}" if seen else "")
    return policy.severities[finding.severity], policy.times[finding.when], f"{severity} of any check"


def _tie(finding: Finding) -> tuple[str, int, str, str, str, float]:
    """Which of equally heavy findings stands in the explanation: any rule will do, if it is always the same."""
    return finding.path, finding.line, finding.message, finding.when, finding.severity, finding.confidence
