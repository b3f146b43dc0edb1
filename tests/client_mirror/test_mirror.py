"""What a mirror does in good days: the same tree, kept up to date, for every kind of client."""

from __future__ import annotations

import json
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bonded.facts.archive import Budget
from bonded.values.states import FileState
from bonded_client.mirror_tree import Tree
from tests.client.server import Served, serving
from tests.client_mirror.conftest import WHEEL, Folder, Mirror, tree
from tests.serve.running import until
from tests.story.running import BIN
from tests.tuf.world import World


def signed_objects(public: Path) -> dict[str, bytes]:
    """What the index's public store holds, without what nobody signs: the JSON API and compressed copies."""
    unsigned = ("pypi/", ".tmp/", "simple/index.")
    return {n: d for n, d in tree(public).items() if not n.startswith(unsigned) and not n.endswith((".gz", ".zst"))}


def test_the_tree_is_the_public_store(mirror: Mirror, world: World, tmp_path: Path) -> None:
    ran = mirror(tmp_path / "m")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("publication ")
    ours, theirs = tree(tmp_path / "m"), signed_objects(world.folder / "public")
    old = {name for name in theirs if name.startswith("metadata/") and name not in ours}
    assert all(name.startswith("metadata/1.") for name in old), "only roles of the state before are left out"
    assert {name for name in theirs.keys() - old if ours.get(name) != theirs[name]} == set()
    assert ours[f"packages/example/{WHEEL}.metadata"] == b"Metadata-Version: 2.1\n"
    for form in ("html", "json"):  # the plain pages are the signed ones
        (page,) = (data for name, data in ours.items() if name.endswith(f".index.{form}") and "/example/" in name)
        assert ours[f"simple/example/index.{form}"] == page
    assert mirror(tmp_path / "m", "--check").out == ""


def test_metadata_as_large_as_an_index_takes(mirror: Mirror, world: World, tmp_path: Path) -> None:
    """One file with much in its METADATA must not end every mirror's round for good."""
    large = b"Metadata-Version: 2.1\n" + b"\n" * (Budget().member_kept_bytes - 22)
    world.upload("other", "other-3.0.tar.gz", metadata=large)
    world.publish()
    ran = mirror(tmp_path / "m")
    assert (ran.status, ran.err) == (0, "")
    assert (tmp_path / "m/packages/other/other-3.0.tar.gz.metadata").read_bytes() == large


def test_nothing_new_costs_a_timestamp(mirror: Mirror, served: Served, tmp_path: Path) -> None:
    mirror(tmp_path / "m")
    before = tree(tmp_path / "m")
    served.asked.clear()
    assert mirror(tmp_path / "m").status == 0
    assert [path for path, _ in served.asked] == ["metadata/2.root.json", "metadata/timestamp.json"]
    assert tree(tmp_path / "m") == before


def test_changes_are_followed_and_a_second_mirror_agrees(mirror: Mirror, world: World, tmp_path: Path) -> None:
    """New files, a yank, an owner's deletion and a quarantine; then a mirror that begins now is the same tree."""
    bad = world.upload("example", "example-1.1.tar.gz")
    world.publish()
    mirror(tmp_path / "m")
    world.upload("example", "example-2.0.tar.gz")
    world.yank(world.upload("third", "third-1.0.tar.gz"), "broken")
    world.move(bad, "review.quarantine", FileState.QUARANTINED)
    world.publish()
    ran = mirror(tmp_path / "m", "--once", "--grace", 0, "--json")
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines[0]["withdrawn"] == ["packages/example/example-1.1.tar.gz"]
    names = tree(tmp_path / "m")
    assert not [name for name in names if "example-1.1" in name]
    assert b"broken" in names["simple/third/index.html"]
    assert b"example-2.0.tar.gz" in names["simple/example/index.json"]
    assert mirror(tmp_path / "m", "--check").status == 0
    assert mirror(tmp_path / "second").status == 0
    assert tree(tmp_path / "second") == names


