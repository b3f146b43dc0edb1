"""Making keys in files. Only the online key, and development keys, are ever made on the host of the index."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]


def make_key(path: Path, passphrase: bytes | None) -> CryptoSigner:
    """Make an Ed25519 key and write it to `path` (mode 0600), encrypted by `passphrase`; None only for development.

    Raises FileExistsError: a key is never overwritten.
    """
    signer = CryptoSigner.generate_ed25519()
    pem = signer.private_bytes if passphrase is None else _encrypted(signer.private_bytes, passphrase)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")  # a full disk or a kill leaves no half of a key
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        _name(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return signer


def _name(aside: Path, path: Path) -> None:
    """Give the file its name, never another's. Raises FileExistsError."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
    except OSError:  # a memory stick may know no links
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        aside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _encrypted(pem: bytes, passphrase: bytes) -> bytes:
    key = load_pem_private_key(pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
