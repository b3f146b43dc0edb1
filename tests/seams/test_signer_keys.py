"""A key that cannot be used says so in one sentence, with what to do; as soon as it can be used again, it signs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bonded.adapters.signer_uri import BadUri, Secrets, open_key, parse
from bonded.adapters.signer_vault import batches
from bonded.seams import SignerUnusable
from bonded.settings import SettingsError
from bonded.wiring import public_key
from tests.seams.keys import hosts
from tests.seams.keys.services import SLOW

GOOGLE = "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"


@pytest.mark.parametrize(
    "uri",
    [
        "file:keys/online.pem",
        "file:/srv/keys/online.pem?passphrase_file=/run/secrets/x",
        "hsm:",
        "hsm:2?label=YubiKey+PIV+%2315835999",
        "hv:online",
        "hv:online/3",
        "awskms:alias/online",
        "awskms:arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        GOOGLE,
        GOOGLE + "?endpoint=kms.example.org",
        "azurekms://v.vault.azure.net/keys/online",
        "azurekms://v.vault.azure.net/keys/online/0123",
    ],
)
def test_uris_of_keys(uri: str) -> None:
    assert parse(uri).scheme == uri.partition(":")[0]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("nope:x", "names no kind of key that is known: file:, hsm:, hv:, awskms:, gcpkms:, azurekms:"),
        ("keys/online.pem", "names no kind of key"),
        ("", "names no kind of key"),
        ("file:", "not of the form file:PATH"),
        ("file://host/x", "not of the form file:PATH"),
        ("hsm:two", "not of the form hsm:"),
        ("hsm:-1", "not of the form hsm:"),
        ("hv:", "not of the form hv:NAME"),
        ("hv:name/latest", "not of the form hv:NAME"),
        ("awskms:", "not of the form awskms:KEY"),
        ("awskms:k?region=x", "an option that is not known: region"),
        ("gcpkms:projects/p/keys/k", "not of the form gcpkms:"),
        ("gcpkms:projects//locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1", "not of the form gcpkms:"),
        ("azurekms://vault/secrets/x", "not of the form azurekms:"),
        ("azurekms:keys/x", "not of the form azurekms:"),
    ],
)
def test_what_names_no_key(uri: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadUri, match=said.replace("?", r"\?")):
        parse(uri)
    with pytest.raises(SettingsError, match=said.replace("?", r"\?")):
        public_key(uri, tmp_path)


def test_the_public_key_of_any_uri(tmp_path: Path) -> None:
    host = hosts.file_host(tmp_path / "d")
    keyid, public = public_key(host.keys[0], host.folder)
    assert public["scheme"] == "ed25519"
    assert open_key(host.keys[0], Secrets(host.folder)).keyid == keyid


@pytest.mark.parametrize(
    ("uri", "extra"),
    [
        ("hsm:2", "bonded[hsm]"),
        ("hv:online", "bonded[vault]"),
        ("awskms:k", "bonded[kms]"),
        (GOOGLE, "bonded[kms]"),
        ("azurekms://v.vault.azure.net/keys/k", "bonded[kms]"),
    ],
    ids=["hsm", "hv", "awskms", "gcpkms", "azurekms"],
)
def test_libraries_that_are_not_installed_are_named(uri: str, extra: str, tmp_path: Path) -> None:
    """They are not in the environment of the tests: importing them would slow every other process down."""
    with pytest.raises(SignerUnusable) as caught:
        open_key(uri, Secrets(tmp_path))
    assert extra in str(caught.value)


def test_passphrases(tmp_path: Path) -> None:
    host = hosts.file_host(tmp_path / "d")
    (tmp_path / "other").write_text("another\n")
    for uri, said in (
        (host.keys[0] + f"?passphrase_file={tmp_path / 'other'}", "wrong passphrase"),
        (host.keys[0] + "?passphrase_file=nowhere", "`signer.passphrase_file`"),
        ("file:keys/none.pem", "there is no signing key at"),
        ("file:keys", "cannot be read"),
    ):
        with pytest.raises(SignerUnusable, match=said):
            open_key(uri, Secrets(host.folder))


def test_tokens(tmp_path: Path) -> None:
    host = hosts.hsm_host(tmp_path / "d", "EC:prime256v1", "rsa:2048", "EC:secp521r1")
    with host.opening() as key:
        assert key.ask()["signatures"]
        keyid = key.ask("hsm:2")["keyid"]
        assert keyid == key.ask("hsm:2?label=bonded")["keyid"]
        assert "make one on P-256, P-384 or Ed25519" in key.says("hsm:3?label=bonded")
        assert "make one on P-256, P-384 or Ed25519" in key.says("hsm:4?label=bonded")
        assert "there is no such token" in key.says("hsm:2?label=other")
        assert "it holds no such key" in key.says("hsm:9?label=bonded")
        assert "`signer.pkcs11_module` is /nowhere/lib.so" in key.says(pkcs11_module="/nowhere/lib.so")
        assert "`signer.pkcs11_module` is not set" in key.says(pkcs11_module="")
        assert "cannot be used" in key.says(pkcs11_module=str(host.log))
    with host.opening() as key:  # a process that has not logged in yet
        assert "cannot be read (`signer.pin_file`)" in key.says(pin_file="nowhere")
        assert "asks for a PIN" in key.says(pin_file="")
        (host.folder / "wrong").write_text("999999\n")
        assert "the PIN in `signer.pin_file` is wrong" in key.says(pin_file="wrong")
        assert key.ask()["keyid"] == keyid


def test_vault(tmp_path: Path) -> None:
    with hosts.vault_host(tmp_path / "d") as host, host.opening() as key:
        vault = host.service
        assert vault is not None
        assert key.ask("hv:online")["keyid"] == key.ask("hv:online/2")["keyid"] != key.ask("hv:online/1")["keyid"]
        assert "has no version 9" in key.says("hv:online/9")
        assert "does not exist" in key.says("hv:other")
        for mood, said in (
            ("sealed", "Vault is sealed"),
            ("denied", "Vault denies it to this token"),
            ("slow", f"did not answer within {hosts.TIMEOUT:g} seconds"),
            ("gone", f"Vault cannot be reached at http://127.0.0.1:{vault.port}"),
        ):
            vault.mood = mood
            begin = time.monotonic()
            assert said in key.says(timeout=hosts.TIMEOUT)
            assert time.monotonic() - begin < SLOW
            vault.mood = ""
            assert key.ask()["signatures"]
        assert "denies" in key.says(env={"VAULT_TOKEN": "s.wrong"})
        assert "cannot be reached at http://127.0.0.1:9" in key.says(env={"VAULT_ADDR": "http://127.0.0.1:9"})


def test_vault_is_asked_in_few_requests(tmp_path: Path) -> None:
    with hosts.vault_host(tmp_path / "d") as host, host.opening() as key:
        assert len(key.ask(sign=tuple(f"{i}" for i in range(500)))["signatures"]) == 500
        assert host.service is not None
        assert host.service.asked == ["/v1/transit/keys/online", "/v1/transit/sign/online"]


def test_batches_are_cut_by_size() -> None:
    assert batches([b"aa", b"bb", b"c" * 9, b"d", b""], 4) == [[b"aa", b"bb"], [b"c" * 9], [b"d", b""]]
    assert batches([], 4) == []


@pytest.mark.slow
@pytest.mark.parametrize("cloud", ["google", "azure"])
def test_clouds(cloud: str, tmp_path: Path) -> None:
    make = {"google": hosts.google_host, "azure": hosts.azure_host}[cloud]
    with make(tmp_path / "d") as host, host.opening() as key:
        service = host.service
        assert service is not None
        for mood, said in (("denied", "permission"), ("slow", ""), ("gone", "")):
            service.mood = mood
            begin = time.monotonic()
            sentence = key.says(timeout=hosts.TIMEOUT)
            assert sentence.startswith(("Google KMS key", "Azure key"))
            assert said in sentence.lower()
            assert time.monotonic() - begin < 4 * hosts.TIMEOUT
            service.mood = ""
            assert key.ask()["signatures"]


@pytest.mark.slow
def test_aws(tmp_path: Path) -> None:
    with hosts.aws_host(tmp_path / "d") as host, host.opening() as key:
        assert key.ask()["signatures"]
        assert "AWS KMS key alias/none cannot be used" in key.says("awskms:alias/none")
        assert "Could not connect" in key.says(env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})


@pytest.mark.slow
def test_a_key_of_aws_that_cannot_sign(tmp_path: Path) -> None:
    with hosts.aws_host(tmp_path / "d", "ECC_SECG_P256K1") as host, host.opening() as key:
        assert "AWS KMS key" in key.says()
