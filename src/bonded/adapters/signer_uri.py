"""An online key by its URI: the schemes are securesystemslib's, and `file:` for a PEM file encrypted by a passphrase.

    file:keys/online.pem[?passphrase_file=PATH]     hsm:[KEYID][?label=TOKEN]     hv:NAME[/VERSION]     awskms:KEY
    gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V[?endpoint=HOST]
    azurekms://VAULT.vault.azure.net/keys/NAME[/VERSION]

The libraries of tokens and clouds take a second or more to import: each is imported only for a key that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bonded.adapters.signer_key import MemoryKey, OnlineKey
from bonded.seams import SignerUnusable

PIV_SIGNATURE = 2
"""The key id that securesystemslib takes when none is given: slot 9c of a PIV card."""


class BadUri(ValueError):
    """Not the URI of a key. The message says what is wrong and what is right."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What opens keys, as paths under `directory`; `timeout` in seconds for one batch of signatures."""

    directory: Path
    passphrase_file: str = "keys/passphrase"
    pin_file: str = ""
    pkcs11_module: str = ""
    timeout: float = 20.0

    def pin(self) -> str | None:
        """The token's PIN, None when no file is named. Raises SignerUnusable."""
        if not self.pin_file:
            return None
        try:
            return (self.directory / self.pin_file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SignerUnusable(f"the token's PIN cannot be read (`signer.pin_file`): {error}") from None


@dataclass(frozen=True, slots=True)
class KeyUri:
    """A URI in parts."""

    scheme: str
    path: str
    host: str
    query: dict[str, str]


def parse(uri: str) -> KeyUri:
    """Raises BadUri."""
    parts = urlsplit(uri)
    if parts.scheme not in _CHECKS:
        raise BadUri(f"{uri!r} names no kind of key that is known: {', '.join(f'{scheme}:' for scheme in _CHECKS)}")
    found = KeyUri(parts.scheme, parts.path, parts.netloc, dict(parse_qsl(parts.query)))
    options, form, right = _CHECKS[parts.scheme]
    if unknown := set(found.query) - options:
        raise BadUri(f"{uri!r} has an option that is not known: {', '.join(sorted(unknown))}")
    if not right(found):
        raise BadUri(f"{uri!r} is not of the form {form}")
    return found


def _whole(words: str) -> bool:
    return words.isascii() and words.isdigit() and int(words) > 0


def _is_google(uri: KeyUri) -> bool:
    parts = uri.path.split("/")
    return parts[::2] == ["projects", "locations", "keyRings", "cryptoKeys", "cryptoKeyVersions"] and all(parts[1::2])


def _is_azure(uri: KeyUri) -> bool:
    parts = uri.path.split("/")
    return bool(uri.host) and parts[:2] == ["", "keys"] and len(parts) in (3, 4) and all(parts[2:])


def _is_vault(uri: KeyUri) -> bool:
    name, slash, version = uri.path.partition("/")
    return bool(name) and (not slash or _whole(version))


_Check = tuple[set[str], str, Callable[[KeyUri], bool]]
_CHECKS: dict[str, _Check] = {
    "file": ({"passphrase_file"}, "file:PATH[?passphrase_file=PATH]", lambda u: bool(u.path) and not u.host),
    "hsm": ({"label"}, "hsm:[KEYID][?label=TOKEN]", lambda u: not u.host and (not u.path or _whole(u.path))),
    "hv": (set(), "hv:NAME[/VERSION]", _is_vault),
    "awskms": (set(), "awskms:KEY", lambda u: bool(u.path) and not u.host),
    "gcpkms": (
        {"endpoint"},
        "gcpkms:projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V[?endpoint=HOST]",
        _is_google,
    ),
    "azurekms": (set(), "azurekms://VAULT.vault.azure.net/keys/NAME[/VERSION]", _is_azure),
}
"""Scheme -> options, form, check."""


def open_key(uri: str, secrets: Secrets) -> OnlineKey:
    """The key, ready to sign. Raises BadUri, SignerUnusable."""
    return _OPEN[parse(uri).scheme](parse(uri), secrets)


def public_key(uri: str, secrets: Secrets) -> tuple[str, dict[str, Any]]:
    """(key id, TUF metadata form) of the key. Raises BadUri, SignerUnusable."""
    key = open_key(uri, secrets)
    return key.keyid, key.public


def _file(uri: KeyUri, secrets: Secrets) -> OnlineKey:
    from bonded.adapters.signer_file import load_key, load_passphrase

    passphrase = load_passphrase(secrets.directory / uri.query.get("passphrase_file", secrets.passphrase_file))
    return MemoryKey(load_key(secrets.directory / uri.path, passphrase))


def _hsm(uri: KeyUri, secrets: Secrets) -> OnlineKey:
    from bonded.adapters.signer_hsm import HsmKey

    return HsmKey(secrets.pkcs11_module, uri.query.get("label", ""), int(uri.path or PIV_SIGNATURE), secrets.pin)


def _vault(uri: KeyUri, secrets: Secrets) -> OnlineKey:
    from bonded.adapters.signer_vault import VaultKey

    name, _, version = uri.path.partition("/")
    return VaultKey(name, int(version) if version else None, secrets.timeout)


def _aws(uri: KeyUri, secrets: Secrets) -> OnlineKey:
    from bonded.adapters.signer_aws import aws_key

    return aws_key(uri.path, secrets.timeout)


def _gcp(uri: KeyUri, secrets: Secrets) -> OnlineKey:
    from bonded.adapters.signer_gcp import gcp_key

    return gcp_key(uri.path, uri.query.get("endpoint", ""), secrets.timeout)


def _azure(uri: KeyUri, secrets: Secrets) -> OnlineKey:
    from bonded.adapters.signer_azure import azure_key

    _, _, name, *version = uri.path.split("/")
    return azure_key(uri.host, name, version[0] if version else "", secrets.timeout)


_OPEN: dict[str, Callable[[KeyUri, Secrets], OnlineKey]] = {
    "file": _file,
    "hsm": _hsm,
    "hv": _vault,
    "awskms": _aws,
    "gcpkms": _gcp,
    "azurekms": _azure,
}
