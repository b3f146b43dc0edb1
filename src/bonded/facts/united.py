"""A small package is read as one program: a name that one module imports is in it what it is in the other one.

Modules of a large one are read each by itself, for that is what can be kept and what is quick; there, `facts.linking` follows
names. What is spread over a few short modules is worth the same care as if it stood in one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bonded.facts.known import canonical
from bonded.facts.scope import Imported
from bonded.facts.state import kept
from bonded.facts.statements import Interpreter
from bonded.facts.value import Value

_MOST_STARS = 4
"""Modules that a name is looked for in, each star-imported by the one before."""


class United:
    """The modules at `paths`, by dotted name. `read(path)` reads one, as far as it is not read; None where it cannot be."""

    def __init__(self, paths: Mapping[str, str], read: Callable[[str], Interpreter | None]) -> None:
        self.paths = paths
        self.read = read
        self.first: Interpreter | None = None

    def join(self, live: Interpreter) -> None:
        """Make a module one program with those before."""
        if self.first is None:
            self.first = live
        live.join(self.first)

    def module(self, name: str) -> Value | None:
        """The module of this dotted name, which is imported."""
        live = self._live(name)
        return Value(names=(name,), local=Imported(name, live.globals)) if live is not None else None

    def found(self, name: str) -> Value | None:
        """What a dotted name stands for: something in a module, or a module."""
        if kept(canonical(name)):
            return None  # who brings a copy of a library along is seen to use it, whatever the copy does
        module, _, last = name.rpartition(".")
        return self._in(module, last) or self.module(name)

    def _in(self, module: str, name: str, depth: int = 0) -> Value | None:
        live = self._live(module)
        if live is None:
            return None
        value = live.globals.values.get(name)
        if value is not None:
            return value if _tells(value) else None
        stars = live.globals.stars if depth < _MOST_STARS and not name.startswith("_") else []
        return next((held for one in stars if (held := self._in(one, name, depth + 1)) is not None), None)

    def _live(self, module: str) -> Interpreter | None:
        path = self.paths.get(module)
        return self.read(path) if path is not None else None


def _tells(value: Value) -> bool:
    """Whether anything is known of a value."""
    return bool(value.known or value.names or value.labels or value.shape) or not (
        value.local is None and value.items is None and value.table is None
    )
