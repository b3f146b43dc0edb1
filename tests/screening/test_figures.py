"""What /metrics tells of screening: latency, time and hits of checks, what could not be read, states, precision, backfills."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bonded.screening import backfill, states
from bonded.screening.levels import levels
from bonded.screening.precision import PrecisionSettings
from bonded.screening.selection import Selection
from bonded.screening.states import CheckState
from bonded.telemetry import metrics
from bonded.values.who import OPERATOR
from tests.screening.conftest import HOSTILE
from tests.screening.index import Index

CHECK = "decoded-or-downloaded-code-executed"


def told(name: str) -> float:
    """One figure as /metrics has it; 0.0 while it was never counted."""
    found = [line for line in metrics.render().decode().splitlines() if line.startswith(f"{name} ")]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_what_is_counted_as_uploads_are_screened(small: Index) -> None:
    names = {
        "files": "bonded_verdict_latency_seconds_count",
        "seconds": "bonded_verdict_latency_seconds_sum",
        "clear": 'bonded_verdicts_total{verdict="clear"}',
        "reject": 'bonded_verdicts_total{verdict="reject"}',
        "runs": f'bonded_check_seconds_count{{check="{CHECK}"}}',
        "hits": f'bonded_check_hits_total{{check="{CHECK}",state="enabled"}}',
        "history": "bonded_backfill_files_total",
    }

    def figures() -> dict[str, float]:
        return {word: told(name) for word, name in names.items()}

    before = figures()
    small.upload("plain-thing")
    small.upload("bad-thing", HOSTILE)
    small.shelf.now += timedelta(seconds=7)
    small.work()
    with small.db.write() as tx:
        backfill.start(tx, OPERATOR, [CHECK], Selection(), now=small.now)
    small.backfill()
    more = {word: value - before[word] for word, value in figures().items()}
    assert 14 <= more.pop("seconds") < 60, "from the upload on, the time in the queue included"
    assert more == {"files": 2, "clear": 2, "reject": 2, "runs": 4, "hits": 2, "history": 2}


def test_an_archive_that_cannot_be_read_wholly_is_counted(small: Index) -> None:
    before = told("bonded_verdicts_unread_total")
    file_id = small.upload("odd-thing")
    small.vault.delete(small.file(file_id).vault_key)
    small.vault.create(small.file(file_id).vault_key, b"PK\x03\x04 and no more")
    small.work()
    assert told("bonded_verdicts_unread_total") - before == 1


def test_levels_tell_states_and_backfills(small: Index) -> None:
    with small.db.write() as tx:
        states.set_state(tx, OPERATOR, CHECK, CheckState.EVALUATION, reason="on trial", now=small.now)
    small.screened("plain-thing")
    with small.db.write() as tx:
        backfill.start(tx, OPERATOR, [CHECK], Selection(), now=small.now)
    with small.db.read() as conn:
        found = levels(conn, PrecisionSettings(), small.now)
    by_name = {(measure.name, *sorted(labels.values())): value for measure, labels, value in found}
    assert by_name["bonded_check_state", CHECK, "evaluation"] == 1.0
    assert by_name["bonded_check_state", "enabled", "startup-hook"] == 1.0
    assert by_name[("bonded_backfill_left_files",)] == 1.0
    assert metrics.render(found)


@pytest.mark.parametrize("seconds", [0, -5])
def test_a_clock_that_went_back_gives_no_negative_time(small: Index, seconds: int) -> None:
    before = told("bonded_verdict_latency_seconds_sum")
    small.upload("plain-thing")
    small.shelf.now += timedelta(seconds=seconds)
    small.work()
    assert told("bonded_verdict_latency_seconds_sum") >= before
