"""Functions that find other things by name, run code, or call what they are given: getattr, __import__, partial, map."""

from __future__ import annotations

import ast
import sys
from abc import abstractmethod
from typing import Any

from bonded.facts import pickled
from bonded.facts.expressions import PARAMETER, Expressions
from bonded.facts.files import Files
from bonded.facts.known import (
    CODE_AT,
    CODE_SINKS,
    COMMAND_SINKS,
    UNPICKLERS,
    canonical,
)
from bonded.facts.operators import flat
from bonded.facts.scope import Class, Function, Instance
from bonded.facts.state import argument
from bonded.facts.value import (
    ANY,
    CHARS,
    CODE,
    DECODED,
    DOWNLOADED,
    HIDDEN,
    MESSAGE,
    NOTHING,
    SOURCES,
    Value,
    gather,
    join,
    reach,
)

_CODECS = ("codecs.getdecoder", "codecs.lookup", "codecs.getincrementaldecoder")
_MOST_REDUCED = 200
_SAME_AGAIN = {"copy.copy": 0, "copy.deepcopy": 0, "typing.cast": 1}
"""They give what they are given; the position of that."""
_BY_METHOD = {f"builtins.{one}": f"__{one}__" for one in ("str", "repr", "len", "hash", "iter", "bool", "bytes")}
"""Builtins that ask the class of what they are given."""
_TABLES_OF = frozenset({"collections.defaultdict"})
_TABLES = _TABLES_OF | {"builtins.dict", "collections.OrderedDict"}
"""They make a dictionary; those before are told first what is in no row."""
_TRUSTED = frozenset({"builtins", "getpass", "hmac", "http", "imaplib", "smtplib", "urllib"})
"""Modules of the standard library whose functions are told secrets; hooks of the others are there to be set."""


def _table(arguments: list[Value], keywords: dict[str, Value]) -> Value | None:
    """A dictionary that is made of rows or pairs which are known; None for any other."""
    rows: dict[Any, Value] = {}
    for one in arguments[:1]:
        pairs = [two.items for two in one.items or ()]
        if one.table is not None:
            rows.update(one.table)
        elif pairs and all(two and len(two) == 2 and isinstance(two[0].const, (str, bytes, int)) for two in pairs):
            rows.update({two[0].const: two[1] for two in pairs if two})
        else:
            return None
    labels, steps = gather(arguments)
    return Value(
        table={**rows, **{key: one for key, one in keywords.items() if key != "**"}}, labels=labels, steps=steps
    )


