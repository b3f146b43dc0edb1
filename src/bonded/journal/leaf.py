"""What a leaf of the journal's log is: the bytes of one journal row, and its hash.

A leaf is JSON with sorted keys and no spaces. Names and addresses of people are in it only as `private_hash`, a salted
hash, so that they can be deleted while the log stays whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from bonded.journal.tree import hash_leaf
from bonded.values.text import iso

FORMAT = 1
FIELDS = (
    "id",
    "action",
    "actor_kind",
    "actor_id",
    "credential_id",
    "subject_kind",
    "subject_id",
    "project_key",
    "user_id",
    "facts",
    "private_hash",
)


def leaf_bytes(row: Mapping[str, Any]) -> bytes:
    """The bytes of a journal row, by column name; `at` is written as RFC 3339 in UTC with microseconds."""
    value = {name: row[name] for name in FIELDS} | {"at": iso(row["at"]), "v": FORMAT}
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def leaf_hash(row: Mapping[str, Any]) -> bytes:
    """RFC 6962 leaf hash of a journal row."""
    return hash_leaf(leaf_bytes(row))
