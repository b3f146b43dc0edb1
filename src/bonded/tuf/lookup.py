"""Looking up many targets by their paths at once. A large publication asks for tens of thousands, so the list goes to the
database as one parameter, and rows come back as the driver has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson
from sqlalchemy import Connection

from bonded.tuf.binfile import Target
from bonded.tuf.roles import hash32
from bonded.tuf.settle import chunks

_SQLITE = "SELECT path, sha256, length FROM tuf_target WHERE hash32 IN (SELECT value FROM json_each(?))"
_POSTGRES = "SELECT path, sha256, length FROM tuf_target WHERE hash32 = ANY(%s)"
AT_ONCE = 10_000


def live_targets(conn: Connection, paths: Mapping[str, str]) -> dict[str, dict[str, Target]]:
    """Of `paths` (path -> project key), those that are live, by project key."""
    found: dict[str, dict[str, Target]] = {}
    for batch in chunks(paths, AT_ONCE):
        for path, sha256, length in _rows(conn, map(hash32, batch)):
            key = paths.get(path)  # the hash alone may be another path's
            if key is not None:
                found.setdefault(key, {})[path] = Target(sha256, length)
    return found


def _rows(conn: Connection, hashes: Iterable[int]) -> list[tuple[str, str, int]]:
    wanted = list(hashes)
    if conn.dialect.name == "sqlite":
        result = conn.exec_driver_sql(_SQLITE, (orjson.dumps(wanted).decode(),))
    else:
        result = conn.exec_driver_sql(_POSTGRES, (wanted,))
    assert result.cursor is not None
    return list(result.cursor.fetchall())
