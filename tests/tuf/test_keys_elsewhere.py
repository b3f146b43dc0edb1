"""Publications signed by keys that the publisher does not hold: python-tuf verifies them, and nothing of one that could not
be signed is ever visible."""

from __future__ import annotations

import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from securesystemslib.signer import CryptoSigner

from bonded.db.engine import Database
from bonded.seams import Signer, SignerRefused, SignerUnusable
from bonded.tuf.layout import begin_repository
from bonded.tuf.loop import BURNS, PublisherLoop, keep_valid
from bonded.tuf.offline import Bins, KeySet, StepValues, bins_value, key_set, root_value, sign_step, targets_value
from bonded.tuf.publish import Result
from bonded.tuf.refresh import refresh
from bonded.tuf.signing import signing, signing_many
from tests.seams.keys import hosts
from tests.seams.keys.payloads import bin_of, pointer_of
from tests.tuf.world import World

YEAR = timedelta(days=365)


def begin(db: Database, folder: Path, signer: Signer, online: KeySet | None = None) -> World:
    """An index whose online keys are those of `signer`, or those of `online`."""
    now = datetime.now(UTC)
    world = World.make(db, folder / "other", now)  # its database rows; its repository is not used
    world.folder = folder
    keys, offline = signer.keys(), CryptoSigner.generate_ed25519()
    online = online or KeySet(keys)
    below = key_set([offline])
    values = {
        "root": root_value(1, now + YEAR, root=below, targets=below, online=online, development=True),
        "targets": targets_value(1, now + YEAR, pages=below, bins=below),
        **{role: bins_value(role, 1, now + YEAR, bins=Bins(2), online=online) for role in ("pages", "bins")},
    }
    step = sign_step(StepValues("first", values), {role: [offline] for role in values})
    n, attempt = signer.highest()[0] + 1, secrets.token_hex(8)
    signer.reserve(n, attempt)

    def sign(items):
        return signer.sign_many(n, attempt, items, set(online.keys))

    begin_repository(world.public, step, sign, n=n, attempt=attempt, now=now, lifetime=timedelta(days=1))
    shutil.copytree(folder / "other/keys", folder / "keys")
    (folder / "keys/root.json").write_bytes(step.files["root"])
    return world


def versions(world: World, key: str) -> list[str]:
    data = world.client("returning").get(f"simple/{key}/index.json")
    return [] if data is None else orjson.loads(data)["versions"]


def signed_by(world: World, role: str) -> set[str]:
    """Ids of the keys that signed the newest file of `role`."""
    names = [e.name for e in world.public.entries("metadata/")]
    newest = max(
        (name for name in names if name.endswith(f".{role}.json")), key=lambda n: int(n.split("/")[1].split(".")[0])
    )
    return {s["keyid"] for s in orjson.loads(world.public.get(newest).data)["signatures"]}


@pytest.mark.parametrize(
    "kind",
    [
        "softhsm",
        pytest.param("vault", marks=pytest.mark.slow),
        pytest.param("aws", marks=pytest.mark.slow),
        pytest.param("google", marks=pytest.mark.slow),
        pytest.param("azure", marks=pytest.mark.slow),
    ],
)
def test_clients_verify_what_keys_elsewhere_signed(kind: str, sqlite_db: Database, tmp_path: Path) -> None:
    make = {"vault": hosts.vault_host, "aws": hosts.aws_host, "google": hosts.google_host, "azure": hosts.azure_host}
    if kind == "softhsm":
        with hosts.hsm_host(tmp_path / "host").running() as signer:
            follow(sqlite_db, tmp_path / "index", signer)
        return
    with make[kind](tmp_path / "host") as host, host.running() as signer:
        follow(sqlite_db, tmp_path / "index", signer)


def follow(db: Database, folder: Path, signer: Signer) -> None:
    """A client of the first publication follows a publication, a withdrawal and a refresh."""
    world = begin(db, folder, signer)
    p = world.publisher(signer=signer)
    assert versions(world, "apple") == []
    file_id = world.upload("apple", "apple-1.0.tar.gz")
    world.upload("pear", "pear-1.0.tar.gz")
    assert world.publish(p).result is Result.PUBLISHED
    assert versions(world, "apple") == ["1.0"]
    assert world.client("returning").get("packages/apple/apple-1.0.tar.gz") == b"bytes of apple-1.0.tar.gz"
    world.delete(file_id)
    assert world.publish(p).result is Result.PUBLISHED
    assert world.client("returning").get("packages/apple/apple-1.0.tar.gz") is None
    world.now += timedelta(hours=12)
    assert refresh(p, world.now).result is Result.PUBLISHED
    assert versions(world, "pear") == ["1.0"]
    p.lock.release()  # type: ignore[attr-defined]


