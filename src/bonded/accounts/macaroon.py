"""The text of an API token, and the only file that touches the macaroon library.

    bonded-<macaroon, version 2, URL-safe base64 without padding><6 characters of checksum>

The checksum is the CRC-32 of everything before it, in base 62. It needs no key: a scanner tells a real token from any
other string without asking us, and a cut-off or mistyped token is told apart from a forged one. Whoever narrows a token
offline writes it anew (`seal`). It protects nothing; the macaroon's HMAC-SHA256 chain does.
"""

from __future__ import annotations

import secrets
import string
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from pymacaroons import MACAROON_V2, Macaroon, Verifier

from bonded.accounts.names import plausible_id
from bonded.values.refusals import Refusal, define

PREFIX = "bonded-"
LOCATION = "bonded"
MAX_LENGTH = 8192
MAX_CAVEATS = 32
KEY_BYTES = 32

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHECKSUM = 6

TOKEN_INVALID = define(
    "token-invalid",
    401,
    "The API token is not valid",
    "The token is not one of this index, or it is cut off or mistyped. Use the user name __token__ and the whole token, "
    "which begins with bonded-, as the password. If it is lost, make a new one and revoke the old one.",
)


@dataclass(frozen=True, slots=True)
class Read:
    """A token as read. Nothing in it is proven before `genuine`."""

    token_id: str
    caveats: tuple[str, ...]
    _macaroon: Macaroon

    def __repr__(self) -> str:
        return f"Read({self.token_id})"

    def genuine(self, key: bytes) -> bool:
        """Whether the chain of signatures, over the id and every caveat, was begun with `key`. Constant time."""
        verifier = Verifier()
        # What caveats ask is decided in `caveats`, with a reason each; here only the signatures count.
        verifier.satisfy_general(lambda _: True)
        try:
            return bool(verifier.verify(self._macaroon, key))
        except Exception:  # the library raises many kinds for what is simply not genuine
            return False


def new_key() -> bytes:
    """A root key for one token."""
    return secrets.token_bytes(KEY_BYTES)


def mint(token_id: str, key: bytes) -> str:
    """The text of a new token. Its rights are kept in the database; caveats only ever narrow them."""
    return _write(Macaroon(location=LOCATION, identifier=token_id, key=key, version=MACAROON_V2))


def narrow(text: str, caveats: Iterable[str]) -> str:
    """The token with more caveats, made offline, without a key. Raises Refusal (token-invalid)."""
    macaroon = read(text)._macaroon
    for caveat in caveats:
        macaroon.add_first_party_caveat(caveat)
    return _write(macaroon)


def read(text: str) -> Read:
    """Take the text apart. Raises Refusal (token-invalid) without repeating any of the text."""
    text = text.strip()
    if not text.startswith(PREFIX):
        raise Refusal(TOKEN_INVALID, f"an API token of this index begins with {PREFIX}")
    if len(text) > MAX_LENGTH or not text.isascii() or seal(text[:-_CHECKSUM]) != text:
        raise Refusal(TOKEN_INVALID, "the API token is cut off or mistyped (its checksum does not match)")
    try:
        macaroon = Macaroon.deserialize(text[len(PREFIX) : -_CHECKSUM])
        token_id = macaroon.identifier_bytes.decode("ascii")
        caveats = tuple(c.caveat_id_bytes.decode("utf-8") for c in macaroon.caveats if c.first_party())
        exact = macaroon.version == MACAROON_V2 and _write(macaroon) == text
    except Exception:  # what the library raises on hostile bytes is of any kind; none of it may carry the text
        raise Refusal(TOKEN_INVALID, "the API token cannot be read") from None
    if not exact or not plausible_id(token_id) or len(caveats) != len(macaroon.caveats) or len(caveats) > MAX_CAVEATS:
        raise Refusal(TOKEN_INVALID, "the API token cannot be read")
    return Read(token_id, caveats, macaroon)


def seal(text: str) -> str:
    """`text` (prefix and macaroon) with its checksum."""
    number = zlib.crc32(text.encode("ascii", "replace"))
    digits = ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return text + digits


def _write(macaroon: Macaroon) -> str:
    return seal(PREFIX + macaroon.serialize())
