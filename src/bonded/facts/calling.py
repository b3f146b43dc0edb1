"""Evaluation of calls: known functions are folded, the package's own are followed, what reaches a sink is noted."""

from __future__ import annotations

import ast
from typing import Any

from bonded.facts import fold_calls, footholds, partly
from bonded.facts.expressions import flat
from bonded.facts.files import JOIN
from bonded.facts.known import (
    BOTS,
    CALLBACKS,
    CIPHER_METHODS,
    CODE_SINKS,
    COMMAND_SINKS,
    DECODERS,
    DOWNLOADERS,
    ENCODING_NAMES,
    ENDING,
    HOST_FACTS,
    MAKERS,
    PATH_USERS,
    SECRETS,
    SPELLERS,
    STRUCTURED,
    WATCHING,
    canonical,
)
from bonded.facts.outputs import label_of_answer, label_of_file, label_of_output, leads_to_secrets
from bonded.facts.running import MADE, Running
from bonded.facts.scope import Class, Function, Instance, Later
from bonded.facts.state import LocalCall, argument, kept
from bonded.facts.value import (
    ANY,
    CHARS,
    CREDENTIALS,
    DECODED,
    DOWNLOADED,
    ENCRYPTED,
    ENVIRONMENT,
    HIDDEN,
    HOST,
    NOTHING,
    PARSED,
    PRIVATE,
    SOURCES,
    UNKNOWN,
    WATCHED,
    Value,
    gather,
    join,
    reach,
)

_VARIABLES = ("os.getenv", "os.environ.get", "os.environ.pop", "os.environ.setdefault")
BOT = "<bot>"
"""The scope from which a bot calls what was registered with it."""
_BOT_STARTS = frozenset(
    {"run", "start", "polling", "infinity_polling", "start_polling", "run_polling", "connect", "run_until_disconnected"}
)


_SPELLED = frozenset(
    f"builtins.{one}"
    for one in ("chr", "exec", "eval", "compile", "__import__", "getattr", "globals", "bytes", "ord", "open")
)
_SPELLED_USE = "builtins.getattr"
"""Under this name a builtin is noted that was looked up by a computed name, and called."""


_MOST_ROWS = 64
"""Rows of a dictionary whose loops are folded; longer ones are tables of data."""


