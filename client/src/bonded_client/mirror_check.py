"""Is the tree of a mirror, byte for byte, what the index signed? Read from the disk alone; nobody is asked.

Memory grows with the number of projects (some hundred bytes each): a page is what says which files belong beside it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import zstandard
from tuf.api import exceptions
from tuf.api.metadata import Metadata, Targets  # type: ignore[attr-defined] # its documented place; the library marks no exports
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.updater import Updater

from bonded_client.failures import UndecodableError, translate
from bonded_client.mirror_history import packed, packs, single_name, singles
from bonded_client.mirror_state import Branch, State, branches, reachable, targets_in, trusted
from bonded_client.mirror_tree import COPIES, Tree, digest, hashed

_BASE = "http://tree.invalid/"
_METADATA = re.compile(r"metadata/(\d+)\.([^/]+)\.json")
_RECORD = re.compile(r"publications/(?:\d+\.json|\d{4}-\d{2}-\d{2}\.jsonl\.zst)")
Parents = list[tuple[str, Targets]]
"""Roles between targets and bins, with what they delegate."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An object that is not as it was signed. `kind`: missing, altered, unsigned or expired."""

    kind: str
    name: str


def check(
    tree: Tree, root: bytes, now: datetime, chosen: Callable[[str], bool], absent: Iterable[str]
) -> Iterator[Problem]:
    """Every disagreement between the tree and what it says it serves, verified from `root`.

    `chosen` says which targets are to be there; `absent` names files that the index itself did not serve.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            state, top = _top(tree, root, Path(folder))
        except Exception as error:
            yield Problem(translate(error, "").code, f"metadata: {translate(error, '').sentence}")
            return
    roles = _Roles(tree, state, now)
    parents = []
    for branch in branches(top, state.versions):
        yield from roles.problems(branch, top=True)
        if (data := tree.read(branch.name)) is not None:
            parents.append((branch.role, Metadata[Targets].from_bytes(data).signed))
    left_out = set(absent)
    for _, parent in parents:
        for branch in branches(parent, state.versions):
            yield from roles.problems(branch, top=False)
            for path, (length, sha256) in roles.targets.items():
                if chosen(path) and path not in left_out:
                    yield from _target(tree, path, length, sha256, left_out)
    yield from _records(tree, state)
    for name in strays(tree, state, parents, chosen):
        yield Problem("unsigned", name)


def strays(tree: Tree, state: State, parents: Parents, chosen: Callable[[str], bool]) -> Iterator[str]:
    """Objects that neither `state` names nor the state before it, whose clients may still come for them."""
    before = {name for name, _ in tree.recall("superseded") or ()}
    return (name for name in _strays(tree, state, parents, chosen) if plain(name) not in before)


def _strays(tree: Tree, state: State, parents: Parents, chosen: Callable[[str], bool]) -> Iterator[str]:
    live_roles = reachable(parents, state.versions)
    for name in tree.names("metadata"):
        found = _METADATA.fullmatch(plain(name))
        if found is None:
            if name != "metadata/timestamp.json":
                yield name
        elif found[2] != "root":
            live = state.version if found[2] == "snapshot" else None
            if found[2] in live_roles:
                live = state.versions[found[2]]
            if int(found[1]) != live:
                yield name
    pages = _live_pages(tree, state, parents, chosen)
    for name in tree.names("simple"):
        folder, _, last = plain(name).rpartition("/")
        path = f"{folder}/{(last.rpartition('.index.')[0] and 'index.' + last.rpartition('.')[2]) or last}"
        sha256 = pages.get(path)
        if sha256 is None or plain(name) not in (path, hashed(path, sha256)):
            yield name
    yield from _stray_files(tree, pages)
    yield from (name for name in tree.names("publications") if not _RECORD.fullmatch(plain(name)))


def _stray_files(tree: Tree, pages: dict[str, str]) -> Iterator[str]:
    project, named = "", set[str]()
    for name in tree.names("packages"):
        folder = name.rpartition("/")[0]
        if folder != project:
            project, named = folder, set(_files_beside(tree, folder, pages))
        if name not in named:
            yield name


def _files_beside(tree: Tree, folder: str, pages: dict[str, str]) -> Iterator[str]:
    """Every object that may be in `folder`, by the page of its project."""
    path = f"simple/{folder.partition('/')[2]}/index.json"
    data = tree.read(hashed(path, pages[path])) if path in pages else None
    for file in json.loads(data)["files"] if data else ():
        name = f"{folder}/{file['filename']}"
        yield from (name, hashed(name, file["hashes"]["sha256"]))
        yield from (f"{name}.metadata{copy}" for copy in ("", *COPIES))


def _live_pages(tree: Tree, state: State, parents: Parents, chosen: Callable[[str], bool]) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, parent in parents:
        for branch in branches(parent, state.versions):
            for path, (_, sha256) in targets_in(tree.read(branch.name) or b'{"signed":{"targets":{}}}').items():
                if path.startswith("simple/") and chosen(path):
                    found[path] = sha256
    return found


def plain(name: str) -> str:
    """The name of the object that `name` is, or is a compressed copy of. Files and packs are what they are."""
    head, dot, copy = name.rpartition(".")
    if dot + copy not in COPIES or name.endswith(".jsonl.zst"):
        return name
    return name if name.startswith("packages/") and not head.endswith(".metadata") else head


def _top(tree: Tree, root: bytes, folder: Path) -> tuple[State, Targets]:
    """Root, timestamp, snapshot and targets of the tree, verified by python-tuf as a new client would."""
    updater = Updater(str(folder), f"{_BASE}metadata/", str(folder), _BASE, _Disk(tree), bootstrap=root)
    updater.refresh()
    return trusted(folder), Metadata[Targets].from_bytes((folder / "targets.json").read_bytes()).signed


class _Disk(FetcherInterface):
    """python-tuf reading from the tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def _fetch(self, url: str) -> Iterator[bytes]:
        data = self._tree.read(unquote(url.removeprefix(_BASE)))
        if data is None:
            raise exceptions.DownloadHTTPError(url, 404)
        return iter([data])


