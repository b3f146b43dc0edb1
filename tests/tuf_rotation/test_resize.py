"""The number of bins changes while the index is used: by generations, since snapshot entries may never disappear."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import delete, insert, select, update

from bonded.tuf.base import read_base
from bonded.tuf.compare import compare
from bonded.tuf.offline import BadBinCount
from bonded.tuf.resize import resize
from bonded.tuf.rotate import live_offline
from bonded.tuf.steps import BadSteps
from bonded.tuf.tables import bin_table
from tests.tuf_rotation.changing import Changing


def begin(changing: Changing, page_bins: int, bins: int, *, at_once: int = 5) -> None:
    """Begin a resize that writes `at_once` bins with each publication."""
    world = changing.world
    world.settings = replace(world.settings, refresh_slice=at_once)
    changing.sign_and_begin("resize", resize(live_offline(world.public).offline, page_bins, bins, world.now))


def entries(changing: Changing, kind: str) -> dict[str, int]:
    """Snapshot entries that begin with `kind`."""
    base = read_base(changing.world.public)
    return {role: version for role, version in base.versions.items() if role.startswith(kind)}


def test_bins_are_written_in_slices_while_uploads_go_on(changing: Changing) -> None:
    begin(changing, 8, 16)
    old: dict[str, int] = {}
    growing = []
    for _ in changing.rounds():
        growing.append(len(entries(changing, "bin-2")))
        if live_offline(changing.world.public).offline.bins["version"] == 1:
            old = entries(changing, "bin-1")
    assert growing == sorted(growing)
    assert len({*growing} - {0}) > 2, "in slices"
    assert growing[-1] == 16
    last = entries(changing, "bin-1")
    assert last.keys() == old.keys(), "old names stay"
    changing.upload("apple")
    changing.all_there()
    assert entries(changing, "bin-1") == last, "and are never written again"
    assert compare(changing.world.public).difference.empty
    with changing.world.db.read() as conn:
        rows = set(conn.execute(select(bin_table.c.name)).scalars())
    assert rows == {*entries(changing, "bin-2"), *entries(changing, "page-bin-2")}


def test_what_is_removed_and_changed_meanwhile_is_so_in_both_generations(quick: Changing) -> None:
    world = quick.world
    gone = world.upload("quince", "quince-1.tar.gz")
    kept = world.upload("quince", "quince-2.tar.gz")
    world.publish()
    begin(quick, 0, 64, at_once=20)
    for at in range(4):
        quick.turn()
        if at == 1:
            world.delete(gone)
            world.yank(kept, "worse than it looks")
        world.now += timedelta(minutes=1)
    assert len(entries(quick, "bin-2")) == 64
    for _ in quick.rounds():
        quick.expected.setdefault("quince", {"quince-2.tar.gz"})
    for name in ("fresh-after", "returning"):
        client = world.client(name)
        assert client.get("packages/quince/quince-1.tar.gz") is None
        assert client.get("packages/quince/quince-2.tar.gz")
        assert (
            orjson.loads(client.get("simple/quince/index.json") or b"")["files"][0]["yanked"] == "worse than it looks"
        )


def test_only_pages_or_only_files_and_back_again(quick: Changing) -> None:
    for page_bins, bins in ((16, 0), (0, 2), (2, 16)):
        begin(quick, page_bins, bins, at_once=50)
        for _ in quick.rounds():
            pass
        quick.all_there()
    offline = live_offline(quick.world.public).offline
    assert offline.pages["delegations"]["succinct_roles"]["name_prefix"] == "page-bin-3"
    assert offline.bins["delegations"]["succinct_roles"]["name_prefix"] == "bin-3"
    assert len(entries(quick, "bin-1")) == 4


def test_a_resize_that_was_given_up_leaves_nothing_stale_for_the_next(quick: Changing) -> None:
    begin(quick, 0, 16, at_once=50)
    quick.turn()
    assert len(entries(quick, "bin-2")) == 16
    quick.cancel()
    with quick.world.db.read() as conn:
        assert conn.execute(select(bin_table.c.name).where(bin_table.c.name.startswith("bin-2"))).first() is None
    quick.upload("fig")
    quick.world.publish()
    stale = entries(quick, "bin-2")
    begin(quick, 0, 16, at_once=3)
    for _ in quick.rounds():
        pass
    quick.all_there()
    assert all(version > stale[role] for role, version in entries(quick, "bin-2").items())


def test_rows_of_no_generation_keep_nobody_from_being_renewed(quick: Changing) -> None:
    """A restored database may hold rows of bins that were given up: they expire, and stand in nobody's way."""
    world = quick.world
    rows = [
        {"name": f"bin-7-{i:02x}", "version": 1, "sha256": "", "length": 0, "expires": world.now, "count": 0}
        for i in range(32)
    ]
    with world.db.write() as tx:
        tx.execute(insert(bin_table), rows)
    world.settings = replace(world.settings, refresh_slice=8)
    for _ in range(8):
        world.now += timedelta(hours=6)
        quick.turn()
        quick.turn()
        quick.look()


def test_rows_that_were_lost_or_restored_are_found_out(changing: Changing) -> None:
    """Without its row a new bin is not kept up to date, so it is written again before clients are sent to it."""
    begin(changing, 0, 16, at_once=16)
    changing.turn()
    with changing.world.db.write() as tx:
        tx.execute(delete(bin_table).where(bin_table.c.name == "bin-2-3"))
        tx.execute(update(bin_table).where(bin_table.c.name == "bin-2-4").values(version=1))
    for _ in range(3):
        changing.upload("fig")
        changing.turn()
    for _ in changing.rounds():
        pass
    changing.all_there()


def test_new_bins_that_grew_old_are_renewed_before_clients_meet_them(quick: Changing) -> None:
    begin(quick, 0, 16, at_once=8)
    quick.turn()
    quick.turn()
    assert len(entries(quick, "bin-2")) == 16
    assert live_offline(quick.world.public).offline.bins["version"] == 1
    quick.world.now += timedelta(hours=26)
    for _ in range(8):
        quick.turn()
    quick.look()
    assert live_offline(quick.world.public).offline.bins["version"] == 2


@pytest.mark.parametrize(
    ("page_bins", "bins", "error", "words"), [(4, 4, BadSteps, "nothing to do"), (0, 5, BadBinCount, "power of two")]
)
def test_what_cannot_be(quick: Changing, page_bins: int, bins: int, error: type[Exception], words: str) -> None:
    base = live_offline(quick.world.public).offline
    with pytest.raises(error, match=words):
        resize(base, page_bins, bins, quick.world.now)
