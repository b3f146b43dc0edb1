"""The transcript of a ceremony: numbered lines, each of which names the one before it by its digest, and the signers' own
statements in them. Pure.

Everything that a ceremony is lies in its transcript: what it began from, the keys, the metadata for signature and the
signatures. A signer's statement is signed by their key and names the last line that they had seen, so every line before
it is covered; the lines after the last statement are none. Nobody can change one without t of the signers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, Signer  # type: ignore[attr-defined]

from bonded.tuf.canonical import canonical
from bonded.tuf.offline import PublicKey, public_key
from bonded.values.text import has_control, iso

STATEMENT = "bonded-ceremony-statement"
"""Type of a statement: it can never be taken for TUF metadata, nor metadata for it."""


class CeremonyRefused(Exception):
    """A ceremony cannot go on like this: one sentence that says why and what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, the digest of the line before ("" for the first), what happened, its own digest."""

    n: int
    previous: str
    entry: dict[str, Any]

    @property
    def data(self) -> bytes:
        """The line as bytes, without the line break."""
        return canonical({"entry": self.entry, "n": self.n, "previous": self.previous})

    @property
    def digest(self) -> str:
        """Hex sha256 of `data`."""
        return hashlib.sha256(self.data).hexdigest()


def next_line(lines: list[Line], entry: Mapping[str, Any]) -> Line:
    """The line that says `entry`, after `lines`."""
    return Line(len(lines) + 1, lines[-1].digest if lines else "", dict(entry))


def entry(what: str, now: datetime, **facts: Any) -> dict[str, Any]:
    """Something that happened at `now`."""
    return {"what": what, "at": iso(now), **facts}


def read_line(data: bytes, name: str) -> Line:
    """A line from its bytes. Raises CeremonyRefused."""
    try:
        value = orjson.loads(data)
        line = Line(int(value["n"]), str(value["previous"]), dict(value["entry"]))
        sound = line.data == data.strip() and isinstance(line.entry["what"], str) and isinstance(line.entry["at"], str)
    except (ValueError, KeyError, TypeError) as error:
        raise CeremonyRefused(f"{name} is no line of a transcript ({error})") from None
    if not sound:
        raise CeremonyRefused(f"{name} was changed: it is not written as transcripts are")
    return line


def check_chain(lines: Iterable[Line]) -> None:
    """Raise CeremonyRefused unless the lines are numbered from 1 and each names the one before it."""
    before = ""
    for count, line in enumerate(lines, 1):
        if line.n != count:
            raise CeremonyRefused(f"line {count} of the transcript is missing: line {line.n} stands in its place")
        if line.previous != before:
            raise CeremonyRefused(
                f"line {line.n} of the transcript does not follow line {line.n - 1}: one of them was changed"
            )
        before = line.digest


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature in a statement: over the payload with the hex `sha256`, of `role` in step number `step` (from 0)."""

    step: int
    role: str
    sha256: str
    sig: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What one signer says with their key: having seen the transcript up to the line `seen`, I sign these."""

    ceremony: str
    seen: str
    at: str
    keyid: str
    signed: tuple[Signed, ...]

    def value(self) -> dict[str, Any]:
        """As it is signed and written."""
        signed = [{"step": s.step, "role": s.role, "sha256": s.sha256, "sig": s.sig} for s in self.signed]
        head = {"_type": STATEMENT, "at": self.at, "ceremony": self.ceremony, "keyid": self.keyid, "seen": self.seen}
        return {**head, "signatures": signed}


def sign_statement(statement: Statement, signer: Signer) -> dict[str, Any]:
    """A statement as it stands in the transcript: {"statement", "sig"}."""
    return {"statement": statement.value(), "sig": signer.sign(canonical(statement.value())).signature}


def read_statement(value: Mapping[str, Any]) -> tuple[Statement, str]:
    """(statement, its signature in hex). Raises CeremonyRefused; the signature is not verified yet."""
    try:
        said = value["statement"]
        if said["_type"] != STATEMENT:
            raise ValueError("another type")
        signed = tuple(
            Signed(int(s["step"]), str(s["role"]), str(s["sha256"]), str(s["sig"])) for s in said["signatures"]
        )
        words = [str(said[name]) for name in ("ceremony", "seen", "at", "keyid")]
        if has_control("".join(words)):
            raise ValueError("control characters")
        return Statement(words[0], words[1], words[2], words[3], signed), str(value["sig"])
    except (ValueError, KeyError, TypeError) as error:
        raise CeremonyRefused(f"this is no signer's statement ({error})") from None


def verifies(keyid: str, key: PublicKey, sig: str, data: bytes) -> bool:
    """Whether `sig` is a signature of `key` over `data`."""
    try:
        public_key(keyid, key).verify_signature(Signature(keyid, sig), data)
    except (UnverifiedSignatureError, ValueError, KeyError, TypeError):
        return False
    return True
