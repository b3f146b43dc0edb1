"""Snapshot and timestamp: the two files that every publication signs, refreshes included. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bonded.tuf.binfile import utc
from bonded.tuf.canonical import canonical, check, enclose
from bonded.tuf.plan import Sign
from bonded.tuf.roles import SPEC


def snapshot(
    versions: Mapping[str, int], n: int, expires: datetime, extra: Mapping[str, Any], sign: Sign
) -> tuple[dict[str, Any], bytes]:
    """(signed part but for its meta, file) of snapshot `n`, which lists `versions` of all roles and carries `extra` as
    x-bonded."""
    check(extra)
    value = {
        "_type": "snapshot",
        "expires": utc(expires),
        "meta": {},
        "spec_version": SPEC,
        "version": n,
        "x-bonded": dict(extra),
    }
    signed = canonical(value).replace(b'"meta":{}', b'"meta":' + _meta(versions), 1)
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
