"""One round's work: from the state that the tree serves to the newest, verified, in the order that keeps readers safe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from tuf.api.metadata import Targets  # type: ignore[attr-defined] # its documented place; the library marks no exports

from bonded_client.failures import Failure
from bonded_client.mirror_check import strays
from bonded_client.mirror_fetch import Workers
from bonded_client.mirror_history import History
from bonded_client.mirror_objects import Objects
from bonded_client.mirror_roles import FILES, PAGES, Change, Roles
from bonded_client.mirror_round import Fact, Limits, Round
from bonded_client.mirror_state import Branch, State
from bonded_client.mirror_tree import SMALL, Tree, check_target, hashed
from bonded_client.trust import Trust

MAX_COMPARED = 1000
"""Records that are compared with the signed roles in one round: they are held in memory."""


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
        self._state, self._before, self._progress = state, before, progress
        self._history = History(tree, trust.index, workers)
        self._roles = Roles(trust, tree, limits, workers, state, before, now)
        self.done = Round(state.number)
        self._objects = Objects(trust.index.url, tree, workers, self._roles, self.done, progress)
        self._changed: list[Branch] = []
        self._page_bins: list[Branch] = []

    @property
    def regrown(self) -> bool:
        """Whether roles between targets and bins changed."""
        return self._roles.regrown

    def retry_absent(self) -> None:
        """Ask again for what the index listed and did not serve."""
        self._objects.retry_absent()

    def prepare(self) -> None:
        """Everything up to the flip, plain pages aside: nothing of it is visible to clients of the tree.

        Withdrawn files go first, and their state is not waited for: it may take long.
        """
        self._history.fetch(self._state)
        roles, objects = self._roles, self._objects
        above = roles.above()
        self._page_bins = roles.changed_below(PAGES, roles.fixed())
        self._survey([branch for branch in above if roles.is_changed(branch)] + self._page_bins)
        objects.count(self._workers.each(objects.page, self._pages()), "pages")
        self._survey(roles.changed_below(FILES, roles.named()))
        for missing in self._workers.each(objects.metadata, self._metadata_files()):
            objects.note_absent(missing)
        self._files()
        objects.retry_absent()
        self._compare()

    def show(self, at: float) -> None:
        """Write plain pages, records, the roles at the top; then move the pointer. Done again when interrupted."""
        tree = self._tree
        for path, new, _ in self._page_changes():
            if new is None:
                tree.delete(path)
            elif not tree.has(path, new[1]):
                tree.put(path, self._roles.kept(hashed(path, new[1])))
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
        for name in list(strays(self._tree, self._state, self._roles.between(), self._limits.chosen)):
            self._tree.path(name).unlink(missing_ok=True)

    def sweep(self, at: float) -> None:
        """Take away what was superseded longer ago than the grace. What the state names (again) stays."""
        kept = []
        for name, since in self._tree.recall("superseded") or ():
            if at - since < self._limits.grace:
                kept.append([name, since])
            elif not self._roles.names(name):
                self._tree.delete(name)
        self._tree.keep("superseded", kept or None)

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
        self._roles.have(branch)
        needed = 0
        for path, new, old in self._roles.changes(branch):
            if new is None and path.startswith("packages/"):
                self._objects.withdraw(path, old)
            elif new is not None and not self._tree.has_file(hashed(path, new[1]), new[0]):
                needed += new[0]
        return needed

    def _page_changes(self) -> Iterator[Change]:
        for branch in self._page_bins:
            yield from (change for change in self._roles.changes(branch) if change[0].startswith("simple/"))

    def _pages(self) -> Iterator[tuple[str, Fact]]:
        return ((path, new) for path, new, _ in self._page_changes() if new is not None)

    def _metadata_files(self) -> Iterator[tuple[str, str]]:
        """Name and sha256 of each `.metadata` file (PEP 658) that changed pages name, or pages of files that came back."""
        for path, (_, sha256) in chain(self._pages(), self._pages_of_returned()):
            if path.endswith("/index.json") and path.count("/") == 2:
                folder = "packages/" + path.split("/")[1]
                for file in json.loads(self._roles.kept(hashed(path, sha256)))["files"]:
                    said = file.get("core-metadata")
                    if isinstance(said, dict) and "sha256" in said:
                        yield check_target(f"{folder}/{file['filename']}.metadata"), str(said["sha256"])

    def _pages_of_returned(self) -> Iterator[tuple[str, Fact]]:
        """Unchanged pages of files that are to come: these were withdrawn while their page stayed, as by an intruder who
        was thrown out since, and what lay beside them went with them."""
        seen = {path.split("/")[1] for path, _ in self._pages()}
        for branch in self._changed:
            for path, new, _ in self._roles.changes(branch):
                if new is None or not path.startswith("packages/") or self._tree.has_file(path, new[0]):
                    continue
                project = path.split("/")[1]
                page = f"simple/{project}/index.json"
                if project not in seen and (fact := self._roles.listed(page)):
                    yield page, fact
                seen.add(project)

    def _files(self) -> None:
        changes = (
            (path, new)
            for branch in self._changed
            for path, new, _ in self._roles.changes(branch)
            if new is not None and path.startswith("packages/")
        )
        self._objects.count(self._workers.each(self._objects.file, changes), "files")

    def _superseded(self) -> Iterator[str]:
        """Names that the state before used and this one does not: clients may still come for them."""
        if self._before is None:
            return
        yield f"metadata/{self._before.version}.snapshot.json"
        changed = {branch.role for branch in self._changed} | {Targets.type}
        for role, version in self._before.versions.items():
            if (role in changed and version != self._state.versions.get(role)) or role not in self._roles.reachable():
                yield f"metadata/{version}.{role}.json"
        for path, new, old in self._page_changes():
            if old is not None and old != new:
                yield hashed(path, old[1])

    def _compare(self) -> None:
        """Say so when records and signed roles tell different stories; the roles are what clients go by."""
        if self._before is None or self._limits.projects or self._roles.regrown:
            return
        told: dict[str, Any] = {}
        numbers = self._history.fetched()
        if len(numbers) > MAX_COMPARED:
            return  # after a long absence; each record was verified by its digest all the same
        for number in numbers:
            told |= {path: change["new"] for path, change in self._history.targets(number).items()}
        signed = {path: new for branch in self._changed for path, new, _ in self._roles.changes(branch)}
        facts = {path: (new["length"], new["sha256"]) if new else None for path, new in told.items()}
        odd = [path for path, new in signed.items() if path not in facts or facts[path] != new]
        if odd:
            self.done.notes.append(
                f"The records of publications do not tell of {len(odd)} signed changes, such as {odd[0]}; "
                "tell the operators of the index."
            )
