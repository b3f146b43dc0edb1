"""What the bytes of one Python member say by themselves: asked for once, and kept by their hash for the next archive.

Nothing here depends on the member's path or on the rest of the archive, so an answer is as good for the same bytes anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bonded.facts import prefilter, sketch
from bonded.facts.imported import imported_words
from bonded.facts.model import Trait
from bonded.facts.naming import hosts_in
from bonded.facts.reached import called_names
from bonded.facts.shape import letters, shapes
from bonded.facts.spend import Spend

_MOST_WITHOUT = 32


@dataclass(slots=True)
class Mark:
    """Answers for one content; None where nobody asked. `letters` are the traits of names in other letters, `taken` the
    budget that telling them takes, `tokens` the least hashes for the sketch of the archive, `without` names that were looked
    for and stand nowhere."""

    hits: tuple[str, ...] | None = None
    matters: bool | None = None
    half: bool | None = None
    tests: bool | None = None
    words: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    called: tuple[str, ...] | None = None
    shapes: tuple[Trait, ...] | None = None
    letters: tuple[Trait, ...] | None = None
    taken: int = 0
    hosts: tuple[str, ...] | None = None
    tokens: tuple[int, ...] | None = None


class Marks:
    """Marks of the members in `sources`, by path. `hashes` are the sha256 of their contents, `known` marks by sha256."""

    def __init__(
        self, sources: Mapping[str, bytes], hashes: Mapping[str, str], known: Mapping[str, Mark] | None = None
    ) -> None:
        self._sources = sources
        self._hashes = hashes
        self._known = known or {}
        self.used: dict[str, Mark] = {}
        """By sha256: what was asked here, or is known."""
        self._sets: dict[tuple[str, str], frozenset[str]] = {}

    def _of(self, path: str) -> Mark:
        key = self._hashes[path]
        found = self.used.get(key)
        if found is None:
            found = self.used[key] = self._known.get(key) or Mark()
        return found

    def hits(self, path: str) -> frozenset[str]:
        """`prefilter.hits`."""
        one = self._of(path)
        if one.hits is None:
            one.hits = tuple(sorted(prefilter.hits(self._sources[path])))
        return frozenset(one.hits)

    def matters(self, path: str) -> bool:
        """`prefilter.matters`."""
        one = self._of(path)
        if one.matters is None:
            one.matters = prefilter.matters(self._sources[path], self.hits(path))
        return one.matters

    def is_other_half(self, path: str) -> bool:
        """`prefilter.is_other_half`."""
        one = self._of(path)
        if one.half is None:
            one.half = prefilter.is_other_half(self._sources[path], self.hits(path))
        return one.half

    def names_tests(self, path: str) -> bool:
        """`prefilter.names_tests`."""
        one = self._of(path)
        if one.tests is None:
            one.tests = prefilter.names_tests(self._sources[path])
        return one.tests

    def words(self, path: str) -> frozenset[str]:
        """`imported.imported_words`."""
        one = self._of(path)
        if one.words is None:
            one.words = tuple(sorted(imported_words(self._sources[path])))
        return self._set(path, "words", one.words)

    def imports(self, path: str, name: str) -> bool:
        """Whether `name` is among its words; of most members a look at the text says that it is not."""
        one = self._of(path)
        if one.words is None and name in one.without:
            return False
        if one.words is None and name.encode() not in self._sources[path]:
            one.without = (*one.without, name)[-_MOST_WITHOUT:]
            return False
        return name in self.words(path)

    def called(self, path: str) -> frozenset[str]:
        """`reached.called_names`."""
        one = self._of(path)
        if one.called is None:
            one.called = tuple(sorted(called_names(self._sources[path])))
        return self._set(path, "called", one.called)

    def _set(self, path: str, what: str, values: tuple[str, ...]) -> frozenset[str]:
        key = (what, path)
        found = self._sets.get(key)
        if found is None:
            found = self._sets[key] = frozenset(values)
        return found

    def traits(self, path: str, spend: Spend) -> tuple[Trait, ...]:
        """`shape.traits`: the same with the same budget."""
        one = self._of(path)
        if one.shapes is None or one.letters is None:
            one.shapes = shapes(self._sources[path])
            whole = Spend()
            before = whole.letters
            one.letters = letters(self._sources[path], whole)
            one.taken = before - whole.letters
        if spend.letters <= 0:
            return one.shapes
        spend.letters -= one.taken
        return (*one.shapes, *one.letters)

    def hosts(self, path: str) -> tuple[str, ...]:
        """`naming.hosts_in`."""
        one = self._of(path)
        if one.hosts is None:
            one.hosts = hosts_in(self._sources[path])
        return one.hosts

    def tokens(self, path: str) -> tuple[int, ...]:
        """`sketch.tokens`."""
        one = self._of(path)
        if one.tokens is None:
            one.tokens = sketch.tokens(self._sources[path])
        return one.tokens
