"""Which members of an archive are parsed: those that could matter by themselves, and those that matter together."""

from __future__ import annotations

from bonded.facts import layout, prefilter
from bonded.facts.collect import Collected
from bonded.facts.marks import Marks
from bonded.facts.metadata import project_of_filename
from bonded.facts.model import Trait
from bonded.facts.spend import Spend
from bonded.facts.when import ORDER
from bonded.values.finding import When

_MOST_PARTNERS = 16
"""Modules that are parsed only because they would matter together."""
_MOST_PAIRS = 2_000_000
"""Pairs of modules that are looked at for being partners."""
_MOST_SOURCES = 20_000
"""Members of Python that are looked through, those that run soonest first; no honest archive was seen to hold half of them."""
_MOST_UNITED = 32
_UNITED = 40_000
"""Modules of a package that are read as one program, and bytes of them: what one person writes to hide something in."""
_MOST_OUTWARD = 24
"""Short modules that are read only because they reach out."""


class Choice:
    """What is known of the members of `found` before any is parsed. `paths` are members by dotted name."""

    def __init__(self, found: Collected, marks: Marks, paths: dict[str, str]) -> None:
        self.found = found
        self.marks = marks
        self.paths = paths
        self.traits: dict[str, tuple[Trait, ...]] = {}
        self.places: dict[str, When] = {}
        self.unread: list[str] = []
        self._own = project_of_filename(found.filename).replace("-", "_")
        self._reached: set[str] | None = None
        self.united = False
        """The modules are few and short: they are read as one program."""

    def wanted(self, spend: Spend) -> list[tuple[str, When]]:
        """Members to parse, those that run soonest first, and when the top level of each runs."""
        self.places = bases = {path: self.base(path) for path in self.found.sources}
        idle = {path for path, base in bases.items() if base is When.NEVER}
        idle -= self.reached() if idle else set()
        busy = sorted((path for path in bases if path not in idle), key=lambda path: (ORDER[bases[path]], path))
        if len(busy) > _MOST_SOURCES:
            self.unread.append(f"{busy[_MOST_SOURCES]}: this and later ones are more Python members than are read")
        hits = {path: self.marks.hits(path) for path in sorted(busy[:_MOST_SOURCES])}
        awake = {path: groups for path, groups in hits.items() if bases[path] is not When.NEVER}
        self.traits = {path: found for path in awake if (found := self.marks.traits(path, spend))}
        chosen = {
            path
            for path in hits
            if bases[path] in (When.INSTALL, When.STARTUP) or path in self.traits or self.marks.matters(path)
        }
        chosen |= self._outward(awake, chosen)
        chosen |= self._partners(awake)
        self.united = self._are_one(awake, chosen)
        chosen |= set(awake) if self.united else set()
        return sorted(((path, bases[path]) for path in chosen), key=lambda one: (ORDER[one[1]], one[0]))

    def _are_one(self, hits: dict[str, frozenset[str]], chosen: set[str]) -> bool:
        """Whether the package is so small that it is read as one program: it has several modules, of which something is worth
        reading, by itself or together."""
        long = [path for path in hits if self.found.sources.sizes[path]]
        total = sum(self.found.sources.sizes[path] for path in long)
        if not 1 < len(long) <= _MOST_UNITED or total > _UNITED:
            return False
        if any(layout.inner(path, self.found.kind) != "setup.py" for path in chosen):
            return True
        whole = b"\n".join(self.found.sources[path] for path in sorted(long))
        return prefilter.matters(whole, prefilter.hits(whole))

    def _outward(self, hits: dict[str, frozenset[str]], chosen: set[str]) -> set[str]:
        """Short modules that reach out: the first few."""
        sizes = self.found.sources.sizes
        found = [path for path, groups in hits.items() if prefilter.reaches_out(sizes[path], groups)]
        found = [path for path in found if path not in chosen]
        return set(sorted(found, key=lambda path: (path.count("/"), path))[:_MOST_OUTWARD])

    def reached(self) -> set[str]:
        """Members in folders of tests or documentation that other modules import, one by way of the other."""
        if self._reached is not None:
            return self._reached
        named: dict[str, list[str]] = {}
        for name, path in self.paths.items():
            if self.places[path] is When.NEVER:
                named.setdefault(name.rpartition(".")[2], []).append(path)
        others = [path for path, base in self.places.items() if base is not When.NEVER] if named else []
        found: set[str] = set()
        waiting = [path for path in others if self.marks.names_tests(path)]
        while waiting:
            for word in sorted(self.marks.words(waiting.pop()) & named.keys()):
                new = [path for path in named[word] if path not in found]
                found.update(new)
                waiting += new
        self._reached = found
        return found

    def _partners(self, hits: dict[str, frozenset[str]]) -> set[str]:
        """Pairs of modules of which one runs code and the other has code to hide: neither matters alone.

        Either may import the other; what the running one imports is read later, when it turns out to be needed.
        """
        found: set[str] = set()
        halves = [path for path, groups in hits.items() if prefilter.is_half(groups)]
        named: dict[str, list[str]] = {}
        for path in hits if halves else ():
            named.setdefault(self._last(path), []).append(path)
        for path in halves[: max(_MOST_PARTNERS, _MOST_PAIRS // max(1, len(hits)))]:
            if len(found) >= _MOST_PARTNERS:
                break
            if any(self._other_half(named[word]) for word in sorted(self.marks.words(path) & named.keys())):
                found.add(path)
            users = self._users(path, hits, found)
            found |= {path, *users} if users else set()
        return found

    def _other_half(self, paths: list[str]) -> bool:
        return any(self.marks.is_other_half(path) for path in paths)

    def _users(self, path: str, hits: dict[str, frozenset[str]], found: set[str]) -> list[str]:
        """Modules that import the one at `path` and have something to hide: the first four."""
        name = self._last(path)
        users: list[str] = []
        for one in hits:
            if one == path or one in found or not self.marks.imports(one, name):
                continue
            if self.marks.is_other_half(one):
                users.append(one)
                if len(users) == 4:
                    break
        return users

    def _last(self, path: str) -> str:
        return layout.dotted(path, self.found.kind).rpartition(".")[2]

    def base(self, path: str) -> When:
        """When the top level of the member runs."""
        known = self.places.get(path)
        return self._place(path) if known is None else known

    def _place(self, path: str) -> When:
        where = layout.inner(path, self.found.kind)
        if where in self.found.hooks or path.partition("/")[2] in self.found.hooks:
            return When.INSTALL
        for folder in self.found.backend_paths:
            whole = f"{folder.strip('./')}/{self.found.backend.replace('.', '/')}".lstrip("/")
            if self.found.backend and (where == f"{whole}.py" or _is_package_of(where, whole)):
                return When.INSTALL
        return layout.when_of(path, self.found.kind, self._own, not self.found.examples)


def _is_package_of(path: str, module: str) -> bool:
    """Whether the member is the package that a module is, or one that it is in: to import it runs all of them."""
    folder = path.removesuffix("/__init__.py")
    return folder != path and (module == folder or module.startswith(f"{folder}/"))
