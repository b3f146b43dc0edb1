"""What the interpreter of one module gathers: calls, edges between its functions, files written, code decoded."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bonded.facts.answered import dropped
from bonded.facts.known import (
    BUILD_FETCHERS,
    CODE_SINKS,
    COMMAND_SINKS,
    DECODERS,
    KEPT_BUILTINS,
    NETWORK,
    PUBLISHERS,
    SCHEDULERS,
    SPIES,
    canonical,
)
from bonded.facts.model import Argument, Call, Decoded
from bonded.facts.scope import Env, Function, Later
from bonded.facts.spend import Spend
from bonded.facts.value import ASKED, GAP, HIDDEN, MOST_SHAPE, UNKNOWN, Value, reach
from bonded.values.finding import When

MAX_CALLS = 400
MAX_DECODED = 20
MAIN = "<main>"
_KEPT = (
    CODE_SINKS
    | COMMAND_SINKS
    | DECODERS
    | NETWORK
    | KEPT_BUILTINS
    | SPIES
    | SCHEDULERS
    | BUILD_FETCHERS
    | PUBLISHERS
    | {"os.memfd_create"}
)
_BUILD_TOOLS = ("setuptools", "distutils", "wheel", "numpy.distutils", "skbuild", "Cython", "hatchling")
_KEPT_HEADS = (
    "ctypes.",
    "winreg.",
    "_winreg.",
    "importlib.machinery.",
    "importlib.util.",
    "pip.",
    "setuptools.command.easy_install.main",
)


@dataclass(slots=True)
class World:
    """What surrounds a module: `data(name)` gives a small data member by its base name, `resolve(later)` the result of a
    function of another module of the package; `own(name)` says whether a dotted name begins with one of its modules,
    `script(name)` gives the dotted name of its one member `name.py`, "" for none, `constant(name)` the text that a module sets
    under that dotted name. Where the package is read as one program, `module(name)` is a module of it, `found(name)` what a dotted
    name stands for in another module; None for what is not known."""

    data: Callable[[str], bytes | None] = lambda _name: None
    resolve: Callable[[Later], Value] = lambda _later: Value()
    own: Callable[[str], bool] = lambda _name: False
    script: Callable[[str], str] = lambda _name: ""
    constant: Callable[[str], Any] = lambda _name: UNKNOWN
    module: Callable[[str], Value | None] = lambda _name: None
    found: Callable[[str], Value | None] = lambda _name: None


@dataclass(slots=True)
class LocalCall:
    """A call of another module's function with arguments that came from a source; linked after all modules are read."""

    name: str
    line: int
    end_line: int
    scope: str
    arguments: tuple[Argument, ...]
    excerpt: str


CallKey = tuple[str, int, int, str, int, str]
MOST_SPOKEN = 16
MOST_PASSED = 200
"""Texts of a module that go to functions of other modules."""


@dataclass(slots=True)
class Gathered:
    """Everything that one module yields. `when` of the calls is settled by `facts.when` afterwards."""

    lines: list[str]
    calls: dict[CallKey, Call] = field(default_factory=dict)
    spoken: dict[CallKey, int] = field(default_factory=dict)
    """How many different texts a call that runs something was seen to run, where it stands."""
    edges: dict[str, set[str]] = field(default_factory=dict)
    outside_edges: dict[str, set[str]] = field(default_factory=dict)
    """Scope -> dotted names of functions of other modules of the package that it calls."""
    decoded: list[Decoded] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    local_calls: list[LocalCall] = field(default_factory=list)
    program: bool = False
    """It is run as a program by itself: setup.py."""
    commands: set[str] = field(default_factory=set)
    """Scopes of methods that a build tool calls (cmdclass)."""
    sink_parameters: dict[str, str] = field(default_factory=dict)
    """Function scope -> sink that one of its parameters reaches."""
    unread: list[str] = field(default_factory=list)

    def may_say(self) -> bool:
        """Whether one text more that is passed to another module is kept."""
        return len(self.local_calls) < MOST_PASSED

    def told_to_build(self, names: Iterable[str], scopes: Iterable[str]) -> None:
        """Functions that something of a build tool, with one of these names, is made of: the tool calls them."""
        if any(name.startswith(_BUILD_TOOLS) for name in names):
            self.commands.update(scopes)

    def outside_edge(self, caller: str, name: str) -> None:
        self.outside_edges.setdefault(caller, set()).add(name)

    def edge(self, caller: str, callee: str) -> None:
        self.edges.setdefault(caller, set()).add(callee)


