"""A mirror that followed an intruder's publication: after the recovery it goes on by itself, and holds nothing of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bonded.db.engine import Database
from bonded_client import cli
from tests.serve.running import clock
from tests.tuf_recovery.house import House
from tests.tuf_recovery.test_drill import ATTACK, EVIL, GOOD, OTHER, PAGE, attacker, rekeyed


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def house(tmp_path: Path, sqlite_db: Database) -> House:
    """In real time, as the mirror is."""
    return House(tmp_path / "index", sqlite_db, clock())


@pytest.fixture
def address(house: House) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(house.folder / "public")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def mirror(house: House, address: str, *words: str, copy: str = "copy") -> int:
    root = house.folder / "root.json"
    root.write_bytes(house.root)
    where = house.folder / copy
    return cli.main(["--index", address, "--root", str(root), "mirror", str(where), *words])


@pytest.mark.parametrize(
    ("record", "ahead"),
    [("whole", 1), ("empty", 2**60), *(pytest.param(r, 10**6, marks=pytest.mark.slow) for r in ("whole", "empty"))],
)
def test_a_mirror_that_followed_the_intruder_goes_on(house: House, address: str, record: str, ahead: int) -> None:
    for name in ("alpha", "beta"):
        house.upload(name)
    house.settle_everything()
    good = house.live()
    assert mirror(house, address, "--once") == 0
    attacker(house, record).attack(ahead, ATTACK)
    copy = house.folder / "copy"
    assert mirror(house, address, "--once") == 0
    assert (copy / EVIL).read_bytes() == b"malware"
    house.now = clock()
    house.recover(good, new=rekeyed(house))

    assert mirror(house, address, "--once") == 0
    assert not (copy / EVIL).exists()
    assert (copy / GOOD).read_bytes() == b"bytes of alpha-1.0-py3-none-any.whl"
    assert (copy / OTHER).exists()
    assert b"evil" not in (copy / PAGE).read_bytes()
    assert mirror(house, address, "--check") == 0
    house.now = clock()
    house.upload("delta")
    house.settle_everything()
    assert mirror(house, address, "--once") == 0
    assert (copy / "packages/delta/delta-1.0-py3-none-any.whl").exists()
    assert mirror(house, address, "--once", copy="later") == 0
    assert records(copy) == records(house.folder / "later")


def records(copy: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (copy / "publications").iterdir() if path.suffix == ".json"}
