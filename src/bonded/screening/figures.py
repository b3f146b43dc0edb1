"""What screening tells /metrics as it works: how long a verdict took, what each check cost and found, what could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from bonded.screening.policy import Decision
from bonded.screening.states import CheckState
from bonded.screening.store import Screened
from bonded.telemetry import measures as m
from bonded.telemetry.metrics import count, took


def note(
    done: Screened, decision: Decision | None, states: Mapping[str, CheckState], *, waited: timedelta | None = None
) -> None:
    """Count one file that was screened. `waited`: from its upload to its first verdict; None for later ones."""
    if decision is not None:
        count(m.VERDICTS, verdict=str(decision.verdict))
        if done.result.unread:
            count(m.UNREAD)
    if waited is not None:
        took(m.VERDICT_LATENCY, max(0.0, waited.total_seconds()))
    for run in done.result.runs:
        took(m.CHECK_SECONDS, run.cpu_seconds, check=run.check)
        if run.outcome != "ok":
            count(m.CHECK_FAILURES, check=run.check, outcome=run.outcome.partition(":")[0])
        elif run.findings:
            state = states.get(run.check, CheckState.ENABLED)
            count(m.CHECK_HITS, check=run.check, state=str(state))
