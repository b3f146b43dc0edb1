"""Calls of methods of constants, of containers, and of things that nothing is known of."""

from __future__ import annotations

import ast
from typing import Any

from bonded.facts import fold_calls, partly
from bonded.facts.files import ERASED
from bonded.facts.holding import Holding
from bonded.facts.known import CIPHER_METHODS, ENCIPHERS, ENCODING_NAMES
from bonded.facts.known_secrets import SPELLING
from bonded.facts.operators import MOST_ROWS, flat, fold_path
from bonded.facts.scope import Class, Later
from bonded.facts.state import argument
from bonded.facts.value import CHARS, DECODED, ENCRYPTED, FOUND, HIDDEN, PARSED, SOURCES, UNKNOWN, Value, gather, keys

_ERASERS = frozenset({"unlink", "rmdir"})
"""Methods of a path after which it is gone."""


class Methods(Holding):
    """What such a call gives, and what it does to the variable that it is called of."""

    def _unknown_call(self, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """A method of a constant, or of something unknown."""
        every = [*arguments, *keywords.values()]
        labels, steps = gather((*every, callee))
        if HIDDEN in callee.labels and labels & SOURCES:
            self.record("builtins.exec", node, [argument(one) for one in every], hidden=True)
        self.handed(arguments, keywords, node)
        self.hold(callee, arguments, keywords, node)
        if callee.bound is None:
            return Value(labels=(labels | {HIDDEN}) - {HIDDEN}, steps=steps)
        base, name = callee.bound
        if labels and not _is_known(base) and name not in SPELLING:
            labels -= keys(labels)
        if name == "__subclasses__" and isinstance(base.local, Class):
            return Value(items=tuple(Value(local=one) for one in base.local.derived))
        found = self.read(base, name)
        if found is not None:
            return found
        if name == "open" and (base.shape or isinstance(base.const, str)):
            opened = self.opened("pathlib.Path().open", callee, arguments, keywords, node)
            if opened is not None:
                return opened
        if name == "decode" and base.items is not None:
            base = _spelled(base)
            labels |= base.labels
        if name in _ERASERS and FOUND in base.labels:
            self.record(ERASED, node, [argument(base)], hidden=False)
        if name == "to_bytes":
            labels |= {CHARS}
        if name == "sort":
            self.apply(Value(names=("builtins.sorted",)), [base, *arguments], keywords, node)
        self.method_of_file(base, name, arguments, node)
        short = base.table is not None and len(base.table) <= MOST_ROWS
        if short and name in ("items", "values", "keys") and not arguments:
            return _rows(base, name)
        row = _row(base, name, arguments)
        if row is not None:
            return row
        const = self._fold_method(base, name, arguments, keywords)
        if name == "decode" and isinstance(flat(arguments[0]) if arguments else None, str):
            if str(flat(arguments[0])).lower().replace("-", "_") in ENCODING_NAMES:
                labels, steps = labels | {DECODED}, (*steps, self.step(node, f"decode({arguments[0].const!r})"))
        elif name in ENCIPHERS:
            labels |= {ENCRYPTED}
        elif name in CIPHER_METHODS:
            labels, steps = labels | {DECODED}, (*steps, self.step(node, name))
        self._grow(callee, name, arguments, keywords, node)
        if name == "json":
            labels |= {PARSED}
        later = next((one.local for one in (*every, base) if isinstance(one.local, Later)), None)
        shape = partly.of_method(base, name, arguments, keywords) if const is UNKNOWN else ""
        return Value(const, labels=(labels - {HIDDEN}) | partly.reports(shape), local=later, steps=steps, shape=shape)

    def _fold_method(self, base: Value, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Any:
        whole = base.const  # containers of values have no methods that are folded, and flattening them takes long
        if whole is UNKNOWN:
            return UNKNOWN
        consts = [flat(one) for one in arguments]
        named = {key: flat(one) for key, one in keywords.items()}
        if UNKNOWN in named.values() or any(one is UNKNOWN for one in consts):
            return UNKNOWN
        if name == "reverse":
            return None
        if name in ("joinpath", "resolve", "absolute", "expanduser") and isinstance(whole, str):
            return fold_calls.function("os.path.join", [whole, *consts], {}, self.spend)
        if name == "with_name" and isinstance(whole, str):
            return fold_calls.function("os.path.join", [fold_path(whole, "parent"), *consts], {}, self.spend)
        return fold_calls.method(whole, name, consts, named, self.spend)

    def _grow(
        self, callee: Value, name: str, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        """`x.append(...)`, `x.extend(...)`, `x.reverse()`: the variable holds more, or the other way round."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        target = node.func.value
        if callee.bound is None:
            return
        items = callee.bound[0].items
        if not self.spend.fold(len(items or ()) // 16):
            return
        if name == "update" and callee.bound[0].table is not None:
            rows = arguments[0].table or {} if arguments else {}
            both = {**callee.bound[0].table, **rows, **{key: one for key, one in keywords.items() if key != "**"}}
            grown = Value(table=both, labels=callee.bound[0].labels)
        elif name == "insert" and len(arguments) > 1 and arguments[0].const == 0:
            grown = Value(items=(arguments[1], *(items or ()))[:20_000], labels=callee.bound[0].labels)
        elif name in ("append", "add", "insert") and arguments:
            grown = Value(items=(*(items or ()), arguments[-1])[-20_000:], labels=callee.bound[0].labels)
        elif name == "extend" and arguments:
            more = arguments[0].items or (arguments[0],)
            grown = Value(items=((items or ()) + more)[-20_000:], labels=callee.bound[0].labels)
        elif name == "reverse" and items is not None:
            grown = Value(items=items[::-1], labels=callee.bound[0].labels)
        else:
            return
        self.keep_in(target, grown)


def _is_known(base: Value) -> bool:
    """Whether something is known of what an object holds: it is a text, or a container."""
    return base.known or base.shape != "" or base.items is not None or base.table is not None


def _spelled(value: Value) -> Value:
    """The bytes of a list of numbers: a bytearray that was filled one by one."""
    numbers = flat(value)
    if isinstance(numbers, list) and all(isinstance(one, int) and 0 <= one < 256 for one in numbers):
        return Value(bytes(numbers), labels=value.labels | {CHARS}, steps=value.steps)
    labels, steps = gather((value,))
    return Value(labels=labels | {CHARS} if "xor" in labels else labels, steps=steps)


def _row(base: Value, name: str, arguments: list[Value]) -> Value | None:
    """`d.get(key)` and `d.pop(key)` of what was written out, with a key or a place that is known; None for anything else."""
    if base.items and name == "pop":
        place = arguments[0].const if arguments else -1
        return base.items[place] if isinstance(place, int) and -len(base.items) <= place < len(base.items) else None
    if not base.table or name not in ("get", "pop", "setdefault") or not arguments:
        return None
    key = arguments[0].const
    if not isinstance(key, (str, bytes, int)) or any(isinstance(one, tuple) for one in base.table):
        return None
    return base.table.get(key, arguments[1] if len(arguments) > 1 else Value(None))


def _rows(base: Value, name: str) -> Value:
    """`d.items()`, `d.values()`, `d.keys()` of a dictionary that was written out."""
    rows = [(Value() if isinstance(key, tuple) else Value(key), one) for key, one in (base.table or {}).items()]
    if name == "items":
        return Value(items=tuple(Value(items=pair) for pair in rows))
    return Value(items=tuple(pair[name == "values"] for pair in rows))
