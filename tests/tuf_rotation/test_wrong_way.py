"""Each shortcut that PUBLICATION.md forbids, done the wrong way by hand: clients fail, and the publisher refuses to do it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError

from bonded.tuf.offline import Step, StepValues, key_set
from bonded.tuf.pointer import Listing
from bonded.tuf.publish import publish
from bonded.tuf.resize import resize
from bonded.tuf.rotate import live_offline, new_offline_keys, new_online_key
from bonded.tuf.rotate_dev import dev_keys, make_dev_keys, sign_all
from bonded.tuf.steps import BadSteps
from bonded.tuf.steps_order import check_order
from bonded.tuf.steps_perform import Turn
from tests.tuf_rotation.changing import Changing


def signed(changing: Changing, steps: tuple[StepValues, ...]) -> tuple[Step, ...]:
    folder = changing.world.folder / "keys"
    return sign_all(live_offline(changing.world.public).offline, steps, dev_keys(folder))


def refused(changing: Changing, steps: tuple[Step, ...], words: str) -> None:
    live = live_offline(changing.world.public)
    with pytest.raises(BadSteps, match=words):
        check_order(live.offline, dict(live.files), steps)


def hasty(step: Step) -> Step:
    """The same without what it must wait for."""
    return Step(step.name, step.files)


def publish_offline(changing: Changing, step: Step, monkeypatch: pytest.MonkeyPatch, **more: object) -> None:
    """A publication that carries the offline files of `step`, whatever anybody thinks of it."""
    import bonded.tuf.publish as module
    from bonded.tuf.plan import OfflineFile

    files = tuple(OfflineFile(role, step.versions()[role], data) for role, data in step.files.items())
    keys = frozenset(key.public_key.keyid for key in changing.held)

    def forced(_p: object, claimed: object, _now: object) -> Turn:
        return Turn(claimed, claimed.base.trust, keys, offline=files, must=True)  # type: ignore[attr-defined,arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module, "attend", forced)
        p = changing.publisher(**more)
        publish(p, changing.world.now)
        p.lock.release()  # type: ignore[attr-defined]


def test_a_root_with_the_new_key_before_anything_is_signed_by_it(quick: Changing) -> None:
    base, now = live_offline(quick.world.public).offline, quick.world.now
    steps = signed(quick, new_online_key(base, quick.add_key(), now))
    refused(quick, (*steps[:2], hasty(steps[2])), "clients trust this root the moment it exists")
    quick.world.public.create("metadata/2.root.json", steps[2].files["root"])
    for name in ("fresh", "returning"):
        with pytest.raises(UnsignedMetadataError, match="timestamp"):
            quick.world.client(name)


def test_the_old_key_dropped_before_the_bins_are_signed_anew(quick: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    base, now = live_offline(quick.world.public).offline, quick.world.now
    steps = signed(quick, new_online_key(base, quick.add_key(), now))
    refused(quick, (steps[0], hasty(steps[1]), steps[2]), "no bin is signed by the keys")
    publish_offline(quick, steps[0], monkeypatch)
    quick.look()
    publish_offline(quick, steps[1], monkeypatch)
    client = quick.world.client("returning")
    with pytest.raises(UnsignedMetadataError, match="page-bin"):
        client.get("simple/fig/index.html")


def test_new_targets_while_clients_still_hold_the_older_root(quick: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    world = quick.world
    made = make_dev_keys(world.folder / "keys", "offline", 1, 1)
    (world.folder / "keys/dev/targets.pem").unlink()
    steps = signed(quick, new_offline_keys(live_offline(world.public).offline, made, world.now))
    refused(quick, (steps[0], hasty(steps[1]), steps[2]), "older root would refuse these targets")
    with pytest.raises(RepositoryError):
        publish_offline(quick, steps[1], monkeypatch)
        world.client("returning")
    world.public.create("metadata/2.root.json", steps[0].files["root"])
    quick.world.client("fresh")


def test_the_old_offline_keys_dropped_while_their_targets_are_live(quick: Changing) -> None:
    world = quick.world
    made = make_dev_keys(world.folder / "keys", "offline", 1, 1)
    plan = new_offline_keys(live_offline(world.public).offline, made, world.now)
    both, new, last = signed(quick, plan)
    refused(quick, (both, last.__class__(last.name, last.files, "settled"), new), "would refuse the targets")
    world.public.create("metadata/2.root.json", both.files["root"])
    quick.look()
    world.public.create("metadata/3.root.json", last.files["root"])
    with pytest.raises(UnsignedMetadataError, match="targets"):
        world.client("fresh")


def test_clients_sent_to_bins_that_are_not_there(quick: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    (step,) = signed(quick, resize(live_offline(quick.world.public).offline, 0, 16, quick.world.now))
    refused(quick, (hasty(step),), "must wait until those are written")
    publish_offline(quick, step, monkeypatch)
    with pytest.raises((RepositoryError, KeyError, ValueError)):
        assert quick.world.client("fresh").get("packages/fig/fig-1.tar.gz")


def test_another_number_of_bins_under_the_same_names(quick: Changing) -> None:
    (step,) = resize(live_offline(quick.world.public).offline, 0, 8, quick.world.now)
    step.values["bins"]["delegations"]["succinct_roles"]["name_prefix"] = "bin-1"
    refused(quick, signed(quick, (step,)), "needs a new generation")


def test_an_entry_that_disappears_from_the_snapshot(quick: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Returning clients fail for ever, new ones do not notice: so old names stay at their last version."""
    import bonded.tuf.build as module

    quick.sign_and_begin("resize", resize(live_offline(quick.world.public).offline, 0, 16, quick.world.now))
    for _ in quick.rounds():
        pass
    quick.look()
    snapshot = module.pointer.snapshot

    def forgetful(listing: Listing, *rest: object) -> object:
        kept = {role: v for role, v in listing.versions.items() if not role.startswith("bin-1-")}
        return snapshot(Listing(kept), *rest)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(module.pointer, "snapshot", forgetful)
        quick.upload("fig")
        quick.turn()
    quick.world.client("fresh-again")
    for _ in range(2):
        with pytest.raises(RepositoryError, match="bin-1-"):
            quick.world.client("returning")
        quick.world.now += timedelta(hours=1)


