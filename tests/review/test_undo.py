"""Taking back one's last decision: a new, opposite act, within its time, and only once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bonded.accounts import people
from bonded.catalog import read
from bonded.catalog.tables import case as case_table
from bonded.db.engine import Database
from bonded.journal.tables import journal
from bonded.review import decisions, scope
from bonded.review.scope import Level
from bonded.review.undo import UNDO_WITHIN, last, undo
from bonded.screening.precision import observe
from bonded.values.refusals import Refusal
from bonded.values.states import FileState, ProjectStatus
from bonded.values.who import OPERATOR, Actor, ActorKind
from tests.review.making import into_case, one_file, open_case, project

S = FileState
ROOT, OTHER = Actor(ActorKind.USER, "root", "session"), Actor(ActorKind.USER, "other", "session")


class Desk:
    """Two projects of one uploader, a case each with held files, and a reviewer."""

    def __init__(self, db: Database, now: datetime) -> None:
        self.db, self.now = db, now
        with db.write() as tx:
            owner = people.create(tx, OPERATOR, "owner", "o@example.invalid", is_admin=False, now=now)
            self.projects = [project(tx, owner.id, now, name) for name in ("Sample", "Other")]
            self.cases = [open_case(tx, made, now) for made in self.projects]
            self.files = [one_file(tx, self.projects[0], now, version=v) for v in ("1.0", "1.0", "2.0")]
            self.files.append(one_file(tx, self.projects[1], now))
            for at, file_id in enumerate(self.files):
                into_case(tx, file_id, self.cases[at // 3])

    def act(self, act: str, *files: str, level: Level = Level.FILE, who: Actor = ROOT) -> int:
        with self.db.write() as tx:
            about = scope.reach(tx, act, files, level)
            return len(scope.carry_out(tx, who, act, about, reason="because", now=self.now))

    def undo(self, who: Actor = ROOT) -> int:
        with self.db.write() as tx:
            return len(undo(tx, who, reason="", now=self.now))

    def states(self) -> list[FileState]:
        with self.db.read() as conn:
            return [file.state for one in self.files if (file := read.file(conn, one))]

    def open(self) -> list[str]:
        with self.db.read() as conn:
            return list(conn.execute(select(case_table.c.state).order_by(case_table.c.id)).scalars())


@pytest.fixture
def desk(db: Database, now: datetime) -> Desk:
    return Desk(db, now)


@pytest.mark.parametrize(
    ("act", "taken_back", "action"),
    [("reject", S.HELD, "review.reopen"), ("release", S.QUARANTINED, "review.quarantine")],
)
def test_an_undo_is_an_opposite_act_and_the_case_waits_again(
    desk: Desk, act: str, taken_back: FileState, action: str
) -> None:
    assert desk.act(act, desk.files[0], level=Level.PROJECT) == 3
    assert desk.open() == ["closed", "open"]
    assert desk.undo() == 3
    assert desk.states() == [taken_back] * 3 + [S.HELD]
    assert desk.open() == ["open", "open"]
    with desk.db.read() as conn:
        rows = conn.execute(select(journal).order_by(journal.c.id.desc()).limit(6)).all()
        assert decisions.newest(conn, desk.files) == {}, "nothing stands about them"
        assert observe(conn, desk.now - timedelta(days=1)) == [], "a slip says nothing about checks"
    assert [row.action for row in rows] == [action] * 3 + [f"review.{act}"] * 3
    assert {row.facts["undo"] for row in rows[:3]} == {rows[5].facts["decision"]}
    assert all("taken back" in row.facts["reason"] for row in rows[:3])
    with pytest.raises(Refusal) as caught:
        desk.undo()
    assert caught.value.code == "nothing-to-undo", "only once"


def test_what_stood_before_stands_again(desk: Desk) -> None:
    one = desk.files[3]
    desk.act("release", one)
    desk.now += timedelta(seconds=1)
    desk.act("quarantine", one)
    desk.undo()
    assert desk.states()[3] is S.PUBLIC
    with desk.db.read() as conn:
        assert decisions.newest(conn, [one])[one].action == "review.release"
    assert desk.open() == ["open", "closed"]


def test_a_confirmation_is_taken_back_without_a_move(desk: Desk) -> None:
    one = desk.files[3]
    desk.act("reject", one)
    desk.now += timedelta(seconds=1)
    desk.act("reject", one)  # finds it rejected: a confirmation
    assert desk.undo() == 1
    assert desk.states()[3] is S.REJECTED


def test_only_ones_own_last_decision_in_time(desk: Desk) -> None:
    desk.act("reject", desk.files[0])
    for who, later in ((OTHER, timedelta(0)), (ROOT, UNDO_WITHIN + timedelta(seconds=1))):
        desk.now += later
        with pytest.raises(Refusal) as caught:
            desk.undo(who)
        assert caught.value.code == "nothing-to-undo"
    assert desk.states()[0] is S.REJECTED


def test_what_others_changed_since_is_not_taken_back(desk: Desk) -> None:
    desk.act("reject", desk.files[0], desk.files[1])
    desk.act("release", desk.files[1], who=OTHER)
    with pytest.raises(Refusal) as caught:
        desk.undo()
    assert caught.value.code == "wrong-state"
    assert desk.states()[:2] == [S.REJECTED, S.PUBLIC], "nothing is half done"


def test_what_somebody_else_confirmed_since_is_not_taken_back(desk: Desk) -> None:
    desk.act("release", desk.files[0], desk.files[1])
    desk.act("release", desk.files[1], who=OTHER)
    with pytest.raises(Refusal, match="somebody has decided about sample") as caught:
        desk.undo()
    assert caught.value.code == "wrong-state"
    assert desk.states()[:2] == [S.PUBLIC, S.PUBLIC], "nothing is half done"
    assert desk.undo(OTHER) == 1, "that is an act of its own"


def test_a_removal_stays(desk: Desk) -> None:
    desk.act("reject", desk.files[0])
    desk.now += timedelta(seconds=1)
    desk.act("remove", desk.files[3])
    with desk.db.read() as conn:
        assert last(conn, ROOT, desk.now) is None
    with pytest.raises(Refusal):
        desk.undo()
    assert desk.states()[3] is S.REMOVED


def test_levels_reach_releases_projects_and_uploaders(desk: Desk) -> None:
    def reached(act: str, level: Level) -> list[str]:
        with desk.db.read() as conn:
            return sorted(one.id for one in scope.reach(conn, act, [desk.files[0]], level).files)

    assert reached("reject", Level.FILE) == [desk.files[0]]
    assert reached("reject", Level.RELEASE) == sorted(desk.files[:2])
    assert reached("reject", Level.PROJECT) == sorted(desk.files[:3])
    assert reached("reject", Level.UPLOADER) == sorted(desk.files)
    with pytest.raises(Refusal) as caught:
        reached("quarantine", Level.UPLOADER)
    assert caught.value.code == "nothing-chosen", "held files are not public"


def test_a_project_as_a_whole(desk: Desk) -> None:
    desk.act("release", desk.files[0], level=Level.PROJECT)
    desk.now += timedelta(seconds=1)
    assert desk.act("quarantine", desk.files[0], level=Level.PROJECT) == 4, "its status and three files"

    def status() -> ProjectStatus:
        with desk.db.read() as conn:
            found = read.project(conn, "sample")
        assert found
        return found.status

    assert status() is ProjectStatus.QUARANTINED
    assert desk.states()[:3] == [S.QUARANTINED] * 3
    assert desk.undo() == 4
    assert desk.states()[:3] == [S.PUBLIC] * 3
    assert status() is ProjectStatus.ACTIVE


def test_bulk_is_one_row_for_each_file_and_leaves_what_is_decided(desk: Desk) -> None:
    desk.act("release", desk.files[1])
    desk.now += timedelta(seconds=1)
    with desk.db.write() as tx:
        about = scope.waiting(tx, "reject", desk.cases)
        assert len(scope.carry_out(tx, ROOT, "reject", about, reason="one reason", now=desk.now)) == 3
    assert desk.states() == [S.REJECTED, S.PUBLIC, S.REJECTED, S.REJECTED]
    assert desk.open() == ["closed", "closed"]
    desk.undo()
    assert desk.states() == [S.HELD, S.PUBLIC, S.HELD, S.HELD]


def test_a_decision_about_too_many_files_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "MOST_FILES", 2)
    with pytest.raises(Refusal) as caught:
        desk.act("reject", desk.files[0], level=Level.PROJECT)
    assert caught.value.code == "too-many-files"
