"""Operators, comparisons and items: what comes out of values that are folded, and where it came from."""

from __future__ import annotations

import ast
from abc import abstractmethod
from typing import Any, Final

from bonded.facts import fold
from bonded.facts.clients import SERVICES
from bonded.facts.footholds import SITE
from bonded.facts.known import COMMAND_SINKS, ENVIRONMENTS, canonical
from bonded.facts.known_secrets import is_token
from bonded.facts.loops import Loops
from bonded.facts.partly import of_operation, reports, variable
from bonded.facts.scope import Function, Instance, Later
from bonded.facts.value import ANY, FILE, HIDDEN, UNKNOWN, Value, gather, join, reach

_ENVIRONMENTS = frozenset({"os.environ", *(f"{one}()" for one in ENVIRONMENTS)})


class Operators(Loops):
    """Every kind of expression that is made of others by an operator or an index."""

    @abstractmethod
    def lookup(self, name: str) -> Value:
        """A variable by its name; `facts.expressions` has it."""

    @abstractmethod
    def attribute(self, base: Value, name: str, hidden: bool = False) -> Value:
        """`base.name`; `facts.expressions` has it."""

    def _subscript(self, node: ast.Subscript) -> Value:
        base = self.evaluate(node.value)
        index = self._slice(node.slice)
        if type(base.local) is Instance and (given := self.by_own(base, "__getitem__", index)) is not None:
            return given
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
        shape = base.shape if base.shape == SITE else ""
        if any(canonical(one) in _ENVIRONMENTS for one in base.names) and not isinstance(index.const, slice):
            labels, shape = variable(index, labels)
        if const is UNKNOWN and base.names and base.names[0].startswith(SERVICES):
            return Value(names=base.names, labels=labels, bound=(base, ""), steps=steps)  # of a database, its table
        return Value(const, labels=labels, steps=steps, local=later_of(base), shape=shape)

    def _looked_up(self, name: str, base: Value, index: Value) -> Value | None:
        """`vars(x)["y"]`, `__builtins__["y"]`, `globals()["y"]`, `sys.modules["y"]`."""
        if not isinstance(index.const, str):
            return Value(labels=base.labels | {HIDDEN}) if name in ("builtins", "builtins.__dict__") else None
        if name.endswith(".__dict__") or name == "builtins":
            return self.attribute(Value(names=(name.removesuffix(".__dict__"),)), index.const, hidden=True)
        if name in ("builtins.globals()", "builtins.locals()"):
            found = self.lookup(index.const)
            if found is ANY and f"os.{index.const}" in COMMAND_SINKS:
                found = Value(names=(f"os.{index.const}",))  # of the globals of something of the standard library
            return found.labelled(frozenset({HIDDEN}))
        if name.startswith("ctypes."):
            return self.attribute(base, index.const)
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
        if (
            type(left.local) is Instance
            and (given := self.by_own(left, _OPERATORS.get(type(op), ""), right)) is not None
        ):
            return given
        if isinstance(op, ast.Add) and left.items is not None and right.items is not None:
            return Value(items=(left.items + right.items)[:20_000])
        one, other = flat(left), flat(right)
        const = UNKNOWN
        if one is not UNKNOWN and other is not UNKNOWN:
            const = fold.binary(op, one, other, self.spend)
        labels, steps = gather((left, right))
        if const is UNKNOWN and (isinstance(op, ast.BitXor) or (_rounds(op, other) and FILE in labels)):
            labels |= {"xor"}
        shape = of_operation(op, left, right) if const is UNKNOWN else ""
        local = later_of(left) or later_of(right)
        return Value(const, labels=labels | reports(shape), steps=steps, local=local, shape=shape)

    def by_own(self, value: Value, name: str, *given: Value) -> Value | None:
        """What an operator gives that the class of an object has a method for; None where it has none."""
        method = value.local.of.method(name) if name and isinstance(value.local, Instance) else None
        return self.follow(method, list(given), {}, (value, name)) if method is not None else None

    @abstractmethod
    def follow(
        self,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        bound: tuple[Value, str] | None = None,
    ) -> Value:
        """Evaluate a call of one of the package's own functions; `facts.following` has it."""

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.evaluate(node.operand)
        if (
            type(value.local) is Instance
            and (given := self.by_own(value, _OPERATORS.get(type(node.op), ""))) is not None
        ):
            return given
        return Value(
            fold.unary(node.op, value.const) if value.known else UNKNOWN, labels=value.labels, steps=value.steps
        )

    def _boolean(self, node: ast.BoolOp) -> Value:
        values = [self.evaluate(one) for one in node.values]
        if isinstance(node.op, ast.Or) and len(values) > 1 and _is_variable(values[0].const) and _stands_in(values[-1]):
            values = values[1:]
        result = values[0]
        for one in values[1:]:
            variable_first = _is_variable(result.const) or _is_variable(result.shape)
            result = one if variable_first and is_token(flat(one)) else join(result, one)
        return result

    def _compare(self, node: ast.Compare) -> Value:
        left, right = self.evaluate(node.left), [self.evaluate(one) for one in node.comparators]
        if len(right) == 1:
            holder, given = (right[0], left) if isinstance(node.ops[0], (ast.In, ast.NotIn)) else (left, right[0])
            if type(holder.local) is Instance:
                self.by_own(holder, _OPERATORS.get(type(node.ops[0]), ""), given)
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


