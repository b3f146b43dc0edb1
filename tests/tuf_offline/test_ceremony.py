"""A first ceremony as new users would hold it: three root keys, two must sign; interrupted, one wrong, one lost."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from bonded.tuf import ceremony_folder
from bonded.tuf.ceremony_import import import_first
from bonded.tuf.ceremony_state import read_state
from bonded.tuf.offline import one_time_of, top_keys
from bonded.wiring import wall_clock
from tests.tuf.world import World
from tests.tuf_offline.conftest import copied
from tests.tuf_offline.machines import SECRET, Meeting, without_network


def test_two_of_three_sign_and_a_fresh_client_believes_them(meeting: Meeting, sqlite_db: object) -> None:
    said = meeting.begin()
    assert "root: 3 keys, 2 of them must sign" in said
    assert "2 signatures missing; can sign: alice, bob, carol" in said
    read = meeting.alice.signs(meeting.folder)
    assert "This is a new index" in read
    assert "Your key alice signs: root version 1" in read
    for person in meeting.people.values():  # what is compared by eye is on every signer's screen
        keyid = next(k for k, h in meeting.state().holders["root"].items() if h.name == person.name)
        assert " ".join(keyid[i : i + 4] for i in range(0, 64, 4)) in read
    assert not meeting.bundle.exists()
    meeting.bob.signs(meeting.folder)  # carol's key is lost: two are enough
    assert {p.name for p in meeting.folder.iterdir() if not p.name.startswith(".")} == {
        "bundle.json", "page-to-print.html", "root.json", "transcript",
    }  # fmt: skip
    host, now = meeting.host, wall_clock()
    world = World(sqlite_db, host.folder, now)  # type: ignore[arg-type]
    n, step = import_first(world.public, host.signer, meeting.state(), now, world.settings.lifetime)
    assert n == 1
    (host.folder / "keys").mkdir()
    (host.folder / "keys/root.json").write_bytes(step.files["root"])
    assert (meeting.folder / "root.json").read_bytes() == step.files["root"]
    client = world.client()
    assert client.updater.get_targetinfo("simple/nothing/index.html") is None  # verified down to an empty bin


def test_one_time_keys_are_nowhere(finished: Meeting) -> None:
    """Targets, pages and bins are signed by a key that is in no file, and root says so."""
    state = finished.state()
    (step,) = state.signed_steps()
    root = step.signed["root"]
    once = set(top_keys(root, "targets").keys)
    assert once == one_time_of(root) == set(state.one_time)
    assert not once & set(top_keys(root, "root").keys)
    for path in finished.place.rglob("*"):
        if path.is_file() and b"PRIVATE KEY" in path.read_bytes():
            assert path.parent.name in ("alice", "bob", "carol", "host")
            assert b"ENCRYPTED" in path.read_bytes()


def test_private_keys_are_encrypted_and_ones_own(meeting: Meeting) -> None:
    key = meeting.alice.key
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in key.read_bytes()
    assert SECRET.encode() not in meeting.alice.pub.read_bytes()
    before = key.read_bytes(), meeting.alice.pub.read_bytes()
    meeting.alice.make_key()  # once more: the key is kept
    assert (key.read_bytes(), meeting.alice.pub.read_bytes()) == before


def test_a_signer_who_is_killed_signs_again(prepared: Meeting) -> None:
    """Killed while reading: nothing happened, nothing is locked. On a machine without a network."""
    carol, lines = prepared.carol, prepared.lines()
    words = [word for word in carol.signing(prepared.folder) if word != "--yes"]
    process = carol.apart(*words)
    assert process.stdout
    for line in process.stdout:
        if line.startswith("Signed so far"):
            break
    refused = prepared.alice.refused(*prepared.alice.signing(prepared.folder))
    assert "another command is at work" in refused
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert prepared.lines() == lines
    done = carol.apart(*words)
    out, err = done.communicate("yes\n", timeout=60)
    assert done.returncode == 0, err
    assert "1 signature missing; signed by carol" in out
    assert "Signed so far by: nobody" in out


def test_without_a_yes_nothing_is_signed(prepared: Meeting) -> None:
    words = [word for word in prepared.alice.signing(prepared.folder) if word != "--yes"]
    for answer in ("y\n", "no\n", "\n"):
        assert prepared.alice.refused(*words, answers=answer) == "nothing was signed"
    assert prepared.state().statements == []


@pytest.mark.parametrize("die_at", range(1, 14))
def test_stopped_at_any_write_it_goes_on(meeting: Meeting, monkeypatch: pytest.MonkeyPatch, die_at: int) -> None:
    """The whole ceremony, stopped at its write number `die_at`, either before or after the file has its name."""
    written, real = 0, os.replace

    def dying(source: str | Path, target: str | Path) -> None:
        nonlocal written
        written += 1
        if written == die_at and die_at % 2:
            raise KeyboardInterrupt
        real(source, target)
        if written == die_at:
            raise KeyboardInterrupt

    def hold() -> None:
        meeting.desk.run(*meeting.words())
        meeting.alice.run(*meeting.alice.signing(meeting.folder))
        meeting.bob.run(*meeting.bob.signing(meeting.folder))

    with monkeypatch.context() as patched:
        patched.setattr(ceremony_folder.Path, "replace", lambda self, target: dying(self, target))
        hold()
    assert written >= die_at
    hold()
    state = meeting.state()
    assert state.complete
    assert meeting.bundle.exists()
    assert [line.entry["what"] for line in state.lines] == [
        "begun", "key", "key", "key", "terms", "prepared", "signed", "signed",
    ]  # fmt: skip


def test_a_whole_folder_may_travel_as_a_file(prepared: Meeting, tmp_path: Path) -> None:
    """Signers elsewhere get one file, sign it at the same time, and send one back."""
    request = tmp_path / "to-sign.json"
    prepared.desk.said("tuf", "ceremony", prepared.folder, "--request", request, "--yes")
    for person in (prepared.alice, prepared.carol):
        out = tmp_path / f"{person.name}.signed.json"
        person.signs(request, "--output", out)
        said = prepared.desk.run("tuf", "ceremony", prepared.folder, "--add", out, "--yes")
        assert said.exit_code == 0
        again = prepared.desk.run("tuf", "ceremony", prepared.folder, "--add", out, "--yes")
        assert "was taken before" in again.stderr
    assert prepared.state().complete
    prepared.desk.said("tuf", "verify-transcript", prepared.bundle, "--root", prepared.folder / "root.json")


def test_who_signed_the_wrong_version_is_told(prepared: Meeting, tmp_path: Path, copy: Path) -> None:
    """Carol has the memory stick of a rehearsal; her signature is over other bytes, and is refused at the desk."""
    request = tmp_path / "rehearsal.json"
    old = Meeting(tmp_path / "old")
    old.people = prepared.people
    old.host = prepared.host
    old.begin("--bins", "8")
    old.desk.said("tuf", "ceremony", old.folder, "--request", request, "--yes")
    prepared.carol.signs(request, "--output", tmp_path / "wrong.json")
    sentence = prepared.desk.refused("tuf", "ceremony", prepared.folder, "--add", tmp_path / "wrong.json", "--yes")
    assert sentence == "the signature of carol was made for another ceremony: let them sign this one"
    # Her own machine does not let her sign two different first roots, unless she says that the other came to nothing.
    sentence = prepared.carol.refused(*prepared.carol.signing(prepared.folder))
    assert sentence.startswith("this key signed another root version 1 on ")
    prepared.carol.signs(prepared.folder, "--given-up")
    copied(prepared.folder, copy)
    assert len(prepared.state().statements) == 1


def test_the_same_command_again_changes_nothing(finished: Meeting) -> None:
    files = {p: p.read_bytes() for p in finished.folder.rglob("*.json")}
    finished.begin()
    assert "signed everything already" in finished.alice.run(*finished.alice.signing(finished.folder)).stderr
    assert {p: p.read_bytes() for p in finished.folder.rglob("*.json")} == files


@pytest.mark.parametrize(
    "words",
    [
        ("--root-days", "30"), ("--root-threshold", "3"), ("--bins", "8"), ("--drop-root-key", "bob"),
        ("--root-only",), ("--compromised",), ("--make-root-key", "dave"),
    ],
)  # fmt: skip
def test_what_is_decided_too_late_is_refused(prepared: Meeting, words: tuple[str, ...]) -> None:
    """Not left aside in silence: whoever said that bob is dropped would believe it."""
    before = prepared.lines()
    more = ("--passphrase-file", prepared.desk.secret) if words[0] == "--make-root-key" else ()
    said = prepared.desk.refused("tuf", "ceremony", prepared.folder, *words, *more, "--yes")
    assert "written for signature already, and say otherwise: nothing was changed" in said
    assert "a new folder" in said
    assert prepared.lines() == before
    assert "2 signatures missing" in prepared.desk.said("tuf", "ceremony", prepared.folder, "--yes")


def test_a_key_that_was_dropped_may_be_named_again(meeting: Meeting) -> None:
    """The same command goes on, also when a key was dropped by it before."""
    drop = ("tuf", "ceremony", meeting.folder, "--drop-root-key", "bob", "--yes")
    meeting.desk.run(*meeting.words("--root-threshold", "4"))  # cannot be reached: the keys are in, nothing is written
    assert "can sign: alice, carol" in meeting.desk.said(*drop, "--root-threshold", "2")
    assert "can sign: alice, carol" in meeting.desk.said(*drop)


def test_a_person_is_asked_in_plain_words(meeting: Meeting) -> None:
    answers = [
        str(meeting.host.index_file()),
        "alice", str(meeting.alice.pub),
        "bob", str(meeting.bob.pub),
        "carol", "", SECRET, SECRET,  # her key is made at the desk
        "",
        "2", "4", "8", "365", "200", "y",
    ]  # fmt: skip
    result = meeting.desk.run("tuf", "ceremony", meeting.folder, answers="\n".join(answers) + "\n")
    assert result.exit_code == 0, result.output
    assert "Public key file of bob (empty: make the key here)" in result.stderr
    assert "Write these metadata for signature now?" in result.stderr
    state = meeting.state()
    assert state.terms is not None
    assert (state.terms.root_threshold, state.terms.bins, state.terms.offline_days) == (2, 8, 200)
    assert {h.name for h in state.holders["root"].values()} == {"alice", "bob", "carol"}
    assert b"ENCRYPTED" in (meeting.folder / "keys/carol.pem").read_bytes()


def test_saying_no_writes_no_metadata_and_forgets_no_answer(meeting: Meeting) -> None:
    words = [word for word in meeting.words() if word != "--yes"]
    assert "nothing was written" in meeting.desk.refused(*words, answers="2\n4\n4\n365\n365\nn\n")
    assert meeting.state().steps is None
    meeting.desk.said("tuf", "ceremony", meeting.folder, "--bins", "8", answers="y\n")
    state = meeting.state()
    assert state.terms is not None
    assert state.terms.bins == 8
    assert state.steps is not None


def test_kept_targets_keys_sign_what_is_below_root(meeting: Meeting) -> None:
    meeting.begin("--targets-key", meeting.carol.pub, "--targets-key", meeting.bob.pub, "--targets-threshold", "2")
    read = meeting.carol.signs(meeting.folder)
    assert "Your key carol signs: root version 1, targets version 1, pages version 1, bins version 1" in read
    meeting.alice.signs(meeting.folder)
    assert [(need.role, missing) for need, missing in meeting.state().missing()] == [
        ("targets", 1), ("pages", 1), ("bins", 1),
    ]  # fmt: skip
    meeting.bob.signs(meeting.folder)
    assert meeting.state().complete


def test_the_page_to_print_has_every_fingerprint(finished: Meeting) -> None:
    page = (finished.folder / "page-to-print.html").read_text()
    state = finished.state()
    for holders in state.holders.values():
        for keyid in holders:
            assert " ".join(keyid[i : i + 4] for i in range(0, 64, 4)) in page
    assert " ".join(state.head[i : i + 4] for i in range(0, 64, 4)) in page
    assert "<script" not in page
    assert "src=" not in page
    assert "href=" not in page


def test_commands_of_a_ceremony_reach_for_no_network(prepared: Meeting) -> None:
    """Run where there is none at all, if this machine lets us; the story must be the same."""
    process = prepared.bob.apart(*prepared.bob.signing(prepared.folder))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (without_network(), err)
    assert "signed by bob" in out
    assert read_state(prepared.state().lines).statements


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    """So are /dev/stdout and /dev/null, of which root would make a file for everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ceremony_folder.write_whole(pipe, b"index")
        assert os.read(reader, 100) == b"index"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]
