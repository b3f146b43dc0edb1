"""Random tampering with the journal, all of it found: by `bonded fsck`, and by an outsider who remembers an earlier root.

The outsider sees what the index serves. Private data, seals and inner nodes are not served as such; what an outsider must
find is every tampering after which the rows that were signed read otherwise, in another order, or not at all.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bonded.db.engine import Database, open_database
from bonded.journal import record, verify
from bonded.ops.ground import Ground
from bonded.ops.look_journal import look
from bonded.tuf.publish import publish
from bonded.values.states import SubjectKind
from bonded.values.who import Actor, ActorKind
from bonded_client import cli
from bonded_client.index import Index
from tests.client.server import serving
from tests.client_mirror.test_journal import WithProofs
from tests.journal.tampering import KINDS, LEVELS, Tampering, tamper, texts
from tests.tuf.world import World

ROUNDS = 40
SEED = 20260105


@dataclass
class Original:
    """An index with a signed journal, and what an outside verifier kept of it."""

    folder: Path
    now: datetime
    user_id: str
    size: int
    rows: list[bytes]

    def copy(self, place: Path) -> World:
        shutil.copytree(self.folder, place, copy_function=_link)
        for name in ("bonded.db",):
            (place / name).unlink()
            shutil.copyfile(self.folder / name, place / name)
        db = open_database(f"sqlite:///{place / 'bonded.db'}")
        return World(db, place, self.now, user_id=self.user_id)


def _link(source: str, target: str) -> None:
    """Objects of the store are immutable; the timestamp, state and locks are copied."""
    if source.endswith((".json", ".db", ".lock")):
        shutil.copyfile(source, target)
    else:
        Path(target).hardlink_to(source)


@pytest.fixture(scope="module")
def original(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Original:
    """A few dozen rows in several seals and publications, most with addresses; an outsider has read them all."""
    folder = tmp_path_factory.mktemp("original") / "index"
    folder.mkdir()
    shutil.copyfile(migrated_sqlite, folder / "bonded.db")
    db = open_database(f"sqlite:///{folder / 'bonded.db'}")
    now = datetime.now(UTC).replace(microsecond=0)
    world = World.make(db, folder, now)
    rng = random.Random(SEED)
    for n in range(5):
        world.upload("example", f"example-{n}.0.tar.gz")
        fill(db, rng, now)
        world.publish()
    assert outsider(world, folder / "cache") == 0
    with db.read() as conn:
        assert list(verify.verify(conn)) == []
        rows = texts(conn)
    size = signed(world)
    db.close()
    return Original(folder, now, world.user_id, size, rows)


def fill(db: Database, rng: random.Random, now: datetime) -> None:
    with db.write() as tx:
        for n in range(rng.randrange(4, 9)):
            who = Actor(ActorKind.USER, f"person-{n % 3}", f"session-{rng.random()}", f"192.0.2.{n}", "Browser/1")
            record(tx, "user.login", who, (SubjectKind.USER, f"person-{n % 3}"), now=now, facts={"n": rng.random()})


def signed(world: World) -> int:
    """How many rows the live snapshot signs."""
    import json

    live = json.loads((world.folder / "public/metadata/timestamp.json").read_bytes())["signed"]["meta"]["snapshot.json"]
    snapshot = json.loads((world.folder / f"public/metadata/{live['version']}.snapshot.json").read_bytes())
    return int(snapshot["signed"]["x-bonded"]["journal_size"])


def outsider(world: World, cache: Path) -> int:
    """`bonded-client verify-journal --read all` over HTTP; its exit status."""
    with serving(WithProofs(world)) as server:
        for kept in cache.glob("*"):  # what is remembered belongs to an address, and the port is another each time
            kept.rename(Index.at(server.url).folder(cache))
        words = ["--index", server.url, "--root", world.folder / "keys/root.json", "--cache", cache, "--timeout", "60"]
        return cli.main([str(word) for word in [*words, "verify-journal", "--read", "all"]])


def fsck(world: World) -> list[str]:
    """What the look at the journal tells."""
    root = (world.folder / "keys/root.json").read_bytes()
    ground = Ground(world.db, world.vault, world.public, root, world.now)
    return [one.line() for one in look(ground)]


def go_on(world: World) -> None:
    """The index goes on publishing over what was tampered with, and signs what it finds there."""
    world.now += timedelta(seconds=5)
    try:
        world.upload("example", "example-9.0.tar.gz")
        p = world.publisher()
        publish(p, world.now)
        p.lock.release()  # type: ignore[attr-defined]
    except Exception:
        pass


def without_foreign_keys(db: Database) -> None:
    """SQLite lets only a connection outside of transactions switch them off; the pool hands the same one out again."""
    raw = db.engine.raw_connection()
    raw.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
    raw.close()


def one_round(original: Original, seed: int, place: Path) -> tuple[Tampering, bool, list[str]]:
    """One tampering: what it was, whether an outsider can see it, and who did not find it."""
    world = original.copy(place)
    rng = random.Random(seed)
    without_foreign_keys(world.db)
    with world.db.write() as tx:
        done = tamper(tx, rng, original.size, original.now)
    world.db.engine.dispose()
    with world.db.read() as conn:
        visible = texts(conn)[: original.size] != original.rows[: original.size]
    missed = [] if fsck(world) else ["fsck"]
    go_on(world)
    missed += [] if fsck(world) else ["fsck, after the next publication"]
    if visible and outsider(world, place / "cache") == 0:
        missed.append("outsider")
    world.db.close()
    shutil.rmtree(place)
    return done, visible, missed


def rounds(original: Original, seeds: range, place: Path) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for seed in seeds:
        done, visible, missed = one_round(original, seed, place / str(seed))
        assert missed == [], (seed, done, missed)
        kinds[done.kind] += 1
        kinds[f"level {done.level}"] += 1
        kinds["visible"] += visible
    return kinds


def test_the_untouched_index_is_whole(original: Original, tmp_path: Path) -> None:
    world = original.copy(tmp_path / "index")
    assert fsck(world) == []
    go_on(world)
    assert fsck(world) == []
    assert outsider(world, world.folder / "cache") == 0
    assert signed(world) > original.size, "it went on"
    world.db.close()


def test_random_tampering_is_found(original: Original, tmp_path: Path) -> None:
    kinds = rounds(original, range(SEED, SEED + ROUNDS), tmp_path)
    assert kinds["visible"] > ROUNDS // 3


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_random_tamperings_are_all_found(original: Original, tmp_path: Path) -> None:
    kinds = rounds(original, range(SEED + ROUNDS, SEED + ROUNDS + 1000), tmp_path)
    assert set(KINDS) | {f"level {level}" for level in LEVELS} <= set(kinds), "each kind and level was among them"
    assert kinds["visible"] > 400
    assert kinds["level everything"] > 100
