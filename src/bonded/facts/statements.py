"""Execution of statements on abstract values, and following of the package's own functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import Any

from bonded.facts.expressions import PARAMETER
from bonded.facts.following import Following, is_static
from bonded.facts.known import BOTS, canonical
from bonded.facts.scope import Class, Env, Function, Instance
from bonded.facts.state import MAIN
from bonded.facts.value import (
    ANY,
    GIVEN_KEY,
    GIVEN_SECRET,
    MESSAGE,
    NOTHING,
    PRIVATE,
    SOURCES,
    Value,
    join,
    reach,
)

_KEY = re.compile(
    r"(priv(ate)?|wallet)_?key|^(pk|wif)$|mnemonic|seed_?(phrase|words)|^seed$|keypair|recovery_phrase", re.IGNORECASE
)
_SECRET = re.compile(r"passw(or)?d|passphrase|secret|token|cookie|api_?key|credential", re.IGNORECASE)
_BUILD_TOOLS = ("setuptools", "distutils", "wheel", "numpy.distutils", "skbuild", "Cython")


_ROOM = 1_000
"""Turns of inner loops that are folded in one function that nothing calls."""


class Interpreter(Following):
    """Reads one module: `module(tree)`, then `rest()` for functions that nothing called."""

    def module(self, tree: ast.Module) -> None:
        """Execute the top level."""
        self.functions: list[Function] = []
        self.loops = 0
        self.room: int | None = None
        self.block(tree.body)

    def rest(self, wanted: Callable[[Function], bool]) -> None:
        """Execute each function once with unknown arguments, if `wanted`."""
        done = 0
        while done < len(self.functions):
            function = self.functions[done]
            done += 1
            if wanted(function):
                self._outer(function)

    def _outer(self, function: Function) -> None:
        arguments = function.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        labels = frozenset({"parameter", MESSAGE} if function.heard else {"parameter"})
        values = {
            one.arg: Value(names=(f"{PARAMETER}{function.qualname}:{one.arg}",), labels=labels | _secrecy(one.arg))
            for one in every
        }
        if function.owner is not None and every and not is_static(function):
            values[every[0].arg] = Value(local=Instance(function.owner))
            maker = function.owner.method("__init__")
            if maker is not None and maker is not function and not maker.turns:
                maker.turns = 1
                self._outer(maker)
        outer, self.room, self.loops = (self.room, self.loops), _ROOM, 0
        try:
            self.enter(function, values)
        finally:
            self.room, self.loops = outer

    def block(self, body: Iterable[ast.stmt]) -> None:
        """Execute statements in order."""
        for statement in body:
            self.spend.node()
            run = _TABLE.get(type(statement))
            if run is None:
                self._plain(statement)
            else:
                run(self, statement)

    def _plain(self, node: ast.stmt) -> None:
        for one in ast.iter_child_nodes(node):
            if isinstance(one, ast.expr):
                self.evaluate(one)
            elif isinstance(one, ast.stmt):
                self.block([one])

    def _import_plain(self, node: ast.Import) -> None:
        for alias in node.names:
            self.out.imports.append(alias.name)
            name = alias.name if alias.asname else alias.name.split(".")[0]
            self.env.values[alias.asname or name] = Value(names=(name,))

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            parts = self.package.split(".") if self.package else []
            parts = parts[: len(parts) - node.level + 1] if node.level > 1 else parts
            module = ".".join([*parts, module] if module else parts)
        self.out.imports.append(module)
        for alias in node.names:
            if alias.name == "*":
                self.env.stars.append(module)
            else:
                self.out.imports.append(f"{module}.{alias.name}")
                self.env.values[alias.asname or alias.name] = Value(names=(f"{module}.{alias.name}".lstrip("."),))

    def _assign(self, node: ast.Assign) -> None:
        value = self.evaluate(node.value)
        for target in node.targets:
            self.bind(target, value)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.bind(node.target, self.evaluate(node.value))

    def _augmented(self, node: ast.AugAssign) -> None:
        old = self.evaluate(node.target)
        self.bind(node.target, self.combine(node.op, old, self.evaluate(node.value)))

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign `value` to a name, a field, an item or a pattern of them."""
        if isinstance(target, ast.Name):
            self.env.values[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, value)
        elif isinstance(target, ast.Attribute):
            self._bind_attribute(target, value)
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            self._bind_item(target.value.id, self.evaluate(target.slice), value)

    def _bind_attribute(self, target: ast.Attribute, value: Value) -> None:
        held = self.evaluate(target.value).local if isinstance(target.value, ast.Name) else None
        if isinstance(held, Class) and isinstance(value.local, Function):
            held.methods[target.attr] = value.local
        owner = held.of.name if isinstance(held, Instance) else ""
        for key in (target.attr, f"{owner}.{target.attr}"):
            old = self.fields.get(key)
            self.fields[key] = join(old, value) if old is not None else value

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        items: list[Value] | None = list(value.items) if value.items is not None else None
        if items is None and isinstance(value.const, (tuple, list, str, bytes)):
            items = [Value(one, labels=value.labels, steps=value.steps) for one in value.const[: len(targets)]]
        for position, target in enumerate(targets):
            exact = items is not None and position < len(items)
            labels, steps = reach(value)
            self.bind(target, items[position] if exact and items else Value(labels=labels, steps=steps))

    def _bind_item(self, name: str, index: Value, value: Value) -> None:
        old = self.env.find(name)
        if old is None:
            return
        if old.names and old.names[0] == "builtins.globals()" and isinstance(index.const, str):
            self.globals.values[index.const] = value
        elif old.table is not None and isinstance(index.const, (str, bytes, int)):
            self.env.values[name] = Value(table={**old.table, index.const: value}, labels=old.labels)
        else:
            labels, steps = reach(value)
            self.env.values[name] = old.labelled(labels & (SOURCES | PRIVATE), *steps)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.define(node, None)

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: Class | None) -> Function:
        """A function definition: decorators and defaults run now, the body later."""
        prefix = f"{owner.name}." if owner else (f"{self.scope}.<locals>." if self.scope else "")
        function = Function(node, self.env, prefix + node.name, owner)
        self.functions.append(function)
        value = Value(local=function)
        for decorator in reversed(node.decorator_list):
            made = self.evaluate(decorator)
            if any(name.startswith(BOTS) for name in made.names):
                self.hears(function)
            if made.local is not None or made.names:
                result = self.apply(made, [value], {}, decorator)
                value = result if isinstance(result.local, Function) else value
        if owner is None:
            self.env.values[node.name] = value
        return function

    def _class(self, node: ast.ClassDef) -> None:
        bases = [self.evaluate(one) for one in node.bases]
        for keyword in node.keywords:
            self.evaluate(keyword.value)
        names = tuple(canonical(name) for base in bases for name in base.names)
        parents = tuple(base.local for base in bases if isinstance(base.local, Class))
        kind = Class(node.name, names, {}, parents)
        self.env.values[node.name] = Value(local=kind)
        outer, self.env = self.env, Env(self.env)
        try:
            for statement in node.body:
                if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    kind.methods[statement.name] = self.define(statement, kind)
                else:
                    self.block([statement])
        finally:
            self.env = outer
        for decorator in node.decorator_list:
            made = self.evaluate(decorator)
            if isinstance(made.local, Function):
                self.apply(made, [Value(local=kind)], {}, decorator)
        for one in kind.methods.values() if any(name.startswith(BOTS) for name in self._all_bases(kind)) else ():
            self.hears(one)
        if any(name.startswith(_BUILD_TOOLS) for name in self._all_bases(kind)):
            self.out.commands |= {one.qualname for one in kind.methods.values()}

    def _all_bases(self, kind: Class) -> list[str]:
        return [name for one in kind.line() for name in one.bases]

    def _branch(self, node: ast.If) -> None:
        test = self.evaluate(node.test)
        outer_scope = self.scope
        if _is_main(node.test) and not self.scope:
            self.scope = MAIN
        before = dict(self.env.values)
        self.block(node.body)
        after, self.env.values = self.env.values, before
        self.scope = outer_scope
        self.block(node.orelse)
        if test.known and isinstance(test.const, bool):
            self.env.values = after if test.const else self.env.values
            return
        self.env.values = _merged(after, self.env.values)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        source = self.evaluate(node.iter)
        count = len(source.items) if source.items is not None else len(source.const) if _sized(source.const) else 0
        size = sum(1 for one in node.body for _ in ast.walk(one)) if count else 0
        worth = 0 < count * size <= 60_000 and size <= 120 and self._has_room(count)
        _exact, turns = self.turns(source) if worth else (False, [_one(source)])
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
        for item in node.items:
            value = self.evaluate(item.context_expr)
            if isinstance(value.local, Instance):
                method = value.local.of.method("__enter__")
                value = self.follow(method, [], {}, (value, "")) if method else value
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value)
        self.block(node.body)

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
        self.evaluate(node.subject)
        for case in node.cases:
            self.block(case.body)

    def _return(self, node: ast.Return) -> None:
        value = self.evaluate(node.value) if node.value is not None else Value(None)
        if self.results:
            self.results[-1].append(value)

    def _expression(self, node: ast.Expr) -> None:
        inner = node.value
        value = self.evaluate(inner)
        if isinstance(inner, (ast.Yield, ast.YieldFrom)) and self.results:
            self.results[-1].append(value)

    def _nothing(self, node: ast.stmt) -> None:
        """pass, global, nonlocal, del: names that are global are found by `find` anyway."""

    def _global(self, node: ast.Global) -> None:
        for name in node.names:
            self.env.values.setdefault(name, self.globals.values.get(name, ANY))


