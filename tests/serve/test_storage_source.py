"""The static lane over a Storage that is no folder, as with S3: the same answers, and no page cut off while it is exchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

import pytest

from bonded.adapters.storage_files import FileStorage
from bonded.seams import Stored
from bonded.serve.context import ServeSettings
from bonded.serve.paths import may_change
from tests.serve.conftest import BIG, Make
from tests.serve.running import Running

BIG_URL = "/packages/demo/demo-1.0+local.tar.gz"
V1_JSON = "application/vnd.pypi.simple.v1+json"
ASKED = (
    ("/simple/", {"Accept": V1_JSON}),
    ("/simple/demo/", {"Accept": "text/html", "Accept-Encoding": "gzip"}),
    ("/simple/demo/" + "0" * 64 + ".index.json", {"Accept-Encoding": "zstd"}),
    ("/packages/demo/demo-1.0-py3-none-any.whl.metadata", {"Accept-Encoding": "gzip"}),
    ("/metadata/timestamp.json", {}),
    ("/metadata/7.snapshot.json", {}),
    ("/metadata/2.root.json", {}),
    (BIG_URL, {}),
    (BIG_URL, {"Range": "bytes=1000-700000"}),
    (BIG_URL, {"Range": f"bytes={len(BIG)}-"}),
)


class Overtaken(FileStorage):
    """A store in which `page` is exchanged after each look at it, whatever is looked at, while there are `others`."""

    def __init__(self, root: Path, page: str, others: list[bytes]) -> None:
        super().__init__(root)
        self.page, self.others = page, others

    def size(self, name: str) -> int:
        found = super().size(name)
        self._exchange(name)
        return found

    def get(self, name: str) -> Stored:
        found = super().get(name)
        self._exchange(name)
        return found

    def open(self, name: str) -> BinaryIO:
        stream = super().open(name)
        self._exchange(name)
        return stream

    def _exchange(self, name: str) -> None:
        if name == self.page and self.others:
            self.put(name, self.others.pop(0))


@pytest.fixture
def stored(make: Make, store: Path) -> Running:
    return make(public=FileStorage(store))


@pytest.mark.parametrize(("url", "headers"), ASKED)
def test_it_answers_as_over_a_folder(url: str, headers: dict[str, str], stored: Running, make: Make) -> None:
    folder, away = make().ask("GET", url, headers), stored.ask("GET", url, headers)
    assert (away.status, away.body) == (folder.status, folder.body)
    for header in ("content-type", "content-encoding", "cache-control", "content-length", "content-range", "vary"):
        assert away.headers.get(header) == folder.headers.get(header), header


@pytest.mark.parametrize("url", ["/simple/demo/", BIG_URL])
def test_what_a_client_has_is_not_sent_again(url: str, stored: Running) -> None:
    tag = stored.ask("GET", url)["etag"]
    assert stored.ask("GET", url, {"If-None-Match": tag}).status == 304


def test_a_large_page_that_is_exchanged_meanwhile_is_sent_whole(make: Make, store: Path) -> None:
    page = "simple/demo/index.json"
    versions = [json.dumps({"files": ["x" * 20] * count}).encode() for count in (60_000, 70_000, 80_000)]
    assert min(map(len, versions)) > ServeSettings().cache_item
    (store / page).write_bytes(versions[0])
    server = make(public=Overtaken(store, page, versions[1:]))
    headers = {"Accept": V1_JSON, "Accept-Encoding": "identity"}
    tags = {}
    for _ in versions:
        reply = server.ask("GET", "/simple/demo/", headers)
        assert reply.status == 200
        tags[reply["etag"]] = reply.body
    assert list(tags.values()) == versions
    assert server.ask("HEAD", "/simple/demo/", headers)["etag"] == reply["etag"]


def test_another_page_of_the_same_length_has_another_tag(make: Make, store: Path) -> None:
    page = store / "simple/demo/index.json"
    headers = {"Accept": V1_JSON, "Accept-Encoding": "identity"}
    server, tags = make(public=FileStorage(store)), set()
    for letter in "ab":
        page.write_bytes(json.dumps({"files": [letter * 20] * 60_000}).encode())
        tags.add(server.ask("GET", "/simple/demo/", headers)["etag"])
    assert len(tags) == 2


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("simple/index.html", True),
        ("simple/demo/index.json", True),
        ("simple/demo/index.json.zst", True),
        ("simple/demo/index.html.gz", True),
        ("pypi/demo/json", True),
        ("pypi/demo/1.0/json.gz", True),
        ("metadata/timestamp.json", True),
        ("simple/demo/" + "0" * 64 + ".index.json.zst", False),
        ("metadata/7.snapshot.json.gz", False),
        ("packages/demo/demo-1.0.tar.gz", False),
        ("packages/demo/demo-1.0-py3-none-any.whl", False),
        ("publications/7.json", False),
    ],
)
def test_what_may_change(name: str, changes: bool) -> None:
    assert may_change(name) is changes
