"""The three views of the journal: what each shows, filters, and paging that misses and repeats nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bonded.db.engine import Database
from bonded.journal import record, seal
from bonded.journal.read import Filter, Page, all_pages, entry, of_everything, of_project, of_user
from bonded.values.states import SubjectKind
from bonded.values.who import OPERATOR, Actor, ActorKind

ALICE = Actor(ActorKind.USER, "alice", "s1", "192.0.2.1", "Browser")
BOB = Actor(ActorKind.TOKEN, "bob", "t1", "198.51.100.7", "twine")
NOBODY = Actor(ActorKind.USER, "", "", "203.0.113.66", "curl")


@pytest.fixture
def ids(db: Database, now: datetime) -> dict[str, int]:
    file, token, user = (SubjectKind.FILE, "f1"), (SubjectKind.TOKEN, "t1"), (SubjectKind.USER, "alice")
    with db.write() as tx:
        made = {
            "upload": record(tx, "file.upload", BOB, file, now=now, project="sampleproject", user="bob"),
            "token": record(tx, "token.create", ALICE, token, now=now + timedelta(hours=1), user="alice"),
            "failed": record(tx, "user.login-failed", NOBODY, user, now=now + timedelta(hours=2), user="alice"),
            "yank": record(
                tx, "file.yank", ALICE, file, now=now + timedelta(hours=3), project="sampleproject", user="bob"
            ),
            "other": record(tx, "file.upload", OPERATOR, (SubjectKind.FILE, "f2"), now=now, project="other"),
        }
        seal.seal(tx, now=now)
        made["late"] = record(tx, "user.logout", ALICE, user, now=now)
    return made


def names(page: Page, ids: dict[str, int]) -> list[str]:
    back = {v: k for k, v in ids.items()}
    return [back[e.id] for e in page.entries]


def test_a_person_sees_what_they_did_and_what_was_done_about_them(db: Database, ids: dict[str, int]) -> None:
    with db.read() as conn:
        alice, bob = of_user(conn, "alice"), of_user(conn, "bob")
    assert names(alice, ids) == ["late", "yank", "failed", "token"]
    assert names(bob, ids) == ["yank", "upload"]
    addresses = {e.id: e.private.get("ip") for e in (*alice.entries, *bob.entries)}
    assert addresses[ids["token"]] == "192.0.2.1"
    assert addresses[ids["failed"]] == "203.0.113.66"
    assert bob.entries[0].private == {}, "somebody else's address"
    assert bob.entries[1].private == {"ip": "198.51.100.7", "agent": "twine"}


def test_a_project_shows_its_rows_without_addresses(db: Database, ids: dict[str, int]) -> None:
    with db.read() as conn:
        page = of_project(conn, "sampleproject")
    assert names(page, ids) == ["yank", "upload"]
    assert [e.private for e in page.entries] == [{}, {}]
    assert [e.credential_id for e in page.entries] == ["s1", "t1"]


def test_an_administrator_sees_everything(db: Database, ids: dict[str, int]) -> None:
    with db.read() as conn:
        page = of_everything(conn)
        assert names(page, ids) == ["late", "other", "yank", "failed", "token", "upload"]
        assert [e.seq for e in page.entries] == [None, 4, 3, 2, 1, 0]
        one = entry(conn, ids["upload"])
        assert one
        assert one.private["ip"] == "198.51.100.7"
        assert entry(conn, 999_999) is None


def test_each_filter_narrows(db: Database, now: datetime, ids: dict[str, int]) -> None:
    cases: list[tuple[Filter, list[str]]] = [
        (Filter(actions=("file.upload",)), ["other", "upload"]),
        (Filter(actions=("file.upload", "file.yank"), project="sampleproject"), ["yank", "upload"]),
        (Filter(actor_id="alice"), ["late", "yank", "token"]),
        (Filter(actor_kind="operator"), ["other"]),
        (Filter(credential_id="t1"), ["upload"]),
        (Filter(user_id="bob"), ["yank", "upload"]),
        (Filter(subject=(SubjectKind.FILE, "f1")), ["yank", "upload"]),
        (Filter(ip="198.51.100.7"), ["upload"]),
        (Filter(ip="198.51.100"), []),
        (Filter(ip="%"), []),
        (Filter(since=now + timedelta(hours=2)), ["yank", "failed"]),
        (Filter(since=now + timedelta(hours=1), until=now + timedelta(hours=2)), ["token"]),
        (Filter(actor_id="nobody"), []),
        (Filter(project="x\x00"), []),
        (Filter(ip="\ud800"), []),
        (Filter(subject=(SubjectKind.FILE, "\x00")), []),
    ]
    with db.read() as conn:
        for narrowed, expected in cases:
            assert names(of_everything(conn, narrowed), ids) == expected, narrowed


def test_pages_meet_without_gap_or_overlap_while_rows_arrive(db: Database, now: datetime) -> None:
    with db.write() as tx:
        made = [record(tx, "user.login", ALICE, (SubjectKind.USER, "alice"), now=now) for _ in range(23)]
    seen: list[int] = []
    before = None
    while True:
        with db.write() as tx:
            record(tx, "user.login", ALICE, (SubjectKind.USER, "alice"), now=now)
        with db.read() as conn:
            page = of_user(conn, "alice", before=before, limit=5)
        seen += [e.id for e in page.entries]
        before = page.before
        if before is None:
            break
    assert seen[1:] == made[::-1], "the first page also has the row that came before it"


def test_a_full_last_page_has_no_next(db: Database, now: datetime) -> None:
    with db.write() as tx:
        for _ in range(4):
            record(tx, "user.login", ALICE, (SubjectKind.USER, "alice"), now=now)
    with db.read() as conn:
        assert of_user(conn, "alice", limit=4).before is None
        assert of_user(conn, "alice", limit=3).before is not None
        assert len(list(all_pages(conn, Filter()))) == 4
        assert of_user(conn, "stranger").entries == ()
