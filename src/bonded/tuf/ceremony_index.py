"""The file that goes from the index host to a ceremony: who signs online, how many bins, and today's offline metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bonded.tuf.ceremony_check import read_offline
from bonded.tuf.ceremony_keys import holder
from bonded.tuf.offline import ROLES, Offline
from bonded.tuf.transcript import CeremonyRefused

INDEX = "bonded-index"


@dataclass(frozen=True, slots=True)
class IndexFile:
    """What an index host says of itself. `online`: key id -> public key, of its signer; `base` is None for a new index."""

    url: str
    online: Mapping[str, Mapping[str, Any]]
    page_bins: int
    bins: int
    base: Offline | None
    value: Mapping[str, Any]
    roots: tuple[bytes, ...]


def index_value(
    url: str,
    online: Mapping[str, Mapping[str, Any]],
    *,
    page_bins: int,
    bins: int,
    roots: Sequence[bytes] = (),
    files: Mapping[str, bytes] | None = None,
) -> dict[str, Any]:
    """The content of the file. `roots`: every root, oldest first; `files`: role -> file of targets, pages and bins."""
    return {
        "_type": INDEX,
        "url": url,
        "online": {keyid: dict(key) for keyid, key in online.items()},
        "page_bins": page_bins,
        "bins": bins,
        "roots": [data.decode() for data in roots],
        "files": {role: data.decode() for role, data in (files or {}).items()},
    }


def read_index(value: Any, where: str) -> IndexFile:
    """The file from its content; metadata in it are verified from the first root on. Raises CeremonyRefused."""
    try:
        if value["_type"] != INDEX:
            raise ValueError("another type")
        online = {
            keyid: holder({"name": "online", "keyid": keyid, "key": k}, where).key
            for keyid, k in value["online"].items()
        }
        roots = tuple(str(text).encode() for text in value["roots"])
        files = {role: str(value["files"][role]).encode() for role in ROLES[1:]} if roots else {}
        url, page_bins, bins = str(value["url"]), int(value["page_bins"]), int(value["bins"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CeremonyRefused(f"{where} was not written by `bonded init` or `bonded tuf export` ({error})") from None
    if not online:
        raise CeremonyRefused(f"{where} names no online key: make one on the index host first")
    return IndexFile(url, online, page_bins, bins, read_offline(roots, files) if roots else None, dict(value), roots)


def load_index(data: bytes, where: str) -> IndexFile:
    """The same from bytes."""
    try:
        return read_index(orjson.loads(data), where)
    except orjson.JSONDecodeError:
        raise CeremonyRefused(f"{where} was not written by `bonded init` or `bonded tuf export`") from None
