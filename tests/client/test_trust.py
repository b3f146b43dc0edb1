"""How long a snapshot is held, who may use the folder, and where what was seen of an index is kept."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bonded_client import trust as trust_module
from bonded_client.failures import CATALOGUE, Failure, printable
from bonded_client.fetcher import Deadlines, Fetcher, Proxies
from bonded_client.index import Index
from bonded_client.trust import HOLD, Trust, alone
from tests.client.repository import Repository
from tests.client.server import Served


def test_a_snapshot_held_too_long_is_refreshed(repository: Repository, served: Served, tmp_path: Path) -> None:
    hour = [0.0]
    fetcher = Fetcher(Deadlines(), Proxies())
    trust = Trust(Index.at(served.url), repository.first_root, tmp_path, fetcher, clock=lambda: hour[0])
    before = trust.read("simple/example/index.json")
    repository.project("example", {"example-2.0.tar.gz": b"new"})
    hour[0] = HOLD - 1
    assert trust.read("simple/example/index.json") == before, "one snapshot, one state"
    hour[0] = HOLD + 1
    assert trust.read("simple/example/index.json") == repository.targets["simple/example/index.json"] != before
    fetcher.close()


def test_two_clients_do_not_use_one_folder_at_once(tmp_path: Path) -> None:
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        with alone(tmp_path):
            held.set()
            done.wait(60)

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(60)
    with pytest.raises(Failure, match="busy"):
        with alone(tmp_path, wait=0.1):
            pass
    done.set()
    thread.join()
    with alone(tmp_path, wait=0.1):
        assert (tmp_path / "lock").exists()


@pytest.mark.parametrize(
    "address", ["https://i.example.invalid", "https://i.example.invalid/", "https://i.example.invalid/simple/"]
)
def test_an_index_is_known_by_its_root_address(address: str) -> None:
    index = Index.at(address)
    assert index.timestamp == "https://i.example.invalid/metadata/timestamp.json"
    assert index.folder(Path()) == Index.at("https://i.example.invalid").folder(Path())


@pytest.mark.parametrize(
    "address",
    ["ftp://x.example.invalid", "x", "http://", "http://u:p@x.example.invalid/", "http://x.example.invalid/?a"],
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|password"):
        Index.at(address)


def test_failures_are_listed_once_and_printable() -> None:
    assert {kind.exit for kind in CATALOGUE.values()} == {3, 4, 5, 6, 7, 8}
    assert printable("a\n\x1b[31m\u202eb") == "a??[31m?b"
    assert len(printable("x" * 5000)) == 400


def test_the_hold_is_half_of_the_shortest_grace() -> None:
    assert trust_module.HOLD <= 3600
