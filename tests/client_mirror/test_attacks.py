"""What a mirror does when the index, or whoever stands between, is not what it should be: one sentence, and the tree that it
serves stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tuf.api.exceptions import BadVersionNumberError

from bonded.values.states import FileState
from bonded_client import mirror_history
from bonded_client.failures import Failure
from bonded_client.mirror_roles import Roles
from bonded_client.mirror_state import branches
from bonded_client.mirror_tree import Tree, check_target
from tests.client.conftest import Ran
from tests.client.server import Served, answer
from tests.client_mirror.conftest import SDIST, Mirror, tree
from tests.tuf.world import World

NEW = "example-2.0.tar.gz"


@pytest.fixture
def before(mirror: Mirror, world: World, tmp_path: Path) -> dict[str, bytes]:
    """A mirror that was brought up to date, and a publication that it has not seen."""
    assert mirror(tmp_path / "m").status == 0
    names = tree(tmp_path / "m")
    world.upload("example", NEW)
    world.publish()
    return names


def refused(ran: Ran, code: str, status: int) -> None:
    assert (ran.status, ran.out, ran.err.count("\n")) == (status, "", 1), ran
    assert ran.err.endswith(f"[{code}]\n")


def visible(directory: Path, before: dict[str, bytes]) -> None:
    """Everything that clients could see is there and the same: no pointer, page or file has changed."""
    now = tree(directory)
    assert {name for name, data in before.items() if now.get(name) != data} == set()
    new = now.keys() - before.keys()
    assert not [name for name in new if name.endswith(("timestamp.json", "/index.html", "/index.json"))]


def newest(world: World, pattern: str) -> str:
    """The object of the public store that the last publication wrote."""
    public = world.folder / "public"
    return str(max(public.glob(pattern), key=lambda path: path.stat().st_mtime_ns).relative_to(public))


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("packages/example/" + NEW, "altered"),
        ("simple/example/*.index.json", "altered"),
        ("packages/example/" + NEW + ".metadata", "altered"),
        ("publications/*.json", "altered"),
        ("metadata/*.snapshot.json", "altered"),
        ("metadata/*.page-bin-1-*.json", "bad-signature"),
        ("metadata/*.bin-1-*.json", "bad-signature"),
        ("metadata/timestamp.json", "bad-signature"),
    ],
)
def test_wrong_bytes(
    mirror: Mirror, world: World, served: Served, before: dict[str, bytes], tmp_path: Path, pattern: str, code: str
) -> None:
    name = newest(world, pattern)
    data = (world.folder / "public" / name).read_bytes()
    if name.startswith("metadata/") and "snapshot" not in name:
        altered = data.replace(b'"spec_version":"1.0.34"', b'"spec_version":"1.0.35"')
    else:
        altered = data[:-3] + bytes([data[-3] ^ 1]) + data[-2:]
    assert altered != data
    served.store[name] = altered
    refused(mirror(tmp_path / "m"), code, 6)
    visible(tmp_path / "m", before)
    del served.store[name]
    assert mirror(tmp_path / "m").status == 0
    assert NEW.encode() in (tmp_path / "m/simple/example/index.html").read_bytes()
    assert mirror(tmp_path / "m", "--check").status == 0


@pytest.mark.parametrize("one", ["page-bin-1-*", "pages"])
def test_a_role_in_the_place_of_another(
    mirror: Mirror, world: World, served: Served, before: dict[str, bytes], tmp_path: Path, one: str
) -> None:
    """Rightly signed by the same key, of the same version: what it does not list would be taken away."""
    name = newest(world, f"metadata/*.{one}.json")
    version = name.removeprefix("metadata/").partition(".")[0]
    other = newest(world, "metadata/*.bin-1-*.json") if one != "pages" else "metadata/1.bins.json"
    assert other.startswith(f"metadata/{version}.")
    public = world.folder / "public"
    served.store[name], served.store[other] = (public / other).read_bytes(), (public / name).read_bytes()
    fresh = tmp_path / "fresh"
    refused(mirror(fresh), "mixed-versions", 6)
    if one != "pages":  # which did not change, and is not asked for again
        refused(mirror(tmp_path / "m"), "mixed-versions", 6)
        visible(tmp_path / "m", before)
    del served.store[name], served.store[other]
    for where in ("m", "fresh"):
        assert mirror(tmp_path / where).status == 0
        assert mirror(tmp_path / where, "--check").status == 0


def test_exchanged_roles_that_were_taken_away_do_not_come_back(
    mirror: Mirror, world: World, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other threads, which look at the same roles in that moment, would fetch them from the index once more, or miss them."""
    names, public, real = ("metadata/1.pages.json", "metadata/1.bins.json"), world.folder / "public", Roles._take_away
    for name, other in zip(names, reversed(names), strict=True):
        served.store[name] = (public / other).read_bytes()

    def and_look_again(self: Roles) -> None:
        real(self)
        self._between = []  # as it is for a thread that has not read them yet
        with suppress(BadVersionNumberError):
            self.between()
        for branch in branches(self.top(), self.state.versions):
            with suppress(BadVersionNumberError):
                self.have(branch)

    monkeypatch.setattr(Roles, "_take_away", and_look_again)
    refused(mirror(tmp_path / "m"), "mixed-versions", 6)
    served.store.clear()
    assert mirror(tmp_path / "m").status == 0


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("packages/example/" + NEW, "endless-data"),
        ("simple/example/*.index.json", "endless-data"),
        ("publications/*.json", "endless-data"),
        ("metadata/*.snapshot.json", "endless-data"),
        ("metadata/*.page-bin-1-*.json", "endless-data"),
    ],
)
def test_endless_data(
    mirror: Mirror,
    world: World,
    served: Served,
    before: dict[str, bytes],
    tmp_path: Path,
    pattern: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror_history, "MAX_RECORD", 1 << 20)

    def flood(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not served.stop.is_set():
            handler.wfile.write(b"\0" * 65536)

    served.odd[newest(world, pattern)] = flood
    refused(mirror(tmp_path / "m"), code, 6)
    visible(tmp_path / "m", before)


def test_what_is_withdrawn_goes_at_once(mirror: Mirror, world: World, served: Served, tmp_path: Path) -> None:
    """Also when nothing else of the publication can be had: a quarantined file may be malware."""
    bad = world.upload("other", "other-3.0.tar.gz")
    world.publish()
    mirror(tmp_path / "m")
    before = tree(tmp_path / "m")
    world.move(bad, "review.quarantine", FileState.QUARANTINED)
    world.upload("example", NEW)
    world.publish()
    served.store[f"packages/example/{NEW}"] = b"altered"
    refused(mirror(tmp_path / "m"), "altered", 6)
    now = tree(tmp_path / "m")
    gone = before.keys() - now.keys()
    assert {name.rpartition("/")[2][-16:] for name in gone} >= {"other-3.0.tar.gz"}
    assert all("other-3.0.tar.gz" in name for name in gone)
    assert now["metadata/timestamp.json"] == before["metadata/timestamp.json"]


def test_slow_retrieval(mirror: Mirror, world: World, served: Served, before: dict[str, bytes], tmp_path: Path) -> None:
    def drip(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        served.stop.wait(60)

    served.odd[f"packages/example/{NEW}"] = drip
    refused(mirror(tmp_path / "m", timeout=0.5), "slow", 5)
    visible(tmp_path / "m", before)


def test_rollback(mirror: Mirror, world: World, served: Served, tmp_path: Path) -> None:
    """An older, valid timestamp is no news; a timestamp made new over an older snapshot is an attack."""
    older = (world.folder / "public/metadata/timestamp.json").read_bytes()
    world.upload("example", NEW)
    world.publish()
    mirror(tmp_path / "m")
    before = tree(tmp_path / "m")
    served.store["metadata/timestamp.json"] = older
    ran = mirror(tmp_path / "m")
    assert ran.status == 0
    assert tree(tmp_path / "m") == before


def test_freeze(
    mirror: Mirror,
    world: World,
    served: Served,
    before: dict[str, bytes],
    tmp_path: Path,
    shifted: Callable[[int], None],
) -> None:
    """Nothing newer than what has expired is to be had."""
    served.store["metadata/timestamp.json"] = before["metadata/timestamp.json"]
    shifted(3)
    refused(mirror(tmp_path / "m"), "expired", 7)
    assert tree(tmp_path / "m") == before


@pytest.fixture
def shifted(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have python-tuf believe that it is days later."""
    import datetime as module

    from tuf.ngclient._internal import trusted_metadata_set

    def go(days: int) -> None:
        class Later(module.datetime):
            @classmethod
            def now(cls, tz: module.tzinfo | None = None) -> module.datetime:  # type: ignore[override]
                return module.datetime.now(tz) + module.timedelta(days=days)

        class Module:
            datetime = Later
            timezone = module.timezone

        monkeypatch.setattr(trusted_metadata_set, "datetime", Module)

    return go


def test_a_withdrawn_file_that_is_still_listed(mirror: Mirror, world: World, served: Served, tmp_path: Path) -> None:
    """The index takes bytes away before it signs that they are gone: the rest is mirrored, and it is asked for again."""
    path = f"packages/example/{SDIST}"

    def missing(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        answer(handler, b"", 404)

    served.odd[path] = served.odd[path + ".metadata"] = missing
    ran = mirror(tmp_path / "m")
    assert ran.status == 0
    assert f"{path} is listed and not served" in ran.err
    assert path not in tree(tmp_path / "m")
    assert mirror(tmp_path / "m", "--check").status == 0
    served.odd.clear()
    assert mirror(tmp_path / "m").err == ""
    assert {path, path + ".metadata"} <= set(tree(tmp_path / "m"))
    assert mirror(tmp_path / "m", "--check").err == ""


@pytest.mark.parametrize("after", [3, 8, 11, 14])
def test_it_goes_on_where_it_was_interrupted(
    mirror: Mirror, world: World, served: Served, tmp_path: Path, after: int
) -> None:
    """The index goes away in the middle of the first round; nothing that was fetched is fetched again."""
    store, get = served.store, type(served.store).get
    count = 0

    class Fails(type(store)):  # type: ignore[misc]
        def get(self, path: str, default: bytes | None = None) -> bytes | None:
            nonlocal count
            count += "timestamp" not in path and "root" not in path
            return b"?" if count > after and "timestamp" not in path and "root" not in path else get(store, path)

    served.store = Fails(store.root)  # type: ignore[attr-defined]
    ran = mirror(tmp_path / "m", "--once", "--jobs", 1)
    assert ran.status == 6, ran
    assert "metadata/timestamp.json" not in tree(tmp_path / "m")
    there = {name for name in tree(tmp_path / "m") if not name.endswith((".gz", ".zst"))}
    served.store = store
    served.asked.clear()
    assert mirror(tmp_path / "m").status == 0
    asked = {path for path, _ in served.asked}
    assert not {name for name in there if name in asked}
    assert mirror(tmp_path / "m", "--check").out == ""


def test_a_full_disk_is_seen_before_anything_is_fetched(
    mirror: Mirror, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tree, "free", lambda self: 1_000_010)
    ran = mirror(tmp_path / "m")
    refused(ran, "disk", 8)
    assert "nothing was fetched" in ran.err
    assert not [path for path, _ in served.asked if path.startswith(("packages/", "simple/"))]


@pytest.mark.parametrize(
    "path", ["simple/../x", "packages/a/.b", "packages/a/b/c", "x/y", "packages/a/b\n", "packages//a"]
)
def test_hostile_target_paths(path: str) -> None:
    with pytest.raises(Failure, match="malformed"):
        check_target(path)


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("packages/example/" + SDIST, "altered"),
        ("simple/example/index.html", "altered"),
        ("simple/example/*.index.json.zst", "altered"),
        ("simple/other/index.json.gz", "altered"),
        ("packages/example/*.metadata", "altered"),
        ("metadata/*.bin-1-0.json", "altered"),
        ("metadata/*.snapshot.json", "altered"),
        ("publications/*.json", "missing"),
    ],
)
def test_check_finds_damage_and_repair_heals_it(mirror: Mirror, tmp_path: Path, pattern: str, kind: str) -> None:
    mirror(tmp_path / "m")
    good = tree(tmp_path / "m")
    path = min((tmp_path / "m").glob(pattern))
    data = path.read_bytes()
    path.write_bytes(data[:-2] + bytes([data[-2] ^ 4]) + data[-1:])
    ran = mirror(tmp_path / "m", "--check", "--repair", "--json")
    assert ran.status == 6
    name = str(path.relative_to(tmp_path / "m"))
    assert kind in {line["kind"] for line in ran.lines}, ran
    assert name in ran.out or kind == "missing" or "snapshot" in name
    assert mirror(tmp_path / "m").status == 0
    assert tree(tmp_path / "m") == good
    assert mirror(tmp_path / "m", "--check").out == ""


def test_check_finds_what_nobody_signed(mirror: Mirror, tmp_path: Path) -> None:
    mirror(tmp_path / "m")
    for name in ("packages/example/example-6.6.tar.gz", "simple/evil/index.html", "metadata/9.bin-1-0.json"):
        (tmp_path / "m" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "m" / name).write_bytes(b"{}")
    ran = mirror(tmp_path / "m", "--check", "--json")
    assert ran.status == 6
    assert sorted(line["name"] for line in ran.lines) == [
        "metadata/9.bin-1-0.json",
        "packages/example/example-6.6.tar.gz",
        "simple/evil/index.html",
    ]
    assert {json.dumps(line["kind"]) for line in ran.lines} == {'"unsigned"'}
