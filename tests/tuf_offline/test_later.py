"""The ceremonies of later years: other people, other keys, more bins; released while new and returning clients look."""

from __future__ import annotations

import pytest
from securesystemslib.signer import CryptoSigner

from bonded.db.engine import Database
from bonded.tuf.ceremony_folder import open_ceremony
from bonded.tuf.ceremony_import import read_live
from bonded.tuf.offline import bins_of, one_time_of, top_keys
from bonded.tuf.transcript import CeremonyRefused
from tests.tuf_offline.living import Living
from tests.tuf_offline.machines import Machine, Meeting


@pytest.fixture
def living(finished: Meeting, sqlite_db: Database) -> Living:
    """A year later."""
    return Living(finished, sqlite_db)


def versions(root: int, targets: int, pages: int, bins: int) -> dict[str, int]:
    return {"root": root, "targets": targets, "pages": pages, "bins": bins}


def test_a_year_later_with_new_people_and_discarded_keys(living: Living) -> None:
    """Bob leaves, dave comes; the keys of targets were destroyed, so root joins the new ones to them first."""
    meeting = living.meeting
    dave = Machine("dave", meeting.place / "dave")
    dave.make_key()
    folder = living.ceremony(
        "second", living.export(), "--drop-root-key", "bob", "--root-key", dave.pub, "--root-threshold", "3"
    )
    read = meeting.alice.signs(folder)
    assert "You trust root version 1; this ceremony begins from version 1." in read
    assert "root: 3 of 3 keys must sign (was 2)" in read
    assert "+ dave (added)" in read
    assert "- bob (taken out)" in read
    assert "Step 1 of 3: root" in read
    assert "Your key alice signs: root version 2, root version 3" in read
    assert "Step 3 of 3: last-root\n  It is released once all clients have seen the step before." in read
    for person in (meeting.carol, dave):
        person.signs(folder)
    state = open_ceremony(folder)
    assert state.complete
    assert [step.name for step in state.steps or ()] == ["root", "metadata", "last-root"]
    first = one_time_of(meeting.state().signed_steps()[0].signed["root"])
    living.take(folder)
    seen = living.release()
    assert seen == [versions(2, 1, 1, 1), versions(2, 2, 2, 2), versions(3, 2, 2, 2)]
    live = read_live(living.changing.world.public)
    assert live is not None
    root = live.offline.root
    assert set(top_keys(root, "targets").keys) == one_time_of(root)
    assert not one_time_of(root) & first
    assert top_keys(root, "root").threshold == 3


@pytest.mark.slow
def test_another_online_key(living: Living) -> None:
    old = living.changing.held[0].public_key.keyid
    new = living.changing.add_key().ids[0]
    meeting = living.meeting
    folder = living.ceremony("online", living.export(), "--online-key", new[:12])
    read = meeting.alice.signs(folder)
    assert "+ online (added)" in read
    meeting.bob.signs(folder)
    living.take(folder)
    seen = living.release()
    assert seen[0] == versions(1, 1, 1, 1)
    assert seen[-1] == versions(3, 2, 3, 3)
    live = read_live(living.changing.world.public)
    assert live is not None
    assert top_keys(live.offline.root, "timestamp").ids == [new] != [old]


@pytest.mark.slow
def test_more_bins(living: Living) -> None:
    meeting = living.meeting
    folder = living.ceremony("bins", living.export(), "--bins", "16")
    assert "16 bins, generation 2 (was 4)" in meeting.alice.signs(folder)
    meeting.carol.signs(folder)
    living.take(folder)
    living.release()
    live = read_live(living.changing.world.public)
    assert live is not None
    assert (bins_of(live.offline.bins).count, bins_of(live.offline.bins).generation) == (16, 2)
    assert bins_of(live.offline.pages).count == 4


