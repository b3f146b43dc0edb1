"""The compromise drill: somebody with the online key signs; what they did is listed, and everybody finds the way back.

PEP 458's steps, in the order of the runbook: compare, new keys, restore, sign again, one new snapshot.
"""

from __future__ import annotations

import hashlib
import shutil

import pytest
from tuf.api.exceptions import RepositoryError

from bonded.tuf import recover_issue
from bonded.tuf.compare import compare, since
from bonded.tuf.offline import Step
from bonded.tuf.packing import gz, zst
from bonded.tuf.publish import Result, publish
from bonded.tuf.rekey import read_bundle, write_bundle
from bonded.tuf.rekey_dev import make_step, take_key
from bonded.tuf.trust import Untrusted
from bonded.values.states import FileState
from tests.tuf_recovery.attacker import Attacker
from tests.tuf_recovery.conftest import Databases
from tests.tuf_recovery.house import House

GOOD = "packages/alpha/alpha-1.0-py3-none-any.whl"
OTHER = "packages/beta/beta-1.0-py3-none-any.whl"
GONE = "packages/gamma/gamma-1.0-py3-none-any.whl"
EVIL = "packages/evil/evil-1.0-py3-none-any.whl"
PAGE = "simple/alpha/index.html"
ATTACK = {EVIL: b"malware", GOOD: b"other bytes", OTHER: None, PAGE: b"<a href=evil>"}


def filled(house: House) -> House:
    for name in ("alpha", "beta", "gamma"):
        house.upload(name)
    house.settle_everything()
    house.wait(minutes=2)
    house.move("review.quarantine", file_id(house, "gamma"), FileState.QUARANTINED)
    house.settle_everything()
    house.wait(minutes=2)
    return house


def file_id(house: House, project: str) -> str:
    from sqlalchemy import select

    from bonded.catalog.tables import file

    with house.db.read() as conn:
        return str(conn.execute(select(file.c.id).where(file.c.filename.like(f"{project}%"))).scalar_one())


def attacker(house: House, record: str = "whole") -> Attacker:
    return Attacker(house.public, house.key(), house.now, record=record)


def rekeyed(house: House) -> Step:
    """New online keys, as `bonded tuf rekey --dev-keys` makes them."""
    keys = house.folder / "keys"
    online, passphrase = keys / "online.pem", (keys / "passphrase").read_bytes().strip()
    step, made = make_step(house.public, house.root, keys, online, passphrase, house.now)
    write_bundle(step, house.folder / "bundle")
    take_key(online, made)
    return read_bundle(house.folder / "bundle")


RECORDS, AHEAD = ("whole", "empty", "none"), (1, 10**6, 2**60)
QUICK = {("whole", 1), ("empty", 10**6), ("none", 2**60)}
CASES = [
    pytest.param(record, ahead, marks=() if (record, ahead) in QUICK else pytest.mark.slow)
    for record in RECORDS
    for ahead in AHEAD
]


@pytest.mark.parametrize(("record", "ahead"), CASES)
def test_the_drill(sqlite_house: House, record: str, ahead: int) -> None:
    """Whatever record the intruder leaves, and however far ahead their numbers are."""
    house = filled(sqlite_house)
    good = house.live()
    before = house.client("saw nothing").versions
    house.client("saw the attack")
    evil = attacker(house, record).attack(ahead, ATTACK)
    victim = house.client("saw the attack")
    assert victim.versions == (evil, evil)
    assert victim.get(EVIL) == b"malware"
    assert house.client("sees the attack first").get(GOOD) == b"other bytes"

    live, found = since(house.public, good, anchor=known(house, good))
    assert live == evil
    assert set(found.added) == {EVIL}
    assert set(found.removed) == {OTHER}
    assert set(found.changed) == {GOOD, PAGE}

    step = rekeyed(house)
    house.publisher.lock.release()  # type: ignore[attr-defined]
    restarted = house.new_publisher()
    with pytest.raises(Untrusted):
        publish(restarted, house.now)  # the new key signs nothing before the recovery
    restarted.lock.release()  # type: ignore[attr-defined]
    done = house.recover(good, new=step)

    for name in ("saw nothing", "saw the attack", "sees the attack first", "fresh"):
        client = house.client(name)
        assert client.versions == (done.live, done.live)
        assert client.get(EVIL) is None
        assert client.get(GOOD) == b"bytes of alpha-1.0-py3-none-any.whl"
        assert client.get(OTHER) == b"bytes of beta-1.0-py3-none-any.whl"
        assert b"evil" not in (client.get(PAGE) or b"evil")
        assert client.get(GONE) is None
    assert done.live > before[0]
    assert done.live > evil or ahead == 2**60
    assert house.findings() == []
    assert compare(house.public).difference.empty
    assert since(house.public, good)[1].added.keys() == set()