def _rounds(op: ast.operator, other: Any) -> bool:
    """Whether a number is made a byte again by the operator, as in `(b - 3) & 255`."""
    return (isinstance(op, ast.BitAnd) and other == 255) or (isinstance(op, ast.Mod) and other == 256)


def _is_variable(const: Any) -> bool:
    """Whether it stands for what a variable of the environment would say."""
    return isinstance(const, str) and const[:1] == "%" == const[-1:] and const[1:-1].isidentifier()


def _stands_in(value: Value) -> bool:
    """Whether it is a command that is taken where a variable of the environment says nothing."""
    return isinstance(value.const, str) and " " in value.const.strip()


def later_of(base: Value) -> Later | None:
    """What another module's function gives, if the value is that."""
    return base.local if isinstance(base.local, Later) else None


_OPERATORS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.MatMult: "__matmul__",
    ast.Div: "__truediv__",
    ast.FloorDiv: "__floordiv__",
    ast.Mod: "__mod__",
    ast.Pow: "__pow__",
    ast.LShift: "__lshift__",
    ast.RShift: "__rshift__",
    ast.BitOr: "__or__",
    ast.BitAnd: "__and__",
    ast.BitXor: "__xor__",
    ast.Invert: "__invert__",
    ast.USub: "__neg__",
    ast.UAdd: "__pos__",
    ast.Not: "__bool__",
    ast.Eq: "__eq__",
    ast.NotEq: "__ne__",
    ast.Lt: "__lt__",
    ast.LtE: "__le__",
    ast.Gt: "__gt__",
    ast.GtE: "__ge__",
    ast.In: "__contains__",
    ast.NotIn: "__contains__",
}
"""Methods by which a class says what an operator does with its objects."""
_MOST_FLAT: Final = 40_000
"""Things within one container that are folded: one that holds another twice, and so on, holds more than there is time for."""
MOST_ROWS: Final = 64
"""Rows of a dictionary that are folded; longer ones are tables of data."""


def flat(value: Value) -> Any:
    """The constant; a list or a dictionary of constants from a container of known values; else UNKNOWN."""
    if value.known or (value.items is None and not value.table):
        return value.const
    return _flattened(value, [_MOST_FLAT])


def _flattened(value: Value, room: list[int]) -> Any:
    """As `flat`, while there is `room` for what is within containers."""
    if value.known or (value.items is None and not value.table):
        return value.const
    table = value.table or {} if value.items is None else None
    held = value.items if value.items is not None else tuple((value.table or {}).values())
    room[0] -= len(held)
    if room[0] < 0 or (table and (len(table) > MOST_ROWS or any(isinstance(key, tuple) for key in table))):
        return UNKNOWN
    parts = []
    for one in held:
        part = _flattened(one, room)
        if part is UNKNOWN:
            return UNKNOWN
        parts.append(part)
    return parts if table is None else dict(zip(table, parts, strict=True))


def fold_path(path: str, name: str) -> str:
    """`parent` and `name` of a path that is folded as text."""
    head, _, tail = path.rpartition("/")
    return head if name == "parent" else tail