def test_root_alone(living: Living) -> None:
    meeting = living.meeting
    folder = living.ceremony("root", living.export(), "--root-only", "--root-threshold", "3", "--root-days", "100")
    meeting.alice.signs(folder)
    meeting.bob.signs(folder)
    assert not open_ceremony(folder).complete, "the new threshold counts for the new root too"
    meeting.carol.signs(folder)
    living.take(folder)
    assert living.release()[-1] == versions(2, 1, 1, 1)
    sentence = meeting.desk.refused(
        "tuf", "ceremony", meeting.place / "no", "--index", living.export(), "--root-only", "--bins", "8", "--yes"
    )
    assert sentence == (
        "only the root keys, their threshold and root's expiry can change with root alone; leave --root-only out"
    )


@pytest.mark.parametrize("named", [True, False], ids=["named", "held by the signer"])
def test_a_wrong_hand_on_the_online_key(living: Living, named: bool) -> None:
    """One step, no union: for `bonded tuf recover`, not for the publisher to release."""
    new = living.changing.add_key().ids[0]
    folder = living.ceremony("wrong", living.export(), "--compromised", *(["--online-key", new] if named else []))
    state = open_ceremony(folder)
    assert [step.name for step in state.steps or ()] == ["replace"]
    assert top_keys(state.steps[0].values["root"], "timestamp").ids == [new]  # type: ignore[index]


def test_what_the_index_has_moved_on_from(living: Living) -> None:
    """Two ceremonies from the same day: the second one's bundle is refused once the first is released."""
    meeting, index = living.meeting, living.export()
    for name, days in (("one", "300"), ("two", "200")):
        folder = living.ceremony(name, index, "--root-only", "--root-days", days)
        meeting.alice.signs(folder, *(["--given-up"] if name == "two" else []))
        meeting.bob.signs(folder, *(["--given-up"] if name == "two" else []))
    living.take(meeting.place / "one")
    living.release()
    with pytest.raises(
        CeremonyRefused, match="the ceremony began from root version 1, and this index has version 2 now"
    ):
        living.take(meeting.place / "two")


def test_a_signer_is_not_led_back(living: Living) -> None:
    """Alice knows root 2; a ceremony from the file of last year is not for her. Nor is another index for her key."""
    meeting, old = living.meeting, living.export("old.json")
    folder = living.ceremony("second", old, "--root-only")
    meeting.alice.signs(folder)
    meeting.bob.signs(folder)
    living.take(folder)
    living.release()
    third = living.ceremony("third", living.export(), "--root-only")
    meeting.alice.signs(third)
    stale = living.ceremony("stale", old, "--root-only", "--root-days", "200")
    sentence = meeting.alice.refused(*meeting.alice.signing(stale))
    assert sentence == (
        "this machine knows root version 2, but this ceremony begins from root version 1: it is an old one, or for another "
        "index. Do not sign; ask for today's ceremony"
    )
    # Carol has signed neither; she brings the root that was printed last year, and is told what came since.
    trusted = meeting.folder / "root.json"
    read = meeting.carol.signs(third, "--trusted", trusted)
    assert "You trust root version 1; this ceremony begins from version 2." in read
    other = Meeting(meeting.place / "elsewhere")
    other.begin()
    sentence = meeting.carol.refused(*meeting.carol.signing(other.folder))
    assert sentence.startswith("this key has nothing to sign here")
    sentence = other.alice.refused(*other.alice.signing(other.folder), "--trusted", trusted)
    assert sentence.startswith(
        "the root that you gave knows root version 1, but this ceremony begins from no root at all"
    )


def test_keys_that_are_lost_are_missed(living: Living) -> None:
    """With two of three root keys lost nobody can go on, and it says so."""
    meeting = living.meeting
    sentence = meeting.desk.refused(
        "tuf", "ceremony", meeting.place / "lost", "--index", living.export(), "--drop-root-key", "nobody", "--yes"
    )
    assert sentence == "'nobody' names no root key"
    folder = living.ceremony(
        "lost", living.export(), "--drop-root-key", "bob", "--drop-root-key", "carol", "--root-threshold", "1"
    )
    meeting.alice.signs(folder)
    waiting = meeting.desk.said("tuf", "ceremony", folder, "--yes")
    assert "step 1, root version 2: 1 signature missing; signed by alice; can sign: bob, carol" in waiting


