"""One module that was read: what it gathered, and what its names stand for. Just now (`live`), or earlier out of the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from bonded.facts.model import Call, Decoded
from bonded.facts.scope import Class, Function, Later
from bonded.facts.spend import Spend
from bonded.facts.state import Gathered, LocalCall, World, call_key, exact
from bonded.facts.statements import Interpreter
from bonded.facts.value import ANY, UNKNOWN, Value

FUNCTION, CLASS, OTHER = "function", "class", "other"
Named = tuple[str, dict[str, str], tuple[str, ...]]
"""What a name of a module is: FUNCTION with its scope under "", CLASS with the scopes of its methods, OTHER with dotted names."""


@dataclass(slots=True)
class Reading:
    """`named` and `stars` are what a reading that is not live has of the module's names."""

    out: Gathered
    live: Interpreter | None = None
    names: dict[str, Named] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    whole: bool = False
    """Every function of it was executed, not only those that name a sink."""

    def named(self, name: str) -> Named | None:
        """What the module's top level has under this name; None for nothing."""
        if self.live is None:
            return self.names.get(name)
        value = self.live.globals.values.get(name)
        return _named(value, self.live) if value is not None else None

    def starred(self) -> list[str]:
        """Modules of `from x import *` at the top level."""
        return self.stars if self.live is None else self.live.env.stars


def _named(value: Value, live: Interpreter) -> Named:
    if isinstance(value.local, Class):
        methods: dict[str, str] = {}
        for one in value.local.line():
            for name, method in one.methods.items():
                methods.setdefault(name, _scope_of(method, live))
        return CLASS, methods, ()
    if isinstance(value.local, Function):
        return FUNCTION, {"": _scope_of(value.local, live)}, ()
    return OTHER, {}, value.names


def _scope_of(function: Function, live: Interpreter) -> str:
    """Its scope in the module; where it stands in another one, that one is told with it."""
    elsewhere = function.home is not None and function.home is not live
    return exact(function.home.path, function.qualname) if elsewhere else function.qualname


@dataclass(slots=True)
class Asked:
    """What a module asked of the rest of its archive while it was read, and what it was told."""

    own: dict[str, bool] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)
    """Modules that are not in the archive."""
    others: bool = False
    """A function of another module was followed: what came out depends on all that it holds."""

    def listening(self, world: World, has: Callable[[str], bool]) -> World:
        """`world`, with what it is asked noted. `has(module)` says whether a module is in the archive."""

        def own(name: str) -> bool:
            answer = world.own(name)
            self.own[_top(name)] = answer
            return answer

        def data(name: str) -> bytes | None:
            answer = world.data(name)
            self.data[name] = told(answer)
            return answer

        def script(name: str) -> str:
            answer = self.scripts[name] = world.script(name)
            return answer

        def constant(name: str) -> Any:
            answer = world.constant(name)
            self.constants[name] = told(answer)
            return answer

        def resolve(later: Later) -> Value:
            module = later.name.rpartition(".")[0]
            if not has(module):
                self.missing[module] = None
                return ANY
            self.others = True
            return world.resolve(later)

        return World(data, resolve, own, script, constant, world.module, world.found)


def _top(name: str) -> str:
    """All that decides whether a dotted name is one of the archive: its first part, and whether there are more."""
    top, dot, rest = name.partition(".")
    return top + dot if rest else top


def told(answer: Any) -> str:
    """A fingerprint of bytes or a text; "" for nothing."""
    if answer is None or answer is UNKNOWN:
        return ""
    kind = "t" if isinstance(answer, str) else "b"
    return kind + sha256(answer.encode("utf-8", "surrogatepass") if kind == "t" else answer).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """A reading as it is kept for the next archive that holds the same bytes (`facts.kept`): it is good where the module is in
    the same package, all questions are answered alike, and at least `spent` is left of the budget.

    `path` is "" unless the code asked for its own; `columns` are of the calls, in their order.
    """

    package: str
    program: bool
    whole: bool
    path: str
    spent: tuple[int, ...]
    own: dict[str, bool]
    data: dict[str, str]
    scripts: dict[str, str]
    constants: dict[str, str]
    missing: tuple[str, ...]
    calls: tuple[Call, ...]
    columns: tuple[int, ...]
    edges: dict[str, list[str]]
    outside_edges: dict[str, list[str]]
    decoded: tuple[Decoded, ...]
    imports: tuple[str, ...]
    local_calls: tuple[LocalCall, ...]
    commands: tuple[str, ...]
    sink_parameters: dict[str, str]
    names: dict[str, list[Any]]
    stars: tuple[str, ...]

    def reading(self) -> Reading:
        """The reading again."""
        out = Gathered([])
        for call, column in zip(self.calls, self.columns, strict=True):
            out.calls[call_key(call, column)] = call
        out.edges = {scope: set(others) for scope, others in self.edges.items()}
        out.outside_edges = {scope: set(others) for scope, others in self.outside_edges.items()}
        out.decoded, out.imports = list(self.decoded), list(self.imports)
        out.local_calls, out.commands = list(self.local_calls), set(self.commands)
        out.program, out.sink_parameters = self.program, dict(self.sink_parameters)
        names = {name: (kind, scopes, tuple(dotted)) for name, (kind, scopes, dotted) in self.names.items()}
        return Reading(out, None, names, list(self.stars), self.whole)


def keep(live: Interpreter, asked: Asked, spent: tuple[int, ...], *, whole: bool) -> Kept:
    """What is kept of a module that was just read, before anything else touches it."""
    out = live.out
    named = {name: list(_named(value, live)) for name, value in live.globals.values.items()}
    return Kept(
        package=live.package,
        program=out.program,
        whole=whole,
        path=live.path if live.placed else "",
        spent=spent,
        own=dict(asked.own),
        data=dict(asked.data),
        scripts=dict(asked.scripts),
        constants=dict(asked.constants),
        missing=tuple(asked.missing),
        calls=tuple(out.calls.values()),
        columns=tuple(key[2] for key in out.calls),
        edges={scope: sorted(others) for scope, others in out.edges.items()},
        outside_edges={scope: sorted(others) for scope, others in out.outside_edges.items()},
        decoded=tuple(out.decoded),
        imports=tuple(out.imports),
        local_calls=tuple(out.local_calls),
        commands=tuple(sorted(out.commands)),
        sink_parameters=dict(out.sink_parameters),
        names=named,
        stars=tuple(live.env.stars),
    )


def spent_since(before: tuple[int, ...], spend: Spend) -> tuple[int, ...]:
    """What was used of the budget since `before`."""
    return tuple(old - new for old, new in zip(before, spend.left(), strict=True))
