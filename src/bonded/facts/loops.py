"""Evaluation of comprehensions, and the items that a loop goes through."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from bonded.facts.footholds import SITE
from bonded.facts.scope import Class, Env, Instance
from bonded.facts.spend import Spend
from bonded.facts.state import Recorder, World
from bonded.facts.value import CHARS, NOTHING, SOURCES, Value, gather, reach

_FOUND = (("glob.glob()",), ("glob.iglob()",))
"""Each of what these give is a path of the shape that was looked for."""


class Loops(Recorder, ABC):
    """Comprehensions over known items are folded one by one, within the budget; over unknown ones they are seen once."""

    def __init__(self, path: str, lines: list[str], spend: Spend, world: World) -> None:
        super().__init__(path, lines, spend, world)
        self.constant_sources: dict[int, Value] = {}

    @abstractmethod
    def evaluate(self, node: ast.expr | None) -> Value:
        """What is known of an expression; `facts.expressions` has it."""

    @abstractmethod
    def by_own(self, value: Value, name: str, *given: Value) -> Value | None:
        """What a method of the object's class gives, None where there is none; `facts.operators` has it."""

    @abstractmethod
    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign to a target; `facts.statements` has the whole of it."""

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        found: list[Value] = []
        outer, self.env = self.env, Env(self.env)
        try:
            exact = self._generate(node.generators, 0, lambda: found.append(self.evaluate(node.elt)))
        finally:
            self.env = outer
        tested = self._tested(node.generators)
        if exact:
            return Value(items=tuple(found), labels=tested)
        labels, steps = gather(found)
        return Value(labels=labels | tested, steps=steps)

    def _tested(self, generators: list[ast.comprehension]) -> frozenset[str]:
        """Where items are picked by comparing them with hidden data, what comes out is that data, spelled otherwise.

        What is made of a text letter by letter is spelled, too.
        """
        first = self.evaluate(generators[0].iter)
        spelled = frozenset({CHARS}) if isinstance(first.const, str) and len(first.const) >= 16 else NOTHING
        if not any(one.ifs for one in generators) or len(generators) < 2:
            return spelled
        return spelled | gather([first])[0] & SOURCES

    def _dict_comprehension(self, node: ast.DictComp) -> Value:
        found: list[tuple[Value, Value]] = []
        outer, self.env = self.env, Env(self.env)
        try:
            self._generate(
                node.generators, 0, lambda: found.append((self.evaluate(node.key), self.evaluate(node.value)))
            )
        finally:
            self.env = outer
        table = {
            key.const if isinstance(key.const, (str, bytes, int, float)) else ("?", n): value
            for n, (key, value) in enumerate(found)
        }
        return Value(table=table)

    def _generate(self, generators: list[ast.comprehension], level: int, emit: Callable[[], None]) -> bool:
        """Run a comprehension over known items; once, with an unknown item, where they are not known."""
        if level == len(generators):
            emit()
            return True
        now = generators[level]
        source = self._source(generators, level)
        exact, turns = self.turns(source)
        for item in turns:
            self.bind(now.target, item)
            tests = [self.evaluate(one) for one in now.ifs]
            if exact and any(one.known and not one.const for one in tests):
                continue
            exact = self._generate(generators, level + 1, emit) and exact
            if not exact:
                break  # one turn stands for all of them from here on
        return exact

    def _source(self, generators: list[ast.comprehension], level: int) -> Value:
        """What a loop goes through: worked out once where it is the same for every turn of the loops around it."""
        wanted = generators[level].iter
        if level == 0:
            self.constant_sources.clear()
            return self.evaluate(wanted)
        known = self.constant_sources.get(id(wanted))
        if known is None:
            known = self.evaluate(wanted)
            bound = {
                one.id for outer in generators[:level] for one in ast.walk(outer.target) if isinstance(one, ast.Name)
            }
            if not any(isinstance(one, ast.Name) and one.id in bound for one in ast.walk(wanted)):
                self.constant_sources[id(wanted)] = known
        return known

    def turns(self, source: Value) -> tuple[bool, list[Value]]:
        """The items of `source`, one by one while the budget lasts; else one item that stands for all of them."""
        source = self.listed(source)
        held: Any = source.items if source.items is not None else source.const
        if isinstance(held, (str, bytes, list, tuple)) and len(held) <= 20_000 and self.spend.take_turns(len(held)):
            if source.items is not None:
                return True, list(source.items)
            return True, [Value(one, labels=source.labels, steps=source.steps) for one in held]
        return False, [any_of(source)]

    def listed(self, source: Value) -> Value:
        """`source`; for an `Enum`, what is listed in it; for an object, what its class says that it holds."""
        kind = source.local
        if isinstance(kind, Instance):
            return self.by_own(source, "__iter__") or source
        if not isinstance(kind, Class) or not any(one.startswith("enum.") for one in kind.outside()):
            return source
        return Value(items=tuple(one for key, one in self.fields.items() if key.startswith(f"{kind.name}.")))


def any_of(source: Value) -> Value:
    """What stands for every item of `source`."""
    labels, steps = reach(source)
    names = tuple(dict.fromkeys(one for item in (source.items or ())[:20] for one in item.names))[:6]
    told = source.shape == SITE or source.names in _FOUND
    return Value(names=names, labels=labels, steps=steps, shape=source.shape if told else "")
