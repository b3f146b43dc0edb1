"""One round's work: from the state that the tree serves to the newest, verified, in the order that keeps readers safe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Targets  # type: ignore[attr-defined] # its documented place; the library marks no exports

from bonded_client.failures import Failure
from bonded_client.mirror_check import strays
from bonded_client.mirror_fetch import GoneError, Workers
from bonded_client.mirror_history import History
from bonded_client.mirror_state import MAX_ROLE, Branch, State, branches, reachable, targets_in
from bonded_client.mirror_tree import SMALL, Tree, check_target, digest, hashed
from bonded_client.trust import Trust

MAX_METADATA = 16 * 1024 * 1024
"""Longest `.metadata` file: the page signs its sha256, and nothing its length."""
MAX_COMPARED = 1000
"""Records that are compared with the signed roles in one round: they are held in memory."""
PAGES, FILES = "simple/a/index.json", "packages/a/a"
"""Paths that stand for all pages and all files in the question who delegates them."""
Fact = tuple[int, str]
"""Length and sha256 of a target."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`projects` to mirror, normalized (none: all); downloads at once; bytes of the disk to leave free; seconds that
    superseded objects are kept for clients of the state before."""

    projects: frozenset[str] = frozenset()
    jobs: int = 8
    keep_free: int = 1 << 30
    grace: float = 7200.0

    def chosen(self, path: str) -> bool:
        """Whether a target is to be mirrored; lists of projects always are."""
        parts = path.split("/")
        return not self.projects or len(parts) == 2 or parts[1] in self.projects


@dataclass(slots=True)
class Round:
    """What a round did. `withdrawn`: names of package files taken away; `absent`: those the index lists and does not
    serve, which is how a withdrawal begins. `notes` are sentences for the person."""

    publication: int
    changed: bool = False
    records: int = 0
    pages: int = 0
    files: int = 0
    bytes: int = 0
    withdrawn: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Sync:
    """From the state that the tree serves (None: it is all looked at) to the newest."""

    def __init__(
        self,
        trust: Trust,
        tree: Tree,
        limits: Limits,
        workers: Workers,
        state: State,
        before: State | None,
        now: datetime,
        progress: Callable[[str], None],
    ) -> None:
        self._trust, self._tree, self._limits, self._workers = trust, tree, limits, workers
        self._state, self._before, self._now, self._progress = state, before, now, progress
        self._url = trust.index.url
        self._history = History(tree, trust.index, workers)
        self._changed: list[Branch] = []
        self._page_bins: list[Branch] = []
        self._between: list[tuple[str, Targets]] = []
        self._reachable: set[str] = set()
        self.regrown = False
        """Whether roles between targets and bins changed: targets may then have moved, or gone, with their bins."""
        self._absent: dict[str, Fact] = dict(tree.recall("absent") or {})
        self.done = Round(state.number)

    def prepare(self) -> None:
        """Everything up to the flip, plain pages aside: nothing of it is visible to clients of the tree.

        Withdrawn files go first, and their state is not waited for: it may take long.
        """
        self._history.fetch(self._state)
        above = list(self._workers.each(self._role, branches(self._top(), self._state.versions)))
        self.regrown = any(map(self._is_changed, above))
        pages = [branch for parent in self._parents(PAGES) for branch in self._below(parent, self._fixed())]
        self._page_bins = [branch for branch in pages if self._is_changed(branch)]
        self._survey([branch for branch in above if self._is_changed(branch)] + self._page_bins)
        self._count(self._workers.each(self._page, self._pages()), "pages")
        files = [branch for parent in self._parents(FILES) for branch in self._below(parent, self._named())]
        self._survey([branch for branch in files if self._is_changed(branch)])
        for missing in self._workers.each(self._metadata, self._metadata_files()):
            self._note_absent(missing)
        self._files()
        self.retry_absent()
        self._compare()

    def show(self, at: float) -> None:
        """Write plain pages, records, the roles at the top; then move the pointer. Done again when interrupted."""
        tree = self._tree
        for path, new, _ in self._page_changes():
            if new is None:
                tree.delete(path)
            elif not tree.has(path, new[1]):
                tree.put(path, self._kept(hashed(path, new[1])))
        self.show_roots()
        top = (self._trust.metadata / "targets.json").read_bytes()
        tree.put(f"metadata/{self._state.versions['targets']}.targets.json", top)
        tree.put(f"metadata/{self._state.version}.snapshot.json", self._state.snapshot, SMALL)
        self.done.records = len(self._history.place(self._state))
        tree.keep("superseded", [*(tree.recall("superseded") or ()), *([name, at] for name in self._superseded())])
        tree.flip(self._state.timestamp)
        self.done.changed = True

    def show_roots(self) -> None:
        """A root counts from the moment that it is there, as at the index: it waits for no publication."""
        for root in sorted(self._trust.metadata.glob("root_history/*.root.json")):
            if self._tree.read(f"metadata/{root.name}") != (data := root.read_bytes()):
                self._tree.put(f"metadata/{root.name}", data)

    def tidy(self) -> None:
        """Take away whatever the state does not name: what interrupted rounds or other choices of projects left."""
        for name in list(strays(self._tree, self._state, self._all_parents(), self._limits.chosen)):
            self._tree.path(name).unlink(missing_ok=True)

    def sweep(self, at: float) -> None:
        """Take away what was superseded longer ago than the grace. What the state names (again) stays."""
        kept = []
        for name, since in self._tree.recall("superseded") or ():
            if at - since < self._limits.grace:
                kept.append([name, since])
            elif not self._named_by_state(name):
                self._tree.delete(name)
        self._tree.keep("superseded", kept or None)

    def retry_absent(self) -> None:
        """Ask again for what the index listed and did not serve, as far as it still lists it."""
        for name, (length, sha256) in list(self._absent.items()):
            path = name.removesuffix(".metadata")
            listed = self._listed(path)
            if listed is None or (name == path and listed != (length, sha256)):
                del self._absent[name]
                continue
            with suppress(GoneError):
                if name == path:
                    self._receive(name, length, sha256)
                else:
                    self._put_metadata(name, sha256)
                del self._absent[name]
        self._tree.keep("absent", self._absent or None)
        self.done.absent = sorted(self._absent)

    def _top(self) -> Targets:
        return Metadata[Targets].from_bytes((self._trust.metadata / "targets.json").read_bytes()).signed

    def _all_parents(self) -> list[tuple[str, Targets]]:
        """The roles between targets and bins, which `prepare` has verified, or an earlier round."""
        if not self._between:
            above = branches(self._top(), self._state.versions)
            self._between = [(b.role, Metadata[Targets].from_bytes(self._kept(b.name)).signed) for b in above]
        return self._between

    def _roles(self) -> set[str]:
        if not self._reachable:
            self._reachable = reachable(self._all_parents(), self._state.versions)
        return self._reachable

    def _parents(self, path: str) -> list[Targets]:
        """Those of them that a target may be below."""
        delegations = self._top().delegations
        roles = {role for role, _ in delegations.get_roles_for_target(path)} if delegations else set()
        return [parent for role, parent in self._all_parents() if role in roles]

    def _below(self, parent: Targets, only: Iterator[str]) -> Iterator[Branch]:
        """All bins of `parent`, or where projects were chosen those of the targets `only`."""
        return branches(parent, self._state.versions, list(only) if self._limits.projects else None)

    def _fixed(self) -> Iterator[str]:
        """Paths of pages when projects were chosen."""
        for form in ("html", "json"):
            yield f"simple/index.{form}"
            yield from (f"simple/{project}/index.{form}" for project in self._limits.projects)

    def _named(self) -> Iterator[str]:
        """Paths of the files on the pages of the chosen projects, as they are now and as the tree serves them."""
        for project in self._limits.projects:
            path = f"simple/{project}/index.json"
            info = self._listed(path)
            for data in (self._kept(hashed(path, info[1])) if info else None, self._tree.read(path)):
                for file in json.loads(data)["files"] if data else ():
                    yield f"packages/{project}/{file['filename']}"

    def _role(self, branch: Branch) -> Branch:
        """Have the verified file of a role in the tree."""
        data = self._tree.read(branch.name)
        if data is not None:
            try:
                branch.verified(data, self._now)
                return branch
            except exceptions.RepositoryError:
                pass  # damaged on the disk, or left by somebody else: it is fetched again
        data = self._workers.fetch(f"{self._trust.index.metadata}{branch.version}.{quote(branch.role)}.json", MAX_ROLE)
        branch.verified(data, self._now)
        self._tree.put(branch.name, data)
        return branch

    def _is_changed(self, branch: Branch) -> bool:
        """Whether a role is to be looked at. Bins of a new generation are in snapshots before anybody delegates to them."""
        if self._before is None or self._before.versions.get(branch.role) != branch.version:
            return True
        return self.regrown and not self._tree.path(branch.name).exists()

    def _survey(self, found: list[Branch]) -> None:
        """Fetch and verify roles, take away what they list no longer, and see that the rest will fit on the disk."""
        self._changed += found
        needed = 0
        for bytes_ in self._workers.each(self._look, found):
            needed += bytes_
            self._progress(f"publication {self._state.number}: {needed / 1e6:.1f} MB to fetch")
        if needed + self._limits.keep_free > (free := self._tree.free()):
            raise Failure(
                "disk",
                f"{needed / 1e6:.0f} MB are to be fetched and {self._limits.keep_free / 1e6:.0f} MB to be left free, but "
                f"only {free / 1e6:.0f} MB are free; nothing was fetched.",
            )

    def _look(self, branch: Branch) -> int:
        self._role(branch)
        needed = 0
        for path, new, old in self._changes(branch):
            if new is None and path.startswith("packages/"):
                self._withdraw(path, old)
            elif new is not None and not self._tree.has_file(hashed(path, new[1]), new[0]):
                needed += new[0]
        return needed

    def _withdraw(self, path: str, old: Fact | None) -> None:
        gone = [self._tree.delete(name) for name in (path, f"{path}.metadata")]
        if old is not None:
            gone.append(self._tree.delete(hashed(path, old[1])))
        if any(gone):
            self.done.withdrawn.append(path)

    def _changes(self, branch: Branch) -> Iterator[tuple[str, Fact | None, Fact | None]]:
        """(path, what it is now, what it was) of every target of a changed role that is to be mirrored."""
        new = targets_in(self._kept(branch.name))
        old: dict[str, Fact] = {}
        version = self._before.versions.get(branch.role) if self._before else None
        data = self._tree.read(f"metadata/{version}.{branch.role}.json") if version else None
        if data is not None and version != branch.version:
            old = targets_in(data)
        for path, fact in new.items():
            if old.get(path) != fact and self._limits.chosen(path):
                yield check_target(path), fact, old.get(path)
        for path in old.keys() - new.keys():
            if self._limits.chosen(path):
                yield check_target(path), None, old[path]

    def _page_changes(self) -> Iterator[tuple[str, Fact | None, Fact | None]]:
        for branch in self._page_bins:
            yield from (change for change in self._changes(branch) if change[0].startswith("simple/"))

    def _pages(self) -> Iterator[tuple[str, Fact]]:
        return ((path, new) for path, new, _ in self._page_changes() if new is not None)

    def _page(self, item: tuple[str, Fact]) -> int:
        path, (length, sha256) = item
        name = hashed(path, sha256)
        if self._tree.has(name, sha256):
            return 0
        data = self._workers.fetch(self._url + name, length)
        if len(data) != length or digest(data) != sha256:
            raise exceptions.LengthOrHashMismatchError(name)
        self._tree.put(name, data)
        return length

    def _metadata_files(self) -> Iterator[tuple[str, str]]:
        """Name and sha256 of each `.metadata` file (PEP 658) that changed pages name."""
        for path, (_, sha256) in self._pages():
            if path.endswith("/index.json") and path.count("/") == 2:
                folder = "packages/" + path.split("/")[1]
                for file in json.loads(self._kept(hashed(path, sha256)))["files"]:
                    said = file.get("core-metadata")
                    if isinstance(said, dict) and "sha256" in said:
                        yield check_target(f"{folder}/{file['filename']}.metadata"), str(said["sha256"])

    def _metadata(self, item: tuple[str, str]) -> tuple[str, Fact] | None:
        name, sha256 = item
        if not self._tree.path(name).exists():
            try:
                self._put_metadata(name, sha256)
            except GoneError:
                return name, (0, sha256)
        return None

    def _put_metadata(self, name: str, sha256: str) -> None:
        data = self._workers.fetch(self._url + name, MAX_METADATA)
        if digest(data) != sha256:
            raise exceptions.LengthOrHashMismatchError(name)
        self._tree.put(name, data)

    def _files(self) -> None:
        changes = (
            (path, new)
            for branch in self._changed
            for path, new, _ in self._changes(branch)
            if new is not None and path.startswith("packages/")
        )
        self._count(self._workers.each(self._file, changes), "files")

    def _file(self, item: tuple[str, Fact]) -> int:
        path, (length, sha256) = item
        if self._tree.has_file(path, length) and self._tree.has_file(hashed(path, sha256), length):
            return 0
        try:
            return self._receive(path, length, sha256)
        except GoneError:
            self._note_absent((path, (length, sha256)))
            return 0

    def _receive(self, path: str, length: int, sha256: str) -> int:
        name = hashed(path, sha256)
        fetched = 0
        if not self._tree.has_file(name, length):
            self._tree.receive(name, self._workers.stream(self._url + quote(path, safe="/+!~"), length), length, sha256)
            fetched = length
        self._tree.twin(name, path)
        return fetched

    def _note_absent(self, missing: tuple[str, Fact] | None) -> None:
        """A file that the index lists and does not serve: it withdraws bytes before it signs that they are gone."""
        if missing is not None:
            self._absent[missing[0]] = missing[1]

    def _count(self, lengths: Iterable[int], what: str) -> None:
        for length in lengths:
            if length:
                setattr(self.done, what, getattr(self.done, what) + 1)
                self.done.bytes += length
                self._progress(
                    f"publication {self._state.number}: {self.done.pages} pages, {self.done.files} files, "
                    f"{self.done.bytes / 1e6:.1f} MB"
                )

    def _listed(self, path: str) -> Fact | None:
        """What the state says of a target, looked up in the roles that the tree has."""
        for parent in self._parents(path):
            for branch in branches(parent, self._state.versions, [path]):
                data = self._tree.read(branch.name)
                if data is not None and (fact := targets_in(data).get(path)):
                    return fact
        return None

    def _named_by_state(self, name: str) -> bool:
        folder, _, last = name.rpartition("/")
        head, _, rest = last.partition(".")
        if folder == "metadata":
            role = rest.removesuffix(".json")
            if role == "snapshot":
                return head == str(self._state.version)
            return role in self._roles() and head == str(self._state.versions[role])
        fact = self._listed(f"{folder}/{rest}")
        return fact is not None and fact[1] == head

    def _superseded(self) -> Iterator[str]:
        """Names that the state before used and this one does not: clients may still come for them."""
        if self._before is None:
            return
        yield f"metadata/{self._before.version}.snapshot.json"
        changed = {branch.role for branch in self._changed} | {Targets.type}
        for role, version in self._before.versions.items():
            if (role in changed and version != self._state.versions.get(role)) or role not in self._roles():
                yield f"metadata/{version}.{role}.json"
        for path, new, old in self._page_changes():
            if old is not None and old != new:
                yield hashed(path, old[1])

    def _compare(self) -> None:
        """Say so when records and signed roles tell different stories; the roles are what clients go by."""
        if self._before is None or self._limits.projects or self.regrown:
            return
        told: dict[str, Any] = {}
        numbers = self._history.fetched()
        if len(numbers) > MAX_COMPARED:
            return  # after a long absence; each record was verified by its digest all the same
        for number in numbers:
            told |= {path: change["new"] for path, change in self._history.targets(number).items()}
        signed = {path: new for branch in self._changed for path, new, _ in self._changes(branch)}
        facts = {path: (new["length"], new["sha256"]) if new else None for path, new in told.items()}
        odd = [path for path, new in signed.items() if path not in facts or facts[path] != new]
        if odd:
            self.done.notes.append(
                f"The records of publications do not tell of {len(odd)} signed changes, such as {odd[0]}; "
                "tell the operators of the index."
            )

    def _kept(self, name: str) -> bytes:
        data = self._tree.read(name)
        if data is None:
            raise Failure("disk", f"{name} was taken out of the mirror while it was at work.")
        return data