def test_a_mirror_of_a_mirror(mirror: Mirror, world: World, tmp_path: Path) -> None:
    mirror(tmp_path / "m")
    with serving(Folder(tmp_path / "m")) as upstream:
        assert mirror(tmp_path / "second", url=upstream.url).status == 0
        world.upload("example", "example-2.0.tar.gz")
        world.publish()
        mirror(tmp_path / "m", "--once", "--grace", 0)
        assert mirror(tmp_path / "second", "--once", "--grace", 0, url=upstream.url).status == 0
    assert tree(tmp_path / "second") == tree(tmp_path / "m")
    assert b"example-2.0" in tree(tmp_path / "second")["simple/example/index.html"]


def test_superseded_objects_stay_for_a_while(mirror: Mirror, world: World, tmp_path: Path) -> None:
    """Clients that hold the state before still find its roles and pages; later they go."""
    mirror(tmp_path / "m")
    before = set(tree(tmp_path / "m"))
    world.upload("example", "example-2.0.tar.gz")
    world.publish()
    mirror(tmp_path / "m", "--once", "--grace", 1000)
    assert before <= set(tree(tmp_path / "m"))
    mirror(tmp_path / "m", "--once", "--grace", 0)
    gone = before - set(tree(tmp_path / "m"))
    assert {name.split("/")[0] for name in gone} == {"metadata", "simple"}
    assert mirror(tmp_path / "m", "--check").status == 0


def test_only_some_projects(mirror: Mirror, world: World, served: Served, tmp_path: Path) -> None:
    """The pages, files and roles of the chosen; another choice later leaves nothing of the one before."""
    assert mirror(tmp_path / "m", "--once", "--project", "Example").status == 0
    names = tree(tmp_path / "m")
    assert f"packages/example/{WHEEL}" in names
    assert not [name for name in names if "/other" in name]
    assert mirror(tmp_path / "m", "--check").status == 0
    gone = world.upload("example", "example-3.0.tar.gz")
    world.publish()
    mirror(tmp_path / "m", "--once", "--project", "example")
    world.delete(gone)
    world.publish()
    ran = mirror(tmp_path / "m", "--once", "--project", "example", "--json")
    assert ran.lines[0]["withdrawn"] == ["packages/example/example-3.0.tar.gz"]
    mirror(tmp_path / "m", "--once", "--project", "other", "--grace", 0)
    names = tree(tmp_path / "m")
    assert "packages/other/other-2.0.tar.gz" in names
    assert not [name for name in names if "/example" in name]
    assert mirror(tmp_path / "m", "--check").status == 0


def test_a_role_that_was_listed_and_not_chosen_is_not_fetched(mirror: Mirror, served: Served, tmp_path: Path) -> None:
    mirror(tmp_path / "m", "--once", "--project", "other")
    asked = [path for path, _ in served.asked if ".bin-1-" in path]
    assert len(asked) == 1


def test_following_without_end(mirror: Mirror, world: World, served: Served, tmp_path: Path) -> None:
    """It sees a publication by itself, survives an index that is away, and ends on SIGTERM."""
    words = [BIN / "bonded-client", "--index", served.url, "--root", world.folder / "keys/root.json", "--timeout", "30"]
    words += ["mirror", tmp_path / "m", "--every", "0.1", "--keep-free", "1", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            first = json.loads(process.stdout.readline())
            served.store["metadata/timestamp.json"] = b"{}"
            assert process.stderr
            assert "[malformed] Trying again in" in process.stderr.readline()
            del served.store["metadata/timestamp.json"]
            world.upload("example", "example-2.0.tar.gz")
            world.publish()
            while (line := json.loads(process.stdout.readline())) and line["publication"] == first["publication"]:
                pass
            assert line["files"] == 1
            status = Tree(tmp_path / "m")  # it is written after the line, by this round or the next
            until(lambda: status.recall("status.json").get("publication") == line["publication"], 60)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_the_newest_snapshot_is_small(mirror: Mirror, tmp_path: Path) -> None:
    mirror(tmp_path / "m")
    state = json.loads((tmp_path / "m/metadata/timestamp.json").read_bytes())
    version = state["signed"]["version"]
    assert datetime.fromisoformat(state["signed"]["expires"]) > datetime.now(UTC)
    for copy in (".gz", ".zst"):
        assert (tmp_path / f"m/metadata/{version}.snapshot.json{copy}").exists()
