"""What publications have signed, written here from the TUF specification alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

TIME = "%Y-%m-%dT%H:%M:%SZ"


def canonical(value: Any) -> bytes:
    """Canonical JSON of plain values (TUF specification, section 4.2.2)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def bin_of(n: int, count: int = 0, expires: datetime | None = None) -> bytes:
    """The signed part of a bin with `count` targets, version `n`."""
    targets = {f"packages/p/p-{i}.tar.gz": {"hashes": {"sha256": "a" * 64}, "length": i} for i in range(count)}
    return canonical(_value("targets", n, expires) | {"targets": targets})


def pointer_of(role: str, n: int, expires: datetime | None = None) -> bytes:
    """The signed part of a timestamp or snapshot, version `n`."""
    meta = {f"bin-1-{i}.json": {"version": n} for i in range(4)}
    return canonical(_value(role, n, expires) | {"meta": meta, "x-bonded": {"publication": n}})


def _value(kind: str, n: int, expires: datetime | None) -> dict[str, Any]:
    at = expires or datetime.now(UTC) + timedelta(days=1)
    return {"_type": kind, "expires": at.strftime(TIME), "spec_version": "1.0.34", "version": n}
