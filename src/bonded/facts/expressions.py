"""Evaluation of expressions: constants are folded, names resolved, labels carried along."""

from __future__ import annotations

import ast
import posixpath
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from bonded.facts import fold
from bonded.facts.clients import LISTENERS, REQUEST_PARTS, REQUESTS
from bonded.facts.known import CANON, CODE_SINKS, COMMAND_SINKS, DECODERS, LOOKUPS, canonical
from bonded.facts.operators import Operators, fold_path
from bonded.facts.partly import of_module, reports, shaped
from bonded.facts.scope import BUILTINS, Class, Function, Imported, Instance, Later, Super, kind_of
from bonded.facts.value import (
    ANY,
    ENVIRONMENT,
    HIDDEN,
    HOST,
    MESSAGE,
    MOST_SHAPE,
    NOTHING,
    UNKNOWN,
    Value,
    gather,
)

_IMPORTANT = CODE_SINKS | COMMAND_SINKS | DECODERS | LOOKUPS
_SERVERS = frozenset(one.partition(".")[0] for one in REQUESTS)
_THREADS = ("threading.Thread", "threading.Timer", "multiprocessing.Process", "multiprocessing.context.Process")
_MAX_DEPTH = 120
_PLACED = frozenset({"__file__", "parent", "origin"})
"""Attributes that are the path of something, or lead to it."""
_HIDDEN = frozenset({HIDDEN})
_LAST_OF_ENVIRONMENT = frozenset(
    {"environ", *(name.rpartition(".")[2] for name in CANON if canonical(name) == "os.environ")}
)
"""The last parts of all names of `os.environ`."""
_UNAMES = frozenset({"platform.uname()", "os.uname()"})
_OF_THE_SYSTEM = frozenset({"sysname", "system", "release", "version", "machine", "processor"})
"""Fields of what these give that are alike on thousands of machines; the other one is the machine's name."""
INNARDS = frozenset({"__builtins__", "__class__", "__globals__", "__self__", "f_builtins", "f_globals"})
RECORDS = frozenset({"types.SimpleNamespace()", "argparse.Namespace()", "collections.namedtuple()()"})
"""Objects whose attributes are what they were made of."""
PARAMETER = "parameter:"
"""Begins the name of a value that a function was called with."""