def test_the_old_signature_dropped_while_clients_run(quick: Changing) -> None:
    """A client that read root 1 before root 2 was there asks for the timestamp afterwards."""
    from tuf.ngclient import Updater

    base = live_offline(quick.world.public).offline
    quick.sign_and_begin("online-key", new_online_key(base, quick.add_key(), quick.world.now))
    for _ in quick.rounds():
        if quick.position() == 2:
            break
    running = quick.world.client("slow-client").updater
    assert running._trusted_set.root.version == 1
    for _ in quick.rounds():
        if quick.position() == 3:
            break
    old = running._trusted_set.root
    assert isinstance(running, Updater)
    data = quick.world.public.get("metadata/timestamp.json").data
    from tuf.api.metadata import Metadata

    kept = Metadata.from_bytes(data)
    old.verify_delegate("timestamp", kept.signed_bytes, kept.signatures)
    for _ in quick.rounds():
        pass
    gone = Metadata.from_bytes(quick.world.public.get("metadata/timestamp.json").data)
    with pytest.raises(UnsignedMetadataError):
        old.verify_delegate("timestamp", gone.signed_bytes, gone.signatures)


def test_a_change_that_was_overtaken_is_given_up(quick: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a recovery, say: other offline files are live under the versions that were to be released."""
    world = quick.world
    base = live_offline(world.public).offline
    quick.sign_and_begin("resize", resize(base, 0, 16, world.now))
    quick.turn()
    other = signed(quick, new_online_key(base, key_set([world.online_key()]), world.now + timedelta(minutes=1)))
    publish_offline(quick, other[0], monkeypatch)
    quick.turn()
    assert quick.state() == "cancelled"
    assert "something else changed the offline roles" in quick.says()
    quick.look()
    quick.sign_and_begin("resize", resize(live_offline(world.public).offline, 0, 16, world.now))
    for _ in quick.rounds():
        pass
    quick.all_there()
