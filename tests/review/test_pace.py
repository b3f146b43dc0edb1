"""How review goes: percentiles by nearest rank, decisions turned round, agreement, lateness."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bonded.db.engine import Database
from bonded.review import decide
from bonded.review.pace import Act, pace, spread, turned
from bonded.values.states import FileState
from bonded.values.who import Actor, ActorKind
from tests.review.making import into_case, one_file, open_case
from tests.review.test_decide import make

ANN = Actor(ActorKind.USER, "ann", "session")
BOB = Actor(ActorKind.USER, "bob", "session")
AT = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=200))
def test_percentiles_are_times_that_happened_and_cover_their_share(seconds: list[int]) -> None:
    times = [timedelta(seconds=one) for one in seconds]
    found = spread(times)
    assert found.half in times
    assert found.most in times
    assert found.half is not None
    assert found.most is not None
    assert sum(one <= found.half for one in times) * 2 >= len(times)
    assert sum(one <= found.most for one in times) * 100 >= 95 * len(times)
    assert sum(one < found.most for one in times) * 100 < 95 * len(times)


def test_of_nothing_there_are_no_times() -> None:
    assert (spread([]).count, spread([]).half) == (0, None)


def test_turns_and_agreement() -> None:
    acts = [
        Act("a", "ann", "away", AT, False),
        Act("a", "bob", "public", AT, False),  # turned round by another
        Act("b", "ann", "public", AT, False),
        Act("b", "bob", "public", AT, False),  # agreed
        Act("c", "ann", "away", AT, False),
        Act("c", "ann", "open", AT, True),  # taken back
        Act("d", "ann", "open", AT, False),  # no decision
    ]
    found = turned(acts)
    assert (found.decided, found.turned, found.twice, found.agreed) == (3, 2, 2, 1)


def test_figures_of_an_index(db: Database, now: datetime) -> None:
    hour = timedelta(hours=1)
    files = []
    for name, opened in (("Early", now - 30 * hour), ("Late", now - 40 * hour), ("Waits", now - 50 * hour)):
        made = make(db, now - 60 * hour, name)
        with db.write() as tx:
            case_id = open_case(tx, made, opened)
            files.append(one_file(tx, made, opened, state=FileState.HELD))
            into_case(tx, files[-1], case_id)
    with db.write() as tx:
        decide.reject(tx, ANN, [files[0]], reason="malware", now=now - 29 * hour)
        decide.release(tx, ANN, [files[1]], reason="ordinary", now=now - 10 * hour)
    with db.read() as conn:
        found = pace(conn, promise=24 * hour, window=timedelta(days=30), now=now)
    assert (found.closed, found.late_closed, found.late_open) == (2, 1, 1)
    assert (found.people.count, found.people.half, found.people.most) == (2, hour, 30 * hour)
    assert found.policy.count == 0
    assert (found.turned.decided, found.turned.turned) == (2, 0)
    assert sum(day.opened for day in found.days) == 3
    assert sum(day.closed for day in found.days) == 2
    assert len(found.days) == 30
