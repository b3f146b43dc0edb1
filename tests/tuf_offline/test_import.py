"""The bundle comes to the index: what is right becomes a repository, what is wrong is one sentence and changes nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from bonded.adapters.storage_files import FileStorage
from bonded.db.engine import Database
from bonded.seams import StorageError
from bonded.tuf import layout
from bonded.tuf.ceremony_folder import BUNDLE, lines_value
from bonded.tuf.ceremony_import import check_bundle, import_first
from bonded.tuf.ceremony_keys import load_offline_key
from bonded.tuf.ceremony_memory import Memory
from bonded.tuf.ceremony_sign import asked_of, sign
from bonded.tuf.ceremony_state import State, read_state
from bonded.tuf.transcript import CeremonyRefused, next_line
from bonded.wiring import open_house
from tests.tuf.world import World
from tests.tuf_offline.machines import SECRET, Host, Machine, Meeting

DAY = timedelta(days=1)


def today() -> datetime:
    return datetime.now(UTC)


def held(meeting: Meeting) -> dict[str, dict[str, Any]]:
    return meeting.host.signer.keys()


def said_by(state: State, key: Path) -> dict[str, Any]:
    """What the holder of `key` says to a ceremony."""
    signer = load_offline_key(key, SECRET.encode)
    return dict(sign(state, asked_of(state, signer.public_key.keyid), signer, Memory(signer.public_key.keyid), today()))


def with_statement(state: State, said: dict[str, Any]) -> State:
    entry = {"what": "signed", "at": said["statement"]["at"], **said}
    return read_state([*state.lines, next_line(state.lines, entry)])


def refused(meeting: Meeting, state: State, now: datetime | None = None) -> str:
    """The sentence with which a bundle is refused. Nothing is in the store then."""
    with pytest.raises(CeremonyRefused) as caught:
        import_first(meeting.host.store, meeting.host.signer, state, now or today(), DAY)
    assert not list(meeting.host.store.entries(""))
    assert meeting.host.signer.highest() == (0, "")
    return str(caught.value)


def test_from_init_to_a_served_index(tmp_path: Path) -> None:
    """As an administrator does it, by commands; the import is a row of the journal."""
    place = tmp_path / "place"
    desk, data, folder = Machine("desk", place / "desk"), place / "data", place / "ceremony"
    said = desk.said("init", data, "--bins", "4", "--page-bins", "2", "--admin", "admin")
    assert "bonded tuf key NAME" in said
    assert "set the password of admin once" in said
    assert (data / "keys/passphrase").stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in (data / "keys/online.pem").read_bytes()
    sentence = desk.refused("serve", data, "--port", "0")
    assert sentence == (
        f"this index has no metadata yet: hold the key ceremony, then import its bundle with `bonded tuf import BUNDLE --dir {data}`"
    )
    desk.make_key()
    desk.said(
        "tuf", "ceremony", folder, "--index", data / "keys/index.json", "--root-key", desk.pub,
        "--root-threshold", "1", "--yes",
    )  # fmt: skip
    desk.signs(folder)
    done = desk.apart("tuf", "import", folder / "bundle.json", "--dir", data)
    out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    assert "imported root version 1: publication 1, 4 offline roles, every bin empty" in out
    assert (data / "keys/root.json").read_bytes() == (folder / "root.json").read_bytes()
    house = open_house(data)
    with house.db.read() as conn:
        rows = conn.exec_driver_sql("SELECT action, facts FROM journal ORDER BY id").all()
    assert [row.action for row in rows] == ["index.init", "user.create", "keys.ceremony"]
    facts = json.loads(rows[-1].facts)
    assert facts["versions"] == {"root": 1, "targets": 1, "pages": 1, "bins": 1}
    status = json.loads(desk.said("tuf", "status", "--json", "--dir", data))
    assert status["development"] is False
    assert {role["name"]: role["version"] for role in status["roles"]}["bins"] == 1
    again = desk.refused("tuf", "import", folder / "bundle.json", "--dir", data)
    assert again.startswith("this index has its metadata already")
    desk.said("tuf", "refresh", "--dir", data)
    later(desk, data, place)


def later(desk: Machine, data: Path, place: Path) -> None:
    """Next year: what the index has is exported, signed over, and handed to its publisher."""
    today, second, wrong = place / "today.json", place / "second", place / "wrong"
    desk.said("tuf", "export", today, "--dir", data)
    sentence = desk.refused("tuf", "ceremony", wrong, "--index", today, "--compromised", "--yes")
    assert sentence == "the online key is in wrong hands, and no other one was given: say --online-key"
    other = Machine("other", place / "other").make_key()
    for folder, words in ((second, ["--root-only"]), (wrong, ["--compromised", "--online-key", other])):
        desk.said("tuf", "ceremony", folder, "--index", today, *words, "--yes")
        told = desk.signs(folder, "--given-up")
    assert "for the index host: bonded tuf recover --to N --new-keys bundle.json --dir DIR" in told
    assert "bonded tuf recover --new-keys" in desk.refused("tuf", "import", wrong / "bundle.json", "--dir", data)
    said = desk.said("tuf", "import", second / "bundle.json", "--dir", data)
    assert said == "begun: ceremony in 1 steps: root\n"
    under_way = desk.refused("tuf", "import", second / "bundle.json", "--dir", data)
    assert "is under way" in under_way
    assert "`bonded tuf rotate --cancel`" in under_way  # this command has no such option
    with open_house(data).db.read() as conn:
        rows = conn.exec_driver_sql("SELECT action FROM journal ORDER BY id").scalars().all()
    assert rows[-2:] == ["keys.begin", "keys.ceremony"]
    assert len(list((data / "keys/ceremonies").iterdir())) == 2


def test_an_imported_repository_publishes(finished: Meeting, sqlite_db: Database) -> None:
    """The first publication after it, seen by a client that begins from the ceremony's root."""
    world = World(sqlite_db, finished.host.folder, today())
    import_first(world.public, finished.host.signer, finished.state(), world.now, world.settings.lifetime)
    (world.folder / "keys").mkdir()
    (world.folder / "keys/root.json").write_bytes((finished.folder / "root.json").read_bytes())
    client = world.client("returning")
    assert client.updater.get_targetinfo("simple/index.html") is None
    assert {path.name.split(".", 1)[1] for path in (world.folder / "public/metadata").glob("*.json")} >= {
        "root.json", "targets.json", "pages.json", "bins.json", "snapshot.json",
    }  # fmt: skip