class _Roles:
    """Looks at one role after the other; `targets` are those of the last."""

    def __init__(self, tree: Tree, state: State, now: datetime) -> None:
        self._tree, self._state, self._now = tree, state, now
        self._partial = bool(tree.recall("chosen"))
        self.targets: dict[str, tuple[int, str]] = {}

    def problems(self, branch: Branch, *, top: bool) -> Iterator[Problem]:
        self.targets = {}
        data = self._tree.read(branch.name)
        if data is None:
            if top or not self._partial:  # of chosen projects only some bins are here
                yield Problem("missing", branch.name)
            return
        try:
            branch.verified(data, self._now)
            self.targets = targets_in(data)
        except exceptions.ExpiredMetadataError:
            yield Problem("expired", branch.name)
        except Exception:
            yield Problem("altered", branch.name)
            return
        yield from _copies(self._tree, branch.name, data)


def _target(tree: Tree, path: str, length: int, sha256: str, absent: set[str]) -> Iterator[Problem]:
    for name in (path, hashed(path, sha256)):
        if not tree.path(name).is_file():
            yield Problem("missing", name)
        elif _length_and_sha256(tree.path(name)) != (length, sha256):
            yield Problem("altered", name)
        elif path.startswith("simple/"):
            data = tree.read(name) or b""
            yield from _copies(tree, name, data)
            if name == path and path.endswith("/index.json") and path.count("/") == 2:
                yield from _metadata_files(tree, path, data, absent)


def _metadata_files(tree: Tree, path: str, page: bytes, absent: set[str]) -> Iterator[Problem]:
    for file in json.loads(page)["files"]:
        said = file.get("core-metadata")
        name = f"packages/{path.split('/')[1]}/{file['filename']}.metadata"
        if isinstance(said, dict) and name not in absent:
            data = tree.read(name)
            if data is None:
                yield Problem("missing", name)
            elif digest(data) != said.get("sha256"):
                yield Problem("altered", name)
            else:
                yield from _copies(tree, name, data)


def _copies(tree: Tree, name: str, data: bytes) -> Iterator[Problem]:
    """Compressed copies hold what they are copies of."""
    for copy, unpack in ((".gz", gzip.decompress), (".zst", _unzstd)):
        packed_data = tree.read(name + copy)
        try:
            if packed_data is None:
                yield Problem("missing", name + copy)
            elif unpack(packed_data) != data:
                yield Problem("altered", name + copy)
        except (OSError, EOFError, ValueError, zstandard.ZstdError):
            yield Problem("altered", name + copy)


def _unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def _length_and_sha256(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _records(tree: Tree, state: State) -> Iterator[Problem]:
    """The chain of records is whole, from the live one back to the first."""
    found: dict[int, tuple[str, str, tuple[int, str] | None]] = {}
    for name in packs(tree):
        try:
            for line in packed(tree, name):
                found |= _link(name, line)
        except UndecodableError:
            yield Problem("altered", name)
    for single in singles(tree):
        found |= _link(single_name(single), tree.read(single_name(single)) or b"")
    wanted: tuple[int, str] | None = (state.number, state.changes)
    while wanted is not None:
        number, sha256 = wanted
        if number not in found:
            yield Problem("missing", single_name(number))
            return
        name, is_, wanted = found[number]
        if is_ != sha256:
            yield Problem("altered", name)
            return


def _link(name: str, data: bytes) -> dict[int, tuple[str, str, tuple[int, str] | None]]:
    try:
        record = json.loads(data)
        before = record["previous"]
        link = (int(before["publication"]), str(before["sha256"])) if before else None
        return {int(record["publication"]): (name, digest(data), link)}
    except (ValueError, KeyError, TypeError):
        return {}  # then it is missing from the chain
