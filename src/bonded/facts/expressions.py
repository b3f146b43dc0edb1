"""Evaluation of expressions: constants are folded, names resolved, labels carried along."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from bonded.facts import fold
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS, DECODERS, LOOKUPS, canonical
from bonded.facts.loops import Loops
from bonded.facts.partly import of_operation, shaped, variable
from bonded.facts.scope import BUILTINS, Class, Function, Instance, Later
from bonded.facts.value import (
    ANY,
    ENVIRONMENT,
    HIDDEN,
    MOST_SHAPE,
    NOTHING,
    UNKNOWN,
    Value,
    gather,
    join,
    reach,
)

_IMPORTANT = CODE_SINKS | COMMAND_SINKS | DECODERS | LOOKUPS
_MAX_DEPTH = 120
PARAMETER = "parameter:"
"""Begins the name of a value that a function was called with."""


class Expressions(Loops):
    """`evaluate(node)` for every kind of expression; calls are in `facts.calling`."""

    nesting = 0

    def evaluate(self, node: ast.expr | None) -> Value:
        """What is known of `node`."""
        if node is None:
            return Value(None)
        spend = self.spend
        spend.nodes -= 1  # as `spend.node()` does; this is the most frequent line of all
        if spend.nodes < 0:
            spend.node()
        if type(node) is ast.Constant:
            return Value(node.value)
        method: Callable[[Any], Value] | None = _TABLE.get(type(node))
        if method is None:
            return self._children(node)
        if self.nesting >= _MAX_DEPTH:
            self.out.unread.append(f"{self.path}: an expression on line {self.where(node)[0]} is nested too deeply")
            return ANY
        self.nesting += 1
        try:
            return method(self, node)  # type: ignore[call-arg]
        finally:
            self.nesting -= 1

    def _children(self, node: ast.AST) -> Value:
        values = [self.evaluate(one) for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)]
        labels, steps = gather(values)
        return Value(labels=labels, steps=steps)

    def _constant(self, node: ast.Constant) -> Value:
        return Value(node.value)

    def _name(self, node: ast.Name) -> Value:
        return self.lookup(node.id)

    def lookup(self, name: str) -> Value:
        """A variable, a builtin, or something star-imported."""
        found = self.env.find(name)
        if found is not None:
            return self._set_elsewhere(found) if name.isupper() and found.names and not found.known else found
        if name == "__file__":
            self.placed = True
            return Value("/" + self.path)
        if name == "__builtins__":
            return Value(names=("builtins",))
        for module in self.env.star_modules():
            if canonical(f"{module}.{name}") in _IMPORTANT or (name not in BUILTINS and self.world.own(module)):
                return Value(names=(f"{module}.{name}",))
        return Value(names=(f"builtins.{name}",)) if name in BUILTINS else ANY

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.evaluate(node.value), node.attr)

    def attribute(self, base: Value, name: str, hidden: bool = False) -> Value:
        """`base.name`."""
        if name == "__call__":
            return base
        if isinstance(base.local, Instance):
            method = base.local.of.method(name)
            if method is not None:
                return Value(local=method, bound=(base, name))
        elif isinstance(base.local, Class) and base.local.method(name) is not None:
            return Value(local=base.local.method(name))
        names = tuple(_dotted(one, name) for one in base.names)
        unknown = all(one.startswith(PARAMETER) for one in base.names) and not base.known
        stored = self._field(base, name) if unknown else None
        labels = base.labels | (frozenset({HIDDEN}) if hidden else NOTHING)
        if any(canonical(one) == "os.environ" for one in names):
            labels |= {ENVIRONMENT}
        if len(names) == 1 and not base.known:
            known = fold.own_text(names[0]) if name == "__name__" else fold.CONSTANTS.get(names[0], UNKNOWN)
            if known is not UNKNOWN:
                return Value(known, names, labels, steps=base.steps)
        if name == "name" and self.written and base.names:
            labels |= self.written.get(f"<{base.names[0].removesuffix('()')}>", (NOTHING, ()))[0]
        value = Value(names=names, labels=labels, bound=(base, name), steps=base.steps, local=_later(base))
        if name.isupper():
            value = self._set_elsewhere(value)
        if base.known and isinstance(base.const, str) and name in ("parent", "name"):
            value = Value(fold_path(base.const, name), labels=base.labels, bound=(base, name))
        return stored.labelled(value.labels, *value.steps) if stored is not None else value

    def _set_elsewhere(self, value: Value) -> Value:
        """`value`, with the text that another module of the package sets under its name."""
        for name in value.names:
            const = self.world.constant(name) if self.world.own(name) else UNKNOWN
            if const is not UNKNOWN:
                return Value(const, value.names, value.labels, steps=value.steps)
        return value

    def _field(self, base: Value, name: str) -> Value | None:
        """What was stored under this name: in objects of the class, where it is known, else in any."""
        if isinstance(base.local, Instance):
            own = self.fields.get(f"{base.local.of.name}.{name}")
            return own if own is not None else self.fields.get(name)
        return self.fields.get(name)

    def _subscript(self, node: ast.Subscript) -> Value:
        base = self.evaluate(node.value)
        index = self._slice(node.slice)
        for name in base.names:
            found = self._looked_up(name, base, index)
            if found is not None:
                return found
        picked = self._item(base, index)
        if picked is not None:
            return picked
        const = UNKNOWN
        if base.known and index.known:
            const = fold.subscript(base.const, index.const)
        labels, steps = reach(base)
        shape = ""
        if any(canonical(one) == "os.environ" for one in base.names) and not isinstance(index.const, slice):
            labels, shape = variable(index, labels)
        return Value(const, labels=labels, steps=steps, local=_later(base), shape=shape)

    def _looked_up(self, name: str, base: Value, index: Value) -> Value | None:
        """`vars(x)["y"]`, `__builtins__["y"]`, `globals()["y"]`, `sys.modules["y"]`."""
        if not isinstance(index.const, str):
            return Value(labels=base.labels | {HIDDEN}) if name in ("builtins", "builtins.__dict__") else None
        if name.endswith(".__dict__") or name == "builtins":
            return self.attribute(Value(names=(name.removesuffix(".__dict__"),)), index.const, hidden=True)
        if name in ("builtins.globals()", "builtins.locals()"):
            found = self.lookup(index.const)
            return found.labelled(frozenset({HIDDEN}))
        if canonical(name) == "sys.modules":
            return Value(names=(index.const,), labels=frozenset({HIDDEN}))
        return None

    def _item(self, base: Value, index: Value) -> Value | None:
        if base.table is not None and isinstance(index.const, (str, bytes, int)):
            return base.table.get(index.const)
        if base.items is None:
            return None
        if isinstance(index.const, int):
            try:
                return base.items[index.const]
            except IndexError:
                return ANY
        if isinstance(index.const, slice):
            try:
                return Value(items=base.items[index.const])
            except (TypeError, ValueError):
                return None
        labels, steps = reach(base)
        names = tuple(dict.fromkeys(one for item in base.items[:20] for one in item.names))[:6]
        return Value(names=names, labels=labels, steps=steps)

    def _slice(self, node: ast.expr) -> Value:
        if not isinstance(node, ast.Slice):
            return self.evaluate(node)
        parts = [self.evaluate(one) for one in (node.lower, node.upper, node.step)]
        if all(one.known and (one.const is None or isinstance(one.const, int)) for one in parts):
            return Value(slice(*(one.const for one in parts)))
        return Value(slice(None))  # labels are what matters of an unknown slice

    def _binary(self, node: ast.BinOp) -> Value:
        # Chains of "+" are walked in a loop: obfuscators write thousands of terms, deeper than any stack.
        chain: list[tuple[ast.operator, ast.expr]] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp):
            chain.append((left.op, left.right))
            left = left.left
        value = self.evaluate(left)
        for op, right in reversed(chain):
            value = self.combine(op, value, self.evaluate(right))
        return value

    def combine(self, op: ast.operator, left: Value, right: Value) -> Value:
        """`left op right`."""
        if isinstance(op, ast.Add) and left.items is not None and right.items is not None:
            return Value(items=(left.items + right.items)[:20_000])
        one, other = flat(left), flat(right)
        const = UNKNOWN
        if one is not UNKNOWN and other is not UNKNOWN:
            const = fold.binary(op, one, other, self.spend)
        labels, steps = gather((left, right))
        if isinstance(op, ast.BitXor) and const is UNKNOWN:
            labels |= {"xor"}
        shape = of_operation(op, left, right) if const is UNKNOWN else ""
        return Value(const, labels=labels, steps=steps, local=_later(left) or _later(right), shape=shape)

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.evaluate(node.operand)
        return Value(
            fold.unary(node.op, value.const) if value.known else UNKNOWN, labels=value.labels, steps=value.steps
        )

    def _boolean(self, node: ast.BoolOp) -> Value:
        values = [self.evaluate(one) for one in node.values]
        result = values[0]
        for one in values[1:]:
            result = join(result, one)
        return result

    def _compare(self, node: ast.Compare) -> Value:
        left, right = self.evaluate(node.left), [self.evaluate(one) for one in node.comparators]
        other = flat(right[0]) if len(right) == 1 else UNKNOWN
        if left.known and other is not UNKNOWN and not _is_variable(left.const):
            return Value(fold.compare(node.ops[0], left.const, other))
        return ANY

    def _if(self, node: ast.IfExp) -> Value:
        test = self.evaluate(node.test)
        yes, no = self.evaluate(node.body), self.evaluate(node.orelse)
        if test.known:
            return yes if test.const else no
        return join(yes, no)

    def _sequence(self, node: ast.Tuple | ast.List | ast.Set) -> Value:
        items: list[Value] = []
        for one in node.elts:
            if isinstance(one, ast.Constant):
                self.spend.node()
                items.append(Value(one.value))
            elif isinstance(one, ast.Starred):
                inner = self.evaluate(one.value)
                items += inner.items if inner.items is not None else (inner,)
            else:
                items.append(self.evaluate(one))
        return Value(items=tuple(items))

    def _dict(self, node: ast.Dict) -> Value:
        table: dict[Any, Value] = {}
        for position, (key, one) in enumerate(zip(node.keys, node.values, strict=True)):
            known = self.evaluate(key) if key is not None else ANY
            value = self.evaluate(one)
            usable = isinstance(known.const, (str, bytes, int, float))
            table[known.const if usable else ("?", position)] = value
        return Value(table=table)

    def _joined(self, node: ast.JoinedStr) -> Value:
        parts, values = [], []
        for one in node.values:
            value = self.evaluate(one.value if isinstance(one, ast.FormattedValue) else one)
            plain = not isinstance(one, ast.FormattedValue) or (one.format_spec is None and one.conversion == -1)
            const = value.const if plain else UNKNOWN
            parts.append(const if isinstance(const, (str, int)) else UNKNOWN)
            values.append(value)
        labels, steps = gather(values)
        if UNKNOWN not in parts:
            return Value("".join(map(str, parts)), labels=labels, steps=steps)
        return Value(labels=labels, steps=steps, shape="".join(map(shaped, values))[:MOST_SHAPE])

    def _named(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.env.values[node.target.id] = value
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        return Value(local=Function(node, self.env, f"{self.scope}.<lambda>" if self.scope else "<lambda>"))

    def _await(self, node: ast.Await | ast.YieldFrom | ast.Starred) -> Value:
        return self.evaluate(node.value)

    def call(self, node: ast.Call) -> Value:
        """Evaluate a call; `facts.calling` has it."""
        raise NotImplementedError


def _is_variable(const: Any) -> bool:
    """Whether it stands for what a variable of the environment would say."""
    return isinstance(const, str) and const[:1] == "%" == const[-1:] and const[1:-1].isidentifier()


def _dotted(base: str, name: str) -> str:
    return base if base == "builtins" and name == "__builtins__" else f"{base}.{name}"[:200]


def _later(base: Value) -> Later | None:
    return base.local if isinstance(base.local, Later) else None


def flat(value: Value) -> Any:
    """The constant; a list of constants from a container of known values; else UNKNOWN."""
    if value.known or value.items is None:
        return value.const
    parts = [flat(one) for one in value.items]
    return UNKNOWN if any(one is UNKNOWN for one in parts) else parts


def fold_path(path: str, name: str) -> str:
    """`parent` and `name` of a path that is folded as text."""
    head, _, tail = path.rpartition("/")
    return head if name == "parent" else tail


_TABLE: dict[type[ast.AST], Any] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.BinOp: Expressions._binary,
    ast.UnaryOp: Expressions._unary,
    ast.BoolOp: Expressions._boolean,
    ast.Compare: Expressions._compare,
    ast.IfExp: Expressions._if,
    ast.Tuple: Expressions._sequence,
    ast.List: Expressions._sequence,
    ast.Set: Expressions._sequence,
    ast.Dict: Expressions._dict,
    ast.JoinedStr: Expressions._joined,
    ast.NamedExpr: Expressions._named,
    ast.Lambda: Expressions._lambda,
    ast.Await: Expressions._await,
    ast.YieldFrom: Expressions._await,
    ast.Starred: Expressions._await,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._dict_comprehension,
    ast.Call: lambda self, node: self.call(node),
}