def test_a_key_that_may_not_sign(prepared: Meeting) -> None:
    """Mallory's statement is no signature; nor does one get past the threshold with it."""
    mallory = Machine("mallory", prepared.place / "mallory")
    mallory.make_key()
    sentence = mallory.refused(*mallory.signing(prepared.folder))
    assert sentence.startswith("this key has nothing to sign here: ")
    state = with_statement(prepared.state(), said_by(prepared.state(), prepared.alice.key))
    forged = said_by(state, prepared.bob.key)
    forged["statement"]["keyid"] = CryptoSigner.generate_ed25519().public_key.keyid
    with pytest.raises(CeremonyRefused, match="has nothing to sign in this ceremony: it is not one of its keys"):
        with_statement(state, forged)


def test_below_the_threshold(prepared: Meeting) -> None:
    state = with_statement(prepared.state(), said_by(prepared.state(), prepared.alice.key))
    assert refused(prepared, state) == "root version 1 is below its threshold: 1 more signature is needed"
    twice = with_statement(state, said_by(prepared.state(), prepared.alice.key))  # alice is one person, however often
    assert refused(prepared, twice) == "root version 1 is below its threshold: 1 more signature is needed"


def test_over_old_bytes(prepared: Meeting, tmp_path: Path) -> None:
    """A signature over the metadata of a rehearsal does not count for these."""
    old = Meeting(tmp_path / "old")
    old.people, old.host = prepared.people, prepared.host
    old.begin("--root-days", "300")
    state = prepared.state()
    said = said_by(state, prepared.alice.key)
    stale = said_by(old.state(), prepared.alice.key)
    said["statement"]["signatures"][0]["sig"] = stale["statement"]["signatures"][0]["sig"]
    with pytest.raises(CeremonyRefused, match="the statement of alice was changed"):
        with_statement(state, said)
    whole = {"what": "signed", "at": stale["statement"]["at"], **stale}
    with pytest.raises(CeremonyRefused, match="the signature of alice was made for another ceremony"):
        read_state([*state.lines, next_line(state.lines, whole)])


def test_expired_at_import(finished: Meeting) -> None:
    late = today() + timedelta(days=366)
    assert refused(finished, finished.state(), late).startswith("root version 1 expired at ")


