"""Facts of members outlive their archive for the next release of the project: on both databases, by real uploads."""

from __future__ import annotations

from typing import Any

import pytest
import zstandard
from sqlalchemy import delete, update

from bonded.screening import members
from bonded.screening.given import gather
from bonded.screening.store import unpack_facts
from bonded.screening.tables import facts, member_facts
from tests.screening.index import Index

SOURCE = "import os\n\n\ndef main():\n    os.system('echo example.invalid')\n"


def facts_of(index: Index, sha256: str) -> bytes:
    return next(unpack_facts(bytes(row.data)) for row in index.rows(facts) if row.sha256 == sha256)


def test_a_second_release_is_read_with_what_the_first_left_and_comes_out_the_same(index: Index) -> None:
    index.screened("thing", SOURCE)
    (row,) = index.rows(member_facts)
    assert b"os.system" in zstandard.ZstdDecompressor().decompress(bytes(row.data))
    second = index.file(index.upload("thing", SOURCE + "# 2\n", "2.0"))
    given = index.ask(lambda conn: gather(conn, second.id, index.now))
    assert given.known == (bytes(row.data),)
    index.work()
    with_it = facts_of(index, second.sha256)
    with index.db.write() as tx:
        tx.execute(delete(facts))
        tx.execute(delete(member_facts))
    index.again(second.id)
    assert facts_of(index, second.sha256) == with_it


def test_a_project_keeps_what_few_archives_left_and_nothing_of_older_rules(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "MOST_ROWS", 2)
    index.screened("other", SOURCE)
    index.screened("thing", SOURCE)
    with index.db.write() as tx:
        tx.execute(update(member_facts).values(rules="older").where(member_facts.c.filename.like("thing%")))
    second = index.file(index.upload("thing", SOURCE, "2.0"))
    assert index.ask(lambda conn: gather(conn, second.id, index.now)).known == ()
    index.work()
    for number in (3, 4):
        index.screened("thing", f"{SOURCE}# {number}\n", f"{number}.0")
    rows: list[Any] = index.rows(member_facts)
    assert len(rows) == 3
    assert {row.rules == "older" for row in rows} == {False}


def test_what_was_tampered_with_or_is_broken_costs_nothing_but_time(index: Index) -> None:
    index.screened("thing", SOURCE)
    with index.db.write() as tx:
        tx.execute(update(member_facts).values(data=b"no zstd at all"))
    file = index.screened("thing", SOURCE + "# 2\n", "2.0")
    assert b"os.system" in facts_of(index, file.sha256)


def test_the_likest_archives_come_first() -> None:
    own = "thing-2.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    order = [
        "thing-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "thing-1.0-cp312-cp312-win_amd64.whl",
        "thing-1.0.tar.gz",
    ]
    assert sorted([order[2], order[0], order[1]], key=lambda one: members._unlike(one, own)) == order