def test_a_key_that_nothing_lists_yet_signs_no_bin(sqlite_db: Database, tmp_path: Path) -> None:
    """Before a rotation: the offline roles list the old key, the signer holds the new one too."""
    host = hosts.hsm_host(tmp_path / "host", "EC:prime256v1", "EC:edwards25519")
    with host.running() as signer:
        old = min(signer.keys())
        world = begin(sqlite_db, tmp_path / "index", signer, KeySet({old: signer.keys()[old]}))
        world.upload("apple", "apple-1.0.tar.gz")
        p = world.publisher(signer=signer)
        assert world.publish(p).result is Result.PUBLISHED
        assert versions(world, "apple") == ["1.0"]
        bins = [f"bin-1-{i}" for i in range(2)] + [f"page-bin-1-{i}" for i in range(2)]
        assert [signed_by(world, role) for role in bins] == [{old}] * 4
        n = signer.highest()[0] + 1
        signer.reserve(n, "a")
        sign, empty = signing(p, n, "a"), bin_of(n)
        assert [s["keyid"] for s in sign("bin-1-0", empty)] == [old]
        assert [len(each) for each in signing_many(p, n, "a")([("bin-1-0", empty)])] == [1]
        assert {s["keyid"] for s in sign("timestamp", pointer_of("timestamp", n))} == set(signer.keys())


def test_a_key_that_goes_away_stops_publications_and_nothing_else(sqlite_db: Database, tmp_path: Path) -> None:
    with hosts.vault_host(tmp_path / "host") as host, host.running() as signer:
        vault = host.service
        assert vault is not None
        world = begin(sqlite_db, tmp_path / "index", signer)
        p = world.publisher(signer=signer)
        loop = PublisherLoop(p, lambda: world.now)
        world.upload("apple", "apple-1.0.tar.gz")
        waiting, before = world.waiting(), {e.name for e in world.public.entries("")}
        vault.mood = "sealed"
        asked = []
        for _ in range(12):
            begun = len(vault.asked)
            assert loop.turn() is False
            asked.append(len(vault.asked) > begun)
            world.now += timedelta(seconds=1)
        assert asked == [True, True, False, True, False, False, False, True, False, False, False, False]
        assert {e.name for e in world.public.entries("")} == before, (
            "nothing of an unsigned publication is in the store"
        )
        keep_valid(p, world.now + timedelta(hours=12))  # the refresher's part: no exception either
        assert world.waiting() == waiting
        assert versions(world, "apple") == []
        vault.mood = ""
        world.now += timedelta(seconds=30)
        assert loop.turn() is True
        assert versions(world, "apple") == ["1.0"]
        p.lock.release()  # type: ignore[attr-defined]


class Away:
    """A signer that says the same to everything."""

    def __init__(self, error: Exception) -> None:
        self.error, self.asked = error, 0

    def keys(self) -> dict[str, dict[str, object]]:
        self.asked += 1
        raise self.error


def test_a_signer_process_that_is_not_there_is_asked_again(sqlite_world: World) -> None:
    away = Away(SignerUnusable("no signer process answers"))
    p = sqlite_world.publisher(signer=away)
    loop = PublisherLoop(p, lambda: sqlite_world.now)
    sqlite_world.upload("apple", "apple-1.0.tar.gz")
    waiting = sqlite_world.waiting()
    for _ in range(300):
        assert loop.turn() is False
        sqlite_world.now += timedelta(seconds=1)
    assert 10 <= away.asked <= 16, "after 1, 2, 4, ... and then every 30 seconds"
    assert sqlite_world.waiting() == waiting
    p.lock.release()  # type: ignore[attr-defined]


def test_what_is_refused_for_good_is_not_tried_without_pause(sqlite_world: World) -> None:
    """Each try burns a number: a clock that the signer does not believe must not burn thousands a second."""
    refused = Away(SignerRefused("timestamp would be valid until 2030"))
    p = sqlite_world.publisher(signer=refused)
    loop = PublisherLoop(p, lambda: sqlite_world.now)
    sqlite_world.upload("apple", "apple-1.0.tar.gz")
    turns = 0
    while loop.turn():
        turns += 1
    assert turns == BURNS - 1
    assert loop.turn() is False
    assert refused.asked == BURNS
    sqlite_world.now += timedelta(seconds=6)
    loop.turn()
    assert refused.asked == BURNS + 1
    p.lock.release()  # type: ignore[attr-defined]
