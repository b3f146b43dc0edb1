"""Signer (seams) with Ed25519 keys in a PEM file encrypted by a passphrase; its highest number is on disk before it signs.

The state file is what keeps a number from being used twice when everything else was lost or restored.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from bonded.seams import SignerRefused, SignerUnusable


def load_key(path: Path, passphrase: bytes | None) -> CryptoSigner:
    """The key in `path`. Raises SignerUnusable."""
    try:
        key = load_pem_private_key(path.read_bytes(), passphrase)
    except FileNotFoundError:
        raise SignerUnusable(f"there is no signing key at {path}") from None
    except (ValueError, TypeError, UnsupportedAlgorithm, OSError) as error:
        raise SignerUnusable(f"the signing key {path} cannot be read (wrong passphrase?): {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SignerUnusable(f"the signing key {path} is not an Ed25519 key")
    return CryptoSigner(key)


def _private(signer: CryptoSigner) -> Any:
    return load_pem_private_key(signer.private_bytes, None)


class FileSigner:
    """Holds one or more online keys. `state` is the path of its state file; made when missing."""

    def __init__(self, keys: list[CryptoSigner], state: Path) -> None:
        self._keys = [(signer.public_key.keyid, signer.public_key.to_dict(), _private(signer)) for signer in keys]
        self._state = state
        self._allowed: tuple[int, str] | None = None

    def keys(self) -> dict[str, dict[str, Any]]:
        """Key id -> public key in the TUF metadata form."""
        return {keyid: dict(public) for keyid, public, _ in self._keys}

    def highest(self) -> tuple[int, str]:
        """The highest number reserved, and its attempt; (0, "") at first. Raises SignerUnusable for a damaged state."""
        try:
            value = orjson.loads(self._state.read_bytes())
            return int(value["number"]), str(value["attempt"])
        except FileNotFoundError:
            return 0, ""
        except (ValueError, KeyError, TypeError) as error:
            raise SignerUnusable(f"the signer's state {self._state} is damaged: {error}") from None

    def reserve(self, number: int, attempt: str) -> None:
        """Allow signatures for `number`; on disk when it returns. Raises SignerRefused."""
        with self._exclusive():
            highest, holder = self.highest()
            if number < highest or (number == highest and attempt != holder):
                raise SignerRefused(f"number {number} ({attempt}) after {highest} ({holder})")
            if (number, attempt) != (highest, holder):
                self._write(number, attempt)
            self._allowed = (number, attempt)

    def sign(self, number: int, attempt: str, role: str, payload: bytes) -> list[dict[str, str]]:
        """One signature for each key. Raises SignerRefused without `reserve`."""
        if self._allowed != (number, attempt):
            raise SignerRefused(f"number {number} ({attempt}) was not reserved")
        return [{"keyid": keyid, "sig": private.sign(payload).hex()} for keyid, _, private in self._keys]

    def _write(self, number: int, attempt: str) -> None:
        made = self._state.with_name(self._state.name + ".new")
        with made.open("wb") as file:
            file.write(orjson.dumps({"number": number, "attempt": attempt}))
            file.flush()
            os.fsync(file.fileno())
        made.replace(self._state)
        folder = os.open(self._state.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """Two processes with the same key must not both pass the comparison."""
        self._state.parent.mkdir(parents=True, exist_ok=True)
        with self._state.with_name(self._state.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