def test_another_online_key_than_the_signers(finished: Meeting, tmp_path: Path) -> None:
    other = Host(tmp_path / "other")
    with pytest.raises(
        CeremonyRefused, match="names another online key than the signer's: timestamp is to be signed by"
    ):
        import_first(other.store, other.signer, finished.state(), today(), DAY)
    assert not list(other.store.entries(""))


def test_the_wrong_version(finished: Meeting) -> None:
    """A bundle for a new index into one that lives, and twice the same."""
    import_first(finished.host.store, finished.host.signer, finished.state(), today(), DAY)
    before = sorted(entry.name for entry in finished.host.store.entries(""))
    with pytest.raises(CeremonyRefused, match="this index has its metadata already"):
        import_first(finished.host.store, finished.host.signer, finished.state(), today(), DAY)
    assert sorted(entry.name for entry in finished.host.store.entries("")) == before


def test_a_file_that_is_no_bundle(finished: Meeting, tmp_path: Path) -> None:
    data = tmp_path / "data"
    finished.desk.said("init", data, "--bins", "2", "--page-bins", "2")
    before = sorted(path for path in data.rglob("*") if "public" in path.parts)
    request = tmp_path / "request.json"
    finished.desk.said("tuf", "ceremony", finished.folder, "--request", request, "--yes")
    for path, why in (
        (request, "is not a file of a ceremony"),
        (finished.folder / "root.json", "is not a file of a ceremony"),
        (tmp_path / "nothing.json", "cannot be read: No such file"),
    ):
        assert why in finished.desk.refused("tuf", "import", path, "--dir", data)
    unsigned = tmp_path / "unsigned.json"
    unsigned.write_bytes(lines_value(BUNDLE, finished.state().lines[:-1]))
    for path, why in ((unsigned, "below its threshold"), (finished.bundle, "another online key than the signer's")):
        done = finished.desk.apart("tuf", "import", path, "--dir", data)
        assert why in done.communicate(timeout=60)[1]
        assert done.returncode == 1
    assert sorted(path for path in data.rglob("*") if "public" in path.parts) == before


class Full(FileStorage):
    """A store whose disk is full after some writes."""

    left = 0

    def create(self, name: str, data: Any) -> bool:
        self.left -= 1
        if self.left < 0:
            raise StorageError("no space left on the device")
        return super().create(name, data)


@pytest.mark.parametrize("writes", [0, 1, 3, 4, 7, 12, 13])
def test_an_import_that_stops_is_done_again(finished: Meeting, writes: int) -> None:
    """Until the last write there is no repository; then the same bundle takes the next number."""
    host = finished.host
    full = Full(host.folder / "public")
    full.left = writes
    with pytest.raises(StorageError):
        import_first(full, host.signer, finished.state(), today(), DAY)
    assert not host.store.exists("metadata/timestamp.json")
    n, _ = import_first(host.store, host.signer, finished.state(), today(), DAY)
    assert n == 2
    check_bundle_is_refused(finished)


def check_bundle_is_refused(meeting: Meeting) -> None:
    from bonded.tuf.ceremony_import import read_live

    live = read_live(meeting.host.store)
    assert live is not None
    with pytest.raises(CeremonyRefused):
        check_bundle(meeting.state(), live, held(meeting), today())


def test_what_another_import_left_is_not_mixed(finished: Meeting, tmp_path: Path) -> None:
    host = finished.host
    full = Full(host.folder / "public")
    full.left = 5
    with pytest.raises(StorageError):
        import_first(full, host.signer, finished.state(), today(), DAY)
    other = Meeting(tmp_path / "other")
    other.host, other.people = host, finished.people
    other.begin()
    for name in ("alice", "carol"):
        other.people[name].signs(other.folder, "--given-up")
    with pytest.raises(CeremonyRefused, match=r"the store holds another metadata/1\.root\.json"):
        import_first(host.store, host.signer, other.state(), today(), DAY)


def test_bins_are_signed_in_handfuls(finished: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of bins are not asked of a service in one call."""
    asked: list[int] = []
    signer = finished.host.signer
    real = signer.sign_many
    monkeypatch.setattr(layout, "AT_ONCE", 3)
    monkeypatch.setattr(
        type(signer), "sign_many", lambda self, n, attempt, items: asked.append(len(items)) or real(n, attempt, items)
    )
    import_first(finished.host.store, signer, finished.state(), today(), DAY)
    assert asked == [3, 1, 3, 1, 1, 1]
