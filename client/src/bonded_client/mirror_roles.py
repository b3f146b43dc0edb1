"""What is signed: the roles of the state that a mirror goes to, verified and in its tree, and what they change."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Targets  # type: ignore[attr-defined] # its documented place; the library marks no exports

from bonded_client.failures import Failure
from bonded_client.mirror_fetch import Workers
from bonded_client.mirror_round import Fact, Limits
from bonded_client.mirror_state import MAX_ROLE, Branch, State, branches, delegated, reachable, targets_in
from bonded_client.mirror_tree import Tree, check_target, hashed
from bonded_client.trust import Trust

PAGES, FILES = "simple/a/index.json", "packages/a/a"
"""Paths that stand for all pages and all files in the question who delegates them."""
Change = tuple[str, Fact | None, Fact | None]
"""Path of a target, what it is now, what it was."""


class Roles:
    """Of the state `state`, beside the state `before` that the tree serves (None: everything is looked at)."""

    def __init__(
        self,
        trust: Trust,
        tree: Tree,
        limits: Limits,
        workers: Workers,
        state: State,
        before: State | None,
        now: datetime,
    ) -> None:
        self.tree, self.limits, self.state, self.before = tree, limits, state, before
        self._trust, self._workers, self._now = trust, workers, now
        self._top = Metadata[Targets].from_bytes((trust.metadata / "targets.json").read_bytes()).signed
        self._between: list[tuple[str, Targets]] = []
        self._reachable: set[str] = set()
        self._placing = threading.Lock()
        self._exchanged = False
        self.regrown = False
        """Whether roles between targets and bins changed: targets may then have moved, or gone, with their bins."""

    def above(self) -> list[Branch]:
        """The roles between targets and bins, in the tree and verified."""
        above = list(self._workers.each(self.have, branches(self.top(), self.state.versions)))
        self.regrown = any(map(self.is_changed, above))
        return above

    def changed_below(self, path: str, only: Iterator[str]) -> list[Branch]:
        """The bins that changed below the roles to which `path` is delegated; of chosen projects those of the targets `only`."""
        wanted = list(only) if self.limits.projects else None
        found = [branch for parent in self.parents(path) for branch in self.below(parent, wanted)]
        return [branch for branch in found if self.is_changed(branch)]

    def top(self) -> Targets:
        """The role `targets`."""
        return self._top

    def between(self) -> list[tuple[str, Targets]]:
        """The roles between targets and bins, which `prepare` has verified, or an earlier round."""
        if not self._between:
            above = branches(self.top(), self.state.versions)
            self._between = [(b.role, Metadata[Targets].from_bytes(self.kept(b.name)).signed) for b in above]
        return self._between

    def reachable(self) -> set[str]:
        """Names of all roles that a client of this state may ask for."""
        if not self._reachable:
            self._reachable = reachable(self.between(), self.state.versions)
        return self._reachable

    def parents(self, path: str) -> list[Targets]:
        """Those of them that a target may be below."""
        delegations = self.top().delegations
        roles = {role for role, _ in delegations.get_roles_for_target(path)} if delegations else set()
        return [parent for role, parent in self.between() if role in roles]

    def below(self, parent: Targets, only: list[str] | None) -> Iterator[Branch]:
        """All bins of `parent`, or those of the targets `only`."""
        return branches(parent, self.state.versions, only)

    def fixed(self) -> Iterator[str]:
        """Paths of pages when projects were chosen."""
        for form in ("html", "json"):
            yield f"simple/index.{form}"
            yield from (f"simple/{project}/index.{form}" for project in self.limits.projects)

    def named(self) -> Iterator[str]:
        """Paths of the files on the pages of the chosen projects, as they are now and as the tree serves them."""
        for project in self.limits.projects:
            path = f"simple/{project}/index.json"
            info = self.listed(path)
            for data in (self.kept(hashed(path, info[1])) if info else None, self.tree.read(path)):
                for file in json.loads(data)["files"] if data else ():
                    yield f"packages/{project}/{file['filename']}"

    def have(self, branch: Branch) -> Branch:
        """Have the verified file of a role in the tree."""
        data = self.tree.read(branch.name)
        if data is not None:
            try:
                self._verify(branch, data)
                return branch
            except exceptions.RepositoryError:
                pass  # damaged on the disk, or left by somebody else: it is fetched again
        data = self._workers.fetch(f"{self._trust.index.metadata}{branch.version}.{quote(branch.role)}.json", MAX_ROLE)
        self._verify(branch, data)
        if branch.parent is not self._top:
            self.tree.put(branch.name, data)
            return branch
        with self._placing:
            if self._exchanged:  # another thread has just taken it away: nothing of this round may come in its place
                raise exceptions.BadVersionNumberError(f"{branch.name} came with roles that were exchanged")
            self.tree.put(branch.name, data)
        return branch

    def _verify(self, branch: Branch, data: bytes) -> None:
        """Raises python-tuf's errors. What a bin lists must be delegated to the role above it, too: two of those have one key."""
        found = branch.verified(data, self._now)
        above = next((role for role, parent in self._between if parent is branch.parent), None)
        if above is not None and not all(delegated(self._top, path, above) for path in found.targets):
            self._take_away()
            raise exceptions.BadVersionNumberError(f"{branch.name} lists what {above} may not")

    def _take_away(self) -> None:
        """Roles between targets and bins that came with this round may be each other's: the next round fetches them again."""
        with self._placing:
            self._exchanged = True
            for role, _ in self._between:
                version = self.state.versions[role]
                if self.before is None or self.before.versions.get(role) != version:
                    self.tree.delete(f"metadata/{version}.{role}.json")

    def is_changed(self, branch: Branch) -> bool:
        """Whether a role is to be looked at. Bins of a new generation are in snapshots before anybody delegates to them."""
        if self.before is None or self.before.versions.get(branch.role) != branch.version:
            return True
        return self.regrown and not self.tree.path(branch.name).exists()

    def changes(self, branch: Branch) -> Iterator[Change]:
        """(path, what it is now, what it was) of every target of a changed role that is to be mirrored."""
        new = targets_in(self.kept(branch.name))
        old: dict[str, Fact] = {}
        version = self.before.versions.get(branch.role) if self.before else None
        data = self.tree.read(f"metadata/{version}.{branch.role}.json") if version else None
        if data is not None and version != branch.version:
            old = targets_in(data)
        for path, fact in new.items():
            if old.get(path) != fact and self.limits.chosen(path):
                yield check_target(path), fact, old.get(path)
        for path in old.keys() - new.keys():
            if self.limits.chosen(path):
                yield check_target(path), None, old[path]

    def listed(self, path: str) -> Fact | None:
        """What the state says of a target, looked up in the roles that the tree has."""
        for parent in self.parents(path):
            for branch in branches(parent, self.state.versions, [path]):
                data = self.tree.read(branch.name)
                if data is not None and (fact := targets_in(data).get(path)):
                    return fact
        return None

    def names(self, name: str) -> bool:
        """Whether the state names this object."""
        folder, _, last = name.rpartition("/")
        head, _, rest = last.partition(".")
        if folder == "metadata":
            role = rest.removesuffix(".json")
            if role == "snapshot":
                return head == str(self.state.version)
            return role in self.reachable() and head == str(self.state.versions[role])
        fact = self.listed(f"{folder}/{rest}")
        return fact is not None and fact[1] == head

    def kept(self, name: str) -> bytes:
        """An object that the tree has. Raises Failure (disk) when it has not, BadVersionNumberError when this round took it away."""
        data = self.tree.read(name)
        if data is None and self._exchanged:  # which another thread has found in the moment before
            raise exceptions.BadVersionNumberError(f"{name} came with roles that were exchanged")
        if data is None:
            raise Failure("disk", f"{name} was taken out of the mirror while it was at work.")
        return data
