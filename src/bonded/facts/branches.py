"""Statements that branch and repeat: every way is taken, and what they leave is joined."""

from __future__ import annotations

import ast
from typing import Any

from bonded.facts.binding import Binding
from bonded.facts.loops import any_of
from bonded.facts.scope import Instance
from bonded.facts.state import MAIN
from bonded.facts.value import Value, join, reach


class Branches(Binding):
    """Conditions, loops, contexts and handlers."""

    loops = 0
    room: int | None = None
    """Turns of inner loops that are still folded in the function that is executed; None: as many as the budget has."""

    def _branch(self, node: ast.If) -> None:
        test = self.evaluate(node.test)
        outer_scope, program = self.scope, self._of_program(node) if not self.scope else None
        before = dict(self.env.values)
        self.scope = MAIN if program is node.body else outer_scope
        self.block(node.body)
        after, self.env.values = self.env.values, before
        self.scope = MAIN if program is node.orelse else outer_scope
        self.block(node.orelse)
        self.scope = outer_scope
        if test.known and isinstance(test.const, bool):
            self.env.values = after if test.const else self.env.values
            return
        self.env.values = _merged(after, self.env.values)

    def _of_program(self, node: ast.If) -> list[ast.stmt] | None:
        """The branch that is taken where the module is run as a program, and not where it is imported; None for neither."""
        test = node.test
        if not isinstance(test, ast.Compare) or len(test.ops) > 1:
            return None
        names = _names_compared(test.left, test.ops[0], test.comparators[0])
        own = {self.path.rpartition("/")[2].removesuffix(".py"), self.package.rpartition(".")[2]}
        if not names or any(one.rpartition(".")[2] in own for one in names):
            return None
        return node.orelse if isinstance(test.ops[0], _OTHER) else node.body

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        source = self.listed(self.evaluate(node.iter))
        count = len(source.items) if source.items is not None else len(source.const) if _sized(source.const) else 0
        size = sum(1 for one in node.body for _ in ast.walk(one)) if count else 0
        worth = 0 < count * size <= 60_000 and size <= 120 and self._has_room(count)
        _exact, turns = self.turns(source) if worth else (False, [any_of(source)])
        self.loops += 1
        for item in turns:
            self.bind(node.target, item)
            self.block(node.body)
        self.loops -= 1
        self.block(node.orelse)

    def _has_room(self, count: int) -> bool:
        """Whether a loop inside another one is folded, in a function that nothing calls: there, few turns tell enough."""
        if self.room is None or not self.loops:
            return True
        self.room -= count
        return self.room >= 0

    def _while(self, node: ast.While) -> None:
        self.evaluate(node.test)
        self.block(node.body)
        self.block(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        enters, leaves = ("__aenter__", "__aexit__") if isinstance(node, ast.AsyncWith) else ("__enter__", "__exit__")
        ends: list[Value] = []
        for item in node.items:
            value = self.evaluate(item.context_expr)
            if isinstance(value.local, Instance):
                ends.append(value)
                method = value.local.of.method(enters)
                value = self.follow(method, [], {}, (value, "")) if method else value
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value)
        self.block(node.body)
        for one in ends:
            method = one.local.of.method(leaves)
            if method is not None:
                self.follow(method, [], {}, (one, leaves))

    def _try(self, node: ast.Try) -> None:
        before = dict(self.env.values)
        self.block(node.body)
        after = self.env.values
        for handler in node.handlers:
            self.env.values = dict(before)
            if handler.type is not None:
                self.evaluate(handler.type)
            self.block(handler.body)
            after = _merged(after, self.env.values)
        self.env.values = after
        self.block(node.orelse)
        self.block(node.finalbody)

    def _match(self, node: ast.Match) -> None:
        subject = self.evaluate(node.subject)
        before = dict(self.env.values)
        after = before
        for case in node.cases:
            self.env.values = dict(before)
            self._pattern(case.pattern, subject)
            if case.guard is not None:
                self.evaluate(case.guard)
            self.block(case.body)
            after = _merged(self.env.values, after)
        self.env.values = after

    def _pattern(self, pattern: ast.pattern, value: Value) -> None:
        """What a pattern gives names to, if it is the one that fits."""
        if isinstance(pattern, (ast.MatchAs, ast.MatchStar)):
            if pattern.name is not None:
                self.env.values[pattern.name] = value
            if isinstance(pattern, ast.MatchAs) and pattern.pattern is not None:
                self._pattern(pattern.pattern, value)
            return
        items: list[Value | None] = []
        if isinstance(pattern, ast.MatchSequence):
            inner = pattern.patterns
            exact = value.items is not None and not any(isinstance(one, ast.MatchStar) for one in inner)
            items = list(value.items or ()) if exact else []
        elif isinstance(pattern, ast.MatchMapping):
            inner, table = pattern.patterns, value.table or {}
            keys = [one.value if isinstance(one, ast.Constant) else None for one in pattern.keys]
            items = [table.get(key) for key in keys]
        elif isinstance(pattern, ast.MatchClass):
            inner = [*pattern.patterns, *pattern.kwd_patterns]
            items = [value] if len(inner) == 1 and pattern.patterns else []
        elif isinstance(pattern, ast.MatchOr):
            inner, items = pattern.patterns, [value] * len(pattern.patterns)
        else:
            return
        labels, steps = reach(value)
        rest = Value(labels=labels, steps=steps)
        for position, one in enumerate(inner):
            item = items[position] if position < len(items) else None
            self._pattern(one, rest if item is None else item)


_OTHER = (ast.NotEq, ast.NotIn, ast.IsNot)


def _names_compared(left: ast.expr, op: ast.cmpop, right: ast.expr) -> list[str]:
    """The texts that `__name__` itself is compared with, all of them written out; [] for any other comparison, of which it is not
    known how it ends when the module is imported: `(__name__ == "x") is False`, `"" in __name__`."""
    other: list[ast.expr]
    if isinstance(op, (ast.In, ast.NotIn)):
        side, other = left, list(right.elts) if isinstance(right, (ast.Tuple, ast.List, ast.Set)) else []
    elif isinstance(op, (ast.Eq, ast.NotEq, ast.Is, ast.IsNot)):
        side, other = left, [right]
        if isinstance(left, ast.Constant):
            side, other = right, [left]
    else:
        return []
    texts = [one.value for one in other if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return texts if isinstance(side, ast.Name) and side.id == "__name__" and len(texts) == len(other) else []


def _merged(left: dict[str, Value], right: dict[str, Value]) -> dict[str, Value]:
    merged = dict(right)
    for name, value in left.items():
        other = merged.get(name)
        if other is not value:
            merged[name] = value if other is None else join(value, other)
    return merged


def _sized(const: Any) -> bool:
    return isinstance(const, (str, bytes, list, tuple))
