"""The online key is replaced while the index is used: no client of any kind ever meets a file that it must refuse."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from bonded.tuf.base import read_base
from bonded.tuf.refresh import refresh
from bonded.tuf.roles import TIMESTAMP
from bonded.tuf.rotate import live_offline, new_online_key
from bonded.tuf.trust import Untrusted
from tests.tuf.test_refresh import NoDatabase
from tests.tuf_rotation.changing import REST, Changing


def begin(changing: Changing) -> tuple[str, str]:
    """Begin the change; the ids of the old and of the new key."""
    old = changing.held[0].public_key.keyid
    base = live_offline(changing.world.public).offline
    new = changing.add_key()
    changing.sign_and_begin("online-key", new_online_key(base, new, changing.world.now))
    return old, new.ids[0]


def test_every_step_is_seen_by_new_and_returning_clients(changing: Changing) -> None:
    world = changing.world
    old, new = begin(changing)
    seen: list[tuple[int, int, set[str]]] = []
    root_at = None
    for _ in changing.rounds():
        base = read_base(world.public)
        seen.append((base.trust.root_version, base.versions["bins"], changing.signed_by(TIMESTAMP)))
        if base.trust.root_version == 2 and root_at is None:
            root_at = world.now
    offline = live_offline(world.public).offline
    assert [offline.root["version"], offline.pages["version"], offline.bins["version"]] == [2, 3, 3]
    assert offline.root["x-bonded"] == {"development": True}
    both = [at for at in seen if at[2] == {old, new}]
    assert {(root, bins) for root, bins, _ in both} >= {(1, 2), (1, 3), (2, 3)}, "each state was looked at"
    assert root_at is not None
    assert world.now - root_at >= REST - timedelta(minutes=50), "the old signature stays after the new root"
    assert changing.signed_by(TIMESTAMP) == {new}
    changing.held = changing.held[1:]
    changing.all_there()
    for role in ("bin-1-0", "page-bin-1-3"):
        version = read_base(world.public).versions[role]
        assert new in changing.signed_by(f"metadata/{version}.{role}.json")


def test_every_bin_is_signed_anew_before_the_old_key_goes(quick: Changing) -> None:
    old, new = begin(quick)
    for _ in quick.rounds():
        base = read_base(quick.world.public)
        if base.versions["bins"] == 3:
            break
    for role, version in base.versions.items():
        if "bin-" in role:
            assert new in quick.signed_by(f"metadata/{version}.{role}.json"), role
    assert old != new


def test_nothing_begins_before_the_signer_holds_the_key(quick: Changing) -> None:
    begin(quick)
    key = quick.held.pop()
    for _ in range(3):
        quick.turn()
        quick.world.now += REST
    assert "does not hold the key" in quick.says()
    assert key.public_key.keyid[:8] in quick.says()
    assert quick.position() == -1
    quick.look()
    quick.held.append(key)
    for _ in quick.rounds():
        pass
    quick.all_there()


def test_a_refresher_alone_keeps_both_kinds_of_clients_at_any_step(quick: Changing) -> None:
    begin(quick)
    for at in quick.rounds():
        if at % 3 == 2:
            p = quick.publisher(db=NoDatabase())
            quick.world.now += timedelta(hours=10)
            refresh(p, quick.world.now)
            p.lock.release()  # type: ignore[attr-defined]
            quick.look()
    quick.all_there()


def test_a_signer_that_lost_the_old_key_too_early_publishes_nothing(quick: Changing) -> None:
    begin(quick)
    for _ in quick.rounds():
        if quick.position() == 2:
            break
    lost, quick.held = quick.held[0], quick.held[1:]
    with pytest.raises(Untrusted, match="not one that the offline metadata list"):
        quick.turn()
    quick.look()
    quick.held.insert(0, lost)
    for _ in quick.rounds():
        pass
    quick.all_there()


def test_each_release_is_in_the_journal_once(changing: Changing) -> None:
    from sqlalchemy import select

    from bonded.journal.tables import journal

    begin(changing)
    for _ in changing.rounds():
        pass
    with changing.world.db.read() as conn:
        rows = conn.execute(select(journal).where(journal.c.action.like("keys.%")).order_by(journal.c.id)).all()
    assert [row.action for row in rows] == ["keys.begin", *["keys.step"] * 3, "keys.end"]
    assert [row.facts["step"] for row in rows[1:4]] == ["both-keys", "new-key", "root"]
    assert orjson.loads(changing.world.public.get("metadata/2.root.json").data)["signed"]["version"] == 2
