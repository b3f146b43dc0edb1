"""The runbook's commands, run as a person runs them: compare, rekey, recover, fsck; python-tuf and tuf-js look on."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bonded.cli import bonded
from bonded.db import migrate
from bonded.tuf.base import read_base
from bonded.tuf.publish import publish
from bonded.wiring import House, open_house
from tests.tuf.world import Client
from tests.tuf_ops.index import Index
from tests.tuf_recovery.attacker import Attacker
from tests.tufjs.client import Refused, tufjs

GOOD = "packages/alpha/alpha-1.0-py3-none-any.whl"
EVIL = "packages/evil/evil-1.0-py3-none-any.whl"


def run(*words: str, given: str = "") -> Result:
    return CliRunner().invoke(bonded, list(words), input=given)


def said(*words: str, code: int = 0, given: str = "") -> str:
    result = run(*words, given=given)
    assert result.exit_code == code, (result.output, result.stderr, result.exception)
    return result.stdout


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A data directory with two published projects."""
    folder = tmp_path / "data"
    monkeypatch.setenv("BONDED_DIR", str(folder))
    monkeypatch.setattr("bonded.cli.operations.SECOND_LOOK", 0.0)
    said("init", str(folder), "--dev-keys", "--page-bins", "4", "--bins", "4")
    house = open_house(folder)
    index = Index.__new__(Index)
    index.folder, index.db, index.now, index.owner = folder, house.db, datetime.now(UTC), "0" * 26
    index.vault, index.public, index.publisher = house.vault, house.public, house.publisher  # type: ignore[assignment]
    index.add_owner()
    for name in ("alpha", "beta"):
        index.upload(name)
    publish(house.publisher, datetime.now(UTC))
    index.work()
    house.lock.release()  # type: ignore[attr-defined]
    return house


def attack(house: House, targets: dict[str, bytes | None]) -> int:
    key = Index.key(_at(house))
    return Attacker(house.directory / "public", key, datetime.now(UTC), record="empty").attack(1000, targets)


def _at(house: House) -> Index:
    index = Index.__new__(Index)
    index.folder = house.directory
    return index


def client(house: House, name: str) -> Client:
    root = (house.directory / "keys/root.json").read_bytes()
    return Client(house.public, house.directory / "clients" / name, root, datetime.now(UTC))


def test_the_runbook_of_a_compromise(house: House, tmp_path: Path) -> None:
    good, base = read_base(house.public).n, f"{(house.directory / 'public').as_uri()}/"
    root = (house.directory / "keys/root.json").read_bytes()
    with tufjs() as js:
        now = datetime.now(UTC)
        js.look(base, tmp_path / "js", [GOOD], root=root, now=now)
        evil = attack(house, {EVIL: b"malware", GOOD: None})
        assert js.look(base, tmp_path / "js", [EVIL], now=now).targets[EVIL]
        assert client(house, "returning").get(EVIL) == b"malware"

        told = said("tuf", "compare", "--since", str(good)).splitlines()
        assert [line.rsplit(" ", 1)[0] for line in told] == [f"added {EVIL}", f"removed {GOOD}"]
        assert "added " + EVIL in said("tuf", "compare", code=1)

        assert "2.root" not in said("tuf", "rekey", "--dev-keys", str(tmp_path / "new"))
        assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
            "2.bins.json",
            "2.pages.json",
            "2.root.json",
        ]
        plan = said("tuf", "recover", "--to", str(good), "--new-keys", str(tmp_path / "new"), "--dry-run")
        assert f"the store shows publication {evil}" in plan
        assert "above every number in the store, with new keys" in plan
        assert read_base(house.public).n == evil

        asked = run("tuf", "recover", "--to", str(good), "--new-keys", str(tmp_path / "new"), given="n\n")
        assert asked.exit_code == 1
        assert read_base(house.public).n == evil

        out = said("tuf", "recover", "--to", str(good), "--new-keys", str(tmp_path / "new"), "--yes")
        assert "objects that nobody stands for were deleted" in out
        assert f"publication {read_base(house.public).n} is live" in out
        for folder, trusted in (("js", b""), ("js-new", root)):
            seen = js.look(base, tmp_path / folder, [GOOD, EVIL], root=trusted, now=now)
            assert (bool(seen.targets[GOOD]), seen.targets[EVIL]) == (True, None)
    for name in ("returning", "new"):
        assert client(house, name).get(GOOD)
        assert client(house, name).get(EVIL) is None
    assert said("fsck", str(house.directory)) == ""
    assert said("tuf", "compare").startswith("no difference")
    assert not house.public.exists(EVIL)


