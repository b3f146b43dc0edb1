"""What people signed offline is overwritten or lost in the store: it is named, nobody goes on with it, and it is put back."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest
from click.testing import CliRunner
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from bonded.cli import bonded
from bonded.tuf.base import read_base
from bonded.tuf.packing import gz
from bonded.tuf.trust import OfflineDamaged
from tests.tuf_recovery.place import Place


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("put-back"))


@pytest.fixture
def place(made: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The same place for each test, which leaves it whole."""
    monkeypatch.setattr("bonded.cli.operations.SECOND_LOOK", 0.0)
    assert made.fsck() == []
    return made


def an_intruders(place: Place) -> bytes:
    """A first root of somebody else, who names the true keys beside their own: what follows it verifies."""
    root = Metadata[Root].from_bytes(place.public.get("metadata/1.root.json").data)
    mine = CryptoSigner.generate_ed25519()
    root.signed.add_key(mine.public_key, "root")
    root.signed.add_key(mine.public_key, "timestamp")
    root.sign(mine)
    return root.to_bytes()


DAMAGE: dict[str, tuple[str, Callable[[Place], bytes], str]] = {
    "rot": ("1.root", lambda _: b"\0" * 200, "root-damaged metadata/1.root.json: it cannot be read as root metadata"),
    "an intruder's": (
        "1.root",
        an_intruders,
        "root-damaged metadata/1.root.json: it is another one than in keys/root.json",
    ),
    "an older one": (
        "2.root",
        lambda p: p.public.get("metadata/1.root.json").data,
        "root-damaged metadata/2.root.json: it says that it is root version 1",
    ),
    "nobody's": (
        "2.root",
        lambda p: orjson.dumps(orjson.loads(p.public.get("metadata/2.root.json").data) | {"signatures": []}),
        "root-damaged metadata/2.root.json: it is not signed by enough of the keys that root version 1 names",
    ),
    "another role": (
        "1.pages",
        lambda p: p.public.get("metadata/1.bins.json").data,
        "metadata-damaged metadata/1.pages.json",
    ),
    "rot below": ("1.targets", lambda _: b"{}", "metadata-damaged metadata/1.targets.json"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_was_overwritten_is_named_and_put_back(place: Place, what: str) -> None:
    role, bad, line = DAMAGE[what]
    name = f"metadata/{role}.json"
    good = place.public.get(name).data
    place.overwrite(name, bad(place))
    place.overwrite(f"{name}.gz", gz(b"of the other bytes"))
    assert any(found.startswith(line) for found in place.fsck())
    if what != "an intruder's":  # which verifies: only the copy tells
        with pytest.raises(OfflineDamaged, match=rf"{name} .*`bonded tuf put-back`.*\((root|metadata)-damaged\)"):
            read_base(place.public)
        refused = place.run("tuf", "recover", "--yes")
        assert refused.exit_code == 1
        assert refused.stderr.strip().endswith("-damaged)")
        assert refused.stderr.count("\n") == 1

    dry = place.run("tuf", "put-back", "--dry-run")
    assert dry.exit_code == 0
    assert f"{name}: " in dry.stdout
    assert place.public.get(name).data != good
    said = place.run("tuf", "put-back", "--yes")
    assert (said.exit_code, said.stdout.splitlines()[-1]) == (0, f"put back: {name}")
    assert place.public.get(name).data == good
    assert not place.public.exists(f"{name}.gz")
    assert place.fsck() == []
    place.publish()
    assert place.client("returning").versions >= place.client(f"new {what}").versions


@pytest.mark.parametrize("name", ["metadata/1.root.json", "metadata/2.root.json", "metadata/1.bins.json"])
def test_what_was_deleted_is_put_back(place: Place, name: str) -> None:
    good = place.public.get(name).data
    place.public.delete(name)
    code = "root-missing" if "root" in name else "metadata-missing"
    assert any(found.startswith(f"{code} {name}") for found in place.fsck())
    assert place.run("tuf", "put-back", "--yes").exit_code == 0
    assert place.public.get(name).data == good
    assert place.fsck() == []


def test_without_a_copy_it_says_what_to_do(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    good = place.public.get("metadata/1.targets.json").data
    place.overwrite("metadata/1.targets.json", b"{}")
    with monkeypatch.context() as patch:
        patch.setattr("bonded.tuf.kept.BUNDLES", "keys/nowhere")
        said = place.run("tuf", "put-back", "--yes")
    assert said.exit_code == 1
    assert "No copy on this host: copy it from a backup or a mirror (metadata-damaged)" in said.stderr
    assert place.public.get("metadata/1.targets.json").data == b"{}"
    place.overwrite("metadata/1.targets.json", good)


def test_what_was_never_released_is_not_put_there(place: Place) -> None:
    """The third root is signed and lies in keys/ceremonies; somebody puts junk under its name before its time."""
    place.desk.said("tuf", "export", place.folder / "again.json", "--dir", place.data)
    bundle = place.ceremony("third", place.folder / "again.json", "--root-only")
    (place.data / "keys/ceremonies/third.json").write_bytes(bundle.read_bytes())
    said = place.run("tuf", "put-back")
    assert said.stdout == "everything that the offline keys signed is in its place\n"
    place.overwrite("metadata/3.root.json", b"junk")
    said = place.run("tuf", "put-back", "--yes")
    assert (said.exit_code, said.stdout) == (1, "")
    assert "metadata/3.root.json: it cannot be read as root metadata. No copy on this host" in said.stderr
    with pytest.raises(RepositoryError):
        place.client("at the junk")
    place.public.delete("metadata/3.root.json")
    (place.data / "keys/ceremonies/third.json").unlink()


def test_nothing_is_written_without_a_yes(place: Place) -> None:
    good = place.public.get("metadata/1.root.json").data
    place.overwrite("metadata/1.root.json", b"rot")
    asked = CliRunner().invoke(bonded, ["tuf", "put-back", "--dir", str(place.data)], input="n\n")
    assert asked.exit_code == 1
    assert place.public.get("metadata/1.root.json").data == b"rot"
    assert place.run("tuf", "put-back", "--yes").exit_code == 0
    assert place.public.get("metadata/1.root.json").data == good


def test_the_database_may_be_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second root is in a bundle that is not known to be released, and nothing follows it: it is not put there."""
    monkeypatch.setenv("BONDED_DATABASE__URL", "sqlite:////nowhere/at/all.db")
    first, second = (place.public.get(f"metadata/{n}.root.json").data for n in (1, 2))
    place.overwrite("metadata/1.root.json", b"rot")
    place.overwrite("metadata/2.root.json", b"rot")
    said = place.run("tuf", "put-back", "--yes")
    assert said.exit_code == 1
    assert said.stdout.splitlines()[-1] == "put back: metadata/1.root.json"
    monkeypatch.delenv("BONDED_DATABASE__URL")
    assert place.run("tuf", "put-back", "--yes").exit_code == 0
    assert [place.public.get(f"metadata/{n}.root.json").data for n in (1, 2)] == [first, second]