def test_bad_keys_are_sentences(meeting: Meeting) -> None:
    desk, index = meeting.desk, meeting.host.index_file()
    words = ("tuf", "ceremony", meeting.folder, "--yes", "--index", index)
    assert desk.refused(*words) == "a threshold of 1 of 0 root keys cannot be reached: add keys or lower it"
    assert "is a private key" in desk.refused(*words, "--root-key", meeting.alice.key)
    assert "holds no public key" in desk.refused(*words, "--root-key", index)
    assert "cannot be read" in desk.refused(*words, "--root-key", meeting.place / "none.pub")
    forged = meeting.place / "forged.pub"
    forged.write_text(meeting.alice.pub.read_text().replace('"keyid": "', '"keyid": "0'))
    assert "another fingerprint" in desk.refused(*words, "--root-key", forged)
    sentence = desk.refused(*words, "--root-key", meeting.alice.pub, "--root-threshold", "2")
    assert sentence == "a threshold of 2 of 1 root keys cannot be reached: add keys or lower it"
    desk.said(*words, "--root-threshold", "1")
    assert "was begun for another index file" in desk.refused(
        "tuf", "ceremony", meeting.folder, "--yes", "--index", Meeting(meeting.place / "b").host.index_file()
    )
    assert "written for signature already" in desk.refused(*words, "--root-key", meeting.bob.pub)


def test_bad_passphrases_are_sentences(prepared: Meeting) -> None:
    wrong = prepared.place / "wrong"
    wrong.write_text("correct horse battery stable")
    words = ("tuf", "sign", prepared.folder, "--key", prepared.alice.key, "--yes", "--passphrase-file", wrong)
    assert prepared.alice.refused(*words) == (
        f"the key {prepared.alice.key} cannot be opened: wrong passphrase, or the file is damaged"
    )
    wrong.write_text("short")
    sentence = prepared.alice.refused("tuf", "key", "eve", "--folder", prepared.place, "--passphrase-file", wrong)
    assert sentence == "the passphrase is too short: use at least 12 characters, better six words"
    wrong.write_bytes(b"x" * 1024)
    sentence = prepared.alice.refused("tuf", "key", "eve", "--folder", prepared.place, "--passphrase-file", wrong)
    assert sentence == "the passphrase is too long: 1023 bytes are the most. Is it the right file?"
    assert not (prepared.place / "eve.pem").exists()
    assert "cannot name a key" in prepared.alice.refused(
        "tuf", "key", "../eve", "--passphrase-file", prepared.alice.secret
    )


def test_other_kinds_of_keys_sign_too(meeting: Meeting) -> None:
    """Public keys in PEM, as tokens export them: P-256 and RSA hold line breaks, which are signed as TUF says."""
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        PublicFormat,
    )

    made = {"alice": CryptoSigner.generate_ecdsa(), "bob": CryptoSigner.generate_rsa()}
    for name, signer in made.items():
        private, person = signer._private_key, meeting.people[name]
        secret = BestAvailableEncryption(person.secret.read_bytes().strip())
        person.key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
        person.pub.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    meeting.begin()
    for name in made:
        meeting.people[name].signs(meeting.folder)
    meeting.desk.said("tuf", "verify-transcript", meeting.bundle)
    (step,) = meeting.state().signed_steps()
    from tuf.api.metadata import Metadata, Root

    root = Metadata[Root].from_bytes(step.files["root"])
    root.verify_delegate("root", root)


def test_a_key_by_uri_is_matched_with_a_key_of_the_ceremony(prepared: Meeting) -> None:
    """As tokens and services are reached; `file2:` stands for them here, and needs no device."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    bob = prepared.bob
    key = load_pem_private_key(bob.key.read_bytes(), bob.secret.read_bytes().strip())
    token = bob.home / "token"
    token.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    words = ("tuf", "sign", prepared.folder, "--yes", "--key")
    assert "Your key bob signs: root version 1" in bob.said(*words, f"file2:{token}")
    token.write_bytes(CryptoSigner.generate_ed25519().private_bytes)
    assert "does not match" in bob.refused(*words, f"file2:{token}")
    assert "cannot be used" in bob.refused(*words, "nothing:there")
