"""What is worse in company: a package that answers for nothing and does something."""

from __future__ import annotations

from itertools import permutations

import pytest

from bonded.checks.registry import discover
from bonded.screening.policy import Exemption, Policy, decide
from bonded.screening.together import COMPARES, NAME, UNANSWERED, together
from bonded.values.finding import Finding, Severity, When
from bonded.values.states import Verdict

FACELESS = Finding("placeholder-metadata", 1, Severity.LOW, 0.5, "its description was never written")
AUTOSTART = Finding("starts-by-itself", 1, Severity.MEDIUM, 0.8, "starts with the computer", "a.py", 3, when=When.CALL)
WATCHER = Finding("person-watched", 1, Severity.LOW, 0.5, "takes pictures of the screen", "a.py", 9, when=When.CALL)


def one(check: str, severity: Severity, when: When) -> Finding:
    return Finding(check, 1, severity, 0.8, "something", when=when)


def test_both_sides_make_one_finding_more_as_grave_as_the_behaviour() -> None:
    for order in permutations((FACELESS, WATCHER, AUTOSTART)):
        found = together(order)
        assert found is not None
        assert (found.check, found.severity, found.confidence) == (NAME, Severity.MEDIUM, 1.0)
        assert "placeholder-metadata" in found.message
        assert "starts-by-itself" in found.message


@pytest.mark.parametrize(
    "findings",
    [
        (),
        (FACELESS,),
        (AUTOSTART, WATCHER),
        (FACELESS, one("name-deception", Severity.HIGH, When.UNKNOWN)),
        (FACELESS, one("starts-by-itself", Severity.INFO, When.CALL)),
        (FACELESS, one("starts-by-itself", Severity.HIGH, When.NEVER)),
        (FACELESS, one("record-mismatch", Severity.HIGH, When.UNKNOWN)),
        (one("placeholder-metadata", Severity.INFO, When.UNKNOWN), AUTOSTART),
        (FACELESS, one("release-divergence", Severity.MEDIUM, When.IMPORT)),
    ],
    ids=[
        "nothing",
        "words",
        "behaviours",
        "two-words",
        "a-note",
        "in-tests",
        "not-code",
        "a-note-of-words",
        "a-difference",
    ],
)
def test_one_side_alone_says_nothing_more(findings: tuple[Finding, ...]) -> None:
    assert together(findings) is None


def test_hints_together_are_reviewed_and_alone_pass() -> None:
    policy = Policy()
    assert decide((FACELESS,), policy).verdict is Verdict.CLEAR
    assert decide((WATCHER,), policy).verdict is Verdict.CLEAR
    decision = decide((FACELESS, WATCHER), policy)
    assert decision.verdict is Verdict.REVIEW  # hints do not reject, however many
    words, weight = decision.terms[-1]  # the queue shows the first, which is evidence
    assert words.startswith(
        "together: what it says of itself (placeholder-metadata) beside what it does (person-watched)"
    )
    assert weight == pytest.approx(policy.terms[(NAME, "low", "unknown")], abs=0.001)


def test_what_is_graver_rejects_in_company() -> None:
    assert decide((AUTOSTART, WATCHER), Policy()).verdict is Verdict.CLEAR
    assert decide((FACELESS, AUTOSTART), Policy()).verdict is Verdict.REJECT


def test_what_is_exempt_keeps_no_company() -> None:
    for check in (FACELESS.check, WATCHER.check, NAME):
        policy = Policy(exemptions=(Exemption(check, "known"),))
        assert decide((FACELESS, WATCHER), policy).verdict is Verdict.CLEAR


def test_the_checks_that_it_names_exist() -> None:
    assert {check.name for check in discover()} >= UNANSWERED | COMPARES
    assert NAME not in {check.name for check in discover()}
