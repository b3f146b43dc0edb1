"""Alarms: what is true at a moment, and who is told once about what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from bonded.accounts import people
from bonded.db.engine import Database
from bonded.db.jobs import job
from bonded.journal.tables import journal, to_publish
from bonded.tuf.alarms import OFFLINE_DAYS, alarms
from bonded.tuf.publish import publish
from bonded.tuf.status import status
from bonded.tuf.status_model import ChangeStatus, FeedStatus, QueueStatus, RoleStatus, Status
from bonded.tuf.tables import alarm as table
from bonded.tuf.tell import Change, Standing, decide, tell
from bonded.values.alarms import KINDS, Alarm, Severity, short
from bonded.values.who import OPERATOR
from tests.tuf.world import World

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def role(name: str, left: timedelta, *, online: bool = False) -> RoleStatus:
    return RoleStatus(name, 1, NOW + left, 1, ("k",), online)


def fed(tried: timedelta, good: timedelta | None, problem: str = "", old: timedelta | None = None) -> FeedStatus:
    """A feed tried and imported so long ago, due every six hours, of which a record changed a day before the import."""
    at = NOW - good if good is not None else None
    newest, old_at = (at - DAY, NOW - old) if at and old is not None else (None, None)
    return FeedStatus(NOW - tried, NOW - tried + timedelta(hours=6), at, problem, newest, old_at)


def told(**state: object) -> list[tuple[str, str, int]]:
    """(kind, key, step) of every alarm of a state."""
    return [(a.kind, a.key, a.step) for a in alarms(Status(**state), NOW)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("days", "step"),
    [(400, 0), (91, 0), (90, 1), (31, 1), (30, 2), (15, 2), (14, 3), (8, 3), (7, 4), (1, 4)],
)
def test_an_offline_role_alarms_at_each_threshold(days: int, step: int) -> None:
    assert told(roles=[role("root", days * DAY)]) == ([("offline-expires", "expiry:root", step)] if step else [])


def test_an_expired_role_is_the_worst_step_of_the_same_alarm() -> None:
    assert told(roles=[role("root", timedelta(0))]) == [("role-expired", "expiry:root", len(OFFLINE_DAYS) + 1)]
    assert told(roles=[role("timestamp", -MINUTE, online=True)], lifetime=DAY)[0][0] == "role-expired"


@pytest.mark.parametrize(("hours", "step"), [(24, 0), (12, 0), (11.9, 1), (6, 1), (5.9, 2)])
def test_an_online_role_alarms_under_half_and_under_a_quarter(hours: float, step: int) -> None:
    found = told(roles=[role("timestamp", timedelta(hours=hours), online=True)], lifetime=DAY)
    assert found == ([("margin-low", "expiry:timestamp", step)] if step else [])


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"bins_overdue": 3, "next_bin_expiry": NOW - MINUTE}, [("bins-expired", "bins", 2)]),
        ({"next_bin_expiry": NOW + timedelta(hours=4), "lifetime": DAY}, [("bins-late", "bins", 1)]),
        ({"next_bin_expiry": NOW + timedelta(hours=5), "lifetime": DAY}, []),
        ({"longest_bin": 2_499_999}, []),
        ({"longest_bin": 2_500_000}, [("bins-large", "bins-large", 1)]),
        ({"longest_bin": 4_000_000}, [("bins-large", "bins-large", 2)]),
        ({"longest_bin": 5_000_000}, [("bins-large", "bins-large", 2)]),
        ({"longest_bin": 5_000_001}, [("bins-refused", "bins-large", 3)]),
        ({"oldest_row": NOW - 4 * MINUTE, "rows_waiting": 2}, []),
        ({"oldest_row": NOW - 5 * MINUTE, "rows_waiting": 2}, [("publisher-stalled", "publisher-stalled", 1)]),
        ({"oldest_row": NOW - 7 * 60 * MINUTE}, [("publisher-stalled", "publisher-stalled", 3)]),
        ({"rows_parked": 1}, [("rows-parked", "rows-parked", 1)]),
        ({"rows_parked": 10}, [("rows-parked", "rows-parked", 2)]),
        ({"queues": [QueueStatus("mail", dead=9)]}, [("jobs-dead", "jobs-dead:mail", 1)]),
        ({"queues": [QueueStatus("mail", dead=100)]}, [("jobs-dead", "jobs-dead:mail", 3)]),
        ({"queues": [QueueStatus("takedown", 1, 0, NOW + DAY)]}, []),
        ({"queues": [QueueStatus("takedown", 1, 0, NOW - MINUTE)]}, [("job-overdue", "job-overdue:takedown", 1)]),
        ({"queues": [QueueStatus("screen", 1, 0, NOW - 14 * MINUTE)]}, []),
        ({"queues": [QueueStatus("screen", 1, 0, NOW - 15 * MINUTE)]}, [("job-overdue", "job-overdue:screen", 1)]),
        ({"change": ChangeStatus("resize", NOW - DAY + MINUTE, "step 2 of 3")}, []),
        ({"change": ChangeStatus("resize", NOW - DAY, "step 2 of 3")}, [("change-stands", "change-stands", 1)]),
        (
            {"demoted": {"a": "x", "b": "y"}},
            [("check-demoted", "check-demoted:a", 1), ("check-demoted", "check-demoted:b", 1)],
        ),
        ({"verdicts": 49, "unread": 49}, []),
        ({"verdicts": 50, "unread": 4}, []),
        ({"verdicts": 50, "unread": 5}, [("unread-many", "unread-many", 1)]),
        ({"verdicts": 1000, "unread": 700}, [("unread-many", "unread-many", 3)]),
        ({"feed": fed(MINUTE, MINUTE)}, []),
        ({"feed": fed(MINUTE, None)}, []),
        ({"feed": fed(59 * MINUTE, 7 * DAY)}, []),
        ({"feed": fed(60 * MINUTE, 7 * DAY)}, [("feed-failed", "feed-failed", 2)]),
        ({"feed": fed(60 * MINUTE, None)}, [("feed-failed", "feed-failed", 1)]),
        ({"feed": fed(MINUTE, None, "x")}, [("feed-failed", "feed-failed", 1)]),
        ({"feed": fed(MINUTE, DAY, "x")}, [("feed-failed", "feed-failed", 1)]),
        ({"feed": fed(MINUTE, -DAY, "x")}, [("feed-failed", "feed-failed", 1)]),
        ({"feed": fed(MINUTE, 3 * DAY, "x")}, [("feed-failed", "feed-failed", 2)]),
        ({"feed": fed(MINUTE, 14 * DAY, "x", MINUTE)}, [("feed-failed", "feed-failed", 3)]),
        ({"feed": fed(timedelta(hours=11), timedelta(hours=11))}, []),
        ({"feed": fed(timedelta(hours=12), timedelta(hours=12))}, [("feed-old", "feed-old", 1)]),
        ({"feed": fed(MINUTE, MINUTE, old=-MINUTE)}, []),
        ({"feed": fed(MINUTE, MINUTE, old=MINUTE)}, [("feed-old", "feed-old", 1)]),
        ({"oldest_unsealed": NOW - MINUTE, "rows_unsealed": 1}, []),
        ({"oldest_unsealed": NOW - 2 * MINUTE, "rows_unsealed": 1}, [("seal-late", "seal-late", 1)]),
        (
            {"content": 8, "known_content": 7, "signed_at": NOW - 2 * MINUTE},
            [("database-behind", "database-behind", 1)],
        ),
        ({"content": 8, "known_content": 7, "signed_at": NOW}, []),
        ({"content": 1, "known_content": 0, "signed_at": NOW - DAY, "first": True}, []),
        ({"content": 7, "known_content": 7, "signed_at": NOW - DAY}, []),
        ({"content": 8, "known_content": None, "signed_at": NOW - DAY}, []),
    ],
    ids=str,
)
def test_each_state_and_its_alarm(state: dict[str, object], expected: list[tuple[str, str, int]]) -> None:
    assert told(**state) == expected


OF_OTHERS = {"check-demoted", "unread-many", "feed-failed", "feed-old", "accounts-key"}
"""Told by what screening, the feed and the hosts know, not by the state of signing: see the tests of demotion, of figures, of the
feed and of the key."""


def test_every_kind_can_be_said_and_the_critical_come_first() -> None:
    worst = Status(
        live=9,
        content=9,
        known_content=8,
        signed_at=NOW - DAY,
        lifetime=DAY,
        roles=[role("root", 20 * DAY), role("timestamp", timedelta(hours=2), online=True), role("snapshot", -DAY)],
        bins_overdue=1,
        longest_bin=5_000_001,
        rows_waiting=2,
        oldest_row=NOW - DAY,
        rows_parked=1,
        queues=[QueueStatus("plain", 1, 2, NOW - DAY, NOW - DAY)],
        oldest_unsealed=NOW - DAY,
        change=ChangeStatus("online-key", NOW - 8 * DAY, "the signer does not hold the key"),
        faults=[
            Alarm("store-unreadable", "store-unreadable", 1, {"detail": "x"}),
            Alarm("database-away", "database-away", 1, {"detail": "x"}),
        ],
    )
    found = alarms(worst, NOW)
    sure = {a.kind for a in found} | {
        a.kind for a in alarms(Status(next_bin_expiry=NOW + MINUTE, longest_bin=3_000_000), NOW)
    }
    assert sure | OF_OTHERS == set(KINDS)
    severities = [a.severity is Severity.CRITICAL for a in found]
    assert severities == sorted(severities, reverse=True)
    for alarm in found:
        assert "%(" not in alarm.sentence()
        assert alarm.advice()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3660, "1 h 1 min"), (90_000, "1 d 1 h"), (-5, "0 s")],
)
def test_durations_need_no_translation(seconds: int, text: str) -> None:
    assert short(timedelta(seconds=seconds)) == text
    alarm = Alarm("publisher-stalled", "k", 1, {"count": "3", "time": str(max(0, seconds))})
    assert alarm.sentence() == f"Changes wait to be published (3), the oldest for {text}."


A1, A2 = Alarm("rows-parked", "k", 1), Alarm("rows-parked", "k", 2)


@pytest.mark.parametrize(
    ("standing", "found", "expected"),
    [
        ({}, [], []),
        ({}, [A2], [Change("k", 0, 2, A2)]),
        ({"k": Standing(1, NOW)}, [A1], [Change("k", 1, 1, A1)]),
        ({"k": Standing(1, NOW)}, [A2], [Change("k", 1, 2, A2)]),
        ({"k": Standing(2, NOW - 59 * MINUTE)}, [A1], []),
        ({"k": Standing(2, NOW - 60 * MINUTE)}, [A1], [Change("k", 2, 1, A1)]),
        ({"k": Standing(2, NOW - 59 * MINUTE)}, [], []),
        ({"k": Standing(2, NOW - 60 * MINUTE)}, [], [Change("k", 2, 0)]),
        ({"k": Standing(2, NOW + 59 * MINUTE)}, [], []),
        ({"k": Standing(2, NOW + 60 * MINUTE)}, [], [Change("k", 2, 0)]),
        ({"k": Standing(2, NOW + 365 * DAY)}, [A1], [Change("k", 2, 1, A1)]),
    ],
    ids=[
        "nothing",
        "new",
        "same",
        "worse",
        "better-just-now",
        "better",
        "over-just-now",
        "over",
        "another-clock",
        "over-seen-ahead",
        "better-seen-ahead",
    ],
)
def test_what_is_told(standing: dict[str, Standing], found: list[Alarm], expected: list[Change]) -> None:
    assert decide(standing, found, NOW) == expected


def rows(db: Database, action: str = "index.alarm") -> list[tuple[str, int]]:
    with db.read() as conn:
        facts = conn.execute(select(journal.c.facts).where(journal.c.action == action).order_by(journal.c.id)).scalars()
        return [(f["key"], f.get("step", 0)) for f in facts]


def mails(db: Database) -> int:
    with db.read() as conn:
        return len(conn.execute(select(job.c.id).where(job.c.queue == "mail")).all())


def test_a_role_that_runs_out_is_told_once_for_each_threshold(world: World) -> None:
    """A look each day of the months that matter, by two workers; then a renewal, and the next year."""
    world.publish()
    before = mails(world.db)
    start = world.now
    for hours in range(24 * 270, 24 * 368, 24):
        now = start + timedelta(hours=hours)
        found = [a for a in status(world.db, world.public, now, flips=0).alarms if a.key == "expiry:root"]
        for _ in range(2):
            tell(world.db, found, now)
    assert rows(world.db) == [("expiry:root", step) for step in range(1, 6)]
    assert mails(world.db) == before + 5
    later = start + 400 * DAY
    tell(world.db, [], later)
    tell(world.db, [], later + timedelta(hours=2))
    assert rows(world.db, "index.alarm-over") == [("expiry:root", 0)]
    tell(world.db, [Alarm("offline-expires", "expiry:root", 1, {"role": "root"})], later + 2 * DAY)
    assert rows(world.db)[-1] == ("expiry:root", 1)


def test_two_workers_that_look_at_the_same_moment_tell_once(db: Database, now: datetime) -> None:
    from bonded.tuf.tell import _write

    change = Change("k", 0, 1, A1)
    with db.write() as tx:
        assert _write(tx, change, now)
        assert not _write(tx, change, now)
    with db.write() as tx:
        assert _write(tx, Change("k", 1, 2, A2), now)
        assert not _write(tx, Change("k", 1, 2, A2), now)
    with db.write() as tx:
        assert not _write(tx, Change("k", 1, 0), now)
        assert _write(tx, Change("k", 2, 0), now)
    with db.read() as conn:
        assert conn.execute(select(table)).all() == []


def test_an_index_that_is_well_has_no_alarm_and_one_that_is_not_has_them(world: World) -> None:
    p = world.publisher()
    world.upload("sample", "sample-1.0.tar.gz")
    world.publish(p)
    found = status(world.db, world.public, world.now)
    # The plain copies, the purge and the seal of the last rows wait for workers that do not run here.
    assert [a.kind for a in found.alarms] == []
    assert {r.name for r in found.roles} == {"root", "timestamp", "snapshot", "targets", "pages", "bins"}
    assert [(b.role, b.count) for b in found.bin_sets] == [("pages", 4), ("bins", 4)]
    assert found.lifetime == p.settings.lifetime
    assert (found.known_content, found.signed_at) == (found.content, world.now)
    world.upload("sample", "sample-2.0.tar.gz")
    later = world.now + timedelta(hours=13)
    kinds = {a.kind for a in status(world.db, world.public, later).alarms}
    assert kinds == {"margin-low", "publisher-stalled", "job-overdue", "seal-late"}


def test_a_restored_database_is_an_alarm(world: World) -> None:
    p = world.publisher()
    world.upload("sample", "sample-1.0.tar.gz")
    world.publish(p)
    from bonded.tuf.tables import publication

    with world.db.write() as tx:
        tx.execute(publication.delete())
    later = world.now + 5 * MINUTE
    assert "database-behind" in {a.kind for a in status(world.db, world.public, later).alarms}


def test_an_index_that_nobody_has_started_yet_was_not_restored(world: World) -> None:
    """Between the import of the first ceremony and the first start; a lost database with an older store is another thing."""
    found = status(world.db, world.public, world.now + 5 * MINUTE)
    assert found.first
    assert "database-behind" not in {a.kind for a in found.alarms}


def test_a_store_without_metadata_and_a_database_that_is_away(sqlite_world: World) -> None:
    world = sqlite_world
    world.publish()
    with world.db.write() as tx:
        tx.exec_driver_sql("DROP TABLE tuf_bin")
    (found,) = [a for a in status(world.db, world.public, world.now).alarms if a.kind == "database-away"]
    assert found.sentence() == "The database does not answer (OperationalError)."
    world.public.delete("metadata/timestamp.json")
    both = {a.kind: a.sentence() for a in status(world.db, world.public, world.now).alarms}
    assert set(both) == {"database-away", "store-unreadable"}
    assert both["store-unreadable"].endswith("metadata are missing in it: metadata/timestamp.json.")


def test_a_parked_row_and_a_dead_job_are_alarms(world: World) -> None:
    with world.db.write() as tx:
        who = people.create(tx, OPERATOR, "grace", "grace@example.invalid", is_admin=True, now=world.now)
        assert who.is_admin
        event = {"project_key": "p", "journal_id": 1, "at": world.now, "failures": 2, "parked": 1}
        tx.execute(insert(to_publish).values(event))
        dead = {"queue": "screen", "key": "screen:x", "payload": {}, "state": "dead", "due": world.now}
        tx.execute(insert(job).values(dead | {"attempt": 5, "max_attempts": 5, "created_at": world.now}))
    publish(world.publisher(), world.now)
    found = status(world.db, world.public, world.now).alarms
    assert {a.key for a in found} == {"rows-parked", "jobs-dead:screen"}
    assert {a.kind for a in tell(world.db, found, world.now)} == {"rows-parked", "jobs-dead"}
    assert tell(world.db, found, world.now + MINUTE) == []
