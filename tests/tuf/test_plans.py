"""What a publication reads of the database does not grow with it."""

from __future__ import annotations

from tests.support.plans import whole_tables
from tests.tuf.world import World

ENDS_EARLY = ("FROM seal ORDER BY seal.id DESC LIMIT", "ORDER BY tuf_bin.expires LIMIT")


def test_a_publication_reads_no_table_whole(sqlite_world: World) -> None:
    world = sqlite_world
    world.upload("apple", "apple-1.0.tar.gz")
    world.publish()
    with whole_tables(*ENDS_EARLY) as found:
        one = world.upload("apple", "apple-2.0.tar.gz")
        world.upload("pear", "pear-1.0.tar.gz")
        world.publish()
        world.yank(one, "sour")
        world.publish()
        world.delete(one)
        world.publish()
    assert found == []
