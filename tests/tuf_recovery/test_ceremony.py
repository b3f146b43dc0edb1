"""The way back with real offline keys: the new metadata come from a ceremony, whatever the intruder left in the store."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bonded.db.engine import Database
from bonded.ops.recover import Recovery, recover
from bonded.tuf.base import read_base
from bonded.tuf.recover_survey import survey
from bonded.tuf.rekey import BadBundle, read_bundle
from bonded.tuf.steps_rows import newest
from tests.tuf_offline.conftest import finished, meeting, prepared
from tests.tuf_offline.living import Living
from tests.tuf_offline.machines import Meeting
from tests.tuf_recovery.attacker import Attacker

__all__ = ["finished", "meeting", "prepared"]

EVIL = "packages/evil/evil-1.0.tar.gz"


@pytest.fixture
def living(finished: Meeting, sqlite_db: Database) -> Living:
    """An index that began with a ceremony."""
    return Living(finished, sqlite_db)


def test_two_of_three_sign_new_keys_and_everybody_goes_on(living: Living) -> None:
    """Also when a change of keys was under way, which cannot go on from what the intruder signed."""
    changing, people = living.changing, living.meeting
    world = changing.world
    other = living.ceremony("other", living.export("before.json"), "--root-only", "--root-days", "200")
    people.alice.signs(other)
    people.bob.signs(other)
    living.take(other)
    good = read_base(world.public).n
    world.client("returning")
    intruder = Attacker(world.public.root, changing.held[0], datetime.now(UTC), record="none")
    intruder.attack(9, {EVIL: b"malware"})
    for name in ("metadata/2.root.json", "metadata/3.pages.json"):
        intruder.junk(name)
    (world.public.root / "metadata/2.root.json").unlink()
    assert world.client("returning").get(EVIL) == b"malware"

    new = changing.add_key().ids[0]
    folder = living.ceremony("wrong", living.export(), "--online-key", new, "--compromised")
    people.alice.signs(folder, "--given-up")
    bundle = folder / "bundle.json"
    if bundle.exists():
        with pytest.raises(BadBundle, match="not signed by enough"):
            read_bundle(bundle)
    people.bob.signs(folder, "--given-up")
    step = read_bundle(bundle)
    changing.held = changing.held[1:]
    p = changing.publisher()
    root = (people.folder / "root.json").read_bytes()
    what = Recovery(survey(world.db, world.public, good), root, step)
    recover(p, what, lambda: world.now, lambda _: None)
    p.lock.release()  # type: ignore[attr-defined]
    for name in ("returning", "new"):
        client = world.client(name)
        assert client.get(EVIL) is None
        assert client.get("simple/fig/index.html")
    with world.db.read() as conn:
        found = newest(conn)
    assert found is not None
    assert found[1] == "cancelled"
    world.upload("plum", "plum-1.tar.gz")
    world.publish(changing.publisher())
    assert world.client("returning").get("packages/plum/plum-1.tar.gz")