def known(house: House, n: int) -> object:
    from bonded.tuf.recover_anchor import known_good

    with house.db.read() as conn:
        return known_good(house.public, n, conn)


def test_the_drill_on_both_databases_and_what_follows(house: House) -> None:
    filled(house)
    good = house.live()
    house.client("returning")
    attacker(house).attack(5, ATTACK)
    house.client("returning")
    house.recover(good, new=rekeyed(house))
    house.upload("delta")
    house.settle_everything()
    assert house.client("returning").get("packages/delta/delta-1.0-py3-none-any.whl")
    assert house.findings() == []
    house.wait(hours=14)
    assert publish(house.publisher, house.now).result is Result.PUBLISHED
    assert house.client("returning").get(GOOD)


def test_a_publisher_that_followed_a_lie(sqlite_house: House) -> None:
    """The intruder says that nothing changed, so our publisher goes on from what they signed. What it published itself
    stays; what they signed goes."""
    house = filled(sqlite_house)
    good = house.live()
    evil = attacker(house, "empty").attack(2, ATTACK)
    house.wait(minutes=1)
    house.upload("delta")
    house.settle_everything()
    assert house.live() > evil
    assert house.client("returning").get(EVIL) == b"malware"
    assert set(compare(house.public).difference.added) == {EVIL}
    done = house.recover(good, new=rekeyed(house))
    client = house.client("returning")
    assert client.get(EVIL) is None
    assert client.get(GOOD) == b"bytes of alpha-1.0-py3-none-any.whl"
    assert client.get("packages/delta/delta-1.0-py3-none-any.whl")
    assert done.replayed.publications == 0
    assert compare(house.public).difference.empty
    assert house.findings() == []


def test_a_number_beyond_counting_is_not_followed(sqlite_house: House) -> None:
    house = filled(sqlite_house)
    attacker(house, "empty").attack(2**52, {EVIL: b"malware"})
    house.publisher.lock.release()  # type: ignore[attr-defined]
    with pytest.raises(Untrusted, match="beyond all counting"):
        publish(house.new_publisher(), house.now)


def test_an_attack_and_a_lost_database(house: House, databases: Databases) -> None:
    filled(house)
    good = house.live()
    house.client("returning")
    catalogue = house.catalogue()
    attacker(house).attack(7, ATTACK)
    lost = house.on(databases.empty(house.db))
    lost.recover(good, new=rekeyed(lost))
    assert lost.catalogue()["states"] == catalogue["states"]
    assert lost.catalogue()["files"] == catalogue["files"]
    client = lost.client("returning")
    assert (client.get(EVIL), client.get(GONE)) == (None, None)
    assert client.get(GOOD)
    assert lost.findings() == []


def test_names_of_the_future_and_roots_in_the_way(sqlite_house: House) -> None:
    house = filled(sqlite_house)
    good = house.live()
    intruder = attacker(house)
    far = intruder.attack(1, ATTACK) + 1000
    for name in (f"metadata/{far}.snapshot.json", f"metadata/{far + 1}.bin-1-0.json", f"publications/{far + 2}.json"):
        intruder.junk(name)
    for name in ("metadata/2.root.json", "metadata/3.root.json", "metadata/2.pages.json", "metadata/9.targets.json"):
        intruder.junk(name)
    intruder.junk("simple/evil/index.html")
    intruder.junk("packages/evil/evil-2.0.whl")
    with pytest.raises(RepositoryError):
        house.client("stuck")
    done = house.recover(good, new=rekeyed(house))
    assert done.live > far + 2
    assert house.client().get(GOOD)
    assert house.client("stuck").get(OTHER)
    for name in (f"metadata/{far}.snapshot.json", "metadata/3.root.json", "simple/evil/index.html"):
        assert not house.public.exists(name)
    assert house.findings() == []


