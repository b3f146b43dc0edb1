"""What all storage adapters share: which object names are safe, and the probe of a store's promises."""

from __future__ import annotations

import contextlib
import re
import secrets

from bonded.seams import Changed, OtherBytes, Storage, StorageError

_PART = r"[^/\0\\.\n][^/\0\\\n]{0,254}"
_FINE = re.compile(f"{_PART}(?:/{_PART})*")
"""What nearly every name is: no part begins with a dot. A publication names tens of thousands of objects, and looking for
what is bad takes five times as long as seeing that a name is fine."""
_BAD = re.compile(r"(?:^|/)(?:\.{0,2}(?:/|$)|[^/]{256})|[\0\\]|^\.tmp(?:/|$)")


def check_name(name: str) -> None:
    """Raise StorageError unless `name` is a relative POSIX path that stays inside the store."""
    if not _FINE.fullmatch(name) and _BAD.search(name):
        raise StorageError(f"not an object name: {name!r}")


def probe(store: Storage, folder: str) -> None:
    """Raise StorageError unless `create` refuses other bytes and `replace` a wrong tag, tried on objects in `folder`."""
    name = f"{folder}/{secrets.token_hex(8)}"
    try:
        store.create(name, b"one")
        try:
            store.create(name, b"two")
        except OtherBytes:
            pass
        else:
            raise StorageError("the store overwrites objects that it should only create")
        tag = store.get(name).tag
        store.replace(name, b"three", tag)
        try:
            store.replace(name, b"four", tag)
        except Changed:
            pass
        else:
            raise StorageError("the store does not compare tags when it replaces an object")
    finally:
        with contextlib.suppress(StorageError):
            store.delete(name)
