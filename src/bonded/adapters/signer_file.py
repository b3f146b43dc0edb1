"""Signer (seams) with Ed25519 keys in PEM files encrypted by a passphrase; its highest number is on disk before it signs."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from bonded.adapters.signer_key import MemoryKey
from bonded.adapters.signer_local import LocalSigner
from bonded.seams import SignerUnusable


def load_key(path: Path, passphrase: bytes | None) -> CryptoSigner:
    """The key in `path`. Raises SignerUnusable."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SignerUnusable(f"there is no signing key at {path}") from None
    except OSError as error:
        raise SignerUnusable(f"the signing key {path} cannot be read: {error.strerror}") from None
    try:
        key = load_pem_private_key(data, passphrase)
    except TypeError:  # encrypted and no passphrase, or the reverse
        said = "needs a passphrase" if passphrase is None else "is not encrypted: encrypt it with the passphrase"
        raise SignerUnusable(f"the signing key {path} {said}") from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignerUnusable(f"the signing key {path} cannot be read (wrong passphrase?): {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SignerUnusable(f"the signing key {path} is not an Ed25519 key")
    return CryptoSigner(key)


def load_passphrase(path: Path) -> bytes:
    """The passphrase in `path`, without the line's end. Raises SignerUnusable."""
    try:
        return path.read_text("utf-8").strip().encode()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SignerUnusable(f"the passphrase {path} (`signer.passphrase_file`) cannot be read: {said}") from None


class FileSigner(LocalSigner):
    """Holds one or more online keys that were loaded already. `state` is the path of its state file; made when missing."""

    def __init__(self, keys: list[CryptoSigner], state: Path) -> None:
        super().__init__(lambda: [MemoryKey(signer) for signer in keys], state)
