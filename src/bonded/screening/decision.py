"""From what checks found on a file to what policy says of it. Pure.

Checks in evaluation and suppressed findings are kept, and decide nothing. A failure counts: of reading the archive always, of
a check when it is enabled. So a plug-in on trial that breaks holds nobody's file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bonded.screening.given import Given
from bonded.screening.policy import Decision, Policy, decide
from bonded.screening.run import FAILED, ScanResult
from bonded.screening.states import CheckState
from bonded.values.finding import Finding
from bonded.values.states import Verdict

ORDER = (Verdict.CLEAR, Verdict.REVIEW, Verdict.REJECT)
"""From harmless to hostile."""


def counted(
    findings: Iterable[Finding], given: Given, result: ScanResult, states: Mapping[str, CheckState]
) -> list[Finding]:
    """The findings that decide. `states` are those in force, by check."""
    members = (
        {member.path: member.sha256 for member in result.facts.members} if given.suppressed and result.facts else {}
    )
    broken = [run.check for run in result.runs if run.outcome != "ok"]
    on_trial = {
        failure
        for name, failure in zip(broken, result.failures, strict=False)  # of reading, there is one and nothing ran
        if states.get(name) is CheckState.EVALUATION
    }
    return [
        one
        for one in findings
        if (states.get(one.check) is CheckState.ENABLED or (one.check == FAILED and one not in on_trial))
        and not given.is_suppressed(one, members)
    ]


def decision_of(
    given: Given, result: ScanResult, states: Mapping[str, CheckState], policy: Policy, now: datetime
) -> Decision:
    """What policy says of the file."""
    found = counted(result.findings, given, result, states)
    return decide(found, policy.at(given.file.project_key, now))


def worse(one: Verdict, other: Verdict | None) -> bool:
    """Whether `one` is more hostile than `other` (None: not known, as good as clear)."""
    return ORDER.index(one) > ORDER.index(other or Verdict.CLEAR)