def _chained(name: str, arguments: list[Value]) -> Value | None:
    """What `itertools` goes through, where it is known item by item."""
    if name in ("itertools.islice", "itertools.cycle"):
        return arguments[0] if arguments[0].items is not None else None
    if name == "itertools.chain.from_iterable" and arguments[0].items:
        arguments = list(arguments[0].items)
    elif name != "itertools.chain":
        return None
    if any(one.items is None for one in arguments):
        return None
    return Value(items=tuple(item for one in arguments for item in one.items or ())[:20_000])


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
        found = self._made_of(name, callee, arguments, keywords, node)
        if found is not None:
            return found
        if name == "builtins.compile" and arguments:
            self.record_call(name, callee, arguments, keywords, node)
            mode = keywords.get("mode", arguments[2] if len(arguments) > 2 else ANY)
            return arguments[0].labelled(frozenset({CODE} if mode.const != "eval" else ()))
        if name.endswith((".get", ".__getitem__")) and callee.bound and arguments:
            return self._table_get(callee.bound[0], arguments)
        if name in CODE_SINKS and not name.endswith("()"):
            arguments = _code_first(name, arguments, keywords)
        if name in CODE_SINKS and (arguments or name.endswith("()")):
            return self.run_code(name, callee, arguments, keywords, node)
        opened = self.opened(name, callee, arguments, keywords, node)
        if opened is None and callee.bound:
            opened = self.read(callee.bound[0], callee.bound[1])
        return opened

    def _made_of(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """Functions that make or change an object out of what they are given, and codecs by their name."""
        if name in ("builtins.staticmethod", "builtins.classmethod") and arguments:
            return arguments[0]
        if name == "builtins.type" and len(arguments) == 1 and isinstance(arguments[0].local, Function):
            return Value(names=("types.FunctionType",))
        if name == "builtins.type" and len(arguments) == 3 and arguments[2].table is not None:
            return self._class_of(arguments)
        if name == "builtins.next" and arguments:
            return self._first(arguments[0])
        if name in _SAME_AGAIN and len(arguments) > _SAME_AGAIN[name]:
            return arguments[_SAME_AGAIN[name]]
        if name in _BY_METHOD and arguments:
            return self.by_own(arguments[0], _BY_METHOD[name])
        if name in _TABLES:
            return _table(arguments[name in _TABLES_OF :], keywords)
        if name.startswith("itertools.") and arguments:
            return _chained(name, arguments)
        if name == "builtins.setattr" and len(arguments) == 3 and isinstance(arguments[1].const, str):
            return self._setattr(arguments, node)
        if name in ("types.SimpleNamespace", "argparse.Namespace"):
            return Value(names=(f"{name}()",), table=dict(keywords))
        if name == "collections.namedtuple" and len(arguments) > 1:
            fields = arguments[1]
            words = fields.const.replace(",", " ").split() if isinstance(fields.const, str) else flat(fields)
            return Value(names=(f"{name}()",), items=tuple(map(Value, words))) if isinstance(words, list) else None
        if name == "collections.namedtuple()" and callee.items is not None:
            table = {**{key.const: one for key, one in zip(callee.items, arguments, strict=False)}, **keywords}
            return Value(names=(f"{name}()",), table=table)
        if name in ("builtins.zip", "builtins.enumerate") and any(one.items is not None for one in arguments):
            return self._together(name, arguments)
        if name in UNPICKLERS and arguments:
            self._loaded(name, callee, arguments, node)
        if name == "json.load" and arguments and (held := self.read(arguments[0], "read")) is not None:
            return self.apply(Value(names=("json.loads",)), [held], {}, node)
        if name == "functools.reduce" and len(arguments) >= 2:
            return self._reduce(arguments, node)
        if name in ("builtins.globals().update", "builtins.globals().__setitem__"):
            return self._set_globals(name, arguments, keywords)
        return self._codec(name, callee, arguments, node)

    def _class_of(self, arguments: list[Value]) -> Value:
        kind = Class(str(arguments[0].const)[:200], arguments[1].names, {})
        for key, one in (arguments[2].table or {}).items():
            self.set_field(kind, str(key), one)
        bases = [name for one in arguments[1].items or () for name in one.names]
        self.out.told_to_build(map(canonical, bases), (one.qualname for one in kind.methods.values()))
        return Value(local=kind)

    def _setattr(self, arguments: list[Value], node: ast.AST) -> Value:
        held, name, value = arguments
        if name.const == "__code__":
            self.recoded(value, node)
        self.set_field(held.local, name.const, value)
        self.replaced(held, value, f".{name.const}", 0)
        return Value(None)

    def replaced(self, held: Value, value: Value, written: str, times: int = 1) -> None:
        """A function of something outside is replaced: what a build tool calls then is ours, and what others give to it.

        Who only gives another package's class one method more has no use for the one that was there: its name is `written` no
        more often than the replacing takes (`times`).
        """
        function = value.local.of.method("__call__") if isinstance(value.local, Instance) else value.local
        if isinstance(function, Function) and held.names:
            self.out.told_to_build(map(canonical, held.names), (function.qualname,))
            if self._of_others(held.names[0]) and self._reads_too(written, times):
                function.stands_for = held.names[0]

    def _reads_too(self, written: str, times: int) -> bool:
        """Whether the module reads what it replaces under the name `written`, or by `getattr`."""
        return sum(line.count(written) + line.count("getattr(") for line in self.out.lines) > times

    def _of_others(self, name: str) -> bool:
        """Whether a dotted name is one of another package, or of a part of the standard library that is told secrets."""
        root = name.partition(".")[0]
        library = root in sys.stdlib_module_names or root == "builtins"
        plain = "(" not in name and not name.startswith(PARAMETER) and not self.world.own(name)
        return plain and (root in _TRUSTED or not library)

    def recoded(self, value: Value, node: ast.AST) -> None:
        """A function is given another code object: to call it is to run that."""
        self.run_code("types.FunctionType()", value, [], {}, node)

    @abstractmethod
    def handed(self, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        """Something outside is given these; `facts.calling` has it."""

    @abstractmethod
    def set_field(self, held: object, name: str, value: Value) -> None:
        """`held.name = value`; `facts.binding` has it."""

    def _together(self, name: str, arguments: list[Value]) -> Value | None:
        """`zip` and `enumerate` of containers of values."""
        exact = [self.turns(one) for one in (arguments if name.endswith("zip") else arguments[:1])]
        if not all(one for one, _ in exact):
            return None
        rows = [turns for _, turns in exact]
        if name.endswith("enumerate"):
            rows.insert(0, [Value(n) for n in range(len(rows[0]))])
        return Value(items=tuple(Value(items=row) for row in zip(*rows, strict=False)))

    def _loaded(self, name: str, callee: Value, arguments: list[Value], node: ast.AST) -> None:
        """Data in a form that may run anything is loaded: a pickle is read, what was downloaded is noted."""
        held = self.read(arguments[0], "read_binary") or self.with_written(arguments[0])
        if isinstance(flat(held), bytes):
            self._unpickle(held, node)
        elif DOWNLOADED in held.labels:
            self.record_call(name, callee, [held], {}, node)

    def _unpickle(self, data: Value, node: ast.AST) -> None:
        """What a pickle calls when it is loaded, as its opcodes say; nothing of it is loaded."""
        for name, text in pickled.calls(flat(data)):
            if canonical(name) in CODE_SINKS or canonical(name) in COMMAND_SINKS:
                handed = Value(text, labels=data.labels | {DECODED}, steps=(*data.steps, self.step(node, "pickle")))
                self.apply(Value(names=(name,), labels=frozenset({HIDDEN})), [handed], {}, node)

    def _reduce(self, arguments: list[Value], node: ast.AST) -> Value:
        exact, turns = self.turns(arguments[1])
        start = arguments[2:] or turns[:1]
        result = start[0] if start else ANY
        for one in turns[:_MOST_REDUCED] if arguments[2:] else turns[1:_MOST_REDUCED]:
            result = self.apply(arguments[0], [result, one], {}, node)
        if exact and len(turns) <= _MOST_REDUCED:
            return result
        labels, steps = gather((result, *arguments[1:]))
        return Value(labels=labels, steps=steps)

    def _first(self, source: Value) -> Value | None:
        """What `next` gives of what is known item by item."""
        labels, steps = reach(source)
        if source.items:
            return source.items[0].labelled(labels, *steps)
        if isinstance(source.const, (str, bytes, list, tuple)) and source.const:
            return Value(source.const[0], labels=labels, steps=steps)
        return None

    def _set_globals(self, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        if name.endswith("__setitem__"):
            pairs = {arguments[0].const: arguments[1]} if len(arguments) == 2 else {}
        else:
            pairs = {**(arguments[0].table or {} if arguments else {}), **keywords}
        self.globals.values.update({key: one for key, one in pairs.items() if isinstance(key, str)})
        return Value(None)

    def _codec(self, name: str, callee: Value, arguments: list[Value], node: ast.AST) -> Value | None:
        """A decoder that is looked up by the name of its encoding is `codecs.decode`."""
        if name in _CODECS and arguments:
            return Value(names=(f"{name}()",), items=(arguments[0],))
        if name == "codecs.getincrementaldecoder()":
            return Value(names=(f"{name}()",), items=callee.items)
        if name == "codecs.iterdecode" and len(arguments) > 1:
            _exact, turns = self.turns(arguments[0])
            return Value(items=tuple(self._decode(one, arguments[1], node) for one in turns))
        held = callee.items if name == "codecs.getdecoder()" else callee.bound[0].items if callee.bound else None
        if not held or not arguments:
            return None
        if name in ("codecs.getdecoder()", "codecs.lookup().decode"):
            return Value(items=(self._decode(arguments[0], held[0], node), ANY))
        if name == "codecs.getincrementaldecoder()().decode":
            return self._decode(arguments[0], held[0], node)
        return None

    def _decode(self, value: Value, encoding: Value, node: ast.AST) -> Value:
        return self.apply(Value(names=("codecs.decode",)), [value, encoding], {}, node)

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
        told = not arguments[1].labels.isdisjoint((DOWNLOADED, MESSAGE))
        hidden = base.names and (base.names[0] == "builtins" or (told and base.names[0] in ("os", "subprocess")))
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


def _code_first(name: str, arguments: list[Value], keywords: dict[str, Value]) -> list[Value]:
    """The arguments, beginning with the one that is run."""
    place = CODE_AT.get(name, 0)
    if len(arguments) > place:
        return arguments[place:]
    return [one for key, one in keywords.items() if key in ("stmt", "setup", "statement", "source", "code", "cmd")]