def _secrecy(parameter: str) -> frozenset[str]:
    """What the name of a parameter says of its value."""
    if _KEY.search(parameter):
        return frozenset({GIVEN_KEY})
    return frozenset({GIVEN_SECRET}) if _SECRET.search(parameter) else NOTHING


def _merged(left: dict[str, Value], right: dict[str, Value]) -> dict[str, Value]:
    merged = dict(right)
    for name, value in left.items():
        other = merged.get(name)
        if other is not value:
            merged[name] = value if other is None else join(value, other)
    return merged


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and any(
        isinstance(one, ast.Name) and one.id == "__name__" for one in (test.left, *test.comparators)
    )


def _sized(const: Any) -> bool:
    return isinstance(const, (str, bytes, list, tuple))


def _one(source: Value) -> Value:
    labels, steps = reach(source)
    names = tuple(dict.fromkeys(one for item in (source.items or ())[:20] for one in item.names))[:6]
    return Value(names=names, labels=labels, steps=steps)


_TABLE: dict[type[ast.stmt], Any] = {
    ast.Import: Interpreter._import_plain,
    ast.ImportFrom: Interpreter._import_from,
    ast.Assign: Interpreter._assign,
    ast.AnnAssign: Interpreter._annotated,
    ast.AugAssign: Interpreter._augmented,
    ast.FunctionDef: Interpreter._function,
    ast.AsyncFunctionDef: Interpreter._function,
    ast.ClassDef: Interpreter._class,
    ast.If: Interpreter._branch,
    ast.For: Interpreter._for,
    ast.AsyncFor: Interpreter._for,
    ast.While: Interpreter._while,
    ast.With: Interpreter._with,
    ast.AsyncWith: Interpreter._with,
    ast.Try: Interpreter._try,
    ast.TryStar: Interpreter._try,
    ast.Match: Interpreter._match,
    ast.Return: Interpreter._return,
    ast.Expr: Interpreter._expression,
    ast.Pass: Interpreter._nothing,
    ast.Global: Interpreter._global,
    ast.Nonlocal: Interpreter._nothing,
}