def test_tufjs_refuses_what_the_old_key_signs_afterwards(house: House, tmp_path: Path) -> None:
    good, base = read_base(house.public).n, f"{(house.directory / 'public').as_uri()}/"
    stolen = Index.key(_at(house))
    said("tuf", "rekey", "--dev-keys", str(tmp_path / "new"))
    said("tuf", "recover", "--to", str(good), "--new-keys", str(tmp_path / "new"), "--yes")
    later = Attacker(house.directory / "public", stolen, datetime.now(UTC))
    later.attack(1, {EVIL: b"malware"})
    root = (house.directory / "keys/root.json").read_bytes()
    with tufjs() as js, pytest.raises(Refused):
        js.look(base, tmp_path / "js", [EVIL], root=root, now=datetime.now(UTC))


def test_the_database_is_lost(house: House) -> None:
    """The disk with the database is gone: a new one is migrated, and everything public comes back."""
    house.db.close()
    for path in house.directory.glob("bonded.db*"):
        path.unlink()
    said("migrate")
    plan = json.loads(said("tuf", "recover", "--dry-run", "--json"))
    assert plan["counts"]["files made public"] == 2
    result = run("tuf", "recover", "--yes")
    assert result.exit_code == 0, result.output
    assert "2 projects have no owner" in result.stderr
    assert "bonded project owner add PROJECT USER" in result.stderr
    again = open_house(house.directory)
    assert migrate.differences(again.db) == []
    assert client(again, "new").get(GOOD)
    lines = [line for line in said("fsck", str(house.directory)).splitlines() if not line.startswith("warning")]
    assert lines == []
    value = json.loads(said("tuf", "recover", "--yes", "--json"))
    assert value["replayed"]["publications"] == 0


def test_nothing_is_lost(house: House) -> None:
    out = said("tuf", "recover", "--yes")
    assert "replayed 0 publications" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--to", "0"], "the record begins after publication 0"),
        (["--to", "1", "--digest", "0" * 64], "is not the one that was signed"),
        (["--new-keys", "nothing"], "does not exist"),
        (["--new-keys", "empty"], "lacks root, pages, bins"),
        (["--new-keys", "old"], "does not follow root by root"),
    ],
)
def test_what_cannot_be_is_one_sentence(house: House, words: list[str], sentence: str) -> None:
    (house.directory / "empty").mkdir()
    (house.directory / "old").mkdir()
    for role in ("root", "pages", "bins"):
        shutil.copy(house.directory / f"public/metadata/1.{role}.json", house.directory / "old")
    words = [str(house.directory / word) if word in ("nothing", "empty", "old") else word for word in words]
    before = read_base(house.public).n
    result = run("tuf", "recover", "--yes", *words)
    assert result.exit_code != 0
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert read_base(house.public).n == before


@pytest.mark.parametrize("what", ["root-keys", "offline-keys", "online-key"])
def test_rekey_after_a_rotation(house: House, tmp_path: Path, what: str) -> None:
    """Today's development keys sign, and the key that the signer holds is taken away."""
    said("tuf", "rotate", what, "--wait", "0")
    settings = house.directory / "bonded.toml"
    before = settings.read_text()
    if what == "online-key":
        both = '[signer]\nkeys = ["file:keys/online.pem", "file:keys/online-2.pem"]\n'
        settings.write_text(before + both)
        refused = run("tuf", "rekey", "--dev-keys", str(tmp_path / "new"))
        assert "leave one `file:` key in `signer.keys`" in refused.stderr
    publisher = open_house(house.directory)
    for _ in range(10):
        publish(publisher.publisher, datetime.now(UTC))
    publisher.lock.release()  # type: ignore[attr-defined]
    assert ", done: " in run("tuf", "status").stdout
    if what == "online-key":
        settings.write_text(before + '[signer]\nkeys = ["file:keys/online-2.pem"]\n')
    good = read_base(house.public).n
    said("tuf", "rekey", "--dev-keys", str(tmp_path / "new"))
    said("tuf", "recover", "--to", str(good), "--new-keys", str(tmp_path / "new"), "--yes")
    assert client(house, "new").get(GOOD)
    assert said("fsck", str(house.directory)) == ""


def test_rekey_asks_for_a_ceremony_where_keys_are_real(house: House, tmp_path: Path) -> None:
    assert "--compromised" in run("tuf", "rekey", str(tmp_path / "new")).stderr
    shutil.rmtree(house.directory / "keys/dev")
    result = run("tuf", "rekey", "--dev-keys", str(tmp_path / "new"))
    assert result.exit_code == 1
    assert "hold a ceremony" in result.stderr
    assert not (tmp_path / "new").exists()


def test_a_running_publisher_is_not_disturbed(house: House) -> None:
    with open_house(house.directory).lock.held() as mine:
        assert mine
        result = run("tuf", "recover", "--yes")
    assert result.exit_code == 1
    assert "stop the server first" in (result.stderr + str(result.exception))
