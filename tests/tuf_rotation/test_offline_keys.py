"""Root keys with another threshold, and offline keys that were discarded after signing, while the index is used."""

from __future__ import annotations

from datetime import timedelta

import pytest
from securesystemslib.signer import CryptoSigner
from sqlalchemy import select

from bonded.db.jobs import job
from bonded.tuf.ceremony_check import check_steps
from bonded.tuf.ceremony_steps import Wanted, plan
from bonded.tuf.offline import KeySet, Offline, key_set, names_of, top_keys
from bonded.tuf.publish import Result
from bonded.tuf.rotate import live_offline, new_offline_keys, new_root_keys
from bonded.tuf.rotate_dev import dev_keys, make_dev_keys, sign_all
from bonded.tuf.steps import BadSteps
from bonded.tuf.steps_order import check_order
from bonded.tuf.transcript import CeremonyRefused
from tests.tuf_rotation.changing import REST, Changing


def offline(changing: Changing) -> Offline:
    return live_offline(changing.world.public).offline


def test_root_keys_and_their_threshold_change(changing: Changing) -> None:
    world = changing.world
    made = make_dev_keys(world.folder / "keys", "root", 3, 2)
    changing.sign_and_begin("root-keys", new_root_keys(offline(changing), made, world.now))
    for _ in changing.rounds():
        pass
    root = offline(changing).root
    assert (root["version"], root["roles"]["root"]["threshold"]) == (2, 2)
    assert set(root["roles"]["root"]["keyids"]) == set(made.keys)
    with world.db.read() as conn:  # caches may hold, for a moment, that there is no such root
        asked = conn.execute(select(job.c.payload).where(job.c.key == "purge:metadata/2.root.json")).scalar_one()
    assert asked == {"keys": ["root"]}
    changing.all_there()


def test_a_root_that_too_few_signed_never_begins(quick: Changing) -> None:
    world = quick.world
    made = make_dev_keys(world.folder / "keys", "root", 3, 2)
    steps = new_root_keys(offline(quick), made, world.now)
    old = world.folder / "keys/dev/root.pem"
    for missing in (old, world.folder / "keys/dev/root-2.pem"):
        kept = missing.read_bytes()
        missing.unlink()
        (world.folder / "keys/dev/root-3.pem").rename(world.folder / "keys/dev/other.away")
        with pytest.raises(CeremonyRefused, match="below its threshold"):
            quick.sign_and_begin("root-keys", steps)
        (world.folder / "keys/dev/other.away").rename(world.folder / "keys/dev/root-3.pem")
        missing.write_bytes(kept)
    assert quick.state() == ""


def test_discarded_keys_are_replaced_without_them(changing: Changing) -> None:
    world = changing.world
    made = make_dev_keys(world.folder / "keys", "offline", 2, 2)
    (world.folder / "keys/dev/targets.pem").unlink()
    changing.sign_and_begin("offline-keys", new_offline_keys(offline(changing), made, world.now))
    seen = set()
    for _ in changing.rounds():
        now = offline(changing)
        seen.add((now.root["version"], now.targets["version"], now.pages["version"]))
    assert seen == {(1, 1, 1), (2, 1, 1), (2, 2, 2), (3, 2, 2)}
    assert top_keys(offline(changing).root, "targets") == made
    changing.all_there()


def test_what_a_ceremony_plans_is_performed(quick: Changing) -> None:
    """Everything at once, in the ceremony's own steps: online key, offline keys, root threshold, and more bins."""
    world, base = quick.world, offline(quick)
    keys = world.folder / "keys"
    want = Wanted(
        root=make_dev_keys(keys, "root", 3, 2),
        targets=make_dev_keys(keys, "offline", 1, 1),
        online=quick.add_key(),
        page_bins=8,
        bins=16,
        root_expires=world.now + timedelta(days=365),
        offline_expires=world.now + timedelta(days=365),
        names=names_of(base.root),
    )
    quick.sign_and_begin("ceremony", plan(base, want))
    for _ in quick.rounds():
        pass
    quick.held = quick.held[1:]
    quick.all_there()
    end = offline(quick)
    assert top_keys(end.root, "timestamp") == want.online
    assert end.pages["delegations"]["succinct_roles"]["name_prefix"] == "page-bin-2"
    assert end.bins["delegations"]["succinct_roles"]["bit_length"] == 4


def test_files_that_expired_while_they_waited_are_not_released(quick: Changing) -> None:
    world = quick.world
    made = make_dev_keys(world.folder / "keys", "offline", 1, 1)
    quick.sign_and_begin("offline-keys", new_offline_keys(offline(quick), made, world.now))
    quick.turn()
    world.settings = type(world.settings)(accept_clock=True)
    world.now += timedelta(days=366)
    with pytest.raises(Exception, match="expired"):
        quick.look()
    quick.turn()
    assert "has expired" in quick.says()
    assert offline(quick).targets["version"] == 1


def one_key() -> KeySet:
    return key_set([CryptoSigner.generate_ed25519()])


def test_only_one_change_runs_at_a_time(quick: Changing) -> None:
    quick.sign_and_begin(
        "root-keys", new_root_keys(offline(quick), KeySet(top_keys(offline(quick).root, "root").keys), quick.world.now)
    )
    with pytest.raises(BadSteps, match="is under way"):
        quick.sign_and_begin(
            "root-keys",
            new_root_keys(offline(quick), KeySet(top_keys(offline(quick).root, "root").keys), quick.world.now),
        )


def test_an_import_that_is_not_wanted_any_more_is_given_up(quick: Changing) -> None:
    world = quick.world
    made = make_dev_keys(world.folder / "keys", "offline", 1, 1)
    steps = new_offline_keys(offline(quick), made, world.now)
    quick.sign_and_begin("offline-keys", steps)
    quick.turn()
    with pytest.raises(BadSteps, match="moving to a new root"):
        quick.cancel()
    world.now += REST
    quick.cancel()
    assert quick.turn() in (Result.NOTHING, Result.PUBLISHED)
    quick.look()
    assert quick.state() == "cancelled"
    again = new_offline_keys(offline(quick), made, world.now)
    quick.sign_and_begin("offline-keys", again)
    for _ in quick.rounds():
        pass
    quick.all_there()


def test_steps_in_a_wrong_order_are_refused(quick: Changing) -> None:
    world = quick.world
    made = make_dev_keys(world.folder / "keys", "offline", 1, 1)
    (world.folder / "keys/dev/targets.pem").unlink()
    live = live_offline(world.public)
    right = sign_all(live.offline, new_offline_keys(live.offline, made, world.now), dev_keys(world.folder / "keys"))
    check_steps(live.offline, right, world.now)
    check_order(live.offline, dict(live.files), right)
    hasty = [type(step)(step.name, step.files) for step in right]
    with pytest.raises(BadSteps, match="clients that still hold the older root would refuse these targets"):
        check_order(live.offline, dict(live.files), [right[0], hasty[1], right[2]])
    with pytest.raises(BadSteps, match="would refuse the targets that they may still read"):
        check_order(live.offline, dict(live.files), [right[0], right[1], hasty[2]])
