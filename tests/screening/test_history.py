"""What screening knows of an upload besides its bytes, by real uploads on both databases."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from bonded.accounts.people import User
from bonded.accounts.tables import user as user_table
from bonded.catalog import change, read
from bonded.catalog.tables import file, finding, screening_run, verdict
from bonded.checks.context import Context
from bonded.db.engine import Database
from bonded.db.jobs import claim, done, job
from bonded.db.worker import work_once
from bonded.journal.tables import journal
from bonded.review.evidence import ranked
from bonded.screening.given import Given, gather
from bonded.screening.history import MOST_FILES, history
from bonded.screening.job import screen
from bonded.screening.name_lists import NameLists
from bonded.screening.settings import ScreeningContext, ScreeningSettings
from bonded.screening.tables import facts as facts_table
from bonded.screening.tables import profile
from bonded.seams import Sandbox
from bonded.values.states import FileState, Role
from bonded.values.who import OPERATOR
from tests.screening.conftest import described
from tests.upload.conftest import Index as Uploads
from tests.upload.conftest import _index
from tests.upload.making import tarred, wheel_files, zipped

S = FileState
PLAIN = b"VALUE = 1\n"
NETWORK = b'import urllib.request\n\nurllib.request.urlopen("https://example.invalid/")\n'
ACTS = b'import os\n\nos.system("echo example.invalid")\n'


@dataclass
class Yard:
    """An index that takes uploads and screens them."""

    uploads: Uploads
    sandbox: Sandbox
    names: NameLists = field(default_factory=NameLists)
    owner: User | None = None

    @property
    def db(self) -> Database:
        return self.uploads.db

    @property
    def context(self) -> ScreeningContext:
        settings = ScreeningSettings(names=self.names)
        return ScreeningContext(self.db, self.uploads.vault, self.sandbox, settings)

    def later(self, **more: float) -> None:
        self.uploads.now += timedelta(**more)

    def person(self, name: str) -> User:
        return self.uploads.person(name)

    def wheel(self, name: str, version: str = "1.0", *, by: User | None = None, **code: bytes) -> str:
        """Upload a wheel whose package has the modules `code`."""
        module = name.replace("-", "_")
        files = {f"{module}/{path}.py": data for path, data in (code or {"__init__": PLAIN}).items()}
        meta = described(name, version).encode()
        data = zipped(wheel_files(name, version, files=files, meta=meta))
        return self._upload(f"{module}-{version}-py3-none-any.whl", data, name, version, by)

    def sdist(self, name: str, version: str = "1.0", *, by: User | None = None, **code: bytes) -> str:
        """Upload an sdist of the same."""
        module = name.replace("-", "_")
        top = f"{module}-{version}"
        meta = described(name, version).encode()
        files = [(f"{top}/PKG-INFO", meta), (f"{top}/pyproject.toml", b'[build-system]\nrequires = ["hatchling"]\n')]
        files += [(f"{top}/{module}/{path}.py", data) for path, data in (code or {"__init__": PLAIN}).items()]
        return self._upload(f"{top}.tar.gz", tarred(files), name, version, by)

    def _upload(self, filename: str, data: bytes, name: str, version: str, by: User | None) -> str:
        if self.owner is None:
            self.owner = self.person("ann")
        bearer = self.uploads.bearer(by or self.owner)
        self.uploads.upload(bearer, filename, data, name=name, version=version)
        return next(row.payload["file_id"] for row in reversed(self.rows(job)) if row.queue == "screen")

    def work(self) -> None:
        while work_once(self.db, {"screen": partial(screen, self.context)}, lambda: self.uploads.now):
            pass

    def rows(self, table: Any) -> list[Any]:
        """All rows, in the order of their keys: without, PostgreSQL gives one that was changed, or took a free place, elsewhere."""
        with self.db.read() as conn:
            return list(conn.execute(select(table).order_by(*table.primary_key)).all())

    def given(self, file_id: str) -> Given:
        with self.db.read() as conn:
            found = gather(conn, file_id, self.uploads.now, self.names)
        assert found is not None
        return found

    def known(self, file_id: str) -> Context:
        return self.given(file_id).context

    def state(self, file_id: str) -> FileState:
        with self.db.read() as conn:
            found = read.file(conn, file_id)
        assert found is not None
        return found.state

    def found(self, check: str) -> list[Any]:
        return [row for row in self.rows(finding) if row.check == check]


@pytest.fixture
def yard(db: Database, tmp_path: Path, sandbox: Sandbox, now: datetime) -> Yard:
    return Yard(_index(db, tmp_path, now), sandbox)


@pytest.fixture
def small(sqlite_db: Database, tmp_path: Path, sandbox: Sandbox, now: datetime) -> Yard:
    return Yard(_index(sqlite_db, tmp_path, now), sandbox)


def test_a_first_upload_has_no_past(yard: Yard) -> None:
    known = yard.known(yard.wheel("word-counter"))
    assert known.new_project
    assert (known.siblings, known.earlier, known.private, known.nearest) == ((), None, "", None)
    assert (known.publisher.account_days, known.publisher.role_days, known.publisher.new_projects) == (0, None, 1)


def test_a_wheel_is_held_against_its_sdist(yard: Yard) -> None:
    first = yard.sdist("word-counter")
    yard.work()
    second = yard.wheel("word-counter", __init__=PLAIN, hidden=ACTS)
    assert [one.kind for one in yard.known(second).siblings] == ["sdist"]
    yard.work()
    assert yard.state(first) is S.PUBLIC, "what is odd is in the other"
    assert yard.state(second) is not S.PUBLIC
    row, again = yard.found("sdist-wheel-divergence")
    assert (row.subject_kind, row.file_id, row.path) == ("release", second, "word_counter/hidden.py")
    assert (row.severity, "not in the sdist, and it acts by itself" in row.message) == ("high", True)
    assert (again.file_id, again.path, again.severity) == (first, row.path, "medium"), "the sdist is looked at again"


def test_whatever_comes_first_the_release_is_looked_at_whole(yard: Yard) -> None:
    yard.wheel("word-counter", __init__=PLAIN, hidden=b"VALUE = 2\n")
    yard.work()
    assert yard.found("sdist-wheel-divergence") == []
    later = yard.sdist("word-counter")
    yard.work()
    rows = yard.found("sdist-wheel-divergence")
    assert [(row.file_id, row.path) for row in rows] == [(later, "word_counter/hidden.py")]
    assert len([row for row in yard.rows(screening_run) if row.check == "sdist-wheel-divergence"]) == 1


def test_a_file_that_was_cleared_is_looked_at_again_when_its_release_shows_what_it_is(yard: Yard) -> None:
    """The wheel comes first and is alone; only its sdist shows what was put into it."""
    wheel = yard.wheel("word-counter", __init__=PLAIN, hidden=ACTS)
    yard.work()
    before = yard.state(wheel)
    yard.sdist("word-counter")
    yard.work()
    verdicts = [row.verdict for row in yard.rows(verdict) if row.file_id == wheel]
    assert len(verdicts) == 2
    assert verdicts[1] != "clear"
    assert before is not S.PUBLIC or verdicts[0] == "clear"
    assert [row for row in yard.rows(job) if row.queue == "screen"] == []
    again = [row.path for row in yard.found("sdist-wheel-divergence")]
    assert set(again) == {"word_counter/hidden.py"}


def test_what_was_found_of_a_release_is_shown_with_each_of_its_files(small: Yard) -> None:
    small.wheel("word-counter", __init__=PLAIN, hidden=b"VALUE = 2\n")
    small.work()
    later = small.sdist("word-counter")
    small.work()
    wheel = next(row.id for row in small.rows(file) if row.id != later)
    with small.db.read() as conn:
        shown = ranked(conn, [wheel], "")
    assert [one.finding.check for one in shown if one.subject_kind == "release"] == ["sdist-wheel-divergence"]


def test_files_that_are_screened_side_by_side_see_each_other(yard: Yard) -> None:
    """Neither is known to the other when it is read; whoever ends last looks again."""
    ids = [yard.sdist("word-counter"), yard.wheel("word-counter", __init__=PLAIN, hidden=ACTS)]
    taken = []
    for _ in ids:
        with yard.db.write() as tx:
            taken.append(claim(tx, ["screen"], now=yard.uploads.now, lease=timedelta(minutes=1)))
    both = [(one, screen(yard.context, one, yard.uploads.now)) for one in taken if one is not None]
    for one, effects in both:
        assert effects is not None
        with yard.db.write() as tx:
            effects(tx)
            done(tx, one)
    assert [yard.state(one) for one in ids] == [S.PUBLIC, S.RECEIVED], "the second waits for its second look"
    assert [row.file_id for row in yard.rows(verdict)] == ids[:1]
    assert len(yard.rows(profile)) == len(yard.rows(facts_table)) == 2
    yard.work()
    assert next(row.file_id for row in yard.found("sdist-wheel-divergence")) == ids[1]
    assert yard.state(ids[1]) is not S.RECEIVED


def test_many_files_of_one_release_in_parallel_end_with_one_verdict_each(yard: Yard) -> None:
    names = [f"part{n}" for n in range(5)]
    ids = [yard.sdist("word-counter", **dict.fromkeys(("__init__", *names), PLAIN))]
    ids.append(yard.wheel("word-counter", __init__=PLAIN, hidden=ACTS))
    threads = [threading.Thread(target=yard.work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    yard.work()
    assert {row.file_id for row in yard.rows(verdict)} == set(ids)
    assert {row.file_id for row in yard.found("sdist-wheel-divergence")} <= set(ids)
    assert len([row for row in yard.rows(screening_run) if row.check == "sdist-wheel-divergence"]) == 1
    assert [row for row in yard.rows(job) if row.queue == "screen"] == []


def test_a_release_is_held_against_the_one_before(yard: Yard) -> None:
    yard.wheel("word-counter", "1.0")
    yard.work()
    yard.later(days=40)
    second = yard.wheel("word-counter", "1.1", __init__=NETWORK)
    earlier = yard.known(second).earlier
    assert earlier is not None
    assert (earlier.version, earlier.days, earlier.same_rules, len(earlier.files)) == ("1.0", 40, True, 1)
    yard.work()
    rows = yard.found("release-divergence")
    assert [row.subject_kind for row in rows] == ["release"]
    assert "the network is reached at import, which 1.0 did not do" in rows[0].message
    with yard.db.read() as conn:
        shown = ranked(conn, [second], rows[0].subject_id)
    assert "release-divergence" in {one.finding.check for one in shown}
    yard.later(days=1)
    third = yard.wheel("word-counter", "1.2", __init__=PLAIN)
    again = yard.known(third).earlier
    assert again is not None
    yard.work()
    assert yard.state(third) is S.PUBLIC


def test_a_release_that_lost_its_provenance_is_told(yard: Yard) -> None:
    def attest(file_id: str) -> None:
        with yard.db.write() as tx:
            tx.execute(update(file).where(file.c.id == file_id).values(provenance_sha256="0" * 64))

    first = yard.wheel("word-counter", "1.0")
    attest(first)
    assert yard.known(first).attested
    yard.work()
    yard.later(days=40)
    second = yard.wheel("word-counter", "1.1")
    known = yard.known(second)
    assert known.earlier is not None
    assert (known.attested, known.earlier.attested) == (False, True)
    yard.work()
    assert [row.message for row in yard.found("provenance-lost")] == [
        "1.0 had attestations of a build, and this file has none"
    ]
    yard.later(days=1)
    third = yard.wheel("word-counter", "1.2")
    attest(third)
    yard.work()
    assert len(yard.found("provenance-lost")) == 1


def test_facts_of_other_rules_are_not_compared_by_flows(small: Yard) -> None:
    small.wheel("word-counter", "1.0")
    small.work()
    with small.db.write() as tx:
        tx.execute(update(profile).values(rules="of before"))
    small.later(days=2)
    second = small.wheel("word-counter", "1.1", __init__=NETWORK)
    earlier = small.known(second).earlier
    assert earlier is not None
    assert not earlier.same_rules
    assert len(earlier.files) == 1
    small.work()
    assert not any("the network" in row.message for row in small.found("release-divergence"))


def test_a_release_that_was_never_public_is_not_the_one_before(small: Yard) -> None:
    small.wheel("word-counter", "1.0")
    small.work()
    small.later(days=1)
    held = small.wheel("word-counter", "1.1", __init__=b"import base64\n\n\ndef f(x):\n    exec(base64.b64decode(x))\n")
    small.work()
    small.later(days=1)
    third = small.wheel("word-counter", "1.2")
    earlier = small.known(third).earlier
    assert earlier is not None
    assert earlier.version == ("1.0" if small.state(held) is not S.PUBLIC else "1.1")


def test_a_hand_over_is_seen_for_two_weeks(yard: Yard) -> None:
    yard.wheel("word-counter", "1.0")
    yard.work()
    yard.later(days=600)
    bob = yard.person("bob")
    yard.later(days=1)
    with yard.db.write() as tx:
        change.add_role(tx, OPERATOR, "word-counter", bob.id, Role.OWNER, now=yard.uploads.now)
    yard.later(days=1)
    second = yard.wheel("word-counter", "1.1", by=bob)
    who = yard.known(second).publisher
    assert (who.account_days, who.role_days) == (2, 1)
    yard.work()
    (row,) = yard.found("publisher-change")
    assert (row.subject_kind, row.severity) == ("release", "medium")
    for words in ("got their role 1 days before", "account is 2 days old", "first release after 602 days"):
        assert words in row.message
    yard.later(days=30)
    third = yard.wheel("word-counter", "1.2", by=bob)
    yard.work()
    assert len(yard.found("publisher-change")) == 1
    assert yard.state(third) is S.PUBLIC


def test_whoever_gave_up_a_second_factor(yard: Yard) -> None:
    yard.wheel("word-counter", "1.0")
    yard.work()
    assert yard.owner is not None
    yard.later(days=100)
    with yard.db.write() as tx:
        row = {
            "action": "factor.remove", "actor_kind": "user", "actor_id": yard.owner.id, "credential_id": "",
            "subject_kind": "user", "subject_id": yard.owner.id, "user_id": yard.owner.id, "at": yard.uploads.now,
            "facts": {},
        }  # fmt: skip
        tx.execute(insert(journal).values(row))
    yard.later(days=3)
    second = yard.wheel("word-counter", "1.1")
    assert yard.known(second).publisher.factor_days == 3
    yard.work()
    assert "removed a second factor 3 days before" in yard.found("publisher-change")[0].message


def test_an_owner_from_the_beginning_got_no_role_lately(small: Yard) -> None:
    small.wheel("word-counter", "1.0")
    small.work()
    small.later(days=1)
    assert small.known(small.wheel("word-counter", "1.1")).publisher.role_days is None


def test_projects_of_one_day_are_counted(small: Yard) -> None:
    for n in range(3):
        small.wheel(f"word-counter-{n}")
    assert small.known(small.wheel("letter-counter")).publisher.new_projects == 4
    small.later(days=2)
    assert small.known(small.wheel("line-counter")).publisher.new_projects == 1


def test_a_look_at_an_older_file_finds_what_was_there_then(small: Yard) -> None:
    first = small.wheel("word-counter", "1.0")
    small.work()
    small.later(days=1)
    small.wheel("word-counter", "1.1")
    small.work()
    known = small.known(first)
    assert known.earlier is None
    assert known.publisher.account_days == 0


def test_a_project_check_runs_while_the_project_is_new_and_once_later(yard: Yard) -> None:
    first = yard.wheel("reqeusts")
    yard.work()
    assert yard.state(first) is S.HELD
    second = yard.wheel("reqeusts", "1.1")
    yard.work()
    assert yard.state(second) is S.HELD, "nothing of the project was released yet"
    assert len(yard.found("name-deception")) == 1
    with yard.db.write() as tx:
        change.move_file(tx, "review.release", OPERATOR, first, S.PUBLIC, reason="it is theirs", now=yard.uploads.now)
    third = yard.wheel("reqeusts", "1.2")
    yard.work()
    assert yard.state(third) is S.PUBLIC
    given = yard.given(third)
    assert {"name-deception", "combosquat"} <= {name for name, _, _ in given.project_runs}
    from bonded.checks.registry import by_name

    check, other = by_name("name-deception"), by_name("release-divergence")
    assert check is not None
    assert other is not None
    assert not given.is_due(check)
    assert given.is_due(other)
    assert replace(given, project_runs=frozenset()).is_due(check)


def test_a_private_name_is_held_until_somebody_releases_it(yard: Yard) -> None:
    yard.names = NameLists(private=("acme-*", "billing"))
    first = yard.wheel("acme-words")
    assert yard.known(first).private == "acme-*"
    yard.work()
    assert yard.state(first) is S.HELD
    (row,) = yard.found("dependency-confusion")
    assert "kept for this organisation by the setting 'acme-*'" in row.message
    near = yard.known(yard.wheel("bi11ing")).nearest
    assert near is not None
    assert near.name == "billing"
    assert yard.known(yard.wheel("plain-words")).private == ""


def test_bytes_of_rejected_files_are_compared_with_nothing(small: Yard) -> None:
    first = small.sdist("word-counter", __init__=b"import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n")
    small.work()
    assert small.state(first) is S.REJECTED
    assert small.known(small.wheel("word-counter")).siblings == ()


@pytest.mark.parametrize("version", ["1.1", "1.2"], ids=["of the same release", "of later ones"])
def test_however_many_files_came_since_the_release_before_is_known(yard: Yard, version: str) -> None:
    """A release of a hundred wheels hides from none of them what was there before, and nor do later releases from a backfill."""
    yard.wheel("word-counter", "1.0")
    yard.work()
    yard.later(days=1)
    second, third = yard.wheel("word-counter", "1.1"), yard.wheel("word-counter", "1.2")
    yard.work()
    before = yard.known(second)
    with yard.db.write() as tx:
        row = dict(tx.execute(select(file).where(file.c.id == {"1.1": second, "1.2": third}[version])).one()._mapping)
        for n in range(MOST_FILES + 1):
            more = {"id": f"more-{n}", "filename": f"more-{n}.whl", "sha256": f"{n:064}"}
            tx.execute(insert(file).values(row | more | {"uploaded_at": yard.uploads.now + timedelta(minutes=n + 1)}))
    known = yard.known(second)
    assert known.earlier == before.earlier
    assert known.earlier is not None
    assert known.earlier.version == "1.0"


def test_a_project_of_many_files_costs_a_few_reads(small: Yard) -> None:
    ids = [small.wheel("word-counter", f"1.{n}") for n in range(3)]
    counted: list[str] = []

    def count(*about: Any) -> None:
        counted.append(about[2])

    from sqlalchemy import event

    with small.db.read() as conn:
        event.listen(conn, "before_cursor_execute", count)
        found = read.file(conn, ids[-1])
        assert found is not None
        history(conn, found)
    assert len(counted) <= 3
    assert MOST_FILES <= 100


def test_a_person_who_is_gone_is_not_known(small: Yard) -> None:
    file_id = small.wheel("word-counter")
    with small.db.write() as tx:
        tx.execute(update(user_table).values(created_at=small.uploads.now - timedelta(days=900)))
    assert small.known(file_id).publisher.account_days == 900
