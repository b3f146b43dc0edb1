"""The compromise drill while uploads arrive and clients of all kinds read without pause: nobody meets an error for which the
specification has no word. nginx answers the reads, as it does where the index is stopped for the recovery."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bonded.adapters.signer_file import load_key
from bonded.tuf.base import read_base
from bonded.wiring import open_house
from tests.serve.nginx import nginx
from tests.story.clients import run
from tests.story.running import BIN, RunningIndex, bonded
from tests.story.uploading import upload
from tests.tuf_recovery.attacker import Attacker
from tests.tuf_rotation.index_under_load import PROJECTS, Load, start, stop, wheel
from tests.tufjs.client import tufjs

EVIL = "packages/evil/evil-1.0-py3-none-any.whl"
REFUSED = re.compile(r"(UnsignedMetadataError|was signed by \d/\d keys|signed by|threshold|keys)", re.IGNORECASE)
"""Between root r+1 and the flip the timestamp is signed by a key that no longer counts."""
GONE = re.compile(r"404")
"""What the intruder signed is deleted at once: whoever still reads it gets 404."""


@dataclass
class Site:
    """An index behind nginx, whose server can be stopped and started while nginx goes on. `open` is set while it takes uploads."""

    index: RunningIndex
    port: int
    server: subprocess.Popen[str] | None = None
    open: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        env = {"BONDED_URL": self.index.url, "BONDED_SERVE__PROCESSES": "1", "BONDED_TRUSTED_PROXIES": '["127.0.0.1"]'}
        self.server = start("serve", self.index.directory, env, "--port", str(self.port))
        self.open.set()

    def end(self) -> None:
        self.open.clear()
        time.sleep(1)  # an upload under way ends
        if self.server is not None:
            stop(self.server)
            self.server = None

    def live(self) -> int:
        return read_base(open_house(self.index.directory).public).n

    def waiting(self) -> int:
        words = ("tuf", "status", "--json", "--dir", str(self.index.directory))
        done = subprocess.run([str(BIN / "bonded"), *words], capture_output=True, text=True, timeout=60, check=False)
        return int(json.loads(done.stdout)["rows_waiting"])


@contextmanager
def site(place: Path) -> Iterator[Site]:
    directory = place / "data"
    bonded("init", directory, "--dev-keys", "--page-bins", "4", "--bins", "4")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with nginx(place / "nginx", directory / "public", port) as front:
        made = Site(RunningIndex(f"http://127.0.0.1:{front}/", directory), port)
        try:
            made.begin()
            yield made
        finally:
            made.end()


@dataclass
class Drill(Load):
    """The load, whose uploads rest while the server is stopped."""

    site: Site | None = None
    at_work: threading.Lock = field(default_factory=threading.Lock)

    def resting(self, one: Callable[[], None]) -> Callable[[], None]:
        def upload_or_rest() -> None:
            assert self.site
            if self.site.open.wait(0.2):
                with self.at_work:
                    if self.site.open.is_set():
                        one()

        return upload_or_rest

    def settle(self, index: RunningIndex) -> None:
        """Wait until every upload that was taken is public, and none is under way: they rest already."""
        with self.at_work:
            for project in PROJECTS:
                index.wait_listed(project, *(path.name for of, path in self.uploaded if of == project), seconds=300)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_everybody_goes_on(tmp_path: Path) -> None:
    with site(tmp_path) as at, tufjs() as js:
        load = Drill(at, tmp_path, site=at)  # type: ignore[arg-type]
        one = load.uploads()
        for _ in PROJECTS:
            one()
        gone = wheel(tmp_path / "wheels", "withdrawn-by-nobody", "1.0")
        assert upload(at.index, at.index.token("ranger"), gone).status == 200
        at.index.wait_listed("withdrawn-by-nobody", gone.name)
        workers = {
            "uploads": load.resting(one),
            "returning": load.python_tuf(fresh=False),
            "fresh": load.python_tuf(fresh=True),
            "tuf_js": load.tuf_js(js),
            "pip": load.pip(run),
        }
        with load.go(**workers):
            time.sleep(5)
            at.open.clear()
            load.settle(at.index)
            at.index.wait_until(lambda: at.waiting() == 0)
            time.sleep(1)
            good = at.live()
            assert load.errors == []
            evil = attack(at, gone.name)
            assert compared(at, good) == [f"added {EVIL}", f"removed packages/withdrawn-by-nobody/{gone.name}",
                            "changed simple/withdrawn-by-nobody/index.html"]  # fmt: skip
            at.open.set()
            time.sleep(4)  # clients see the attack; uploads are taken and not published
            assert load.errors == []
            at.end()
            bonded("tuf", "rekey", tmp_path / "new", "--dev-keys", "--dir", at.index.directory)
            words = ("--to", str(good), "--new-keys", tmp_path / "new", "--yes", "--dir", at.index.directory)
            bonded("tuf", "recover", *words)
            time.sleep(1)
            during, load.errors[:] = list(load.errors), []
            at.begin()
            time.sleep(6)
        print(f"{len(load.uploaded)} uploads, {load.reads}; refused meanwhile: {during}")
        assert load.errors == []
        assert [e for e in during if not (REFUSED.search(e) or (GONE.search(e) and str(evil) in e))] == []
        assert [error for error in during if error.startswith(("pip", "uploads"))] == []
        assert all(load.reads.get(name, 0) > 3 for name in workers), load.reads
        for project in PROJECTS:
            names = {path.name for of, path in load.uploaded if of == project}
            at.index.wait_listed(project, *names, seconds=300)
            for name in ("python-tuf-False-0", "python-tuf-last"):
                assert load.look(tmp_path / name, project) == names
        for name in ("python-tuf-False-0", "python-tuf-last"):
            assert load.look(tmp_path / name, "withdrawn-by-nobody") == {gone.name}
        assert at.index.get(EVIL)[0] == 404


def attack(at: Site, filename: str) -> int:
    """Add a file, change a page, remove a file; returns the intruder's number."""
    keys = at.index.directory / "keys"
    key = load_key(keys / "online.pem", (keys / "passphrase").read_text().strip().encode())
    intruder = Attacker(at.index.directory / "public", key, datetime.now(UTC), record="empty")
    changes: dict[str, bytes | None] = {
        EVIL: b"malware",
        f"packages/withdrawn-by-nobody/{filename}": None,
        "simple/withdrawn-by-nobody/index.html": b"<a href=evil>",
    }
    return intruder.attack(1000, changes)


def compared(at: Site, good: int) -> list[str]:
    """What `bonded tuf compare --since` lists, without digests."""
    said = bonded("tuf", "compare", "--since", str(good), "--json", "--dir", at.index.directory)
    value = orjson.loads(said)
    return [f"{what} {path}" for what in ("added", "removed", "changed") for path in sorted(value[what])]
