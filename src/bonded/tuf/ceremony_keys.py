"""Offline keys in files: private ones encrypted by a passphrase, public ones to carry to a ceremony."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, Key, Signer, SSlibKey  # type: ignore[attr-defined]

from bonded.tuf.keys import make_key
from bonded.tuf.offline import public_key
from bonded.tuf.transcript import CeremonyRefused

PUBLIC = "bonded-public-key"
LEAST = 12
"""Fewest characters of a passphrase."""
MOST = 1023
"""Bytes of a passphrase that OpenSSL takes."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
_URI = re.compile(r"[a-z][a-z0-9+.-]+:", re.ASCII)


@dataclass(frozen=True, slots=True)
class Holder:
    """A public key and what people call its holder. The name is written into root: the world can read it."""

    name: str
    keyid: str
    key: dict[str, Any]

    def value(self) -> dict[str, Any]:
        """As a public key file holds it."""
        return {"_type": PUBLIC, "name": self.name, "keyid": self.keyid, "key": self.key}


def check_name(name: str) -> str:
    """`name`, if it may stand for a key holder. Raises CeremonyRefused."""
    if not _NAME.fullmatch(name):
        raise CeremonyRefused(f"{name!r} cannot name a key: use 1 to 40 letters, digits, dots, dashes and underscores")
    return name


def keyid_of(key: Mapping[str, Any]) -> str:
    """The id that belongs to a public key: sha256 of its canonical form."""
    parts = {name: key[name] for name in ("keytype", "scheme", "keyval")}
    return hashlib.sha256(str(encode_canonical(parts)).encode()).hexdigest()


def fingerprint(digest: str) -> str:
    """64 hex digits in groups of four, as people compare them."""
    return " ".join(digest[i : i + 4] for i in range(0, len(digest), 4))


def holder(value: Any, where: str) -> Holder:
    """A holder from the content of a public key file. Raises CeremonyRefused, also for an id that is not the key's."""
    try:
        found = Holder(check_name(value["name"]), str(value["keyid"]), dict(value["key"]))
        public_key(found.keyid, found.key)
        right = keyid_of(found.key)
    except (KeyError, TypeError, ValueError) as error:
        raise CeremonyRefused(f"{where} holds no public key ({error})") from None
    if found.keyid != right:
        raise CeremonyRefused(
            f"{where}: the key has another fingerprint than the file says; ask its holder for it again"
        )
    return found


def read_public(path: Path, name: str = "") -> Holder:
    """A public key file of ours, or a public key in PEM (then its holder is called `name`, or like the file).

    Raises CeremonyRefused.
    """
    data = read_file(path)
    if data.lstrip().startswith(b"-----BEGIN"):
        return Holder(check_name(name or path.stem), *_pem(data, path))
    try:
        found = holder(orjson.loads(data), str(path))
    except orjson.JSONDecodeError:
        raise CeremonyRefused(f"{path} holds no public key: give the .pub file that `bonded tuf key` made") from None
    return Holder(check_name(name), found.keyid, found.key) if name else found


def _pem(data: bytes, path: Path) -> tuple[str, dict[str, Any]]:
    if b"PRIVATE KEY" in data:
        raise CeremonyRefused(f"{path} is a private key: it stays with its holder; give the .pub file beside it")
    try:
        key = SSlibKey.from_crypto(load_pem_public_key(data))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CeremonyRefused(f"{path} holds no public key that can sign metadata ({error})") from None
    return key.keyid, key.to_dict()


def read_file(path: Path) -> bytes:
    """The bytes of a small file. Raises CeremonyRefused."""
    try:
        if path.stat().st_size > 16 * 2**20:
            raise CeremonyRefused(f"{path} is too large to be what it should be")
        return path.read_bytes()
    except OSError as error:
        raise CeremonyRefused(f"{path} cannot be read: {error.strerror}") from None


def check_passphrase(passphrase: bytes) -> bytes:
    """`passphrase`, if it is long enough, and one that the library takes. Raises CeremonyRefused."""
    if len(passphrase) < LEAST:
        raise CeremonyRefused(f"the passphrase is too short: use at least {LEAST} characters, better six words")
    if len(passphrase) > MOST:
        raise CeremonyRefused(f"the passphrase is too long: {MOST} bytes are the most. Is it the right file?")
    return passphrase


def make_holder(path: Path, name: str, passphrase: bytes) -> Holder:
    """Make a private key at `path` (PEM, 0600, encrypted) and its public file beside it, ending in .pub.

    A private key that is there is kept, and its public file written again. Raises CeremonyRefused.
    """
    check_name(name)
    signer = load_offline_key(path, lambda: passphrase) if path.exists() else None
    if signer is None:
        signer = make_key(path, check_passphrase(passphrase))
    found = Holder(name, signer.public_key.keyid, signer.public_key.to_dict())
    path.with_suffix(".pub").write_bytes(orjson.dumps(found.value(), option=orjson.OPT_INDENT_2) + b"\n")
    return found


def load_offline_key(path: Path, passphrase: Callable[[], bytes]) -> Signer:
    """The private key in a PEM file, of any kind that TUF clients can verify. Raises CeremonyRefused."""
    data = read_file(path)
    if b"PRIVATE KEY" not in data:
        raise CeremonyRefused(f"{path} holds no private key")
    try:
        secret = passphrase() if b"ENCRYPTED" in data else None
        return CryptoSigner(load_pem_private_key(data, secret))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CeremonyRefused(f"the key {path} cannot be opened: wrong passphrase, or the file is damaged") from error


def is_uri(text: str) -> bool:
    """Whether `text` names a key by URI, such as hsm:, and not by the path of a file."""
    return bool(_URI.match(text)) and not Path(text).exists()


def load_by_uri(uri: str, keys: Mapping[str, Mapping[str, Any]], secret: Callable[[str], str]) -> Signer:
    """A key that securesystemslib reaches by URI, matched with one of the public `keys`. Raises CeremonyRefused.

    `secret` is asked for a PIN or passphrase by the name that the signer gives it.
    """
    why = "none of the keys of this ceremony is there"
    for keyid, key in keys.items():
        try:
            public: Key = public_key(keyid, key)
            signer = Signer.from_priv_key_uri(uri, public, secret)
            public.verify_signature(signer.sign(b"bonded"), b"bonded")
        except Exception as error:  # the signers of securesystemslib raise whatever their libraries raise
            why = str(error) or type(error).__name__
        else:
            return signer
    raise CeremonyRefused(f"the key {uri} cannot be used: {why}")
