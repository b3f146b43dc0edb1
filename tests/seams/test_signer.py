"""The contract of Signer, against every place a key can live: numbers never fall, signatures verify, refusals say why.

Encrypted files are tried in this process and through the signer process; everything else through the signer process of a
host that has the libraries: SoftHSM2 over PKCS#11, moto's KMS, and services of our own that speak the others' protocols.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

import pytest
from securesystemslib.signer import Key, Signature  # type: ignore[attr-defined]

from bonded.adapters.signer_file import FileSigner, load_key
from bonded.adapters.signer_none import NoSigner
from bonded.seams import Signer, SignerRefused, SignerUnusable
from bonded.tuf.keys import make_key
from tests.seams.keys import hosts
from tests.seams.keys.payloads import bin_of, pointer_of

SCHEMES = {
    "file": {"ed25519"},
    "process": {"ed25519"},
    "softhsm": {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ed25519"},
    "vault": {"ed25519"},
    "aws": {"ecdsa-sha2-nistp256"},
    "aws-rsa": {"rsassa-pss-sha256"},
    "google": {"ecdsa-sha2-nistp256"},
    "azure": {"ecdsa-sha2-nistp256"},
}
"""What each kind of key signs with: what its metadata must say."""
CLOUDS = ("aws", "aws-rsa", "google", "azure")


@contextmanager
def _in_process(folder: Path) -> Iterator[Signer]:
    host = hosts.file_host(folder, 2)
    keys = [load_key(folder / uri.removeprefix("file:"), b"a long one") for uri in host.keys]
    yield FileSigner(keys, folder / "keys/signer-state.json")


@contextmanager
def _on(host: AbstractContextManager[hosts.Host]) -> Iterator[Signer]:
    with host as ready, ready.running() as signer:
        yield signer


MAKE: dict[str, Callable[[Path], AbstractContextManager[Signer]]] = {
    "file": _in_process,
    "process": lambda folder: _on(nullcontext(hosts.file_host(folder, 2))),
    "softhsm": lambda folder: _on(
        nullcontext(hosts.hsm_host(folder, "EC:prime256v1", "EC:secp384r1", "EC:edwards25519"))
    ),
    "vault": lambda folder: _on(hosts.vault_host(folder)),
    "aws": lambda folder: _on(hosts.aws_host(folder)),
    "aws-rsa": lambda folder: _on(hosts.aws_host(folder, "RSA_2048")),
    "google": lambda folder: _on(hosts.google_host(folder)),
    "azure": lambda folder: _on(hosts.azure_host(folder)),
}


@pytest.fixture(
    scope="module", params=[pytest.param(kind, marks=pytest.mark.slow if kind in CLOUDS else ()) for kind in MAKE]
)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def signer(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    with MAKE[kind](tmp_path_factory.mktemp("host") / "d") as made:
        yield made


@pytest.fixture
def n(signer: Signer) -> int:
    """A number that nobody has reserved yet."""
    return signer.highest()[0] + 10


def check(signer: Signer, signatures: list[dict[str, str]], payload: bytes) -> None:
    """Every key has signed `payload`, once each."""
    keys = signer.keys()
    assert sorted(s["keyid"] for s in signatures) == sorted(keys)
    for s in signatures:
        Key.from_dict(s["keyid"], dict(keys[s["keyid"]])).verify_signature(Signature(s["keyid"], s["sig"]), payload)


def test_keys_say_what_they_sign_with(signer: Signer, kind: str) -> None:
    keys = signer.keys()
    assert {key["scheme"] for key in keys.values()} == SCHEMES[kind]
    for keyid, key in keys.items():
        assert set(key) == {"keytype", "scheme", "keyval"}
        assert Key.from_dict(keyid, dict(key)).to_dict() == key


def test_signatures_verify(signer: Signer, n: int) -> None:
    signer.reserve(n, "a")
    payload = bin_of(n)
    check(signer, signer.sign(n, "a", "bin-1-0a", payload), payload)
    for role in ("snapshot", "timestamp"):
        payload = pointer_of(role, n)
        check(signer, signer.sign(n, "a", role, payload), payload)


def test_a_batch_is_signed_in_order(signer: Signer, n: int) -> None:
    signer.reserve(n, "a")
    items = [(f"bin-1-{i:04x}", bin_of(n, i)) for i in range(150)]
    made = signer.sign_many(n, "a", items)
    assert len(made) == len(items)
    for (_, payload), signatures in list(zip(items, made, strict=True))[::10]:
        check(signer, signatures, payload)
    assert signer.sign_many(n, "a", []) == []


def test_only_the_keys_asked_for_sign(signer: Signer, n: int) -> None:
    signer.reserve(n, "a")
    first = min(signer.keys())
    assert [s["keyid"] for s in signer.sign(n, "a", "bin-1-0a", bin_of(n), {first, "f" * 64})] == [first]
    with pytest.raises(SignerRefused, match="none of the keys"):
        signer.sign(n, "a", "bin-1-0a", bin_of(n), {"f" * 64})


def test_a_number_is_for_one_attempt_and_never_falls(signer: Signer, n: int) -> None:
    signer.reserve(n, "a")
    signer.reserve(n, "a")
    for number, attempt in ((n - 1, "a"), (n, "b")):
        with pytest.raises(SignerRefused, match=str(number)):
            signer.reserve(number, attempt)
    assert signer.highest() == (n, "a")
    signer.reserve(n + 2, "c")
    assert signer.highest() == (n + 2, "c")


def test_nothing_is_signed_without_a_reservation(signer: Signer, n: int) -> None:
    signer.reserve(n, "a")
    for number, attempt in ((n + 1, "a"), (n, "b"), (n - 1, "a")):
        with pytest.raises(SignerRefused, match="not reserved"):
            signer.sign(number, attempt, "bin-1-0a", bin_of(number))


def test_threads_sign_at_the_same_time(signer: Signer, n: int) -> None:
    signer.reserve(n, "a")
    payloads = [bin_of(n, i) for i in range(24)]
    made: dict[int, list[dict[str, str]]] = {}

    def share(begin: int) -> None:
        for i in range(begin, 24, 4):
            made[i] = signer.sign(n, "a", "bin-1-0a", payloads[i])

    threads = [threading.Thread(target=share, args=(begin,)) for begin in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, payload in enumerate(payloads):
        check(signer, made[i], payload)


def test_no_signer_refuses_everything() -> None:
    none = NoSigner()
    assert (none.keys(), none.highest()) == ({}, (0, ""))
    for ask in (
        partial(none.reserve, 1, "a"),
        partial(none.sign, 1, "a", "timestamp", b""),
        partial(none.sign_many, 1, "a", []),
    ):
        with pytest.raises(SignerRefused):
            ask()


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    make_key(tmp_path / "online.pem", b"secret")
    return tmp_path / "online.pem"


def file_signer(key_path: Path) -> FileSigner:
    return FileSigner([load_key(key_path, b"secret")], key_path.with_name("state.json"))


def test_numbers_survive_a_restart(key_path: Path) -> None:
    one = file_signer(key_path)
    assert one.highest() == (0, "")
    one.reserve(5, "a")
    again = file_signer(key_path)  # another process, or this one after a crash
    assert again.highest() == (5, "a")
    with pytest.raises(SignerRefused):
        again.sign(5, "a", "timestamp", b"x")
    with pytest.raises(SignerRefused):
        again.reserve(5, "b")
    again.reserve(7, "c")
    assert one.highest() == (7, "c")
    with pytest.raises(SignerRefused):
        one.reserve(6, "d")


def test_of_two_processes_one_gets_the_number(key_path: Path) -> None:
    got: list[str] = []

    def reserve(attempt: str) -> None:
        try:
            file_signer(key_path).reserve(9, attempt)
            got.append(attempt)
        except SignerRefused:
            pass

    threads = [threading.Thread(target=reserve, args=(f"{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    assert file_signer(key_path).highest() == (9, got[0])


def test_what_cannot_be_used_is_said_in_a_sentence(key_path: Path, tmp_path: Path) -> None:
    with pytest.raises(SignerUnusable, match="passphrase"):
        load_key(key_path, b"wrong")
    with pytest.raises(SignerUnusable, match="needs a passphrase"):
        load_key(key_path, None)
    with pytest.raises(SignerUnusable, match="no signing key"):
        load_key(tmp_path / "none.pem", b"secret")
    (tmp_path / "noise.pem").write_bytes(b"noise")
    with pytest.raises(SignerUnusable):
        load_key(tmp_path / "noise.pem", b"secret")
    make_key(tmp_path / "bare.pem", None)
    with pytest.raises(SignerUnusable, match="not encrypted"):
        load_key(tmp_path / "bare.pem", b"secret")
    (tmp_path / "state.json").write_bytes(b"{")
    with pytest.raises(SignerUnusable, match="damaged"):
        file_signer(key_path).highest()


def test_keys_are_encrypted_private_and_never_overwritten(key_path: Path) -> None:
    assert b"ENCRYPTED" in key_path.read_bytes()
    assert key_path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        make_key(key_path, b"secret")