class Expressions(Operators):
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
        kind = type(node)
        if kind is ast.Constant:
            return Value(node.value)  # type: ignore[attr-defined]
        if kind is ast.Name and self.nesting < _MAX_DEPTH:
            return self.lookup(node.id)  # type: ignore[attr-defined]
        method: Callable[[Any], Value] | None = _TABLE.get(kind)
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
        env = self.env
        found = env.values.get(name)
        if found is None and env.outer is not None:
            found = env.outer.find(name)
        if found is not None:
            if found.names and found.const is UNKNOWN and name.isupper():
                return self._set_elsewhere(found)
            return found
        if name == "__file__":
            self.placed = True
            return Value("/" + self.path)
        if name == "__builtins__":
            return Value(names=("builtins",))
        stars = self.env.star_modules()
        for module in stars:
            held = self.world.found(f"{module}.{name}")
            if held is not None:
                return held
        for module in stars:
            alone = len(stars) == 1 or self.world.own(module)
            if canonical(f"{module}.{name}") in _IMPORTANT or (name not in BUILTINS and alone):
                return Value(names=(f"{module}.{name}",))
        return Value(names=(f"builtins.{name}",)) if name in BUILTINS else ANY

    def _attribute(self, node: ast.Attribute) -> Value:
        return self.attribute(self.evaluate(node.value), node.attr)

    def attribute(self, base: Value, name: str, hidden: bool = False) -> Value:
        """`base.name`."""
        if name == "__call__":
            return base
        known = base.const is not UNKNOWN
        if name in INNARDS:
            found = self._innards(base, name)
            if found is not None:
                return found
        if type(base.local) is Super:
            return self._of_super(base.local, name)
        if type(base.local) is Imported:
            held = self.member(base.local.name, name)
            if held is not None:
                return held.labelled(_HIDDEN) if hidden else held
        if name == "__doc__" and type(base.local) is Function and not isinstance(base.local.node, ast.Lambda):
            return Value(ast.get_docstring(base.local.node, clean=False))
        if known and name == "value":
            return base  # of what is listed in an `Enum`, or of a text that ctypes was given
        if type(base.local) is Instance:
            method = base.local.of.method(name)
            if method is None and name == "start" and any(one.startswith(_THREADS) for one in base.local.of.outside()):
                method = base.local.of.method("run")
            if method is not None and method.is_property:
                return self.follow(method, [], {}, (base, name))
            if method is not None:
                return Value(local=method, bound=(base, name))
            if not name.startswith("__") and "__getattr__" in base.local.of.methods and self._field(base, name) is None:
                return self.by_own(base, "__getattr__", Value(name)) or ANY
        elif type(base.local) is Class:
            method = base.local.method(name)
            if method is not None:
                return Value(local=method, bound=(base, name))
        of = base.names
        if not of and type(base.local) is Instance and base.local.of.bases and self._field(base, name) is None:
            of = tuple([f"{one}()" for one in base.local.of.outside()])
            if name in REQUEST_PARTS and any(one.startswith(LISTENERS) for one in of):
                base = base.labelled(frozenset({MESSAGE}))
        elif name == "request" and of and of[0] in _SERVERS:
            base = base.labelled(frozenset({MESSAGE}))
        names = (_dotted(of[0], name),) if len(of) == 1 else tuple([_dotted(one, name) for one in of])
        # One name is what most things have, and this is among the most frequent lines of all.
        plain = of[0].startswith(PARAMETER) if len(of) == 1 else all(one.startswith(PARAMETER) for one in of)
        stored = self._field(base, name) if plain and not known else None
        if stored is None and base.table is not None and of and of[0] in RECORDS:
            stored = base.table.get(name)
        labels = base.labels | _HIDDEN if hidden else base.labels
        if name in _OF_THE_SYSTEM and HOST in labels and all(canonical(one) in _UNAMES for one in of):
            labels -= {HOST}
        if name in _LAST_OF_ENVIRONMENT and any(canonical(one) == "os.environ" for one in names):
            labels |= {ENVIRONMENT}
        if len(names) == 1 and not known:
            text = fold.own_text(names[0]) if name == "__name__" else fold.CONSTANTS.get(names[0], UNKNOWN)
            if text is not UNKNOWN:
                return Value(text, names, labels, steps=base.steps)
        if name == "name" and self.written and of:
            labels |= self.written.get(f"<{of[0].removesuffix('()')}>", (NOTHING, ()))[0]
        local = base.local if type(base.local) is Later else None
        shape = self._place_of(base, name) if name in _PLACED else ""
        value = Value(UNKNOWN, names, labels, bound=(base, name), steps=base.steps, local=local, shape=shape)
        if name.isupper():
            value = self._set_elsewhere(value)
        if known and name in ("parent", "name") and isinstance(base.const, str):
            value = Value(fold_path(base.const, name), labels=base.labels, bound=(base, name))
        return stored.labelled(value.labels, *value.steps) if stored is not None else value

    def member(self, module: str, name: str) -> Value | None:
        """What another module of the package has under a name, or gives when it is asked for it; None where that is not known."""
        held = self.world.found(f"{module}.{name}")
        if held is None and not name.startswith("__"):
            asked = self.world.found(f"{module}.__getattr__")
            if asked is not None and isinstance(asked.local, Function):
                return self.follow(asked.local, [Value(name)], {})
        return held

    def _of_super(self, base: Super, name: str) -> Value:
        """`super().name`: of the package's own classes, or of what those are derived from."""
        method = base.method(name)
        if method is not None:
            return (
                self.follow(method, [], {}, (base.me, name))
                if method.is_property
                else Value(local=method, bound=(base.me, name))
            )
        names = tuple(f"{one}().{name}" for one in kind_of(base.me).outside())
        return Value(names=names, labels=base.me.labels, bound=(base.me, name))

    def _place_of(self, base: Value, name: str) -> str:
        """The shape of the path of a module of another package, or of the folder of a path."""
        if name == "__file__":
            other = len(base.names) == 1 and not base.names[0].endswith(")") and not self.world.own(base.names[0])
            return of_module(base.names[0]) if other else ""
        return posixpath.dirname(base.shape) if name == "parent" else base.shape

    def _of_class(self, kind: Class, name: str) -> Value | None:
        for one in kind.line() if kind.parents else (kind,):
            found = self.fields.get(f"{one.name}.{name}")
            if found is not None:
                return found
        return None

    def _innards(self, base: Value, name: str) -> Value | None:
        """Attributes by which objects lead to what they are made of, and to every builtin."""
        if name in ("f_builtins", "__builtins__"):
            return Value(names=("builtins",), labels=base.labels)
        if name in ("f_globals", "__globals__"):
            return Value(names=("builtins.globals()",), labels=base.labels)
        if name == "__self__":
            plain = base.names and base.names[0].startswith("builtins.") and base.names[0].count(".") == 1
            return Value(names=("builtins",), labels=base.labels) if plain else None
        if name == "__class__" and isinstance(base.local, Function):
            return Value(names=("types.FunctionType",))
        return None

    def told(self, value: Value) -> Value:
        """`value`; where it is a name of another module of the package, with the text that is set there."""
        if not value.names or value.const is not UNKNOWN or value.shape or value.local is not None:
            return value
        found = self._set_elsewhere(value)
        if found is not value or not self.world.own(value.names[0]) or value.names[0].endswith(")"):
            return found
        held = self.world.resolve(Later(value.names[0], ()))
        return held if held.known else value

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
            return self._of_class(base.local.of, name) or self.fields.get(name)
        if isinstance(base.local, Class):
            return self._of_class(base.local, name) or self.fields.get(name)
        return self.fields.get(name)

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
            if key is None and value.table is not None:
                table.update(value.table)
                continue
            usable = isinstance(known.const, (str, bytes, int, float))
            table[known.const if usable else ("?", position)] = value
        return Value(table=table)

    def _joined(self, node: ast.JoinedStr) -> Value:
        parts, values = [], []
        for one in node.values:
            value = self.evaluate(one.value if isinstance(one, ast.FormattedValue) else one)
            if isinstance(one, ast.FormattedValue) and one.format_spec is not None:
                self.evaluate(one.format_spec)
            plain = not isinstance(one, ast.FormattedValue) or (one.format_spec is None and one.conversion == -1)
            const = value.const if plain else UNKNOWN
            parts.append(const if isinstance(const, (str, int)) else UNKNOWN)
            values.append(value)
        labels, steps = gather(values)
        if UNKNOWN not in parts:
            return Value("".join(map(str, parts)), labels=labels, steps=steps)
        shape = "".join(map(shaped, values))[:MOST_SHAPE]
        return Value(labels=labels | reports(shape), steps=steps, shape=shape)

    def _named(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        self.env.values[node.target.id] = value
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        name = f"<lambda:{node.lineno}>"  # what one of them does is not what all of them do
        function = Function(node, self.env, f"{self.scope}.{name}" if self.scope else name, home=self)
        self.met(function)
        return Value(local=function)

    @abstractmethod
    def met(self, function: Function) -> None:
        """A lambda was seen; `facts.statements` keeps it."""

    def _await(self, node: ast.Await | ast.Starred) -> Value:
        return self.evaluate(node.value)

    @abstractmethod
    def yielded(self, node: ast.Yield | ast.YieldFrom) -> Value:
        """A generator gives one thing more, or several; `facts.following` has it."""

    @abstractmethod
    def call(self, node: ast.Call) -> Value:
        """Evaluate a call; `facts.calling` has it."""


def _dotted(base: str, name: str) -> str:
    return base if base == "builtins" and name == "__builtins__" else f"{base}.{name}"[:200]


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
    ast.Yield: lambda self, node: self.yielded(node),
    ast.YieldFrom: lambda self, node: self.yielded(node),
    ast.Starred: Expressions._await,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._dict_comprehension,
    ast.Call: lambda self, node: self.call(node),
}
