"""What caches have to show after a purge, by surrogate key, and whether they do.

A file that is not in the public store must not be shown; the pointer must be at least as new as it was before the purge; a
project's page must be the one in the store. Files are looked at one and all, pages by sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import orjson

from bonded.seams import NotStored, Purger, Shown, Storage
from bonded.tuf.roles import TIMESTAMP, page_path

SAMPLE = 8
"""Projects whose pages are looked at after a purge of many."""
HTTP_OK = 200


@dataclass(frozen=True, slots=True)
class Expected:
    """`files`: object names to look for; `projects`: keys whose pages are compared; `version`: of the pointer at least, 0
    for no matter which."""

    files: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    version: int = 0

    def __bool__(self) -> bool:
        return bool(self.files or self.projects or self.version)

    def wrong(self, public: Storage, purger: Purger) -> str:
        """The first thing that a cache shows and should not, in one sentence; "" when all is well. Raises PurgeFailed."""
        return self._files(public, purger) or self._pointer(purger) or self._projects(public, purger)

    def _files(self, public: Storage, purger: Purger) -> str:
        gone = [name for name in self.files if not public.exists(name)]
        for seen in purger.show([_path(name) for name in gone], whole=False) if gone else ():
            if seen.status == HTTP_OK:
                return f"{seen.cache} still has {seen.path}"
        return ""

    def _pointer(self, purger: Purger) -> str:
        for seen in purger.show([f"/{TIMESTAMP}"], whole=True) if self.version else ():
            version = _version(seen.body) if seen.status == HTTP_OK else 0
            if version < self.version:
                return f"{seen.cache} shows publication {version} ({seen.status}), not {self.version}"
        return ""

    def _projects(self, public: Storage, purger: Purger) -> str:
        if not self.projects:
            return ""
        paths = {f"/simple/{key}/" if key else "/simple/": page_path(key, "json") for key in self.projects}
        before = {path: _digest(public, name) for path, name in paths.items()}
        shown = purger.show(paths, whole=True)
        for seen in shown:
            # A newer page may have come between the look at the store and the look at the cache.
            right = {before[seen.path], _digest(public, paths[seen.path])}
            if not _matches(seen, right):
                return f"{seen.cache} shows an older page at {seen.path}"
        return ""


def expected(public: Storage, keys: Sequence[str]) -> Expected:
    """What caches have to show once `keys` are purged; read before the purge."""
    files = [key.removeprefix("file/") for key in keys if key.startswith("file/")]
    projects = [key.removeprefix("project/") for key in keys if key.startswith("project/")]
    version = _version(public.get(TIMESTAMP).data) if "timestamp" in keys else 0
    # Compressed copies have no address of their own: what is at the name itself tells.
    reachable = tuple(name for name in files if not name.endswith((".metadata.gz", ".metadata.zst")))
    return Expected(reachable, tuple(_sample(projects)), version)


def _sample(keys: list[str]) -> Iterable[str]:
    """At most SAMPLE of `keys`, evenly spread."""
    step = max(1, -(-len(keys) // SAMPLE))
    return keys[::step]


def _path(name: str) -> str:
    return "/" + quote(name, safe="/+!~")


def _version(data: bytes) -> int:
    """The version of a timestamp; 0 for what is not one."""
    try:
        return int(orjson.loads(data)["signed"]["version"])
    except (ValueError, KeyError, TypeError):
        return 0


def _digest(public: Storage, name: str) -> str:
    """sha256 of an object, "" when there is none."""
    try:
        return hashlib.sha256(public.get(name).data).hexdigest()
    except NotStored:
        return ""


def _matches(seen: Shown, right: set[str]) -> bool:
    return (seen.sha256 if seen.status == HTTP_OK else "") in right and seen.status < 500
