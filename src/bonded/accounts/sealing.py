"""Secrets that must be read again are sealed before they are stored: AES-256-GCM.

They are the seeds of authentication apps, the root keys of API tokens and the secrets of webhooks. The key is a file beside the
data, never in the database: a copy of the database alone gives none of them away, and writing a row alone makes no token that
works. What a sealed value belongs to is bound to it, so that one cannot be moved to another row.
"""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bonded.values.refusals import Refusal, define

KEY_BYTES = 32
_NONCE = 12
SEALED = "sealed:"

SEAL_BROKEN = define(
    "account-key-missing",
    503,
    "Sealed secrets cannot be read",
    "The file that seals authentication apps, API tokens and webhooks (setting account.key_file) is not the one they were stored "
    "with: it was lost or replaced. The operator can put it back from a backup. Meanwhile recovery codes and security devices work, "
    "and so do API tokens that are made anew.",
)


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens with one key of 32 bytes."""

    key: bytes

    def __repr__(self) -> str:
        return "Sealer()"

    def seal(self, secret: bytes, bound_to: str) -> bytes:
        """`secret` sealed; it opens only with the same `bound_to`."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + AESGCM(self.key).encrypt(nonce, secret, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """The secret. Raises Refusal (account-key-missing) for another key, or for what was moved or changed."""
        try:
            return AESGCM(self.key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode())
        except (InvalidTag, ValueError):
            raise Refusal(SEAL_BROKEN, "sealed secrets of this index cannot be read at the moment") from None

    def seal_text(self, secret: str, bound_to: str) -> str:
        """The same for text, for columns of text."""
        return SEALED + base64.b64encode(self.seal(secret.encode(), bound_to)).decode()

    def open_text(self, sealed: str, bound_to: str) -> str:
        """The text. Raises Refusal (account-key-missing), also for what was never sealed."""
        try:
            raw = base64.b64decode(sealed.removeprefix(SEALED), validate=True) if sealed.startswith(SEALED) else b""
        except ValueError:
            raw = b""
        return self.open(raw, bound_to).decode()


def key_from(path: Path) -> bytes:
    """The key in the file, which is made (mode 0600) when it is not there. Raises OSError; ValueError for another length.

    Two processes that start at once agree: whoever links its file first wins, and both read that one.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()
    return _read(path)


def _read(path: Path) -> bytes:
    key = bytes.fromhex(path.read_text("ascii").strip())
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} does not hold a key of {KEY_BYTES} bytes in hexadecimal digits")
    return key