def kept(name: str) -> bool:
    """Whether calls of `name` are facts."""
    return name in _KEPT or name.startswith(_KEPT_HEADS)


def argument(value: Value, name: str = "", most: int = 300) -> Argument:
    """What is kept of a value that is passed to a call; of a text, at most `most` characters."""
    labels, steps = reach(value)
    text = text_of(value, most)
    return Argument(tuple(sorted(labels)), text, steps, name, value.shape[:MOST_SHAPE] if text is None else "")


def text_of(value: Value, most: int = 300, deep: int = 3) -> str | None:
    """The constant as text, items of a list joined by a space; None when it is not known. Lists are looked into `deep` down."""
    const = value.const
    if value.items is not None:
        items = value.items[:40] if deep else ()
        parts = [text_of(one, most, deep - 1) or one.shape or "?" for one in items]
        return _cut(" ".join(parts), most)
    if const is UNKNOWN:
        return None
    if isinstance(const, (bytes, bytearray)):
        return const[: most * 4].decode("utf-8", "replace")[:most]
    if isinstance(const, (list, tuple)):
        return " ".join(str(one)[:most] for one in const[:40])[:most]
    return _cut(str(const), most) if isinstance(const, (str, int, float)) else None


def _cut(text: str, most: int) -> str:
    """The beginning and the end of a long text: what a command does with its words often stands last."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}{GAP}{text[-tail:]}"


class Recorder:
    """Base of the interpreter: where it is, and how it notes what it sees."""

    def __init__(self, path: str, lines: list[str], spend: Spend, world: World) -> None:
        self.path = path
        self.name = ""
        """The name under which the module is imported."""
        self.package = ""
        self.spend = spend
        self.world = world
        self.out = Gathered(lines)
        self.scope = ""
        self.stack: list[Function] = []
        self._dropped: dict[int, frozenset[int]] = {}
        """By function (`id` of what was parsed): its calls whose result nobody uses."""
        """Functions whose bodies are being executed, the first one entered first."""
        self.depth = 0
        self.line: int | None = None
        self.placed = False
        """Its own path was asked for: what came out depends on it."""
        self.env = Env(None)
        self.globals = self.env
        self.written: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {}
        self.fetched: dict[str, str] = {}
        """Paths into which commands fetched something, and the step that did it."""
        self.fields: dict[str, Value] = {}
        self.setups: set[tuple[int, int]] = set()
        """Lines of the calls that say what is built."""
        self.spared: set[str] = set()
        """Scopes of commands that no installer asks for."""
        self.programs: dict[str, str] = {}
        """Python texts that were written to files, by path key, until they are run."""

    def join(self, other: Recorder) -> None:
        """Be one program with another module: what its objects hold, and what it wrote to files, is known here, and here there."""
        self.stack, self.fields = other.stack, other.fields
        self.written, self.fetched, self.programs = other.written, other.fetched, other.programs

    def leads(self, scope: str, function: Function) -> None:
        """What is done in `scope` calls the function, of this module or of another one."""
        if function.home is self or function.home is None:
            self.out.edge(scope, function.qualname)
        else:
            self.out.outside_edge(scope, exact(function.home.path, function.qualname))

    def where(self, node: ast.AST) -> tuple[int, int]:
        """First and last line of `node`; inside decoded code, the line that decodes it."""
        if self.line is not None:
            return self.line, self.line
        first = getattr(node, "lineno", 1)
        return first, getattr(node, "end_lineno", None) or first

    def step(self, node: ast.AST, what: str) -> str:
        """One step of a trace."""
        return f"line {self.where(node)[0]}: {what}"

    def record(self, name: str, node: ast.AST, arguments: list[Argument], hidden: bool) -> None:
        """Note a call of something outside."""
        first, last = self.where(node)
        column = getattr(node, "col_offset", 0) if self.line is None else 0
        key = (name, first, column, self.scope, self.depth, _said(name, arguments))
        old = self.out.calls.get(key)
        if old is None and not self._may_note(key):
            return
        if old is not None and richness(old.arguments) >= richness(arguments):
            return
        said, answered = tuple(arguments), self._is_answered(name, node)
        self.out.calls[key] = Call(
            name, first, last, self.scope, When.UNKNOWN, self.depth, hidden, said, self.excerpt(first, last), answered
        )

    def _is_answered(self, name: str, node: ast.AST) -> bool:
        if name not in NETWORK or not self.stack:
            return True
        function = self.stack[-1].node
        if id(function) not in self._dropped:
            self._dropped[id(function)], seen = dropped(function)
            self.spend.nodes -= seen
        return id(node) not in self._dropped[id(function)]

    def _may_note(self, key: CallKey) -> bool:
        """Whether one call more is kept. A helper that runs what it is given may be given many things: the first few count."""
        name, line, column, scope, depth, text = key
        if name not in CODE_SINKS and name not in COMMAND_SINKS:
            return len(self.out.calls) < MAX_CALLS
        place = (name, line, column, scope, depth, "")
        seen = self.out.spoken.get(place, 0)
        if text:
            self.out.spoken[place] = seen + 1
        return seen < MOST_SPOKEN or not text

    def excerpt(self, first: int, last: int) -> str:
        """The lines, as they stand, cut."""
        rows = self.out.lines[first - 1 : min(last, first + 5)]
        return "\n".join(row[:240] for row in rows)

    def decoded(self, node: ast.AST, text: str) -> None:
        """Keep unfolded code as evidence."""
        form = Decoded(self.where(node)[0], self.depth + 1, text[:4000])
        known = any(one.text == form.text for one in self.out.decoded)
        if not known and len(self.out.decoded) < MAX_DECODED:
            self.out.decoded.append(form)


def exact(path: str, scope: str) -> str:
    """A scope in the member at `path`, written as a name that `outside_edge` takes."""
    return f"{path}\0{scope}"


def call_key(call: Call, column: int) -> CallKey:
    """Where a call stands and, for one that runs something, what: name, line, column, scope, depth, text."""
    return call.name, call.line, column, call.scope, call.depth, said(call)


def said(call: Call) -> str:
    """The text that a call runs, or the address to which it takes a password, as far as it is known; "" for other calls."""
    return _said(call.name, call.arguments)


def _said(name: str, arguments: Sequence[Argument]) -> str:
    if name in NETWORK and any(ASKED in one.labels for one in arguments):
        return next((one.text for one in arguments if one.text and "://" in one.text), "")
    if name not in CODE_SINKS and name not in COMMAND_SINKS:
        return ""
    return next((one.text for one in arguments if one.text), "")


def richness(arguments: Sequence[Argument]) -> int:
    """How much is known: that something came in as a parameter says nothing of what it is."""
    return sum(2 * len({*one.labels} - {"parameter"}) + (one.text is not None) for one in arguments)


def is_hidden(value: Value) -> bool:
    return HIDDEN in value.labels


__all__ = [
    "MAIN",
    "CallKey",
    "Gathered",
    "LocalCall",
    "Recorder",
    "World",
    "argument",
    "call_key",
    "canonical",
    "exact",
    "is_hidden",
    "kept",
    "richness",
    "said",
    "text_of",
]
