"""Functions that find other things by name, run code, or call what they are given: getattr, __import__, partial, map."""

from __future__ import annotations

import ast
from abc import abstractmethod

from bonded.facts.expressions import Expressions
from bonded.facts.files import Files
from bonded.facts.known import (
    CODE_SINKS,
    canonical,
)
from bonded.facts.operators import flat
from bonded.facts.state import argument
from bonded.facts.value import (
    ANY,
    CHARS,
    CODE,
    HIDDEN,
    NOTHING,
    SOURCES,
    Value,
    gather,
    join,
    reach,
)


class Lookups(Files, Expressions):
    """`special(name, ...)`: the value of a call that the interpreter must understand to follow names and data."""

    @abstractmethod
    def apply(self, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """`callee(*arguments, **keywords)`; `facts.calling` has it."""

    @abstractmethod
    def run_code(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """A call that runs its argument as Python; `facts.calling` has it."""

    @abstractmethod
    def record_call(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        """Note a call with its arguments; `facts.calling` has it."""

    def special(
        self, name: str, raw: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """Functions that look names up, run code, or call what they are given."""
        if name == "builtins.getattr" and len(arguments) >= 2:
            return self._getattr(arguments, node)
        if name.endswith((".__getattribute__", ".__getattr__")) and arguments and callee.bound:
            return self._getattr([callee.bound[0], arguments[-1]], node)
        if name == "builtins.vars" and arguments and arguments[0].names:
            return Value(names=tuple(f"{one}.__dict__" for one in arguments[0].names))
        if name == "builtins.__import__" and arguments:
            return self._import(raw, arguments, keywords, node)
        if name in ("operator.attrgetter", "operator.methodcaller", "functools.partial"):
            return Value(names=(f"{name}()",), items=(*arguments, *keywords.values()))
        if name in ("operator.attrgetter()", "operator.methodcaller()", "functools.partial()"):
            return self._made(name, callee, arguments, node)
        if name in ("builtins.map", "builtins.filter") and len(arguments) >= 2:
            return self._map(arguments, node)
        if name == "builtins.compile" and arguments:
            self.record_call(name, callee, arguments, keywords, node)
            return arguments[0].labelled(frozenset({CODE}))
        if name.endswith((".get", ".__getitem__")) and callee.bound and arguments:
            return self._table_get(callee.bound[0], arguments)
        if name in CODE_SINKS and (arguments or name.endswith("()")):
            return self.run_code(name, callee, arguments, keywords, node)
        opened = self.opened(name, callee, arguments, keywords, node)
        if opened is None and callee.bound:
            opened = self.read(callee.bound[0], callee.bound[1])
        return opened

    def _table_get(self, base: Value, arguments: list[Value]) -> Value | None:
        for one in base.names:
            if (one.endswith(".__dict__") or one == "builtins") and isinstance(arguments[0].const, str):
                plain = Value(names=(one.removesuffix(".__dict__"),))
                return self.attribute(plain, arguments[0].const, hidden=True)
            if one in ("builtins.globals()", "builtins.locals()") and isinstance(arguments[0].const, str):
                return self.lookup(arguments[0].const).labelled(frozenset({HIDDEN}))
            if canonical(one) == "sys.modules" and isinstance(arguments[0].const, str):
                return Value(names=(arguments[0].const,), labels=frozenset({HIDDEN}))
        return None

    def _getattr(self, arguments: list[Value], node: ast.AST) -> Value:
        base, name = arguments[0], flat(arguments[1])
        if isinstance(name, bytes):
            name = name.decode("utf-8", "replace")
        if isinstance(name, str):
            written = isinstance(node, ast.Call) and any(isinstance(one, ast.Constant) for one in node.args[1:2])
            found = self.attribute(base, name, hidden=not written)
            return join(found, arguments[2]) if len(arguments) > 2 else found
        hidden = base.names and base.names[0] == "builtins"
        return Value(labels=reach(base)[0] | (frozenset({HIDDEN}) if hidden else NOTHING))

    def _import(self, raw: str, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        wanted = arguments[0]
        name = flat(wanted)
        if not isinstance(name, str):
            self.record("builtins.__import__", node, [argument(wanted)], hidden=False)
            return Value(labels=wanted.labels & SOURCES)
        if name.startswith("."):
            name = self.package + name
        wanted_of_it = keywords.get("fromlist", arguments[3] if len(arguments) > 3 else Value(None))
        whole = raw.endswith("import_module") or bool(wanted_of_it.items or wanted_of_it.table)
        self.out.imports.append(name)
        hidden = wanted.labels | (frozenset({HIDDEN}) if not _written(node) else NOTHING)
        return Value(names=(name if whole else name.split(".")[0],), labels=hidden - {CHARS})

    def _made(self, name: str, callee: Value, arguments: list[Value], node: ast.AST) -> Value:
        held = callee.bound[0].items if callee.bound and callee.bound[0].items else callee.items
        if not held:
            return ANY
        if name == "functools.partial()":
            return self.apply(held[0], [*held[1:], *arguments], {}, node)
        attribute = flat(held[0])
        if not isinstance(attribute, str) or not arguments:
            return ANY
        found = arguments[0]
        for part in attribute.split("."):
            found = self.attribute(found, part, hidden=True)
        return self.apply(found, list(held[1:]), {}, node) if "methodcaller" in name else found

    def _map(self, arguments: list[Value], node: ast.AST) -> Value:
        exact, turns = self.turns(arguments[1])
        results = [self.apply(arguments[0], [one], {}, node) for one in turns]
        if exact:
            return Value(items=tuple(results))
        labels, steps = gather(results)
        return Value(labels=labels, steps=steps)


def _written(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and bool(node.args) and isinstance(node.args[0], ast.Constant)
