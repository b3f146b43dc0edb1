"""What an upload, and a page that everybody asks for, read of the database does not grow with it."""

from __future__ import annotations

import pytest

from tests.support.plans import whole_tables
from tests.web.house import House
from tests.web.shelf import Shelf, filled
from tests.web.test_upload import basic, send, token

SECONDS = ("FROM journal WHERE journal.action IN (?, ?) ORDER BY journal.id DESC LIMIT",)
"""The newest releases are found from the journal's end: what is published is never far from it."""


@pytest.fixture
def shelf(house: House) -> Shelf:
    return filled(house)


def test_an_upload_reads_no_table_whole(house: House) -> None:
    ann = house.person("ann")
    header = basic("__token__", token(house, ann))
    assert send(house, header, name="first").status_int == 200
    with whole_tables() as found:
        assert send(house, header, name="first", version="1.1").status_int == 200
        assert send(house, header, name="second").status_int == 200
    assert found == []


@pytest.mark.parametrize(
    "path", ["/", "/project/spam/", "/project/spam/1.0/", "/search/?q=spam", "/user/ann/", "/recent/"]
)
def test_a_page_reads_no_table_whole(shelf: Shelf, path: str) -> None:
    with whole_tables(*SECONDS, "SELECT count(*) AS count_1 FROM (SELECT project.id AS id FROM project") as found:
        assert shelf.house.browser().get(path).status_int == 200
    assert found == []
