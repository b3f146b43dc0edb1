"""One online key, wherever it lives: in memory, in a token, or in a service that signs.

`OnlineKey` is what every kind of key is to the signer; `RemoteKey` is one that signs a payload per call, elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from concurrent.futures import wait as wait_for
from typing import Any, Protocol

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Key, Signature  # type: ignore[attr-defined]

from bonded.seams import SignerUnusable

PARALLEL = 16
"""Calls to a service at once: a publication signs thousands of bins, each a round trip."""


class OnlineKey(Protocol):
    """A key that signs. `public` is its TUF metadata form."""

    @property
    def keyid(self) -> str: ...
    @property
    def public(self) -> dict[str, Any]: ...
    def sign(self, payloads: Sequence[bytes]) -> list[bytes]:
        """One signature for each payload, in order. Raises SignerUnusable."""


class MemoryKey:
    """A private key in this process's memory."""

    def __init__(self, signer: CryptoSigner) -> None:
        self.keyid: str = signer.public_key.keyid
        self.public: dict[str, Any] = signer.public_key.to_dict()
        self._sign: Callable[[bytes], bytes] = load_pem_private_key(signer.private_bytes, None).sign  # type: ignore[union-attr,assignment]
        if self.public["scheme"] != "ed25519":  # the others need padding and digest as the scheme says
            self._sign = lambda payload: bytes.fromhex(signer.sign(payload).signature)

    def sign(self, payloads: Sequence[bytes]) -> list[bytes]:
        return list(map(self._sign, payloads))


class RemoteKey:
    """A key in a service. `one` signs one payload; whatever it raises becomes SignerUnusable in one sentence.

    A batch has `timeout` seconds in all. Each signature is verified before it is handed on: an alias that was moved to
    another key must not end in metadata that nobody can verify.
    """

    def __init__(self, key: Key, one: Callable[[bytes], bytes], what: str, timeout: float) -> None:
        self.keyid: str = key.keyid
        self.public: dict[str, Any] = key.to_dict()
        self._key, self._one, self._what, self._timeout = key, one, what, timeout
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="sign")

    def sign(self, payloads: Sequence[bytes]) -> list[bytes]:
        asked = [self._pool.submit(self._one, payload) for payload in payloads]
        made = in_time(asked, self._timeout, self._what)
        check_signatures(self._key, payloads, made, self._what)
        return made


def in_time(asked: Sequence[Future[bytes]], timeout: float, what: str) -> list[bytes]:
    """The results, or SignerUnusable: with the first error, or when they take longer than `timeout` seconds."""
    try:
        wait_for(asked, timeout, return_when="FIRST_EXCEPTION")
        return [each.result(0) for each in asked]
    except SignerUnusable:
        raise
    except OutOfTime:
        raise SignerUnusable(f"{what} did not answer within {timeout:g} seconds") from None
    except Exception as error:  # each service's library has a family of its own
        raise SignerUnusable(f"{what} did not sign: {cause_of(error)}") from error
    finally:
        for each in asked:
            each.cancel()


def check_signatures(key: Key, payloads: Sequence[bytes], signatures: Sequence[bytes], what: str) -> None:
    """Raise SignerUnusable unless every signature is right by `key`."""
    for payload, signature in zip(payloads, signatures, strict=True):
        try:
            key.verify_signature(Signature(key.keyid, signature.hex()), payload)
        except UnverifiedSignatureError:
            raise SignerUnusable(f"{what} signed with another key than {key.keyid}") from None


def cause_of(error: BaseException) -> str:
    """An error of somebody else's library as the end of one sentence."""
    words = " ".join(str(error).split())
    return words[:300] if words else type(error).__name__
