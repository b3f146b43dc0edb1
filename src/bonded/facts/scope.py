"""Names in force and the package's own functions and classes, as the abstract interpreter sees them."""

from __future__ import annotations

import ast
import builtins
import itertools
from dataclasses import dataclass, field
from typing import Any, Final

from bonded.facts.value import Value

BUILTINS: Final = frozenset(dir(builtins)) | {"execfile", "unicode", "xrange", "raw_input", "reduce", "__builtins__"}

MOST_BASES: Final = 60
"""Classes that one is looked for in: deeper families are no program that somebody wrote."""

_NUMBERS = itertools.count(1)
"""Each object of the three sorts below has a number: two of them are told apart by it, even when one is gone already (`id` is
given again)."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Env:
    """Variables of one module, class or function, inside another."""

    __slots__ = ("outer", "same", "shared", "stars", "values")

    def __init__(self, outer: Env | None) -> None:
        self.values: dict[str, Value] = {}
        self.outer = outer
        self.stars: list[str] = []
        self.shared: dict[str, Env] | None = None
        """Names that are variables of another one: `global` and `nonlocal`."""
        self.same: dict[str, list[tuple[Env, str]]] | None = None
        """Names of containers that other modules have imported, or that were imported: all variables that hold the one container."""

    def find(self, name: str) -> Value | None:
        """The variable's value here or further out."""
        env: Env | None = self
        while env is not None:
            value = env.values.get(name)
            if value is not None:
                return value
            env = env.outer
        return None

    def star_modules(self) -> list[str]:
        """Modules of `from x import *` in force."""
        env: Env | None = self
        found: list[str] = []
        while env is not None:
            found += env.stars
            env = env.outer
        return found


def hold_same(first: Env, name: str, second: Env, alias: str) -> None:
    """`alias` is from here on the container that `name` is."""
    first.same, second.same = first.same or {}, second.same or {}
    holders = first.same.setdefault(name, [(first, name)])
    holders.append((second, alias))
    second.same[alias] = holders


def put(env: Env, name: str, value: Value) -> None:
    """The container that a variable holds has changed."""
    for other, alias in (env.same or {}).get(name, ((env, name),)):
        other.values[alias] = value


def home_of(env: Env, name: str) -> Env | None:
    """Where the variable is: here or further out; None for nowhere."""
    at: Env | None = env
    while at is not None and name not in at.values:
        at = at.outer
    return at


@dataclass(eq=False, slots=True)
class Function:
    """A function of the package. `qualname` is its scope ("Class.method", "outer.<locals>.inner")."""

    node: FunctionNode
    env: Env
    qualname: str
    owner: Class | None = None
    turns: int = 0
    heard: bool = False
    """A bot calls it with what somebody wrote in a chat."""
    first: Value | None = None
    """What it is given first by what calls it back, where that is known."""
    stands_for: str = ""
    """The function of another package that it replaces."""
    seen: dict[object, Value] = field(default_factory=dict)
    number: int = field(default_factory=_NUMBERS.__next__)
    is_property: bool = False
    """It is a method that is called by naming it."""
    gives_one: bool = False
    """It is a context manager: what it gives is bound to the name after `as`."""
    home: Any = None
    """The interpreter of the module that it stands in: what its body does is done there."""


@dataclass(eq=False, slots=True)
class Class:
    """A class of the package with its methods; `bases` are dotted names."""

    name: str
    bases: tuple[str, ...]
    methods: dict[str, Function]
    parents: tuple[Class, ...] = ()
    fields: tuple[str, ...] = ()
    """What its objects are made of, in order, where it has no `__init__`: of a dataclass, a named tuple."""
    number: int = field(default_factory=_NUMBERS.__next__)
    derived: list[Class] = field(default_factory=list)
    """Classes that were derived from it so far."""

    def method(self, name: str) -> Function | None:
        """The method here or in a base class of the same module."""
        found = self.methods.get(name)
        if found is not None or not self.parents:
            return found
        return next((one.methods[name] for one in self.line() if name in one.methods), None)

    def outside(self) -> list[str]:
        """The dotted names of the classes that are no part of the package, of this one and those it is derived from."""
        return list(dict.fromkeys(name for one in self.line() for name in one.bases if "." in name))[:2]

    def line(self) -> list[Class]:
        """The class and those it is derived from, each once, the nearest first; at most MOST_BASES of them."""
        found: list[Class] = []
        waiting = [self]
        while waiting and len(found) < MOST_BASES:
            one = waiting.pop(0)
            if one not in found:
                found.append(one)
                waiting[:0] = one.parents
        return found


@dataclass(frozen=True, slots=True)
class Instance:
    """An object of one of the package's classes."""

    of: Class


@dataclass(frozen=True, slots=True)
class Super:
    """What `super()` gives in a method of `owner`, called of `me`: an object of the class or the class."""

    me: Value
    owner: Class | None

    def method(self, name: str) -> Function | None:
        """The method of that name of the classes after `owner`."""
        line = kind_of(self.me).line()
        after = line[line.index(self.owner) + 1 :] if self.owner in line else []
        return next((one.methods[name] for one in after if name in one.methods), None)


@dataclass(frozen=True, eq=False, slots=True)
class Imported:
    """A module of the package that is read as one program with the one that imports it; `env` are its variables."""

    name: str
    env: Env


def kind_of(value: Value) -> Class:
    """The class that a value is an object of, or is."""
    return value.local.of if isinstance(value.local, Instance) else value.local


@dataclass(frozen=True, slots=True)
class Later:
    """What a function of another module of the package gives: worked out only when it reaches a sink."""

    name: str
    arguments: tuple[Value, ...]
    number: int = field(default_factory=_NUMBERS.__next__, compare=False)
