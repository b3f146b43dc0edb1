"""The contract of Signer, against the file adapter: numbers never fall, across processes and restarts."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from securesystemslib.signer import Key, Signature  # type: ignore[attr-defined]

from bonded.adapters.signer_file import FileSigner, SignerUnusable, load_key
from bonded.seams import SignerRefused
from bonded.tuf.keys import make_key


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    make_key(tmp_path / "online.pem", b"secret")
    return tmp_path / "online.pem"


def signer(key_path: Path) -> FileSigner:
    return FileSigner([load_key(key_path, b"secret")], key_path.with_name("state.json"))


def test_signatures_verify(key_path: Path) -> None:
    one = signer(key_path)
    one.reserve(1, "a")
    (signature,) = one.sign(1, "a", "timestamp", b"payload")
    ((keyid, public),) = one.keys().items()
    assert signature["keyid"] == keyid
    Key.from_dict(keyid, public).verify_signature(Signature(keyid, signature["sig"]), b"payload")


def test_a_number_is_for_one_attempt_and_never_falls(key_path: Path) -> None:
    one = signer(key_path)
    assert one.highest() == (0, "")
    one.reserve(5, "a")
    one.reserve(5, "a")
    for number, attempt in ((4, "a"), (5, "b")):
        with pytest.raises(SignerRefused):
            one.reserve(number, attempt)
    again = signer(key_path)  # another process, or this one after a crash
    assert again.highest() == (5, "a")
    with pytest.raises(SignerRefused):
        again.reserve(5, "b")
    again.reserve(7, "c")
    assert one.highest() == (7, "c")
    with pytest.raises(SignerRefused):
        one.reserve(6, "d")


def test_nothing_is_signed_without_a_reservation(key_path: Path) -> None:
    one = signer(key_path)
    with pytest.raises(SignerRefused):
        one.sign(1, "a", "timestamp", b"x")
    one.reserve(1, "a")
    with pytest.raises(SignerRefused):
        one.sign(2, "a", "timestamp", b"x")
    with pytest.raises(SignerRefused):
        one.sign(1, "b", "timestamp", b"x")


def test_of_two_processes_one_gets_the_number(key_path: Path) -> None:
    got: list[str] = []

    def reserve(attempt: str) -> None:
        try:
            signer(key_path).reserve(9, attempt)
            got.append(attempt)
        except SignerRefused:
            pass

    threads = [threading.Thread(target=reserve, args=(f"{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert signer(key_path).highest() == (9, got[0])


def test_what_cannot_be_used_is_said_in_a_sentence(key_path: Path, tmp_path: Path) -> None:
    with pytest.raises(SignerUnusable, match="passphrase"):
        load_key(key_path, b"wrong")
    with pytest.raises(SignerUnusable, match="no signing key"):
        load_key(tmp_path / "none.pem", b"secret")
    (tmp_path / "noise.pem").write_bytes(b"noise")
    with pytest.raises(SignerUnusable):
        load_key(tmp_path / "noise.pem", b"secret")
    (tmp_path / "state.json").write_bytes(b"{")
    with pytest.raises(SignerUnusable, match="damaged"):
        signer(key_path).highest()


def test_keys_are_encrypted_private_and_never_overwritten(key_path: Path) -> None:
    assert b"ENCRYPTED" in key_path.read_bytes()
    assert key_path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        make_key(key_path, b"secret")
