"""The compromise drill behind real caches: after it, no cache shows anything that the intruder signed or put.

Clients read through the cache, before, during and after; the origin is over a folder, and over a bucket.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError

from bonded.adapters.purger_varnish import VarnishPurger
from bonded.db.engine import Database
from bonded.seams import NotStored, Stored
from bonded.tuf.packing import gz
from bonded.tuf.recover import Recovered
from bonded_client.fetcher import Deadlines, Fetcher, Proxies
from bonded_client.index import Index
from bonded_client.trust import Trust
from tests.caches.running import HOST, Origin, Varnish, get, kept
from tests.serve.running import clock, until
from tests.support.s3 import bucket, running_s3
from tests.tuf.world import Client
from tests.tuf_recovery.attacker import Attacker
from tests.tuf_recovery.house import House
from tests.tuf_recovery.test_drill import rekeyed

GOOD = "packages/alpha/alpha-1.0-py3-none-any.whl"
OTHER = "packages/beta/beta-1.0-py3-none-any.whl"
EVIL = "packages/evil/evil-1.0-py3-none-any.whl"
PAGE = "simple/alpha/index.html"
ATTACK = {EVIL: b"malware", GOOD: b"other bytes", OTHER: None, PAGE: b"<a href=evil>"}
CODINGS = ("identity", "gzip")


@dataclass
class Through:
    """What a TUF client sees of the store through a cache; remembers what it asked for."""

    address: str
    asked: set[str]

    def exists(self, name: str) -> bool:
        self.asked.add(name)
        return get(self.address, f"/{name}").status_code == 200

    def get(self, name: str) -> Stored:
        reply = get(self.address, f"/{name}", Accept_Encoding="gzip")
        if reply.status_code != 200:
            raise NotStored(name)
        return Stored(reply.content, "")


@dataclass
class Scene:
    """An index, its attacker, and what was asked of the cache in front."""

    house: House
    seen: Through
    good: int = 0
    recovered: Recovered = field(default_factory=Recovered)

    def client(self, name: str) -> Client:
        return Client(self.seen, self.house.folder / "clients" / name, self.house.root, clock())  # type: ignore[arg-type]

    def bonded_client(self, name: str) -> Trust:
        """Ours, by the network."""
        folder, index = self.house.folder / "clients" / name, Index.at(f"{self.seen.address}/")
        return Trust(index, self.house.root, folder, Fetcher(Deadlines(), Proxies()))

    def begin(self) -> None:
        for name in ("alpha", "beta"):
            self.house.upload(name)
        self.house.settle_everything()
        self.good = self.house.live()
        for name in ("returning", "stays away"):
            assert self.client(name).get(GOOD)

    def attack(self) -> int:
        """Signed targets, names in the way, other bytes under names that stay, and one that is in the cache alone."""
        evil = Attacker(self.house.public, self.house.key(), clock())
        n = evil.attack(1000, ATTACK)
        evil.junk(f"metadata/{n + 2000}.snapshot.json")
        evil.junk("packages/evil/evil-2.0-py3-none-any.whl")
        evil.junk("simple/evil/index.html", b"<a href=evil-2.0>")
        self.pointer_follows(n)
        for name in ("returning", "sees the attack first"):
            assert self.client(name).get(EVIL) == b"malware"
        assert self.bonded_client("bonded returning").read(PAGE) == b"<a href=evil>"
        evil.junk("metadata/1.pages.json.gz", gz(b"{}"))
        evil.junk("metadata/2.root.json")
        until(
            lambda: get(self.seen.address, "/metadata/2.root.json").content == b"junk", 60
        )  # its 404 is kept a second
        self.warm("metadata/2.root.json")
        for version in (1, 2):
            name = f"metadata/{n + 1000 + version}.snapshot.json"
            evil.junk(name)
            self.warm(name)
            self.house.public.delete(name)
        for entry in list(self.house.public.entries("")):
            self.warm(entry.name)
        return n

    def warm(self, name: str) -> None:
        self.seen.asked.add(name)
        for coding in CODINGS:
            get(self.seen.address, f"/{name}", Accept_Encoding=coding)

    def pointer_follows(self, n: int) -> None:
        until(lambda: get(self.seen.address, "/metadata/timestamp.json").json()["signed"]["version"] == n, 60)

    def recover(self) -> None:
        self.house.now = clock()
        self.recovered = self.house.recover(self.good, new=rekeyed(self.house))

    def others(self, origin: Origin) -> list[str]:
        """Names of which the cache shows anything but what the origin has."""
        found = []
        for name in sorted(self.seen.asked):
            for coding in CODINGS:
                behind, through = (
                    get(base, f"/{name}", Accept_Encoding=coding)
                    for base in (f"http://127.0.0.1:{origin.port}", self.seen.address)
                )
                if (behind.status_code, behind.content) != (through.status_code, through.content):
                    found.append(f"{name} {coding} {through.status_code}")
        return found

    def everybody_goes_on(self) -> None:
        for name in ("returning", "stays away", "sees the attack first", "new"):
            client = self.client(name)
            assert client.get(EVIL) is None
            assert client.get(GOOD) == b"bytes of alpha-1.0-py3-none-any.whl"
            assert client.get(OTHER) == b"bytes of beta-1.0-py3-none-any.whl"
        for name in ("bonded returning", "bonded new"):
            page = self.bonded_client(name).read("simple/alpha/index.json")
            assert b"alpha-1.0" in (page or b"")
            assert b"evil" not in (page or b"evil")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with running_s3() as url:
        yield url


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.slow)])
def house(request: pytest.FixtureRequest, tmp_path: Path, sqlite_db: Database, origin: Origin) -> House:
    """An index in real time, read through the origin."""
    if request.param == "files":
        made = House(tmp_path / "index", sqlite_db, clock())
        origin.show(tmp_path / "index/public")
    else:
        store = bucket(request.getfixturevalue("s3"))
        made = House(tmp_path / "index", sqlite_db, clock(), bucket=store)
        origin.stop()
        origin.start(public=store)
    return made


@pytest.fixture
def scene(house: House, cache: Varnish, purger: VarnishPurger) -> Scene:
    house.purger = purger  # type: ignore[assignment]
    house.publisher = replace(house.publisher, purger=purger)
    return Scene(house, Through(cache.url, set()))


def test_varnish_shows_nothing_of_the_intruder(scene: Scene, origin: Origin) -> None:
    """At once when the command has ended: nothing here waits for a time to live."""
    scene.begin()
    evil = scene.attack()
    assert kept(get(scene.seen.address, f"/{EVIL}"))
    scene.recover()
    assert scene.recovered.caches == ""
    assert scene.others(origin) == []
    assert get(scene.seen.address, f"/metadata/{evil + 1001}.snapshot.json").status_code == 404
    scene.everybody_goes_on()
    scene.house.upload("delta")
    scene.house.now = clock()
    scene.house.settle_everything()
    assert scene.client("returning").get("packages/delta/delta-1.0-py3-none-any.whl")


def test_a_cache_that_is_away_keeps_nobody_from_the_flip(
    scene: Scene, origin: Origin, purger: VarnishPurger, cache: Varnish
) -> None:
    """Root r+1 is there: clients refuse until the flip. A job purges when the cache can be told."""
    scene.begin()
    scene.attack()
    lost = VarnishPurger(["http://127.0.0.1:1"], host=HOST, ban=cache.kind == "ban", timeout=0.2)
    scene.house.purger = lost  # type: ignore[assignment]
    scene.recover()
    assert "does not answer" in scene.recovered.caches
    assert scene.others(origin) != []
    scene.house.publisher = replace(scene.house.publisher, purger=purger)
    scene.house.wait(minutes=2)
    scene.house.work("purge")
    assert scene.others(origin) == []
    scene.everybody_goes_on()


def test_nginx_is_emptied_by_hand(nginx_front: str, house: House, origin: Origin, tmp_path: Path) -> None:
    """It cannot be told. What has a short time to live goes by itself; metadata that it may keep for a year do not, so the
    command asks for the cache to be emptied."""
    origin.stop()
    settings = {"purged": False, "package_bound": 1.0, "page_ttl": 1.0}
    origin.start(settings, **({"public": house.public} if house.bucket else {}))
    scene = Scene(house, Through(nginx_front, set()))
    scene.begin()
    scene.attack()
    scene.recover()
    until(lambda: get(nginx_front, f"/{EVIL}").status_code == 404, 60)
    assert get(nginx_front, "/metadata/2.root.json").content == b"junk"
    with pytest.raises(RepositoryError):
        scene.client("returning")
    for folder in (tmp_path / "nginx/kept").iterdir():
        shutil.rmtree(folder)
    until(lambda: scene.others(origin) == [], 60)
    scene.everybody_goes_on()
