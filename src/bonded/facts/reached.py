"""What runs when, across the modules of a package: `from .core import start; start()` in `__init__` runs `start` on import."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from bonded.facts.reading import CLASS, FUNCTION, Reading
from bonded.facts.state import MAIN, Gathered
from bonded.facts.when import roots_of
from bonded.values.finding import When

Place = tuple[str, str]
"""A member's path and a scope in it."""
SOONEST = (When.INSTALL, When.STARTUP, When.IMPORT)
_CALLED = re.compile(rb"([A-Za-z_][A-Za-z0-9_]*+)(?:[ \t]*\(|[ \t]+as[ \t])")
"""Names that are called, or imported under another name."""
_PASSED = re.compile(
    rb"(?:\btarget[ \t]*=|\b(?:register|submit|start_new_thread|call_soon|to_thread|Timer)[ \t]*\([^()\n]{0,40}?)[ \t]*"
    rb"\b([A-Za-z_][A-Za-z0-9_]*+)[ \t]*[,)]"
)
"""Names of functions that are given to what calls them: a thread, a pool, the end of the program."""
_MOST_NAMES = 4


class Reach:
    """The modules that were read, `bases` when the top level of each runs, `paths` members by dotted name."""

    def __init__(
        self,
        readers: Mapping[str, Reading],
        bases: Mapping[str, When],
        paths: Mapping[str, str],
        loaded: Iterable[str] = (),
    ) -> None:
        self.loaded = tuple(loaded)
        """Dotted names of functions that other programs run, as if they were imported."""
        self.readers = readers
        self.bases = bases
        self.paths = paths

    def times(self) -> dict[str, dict[str, When]]:
        """Path -> scope -> the soonest time at which it runs; what is not in there runs when somebody calls it."""
        found: dict[str, dict[str, When]] = {}
        for when in SOONEST:
            waiting = [
                (path, scope)
                for path, reader in self.readers.items()
                if self.bases[path] is when
                for scope in sorted(roots_of(reader.out, when))
            ]
            if when is When.IMPORT:
                waiting += [place for name in self.loaded for place in self.places(name)]
            seen: set[Place] = set()
            while waiting:
                place = waiting.pop()
                if place not in seen:
                    seen.add(place)
                    found.setdefault(place[0], {}).setdefault(place[1], when)
                    waiting += self._next(place)
        return found

    def _next(self, place: Place) -> list[Place]:
        path, scope = place
        out = self.readers[path].out
        after = [(path, callee) for callee in sorted(out.edges.get(scope, ()))]
        for name in sorted(out.outside_edges.get(scope, ())):
            after += self.places(name)
        return after

    def places(self, name: str, depth: int = 0) -> list[Place]:
        """The scopes that a dotted name stands for: of a function, a method, or what makes an object of a class."""
        other, elsewhere, scope = name.rpartition("\0")
        if elsewhere:
            return [(other, scope)] if other in self.readers else []
        parts = name.replace("()", "").split(".")
        for cut in range(len(parts), 0, -1):
            path = self.paths.get(".".join(parts[:cut]))
            if path is not None:
                return self._inside(path, parts[cut:], depth) if path in self.readers else []
        return []

    def _inside(self, path: str, rest: list[str], depth: int) -> list[Place]:
        if not rest or rest[0] == MAIN:
            return [(path, ""), (path, MAIN)] if rest else [(path, "")]
        reader = self.readers[path]
        if rest[0].endswith("*"):
            return [(path, one) for one in sorted(_scopes(reader.out)) if one.startswith(rest[0][:-1])]
        kind, scopes, names = reader.named(rest[0]) or ("", {}, ())
        if kind == CLASS:
            methods = [rest[1]] if len(rest) > 1 else ["__init__", "__new__", "__enter__"]
            if methods == ["start"] and "start" not in scopes:
                methods = ["run"]  # of a thread or a process
            return [self._scope(path, scopes[one]) for one in ("__init__", *methods) if one in scopes]
        if kind == FUNCTION:
            return [self._scope(path, scopes[""])]
        if not kind or depth >= _MOST_NAMES:
            return self._starred(reader, rest, depth)
        return [place for one in names for place in self.places(".".join([one, *rest[1:]]), depth + 1)]

    @staticmethod
    def _scope(path: str, scope: str) -> Place:
        """A scope in the member at `path`, or in the one that the scope names itself (`state.exact`)."""
        other, elsewhere, name = scope.rpartition("\0")
        return (other, name) if elsewhere else (path, scope)

    def _starred(self, reader: Reading, rest: list[str], depth: int) -> list[Place]:
        if depth >= _MOST_NAMES:
            return []
        return [place for one in reader.starred()[:6] for place in self.places(".".join([one, *rest]), depth + 1)]


def _scopes(out: Gathered) -> set[str]:
    """Functions in which something happens, or from which others are called."""
    return {call.scope for call in out.calls.values()} | out.edges.keys() | out.outside_edges.keys()


def uncalled(out: Gathered, known: set[str]) -> set[str]:
    """Names of functions and classes by which what is a fact is reached, or one of the `known` names of other modules:
    whoever calls them decides when these run."""
    found = {call.scope for call in out.calls.values()}
    found |= {
        scope for scope, names in out.outside_edges.items() if any(name.rpartition(".")[2] in known for name in names)
    }
    waiting = True
    while waiting:
        more = {scope for scope, callees in out.edges.items() if scope not in found and not callees.isdisjoint(found)}
        waiting = bool(more)
        found |= more
    return {scope.split(".")[0] for scope in found if scope and not scope.startswith("<")}


def called_names(data: bytes) -> set[str]:
    """Names that a source calls, or imports under a name of its own."""
    return {found.decode("ascii") for found in {*_CALLED.findall(data), *_PASSED.findall(data)}}
