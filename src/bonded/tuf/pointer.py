"""Snapshot and timestamp: the two files that every publication signs, refreshes included. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bonded.tuf.binfile import utc
from bonded.tuf.canonical import canonical, check, enclose
from bonded.tuf.plan import Sign
from bonded.tuf.roles import SPEC

SPLICED = 64
"""Up to so many changed roles, the list of the last snapshot is cut and joined instead of written anew."""
_VERSION = b'.json":{"version":'


@dataclass(frozen=True, slots=True)
class Listing:
    """What a snapshot lists: role -> version, and that in canonical form (b"" where it is not at hand)."""

    versions: Mapping[str, int]
    text: bytes = b""

    def then(self, changed: Mapping[str, int]) -> Listing:
        """The same with these versions."""
        versions = {**self.versions, **changed}
        text = _spliced(self.text, changed) if self.text and len(changed) <= SPLICED else b""
        return Listing(versions, text or _meta(versions))


def snapshot(
    listing: Listing, n: int, expires: datetime, extra: Mapping[str, Any], sign: Sign
) -> tuple[dict[str, Any], bytes]:
    """(signed part but for its meta, file) of snapshot `n`, which lists `listing` and carries `extra` as x-bonded."""
    check(extra)
    value = {
        "_type": "snapshot",
        "expires": utc(expires),
        "meta": {},
        "spec_version": SPEC,
        "version": n,
        "x-bonded": dict(extra),
    }
    signed = canonical(value).replace(b'"meta":{}', b'"meta":' + (listing.text or _meta(listing.versions)), 1)
    return value, enclose(signed, sign("snapshot", signed))


def _meta(versions: Mapping[str, int]) -> bytes:
    """{"<role>.json": {"version": N}, ...} in canonical form.

    Written from the flat mapping's text, which is three times faster with 20,000 roles: names of roles hold no quotes,
    colons or commas, and none is the beginning of another, so the ending changes no order.
    """
    flat = canonical(versions)
    if flat == b"{}":
        return flat
    return flat.replace(b'":', b'.json":{"version":').replace(b',"', b'},"')[:-1] + b"}}"


def _spliced(text: bytes, changed: Mapping[str, int]) -> bytes:
    """`text`, a `_meta`, with the versions of roles that it lists changed; b"" where it lacks one of them."""
    edges, pieces, last = [(_number(text, role.encode()), version) for role, version in changed.items()], [], 0
    for (begin, end), version in sorted(edges):
        if begin == end:
            return b""
        pieces += [text[last:begin], b"%d" % version]
        last = end
    return b"".join((*pieces, text[last:]))


def _number(text: bytes, role: bytes) -> tuple[int, int]:
    """Where the version of `role` is in a `_meta`, found by halving: entries are sorted. Two equal numbers: nowhere."""
    low, high = 1, len(text) - 1  # `low` is at the quote that begins an entry
    while low < high:
        before = text.rfind(b'},"', low, (low + high) // 2)
        begin = before + 2 if before >= 0 else low
        name_end = text.index(_VERSION, begin)
        end = text.index(b"}", name_end)
        there = text[begin + 1 : name_end]
        if there == role:
            return name_end + len(_VERSION), end
        if there > role:
            high = begin
        else:
            low = end + 2
    return 0, 0


def timestamp(snapshot_file: bytes, n: int, expires: datetime, sign: Sign) -> tuple[dict[str, Any], bytes]:
    """(signed part, file) of the timestamp that points to `snapshot_file`.

    It lists the snapshot's length, which clients then use instead of their default limit.
    """
    digest = hashlib.sha256(snapshot_file).hexdigest()
    value = {
        "_type": "timestamp",
        "expires": utc(expires),
        "meta": {"snapshot.json": {"hashes": {"sha256": digest}, "length": len(snapshot_file), "version": n}},
        "spec_version": SPEC,
        "version": n,
    }
    check(value)
    signed = canonical(value)
    return value, enclose(signed, sign("timestamp", signed))