def test_copies_of_something_else_go(sqlite_house: House) -> None:
    """No signature covers them, and servers hand them out in place of what lies beside them."""
    house = filled(sqlite_house)
    good, intruder = house.live(), attacker(house)
    page = house.public.get("simple/alpha/index.html").data
    hashed = f"simple/alpha/{hashlib.sha256(page).hexdigest()}.index.html"
    root = house.public.get("metadata/1.root.json").data
    wrong = {
        "metadata/1.root.json.gz": gz(b"{}"),
        "metadata/1.targets.json.zst": b"no frame at all",
        f"{hashed}.zst": zst(page + b"more"),
        f"{hashed}.gz": gz(page)[:-4],
        "simple/alpha/index.html.gz": gz(b"<a href=evil>"),
        "simple/alpha/index.json.zst": zst(bytes(10**7)),
        f"{GOOD}.metadata.gz": gz(b"Name: evil"),
        "packages/alpha/nothing.metadata.zst": zst(b"x"),
    }
    right = {
        "metadata/1.root.json.zst": zst(root),
        "metadata/1.pages.json.gz": gz(house.public.get("metadata/1.pages.json").data),
    }
    for name, data in (wrong | right).items():
        intruder.junk(name, data)
    intruder.attack(1, ATTACK)
    done = house.recover(good, new=rekeyed(house))
    assert [name for name in wrong if house.public.exists(name)] == []
    assert all(house.public.exists(name) for name in right)
    assert set(done.copies) <= set(wrong)
    assert house.findings() == []


def test_between_root_and_flip_clients_refuse(sqlite_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house = filled(sqlite_house)
    good = house.live()
    house.client("returning")
    attacker(house).attack(3, ATTACK)
    step = rekeyed(house)
    refused = []

    def looked(p: object, way: object) -> None:
        real(p, way)  # type: ignore[arg-type]
        for name in ("returning", "new"):
            with pytest.raises(RepositoryError):
                house.client(name)
            refused.append(name)

    from bonded.tuf import recover_return

    real = recover_return.release_root
    monkeypatch.setattr(recover_return, "release_root", looked)
    house.recover(good, new=step)
    assert refused == ["returning", "new"]
    for name in ("returning", "new"):
        assert house.client(name).get(GOOD)


@pytest.mark.parametrize("place", ["before the root", "after the root", "after the flip"])
def test_a_drill_that_stops_goes_on(sqlite_house: House, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """The same command again: everybody continues, and nothing is counted twice."""
    from bonded.tuf import recover_return

    class Stopped(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stopped

    def root_then_stop(*words: object) -> None:
        real(*words)  # type: ignore[arg-type]
        raise Stopped

    house = filled(sqlite_house)
    good = house.live()
    house.client("returning")
    attacker(house, "empty").attack(3, ATTACK)
    step, real = rekeyed(house), recover_return.release_root
    with monkeypatch.context() as patch:
        if place == "after the flip":
            patch.setattr(recover_issue, "_settle", stop)
        else:
            patch.setattr(recover_return, "release_root", stop if place == "before the root" else root_then_stop)
        with pytest.raises(Stopped):
            house.recover(good, new=step)
    house.wait(minutes=1)
    house.recover(good, new=step)
    for name in ("returning", "new"):
        assert house.client(name).get(GOOD)
        assert house.client(name).get(EVIL) is None
    assert house.findings() == []


def test_without_new_keys_an_older_publication_can_be_gone_back_to(sqlite_house: House) -> None:
    """Not a stolen key, but something signed that should not have been: the same keys go on, above every number."""
    house = filled(sqlite_house)
    good = house.live()
    house.client("returning")
    evil = attacker(house).attack(4, ATTACK)
    house.client("returning")
    done = house.recover(good)
    assert done.live > evil
    assert house.client("returning").get(EVIL) is None
    assert house.client("returning").get(GOOD) == b"bytes of alpha-1.0-py3-none-any.whl"
    assert house.findings() == []


def test_a_record_that_an_intruder_wrote_is_not_replayed(sqlite_house: House, databases: Databases) -> None:
    from bonded.tuf.replay import Contradiction

    house = filled(sqlite_house)
    attacker(house).attack(1, {GOOD: b"other bytes"})
    lost = house.on(databases.empty(house.db))
    with pytest.raises(Contradiction, match="other bytes under packages/alpha"):
        lost.recover()
    shutil.rmtree(house.folder / "clients", ignore_errors=True)