class Calling(Running):
    """`call(node)`."""

    def call(self, node: ast.Call) -> Value:
        """Evaluate a call as written in the source."""
        callee = self.evaluate(node.func)
        arguments = self._positional(node.args)
        keywords = self._keywords(node.keywords)
        if callee.names == ("builtins.super",):
            return self._super()
        return self.apply(callee, arguments, keywords, node)

    def _positional(self, nodes: list[ast.expr]) -> list[Value]:
        """Positional arguments; `*x` stands for what is in `x`, where that is known."""
        found: list[Value] = []
        for one in nodes:
            value = self.evaluate(one)
            found += value.items if isinstance(one, ast.Starred) and value.items is not None else (value,)
        return found

    def _keywords(self, nodes: list[ast.keyword]) -> dict[str, Value]:
        """Arguments by name; `**x` stands for what is in `x`, where that is known."""
        found: dict[str, Value] = {}
        for one in nodes:
            value = self.evaluate(one.value)
            if one.arg is None and value.table is not None:
                found.update({key: item for key, item in value.table.items() if isinstance(key, str)})
            else:
                found[one.arg or "**"] = value
        return found

    def _super(self) -> Value:
        me = self.env.find("self")
        return me if me is not None else ANY

    def apply(self, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """`callee(*arguments, **keywords)`."""
        if isinstance(callee.local, Function):
            return self.follow(callee.local, arguments, keywords, callee.bound)
        if isinstance(callee.local, Class):
            return self._instantiate(callee.local, arguments, keywords)
        if isinstance(callee.local, Instance):
            method = callee.local.of.method("__call__")
            return self.follow(method, arguments, keywords, (callee, "")) if method else ANY
        results = [self._named_call(name, callee, arguments, keywords, node) for name in callee.names]
        if results:
            merged = results[0]
            for one in results[1:]:
                merged = join(merged, one)
            return merged
        return self._unknown_call(callee, arguments, keywords, node)

    def _instantiate(self, kind: Class, arguments: list[Value], keywords: dict[str, Value]) -> Value:
        value = Value(local=Instance(kind))
        for name in ("__init__", "__new__", "__post_init__"):
            method = kind.method(name)
            if method is not None:
                self.follow(method, arguments, keywords, (value, name))
        for name in ("__enter__", "__del__", "__call__", "__iter__"):
            method = kind.method(name)
            if method is not None and name != "__call__":
                self.out.edge(self.scope, method.qualname)
        labels, steps = gather((*arguments, *keywords.values()))
        return value.labelled(labels & SOURCES, *steps)

    def _named_call(
        self, raw: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        name = canonical(raw)
        base = callee.bound[0] if callee.bound else None
        special = self.special(name, raw, callee, arguments, keywords, node)
        if special is not None:
            return special
        every = [*arguments, *keywords.values()]
        if HIDDEN in callee.labels and name in _SPELLED:
            self.record(_SPELLED_USE, node, [argument(Value(name))], hidden=True)
        if name.endswith(".wrap_socket") and arguments:
            return arguments[0]
        if kept(name) or name.startswith("types.FunctionType()") or (name in PATH_USERS and leads_to_secrets(every)):
            self.record_call(name, callee, arguments, keywords, node)
        self.files_of(name, callee, arguments, keywords, node)
        self._callbacks(name, every, node)
        const = self._fold(name, base, arguments, keywords)
        labels, steps = self._labels(name, callee, every, const, node)
        source = footholds.source_in(const) if name in DECODERS else None
        if source is not None:
            self.decoded(node, source)
        local: Any = None
        if (name.startswith(self.package + ".") and self.package) or self.world.own(name):
            local = self._elsewhere(name, arguments, node)
        local = local or next((one.local for one in every if isinstance(one.local, Later)), None)
        parts = (Value(items=tuple(arguments)), JOIN) if name == "os.path.join" and const is UNKNOWN else None
        if name in MAKERS:
            parts = (Value(items=tuple(every)), MADE)
        shape = partly.of_call(name, arguments, keywords) if const is UNKNOWN else ""
        return Value(const, (f"{name}()",), labels, local=local, bound=parts, steps=steps, shape=shape)

    def _elsewhere(self, name: str, arguments: list[Value], node: ast.AST) -> Later:
        """A function of another module of the package: noted when hidden, fetched or private data goes in."""
        self.out.outside_edge(self.scope, name)
        labels, _ = gather(arguments)
        if labels & (SOURCES | PRIVATE):
            first, last = self.where(node)
            kept_arguments = tuple(argument(one) for one in arguments)
            self.out.local_calls.append(
                LocalCall(name, first, last, self.scope, kept_arguments, self.excerpt(first, last))
            )
        return Later(name, tuple(arguments))

    def follow(
        self,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        bound: tuple[Value, str] | None = None,
    ) -> Value:
        """Evaluate a call of one of the package's own functions; `facts.statements` has it."""
        raise NotImplementedError

    def _callbacks(self, name: str, every: list[Value], node: ast.AST) -> None:
        if name.startswith(BOTS):
            self._bot(name, every)
        if name not in CALLBACKS:
            return
        for one in every:
            if isinstance(one.local, Function) or (one.names and canonical(one.names[0]) in CODE_SINKS | COMMAND_SINKS):
                inner = [item for other in every if other is not one for item in (other.items or ())]
                self.apply(one, inner, {}, node)
            elif one.names and self.world.own(one.names[0]):
                self.out.outside_edge(self.scope, one.names[0])

    def hears(self, function: Function) -> None:
        """A bot calls the function, once it runs."""
        function.heard = True
        self.out.edge(BOT, function.qualname)

    def _bot(self, name: str, every: list[Value]) -> None:
        for one in every:
            if isinstance(one.local, Function):
                self.hears(one.local)
        if name.rpartition(".")[2] in _BOT_STARTS:
            self.out.edge(self.scope, BOT)

    def _fold(self, name: str, base: Value | None, arguments: list[Value], keywords: dict[str, Value]) -> Any:
        consts = [flat(one) for one in arguments]
        named = {key: flat(one) for key, one in keywords.items()}
        if UNKNOWN in named.values() or any(one is UNKNOWN for one in consts):
            return UNKNOWN
        if name in fold_calls.FUNCTIONS or name.endswith(("__str__", "__repr__")):
            return fold_calls.function(name, consts, named, self.spend)
        if base is not None and base.known:
            return self._fold_method(base, name.rpartition(".")[2], arguments, keywords)
        return UNKNOWN

    def _labels(
        self, name: str, callee: Value, every: list[Value], const: Any, node: ast.AST
    ) -> tuple[frozenset[str], tuple[str, ...]]:
        if name in ENDING:
            return NOTHING, ()
        if name in _VARIABLES:
            labels, _ = partly.variable(every[0], NOTHING) if every else (NOTHING, "")
            return labels, (self.step(node, name),) if labels else ()
        labels, steps = gather(every)
        own, way = reach(callee)
        labels, steps = (labels | own) - {HIDDEN}, steps or way
        if name in DOWNLOADERS:
            labels, steps = labels - PRIVATE, () if labels & PRIVATE else steps
        extra = self._own_label(name, every)
        if extra:
            labels |= extra
            steps = (*steps, self.step(node, name))[-12:]
        if name in STRUCTURED or name.endswith(".json"):
            labels |= {PARSED}
        return labels, steps

    def _own_label(self, name: str, every: list[Value]) -> frozenset[str]:
        if name in DECODERS or name.rpartition(".")[2] in CIPHER_METHODS:
            return frozenset({DECODED}) if _hides(name, every) else NOTHING
        if name in DOWNLOADERS:
            return frozenset({DOWNLOADED}) | label_of_answer(every)
        if name in SPELLERS:
            return frozenset({CHARS})
        if name.endswith(".encrypt"):
            return frozenset({ENCRYPTED})
        if name in ("builtins.bytes", "builtins.bytearray") and every and _numbers(every[0]):
            return frozenset({CHARS})
        if name in HOST_FACTS:
            return frozenset({HOST})
        if name in WATCHING or name in SECRETS:
            return frozenset({WATCHED if name in WATCHING else CREDENTIALS})
        if name in COMMAND_SINKS:
            return label_of_output(every)
        if name in PATH_USERS:
            return label_of_file(name, every)
        return frozenset({ENVIRONMENT}) if name == "os.environ.copy" else NOTHING

    def _unknown_call(self, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """A method of a constant, or of something unknown."""
        every = [*arguments, *keywords.values()]
        labels, steps = gather((*every, callee))
        if HIDDEN in callee.labels and labels & SOURCES:
            self.record("builtins.exec", node, [argument(one) for one in every], hidden=True)
        if callee.bound is None:
            return Value(labels=(labels | {HIDDEN}) - {HIDDEN}, steps=steps)
        base, name = callee.bound
        found = self.read(base, name)
        if found is not None:
            return found
        self.method_of_file(base, name, arguments, node)
        short = base.table is not None and len(base.table) <= _MOST_ROWS
        if short and name in ("items", "values", "keys") and not arguments:
            return _rows(base, name)
        const = self._fold_method(base, name, arguments, keywords)
        if name == "decode" and isinstance(flat(arguments[0]) if arguments else None, str):
            if str(flat(arguments[0])).lower().replace("-", "_") in ENCODING_NAMES:
                labels, steps = labels | {DECODED}, (*steps, self.step(node, f"decode({arguments[0].const!r})"))
        elif name == "encrypt":
            labels |= {ENCRYPTED}
        elif name in CIPHER_METHODS:
            labels, steps = labels | {DECODED}, (*steps, self.step(node, name))
        self._grow(callee, name, arguments, node)
        if name == "json":
            labels |= {PARSED}
        later = next((one.local for one in (*every, base) if isinstance(one.local, Later)), None)
        shape = partly.of_method(base, name, arguments, keywords) if const is UNKNOWN else ""
        return Value(const, labels=labels - {HIDDEN}, local=later, steps=steps, shape=shape)

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
        if name in ("joinpath", "resolve", "absolute") and isinstance(whole, str):
            return fold_calls.function("os.path.join", [whole, *consts], {}, self.spend)
        return fold_calls.method(whole, name, consts, named, self.spend)

    def _grow(self, callee: Value, name: str, arguments: list[Value], node: ast.AST) -> None:
        """`x.append(...)`, `x.extend(...)`, `x.reverse()`: the variable holds more, or the other way round."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return
        target = node.func.value
        if not isinstance(target, ast.Name) or callee.bound is None:
            return
        items = callee.bound[0].items
        if not self.spend.fold(len(items or ()) // 16):
            return
        if name in ("append", "add", "insert") and arguments:
            grown = Value(items=(*(items or ()), arguments[-1])[-20_000:], labels=callee.bound[0].labels)
        elif name == "extend" and arguments:
            more = arguments[0].items or (arguments[0],)
            grown = Value(items=((items or ()) + more)[-20_000:], labels=callee.bound[0].labels)
        elif name == "reverse" and items is not None:
            grown = Value(items=items[::-1], labels=callee.bound[0].labels)
        else:
            return
        if target.id in self.env.values:
            self.env.values[target.id] = grown


def _rows(base: Value, name: str) -> Value:
    """`d.items()`, `d.values()`, `d.keys()` of a dictionary that was written out."""
    rows = [(Value() if isinstance(key, tuple) else Value(key), one) for key, one in (base.table or {}).items()]
    if name == "items":
        return Value(items=tuple(Value(items=pair) for pair in rows))
    return Value(items=tuple(pair[name == "values"] for pair in rows))


def _numbers(value: Value) -> bool:
    if value.items is not None:
        return any(isinstance(one.const, int) or not one.known for one in value.items[:4])
    return "xor" in value.labels or CHARS in value.labels


def _hides(name: str, every: list[Value]) -> bool:
    """Whether a decoder hides something: `codecs.decode(x, "utf-8")` does not."""
    if name != "codecs.decode" or len(every) < 2 or not isinstance(every[1].const, str):
        return True
    return every[1].const.lower().replace("-", "_") in ENCODING_NAMES
