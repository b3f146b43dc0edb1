"""Execution of statements on abstract values, and following of the package's own functions."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from bonded.facts.branches import Branches
from bonded.facts.expressions import PARAMETER
from bonded.facts.following import is_of_class, is_static
from bonded.facts.known import BOTS, CODE_SINKS, COMMAND_SINKS, canonical
from bonded.facts.scope import Class, Env, Function, Instance
from bonded.facts.spend import Spend
from bonded.facts.state import World
from bonded.facts.value import (
    ANY,
    GIVEN_AS,
    GIVEN_KEY,
    GIVEN_SECRET,
    MESSAGE,
    NOTHING,
    OVERHEARD,
    SOURCES,
    Value,
)

_KEY = re.compile(r"wallet_?key|^wif$|mnemonic|seed_?(phrase|words)|recovery_phrase", re.IGNORECASE)
_MAYBE_KEY = re.compile(r"priv(ate)?_?key|^pk$|^seed$|keypair", re.IGNORECASE)
"""A service may call its own password a private key, a table its first column pk, and a model of pictures has a seed."""
_WALLETS = re.compile(
    r"wallet|mnemonic|seed[_ ]?phrase|blockchain|solana|solders|ethereum|eth_|web3|bitcoin|bip_?39|lamports|secp256k1|keccak|base58|metamask"
    r"|usdt|(?<![a-z])(?:tron(?!ic)|trx|erc20|bep20)",
    re.IGNORECASE,
)
"""Words of a module that is about wallets, or of its path: there, such a name is that of a wallet's key."""
_SECRET = re.compile(r"priv(ate)?_?key|passw(or)?d|passphrase|secret|token|cookie|api_?key|credential", re.IGNORECASE)
_ENCODED = re.compile(r"aHR0c[A-Za-z0-9+/]{16,4000}={0,2}|(?:[A-Za-z0-9+/]{4}){60,2000}={0,2}")
"""An address in base64, or a long text in it."""


_ROOM = 1_000
"""Turns of inner loops that are folded in one function that nothing calls."""


@lru_cache(4096)
def _called(parameter: str) -> tuple[bool, bool, bool]:
    """Whether a parameter of this name is the key of a wallet, is one in code about wallets, is a secret."""
    found = (_KEY.search(parameter), _MAYBE_KEY.search(parameter), _SECRET.search(parameter))
    return found[0] is not None, found[1] is not None, found[2] is not None


class Interpreter(Branches):
    """Reads one module: `module(tree)`, then `rest()` for functions that nothing called."""

    def __init__(self, path: str, lines: list[str], spend: Spend, world: World) -> None:
        super().__init__(path, lines, spend, world)
        self.functions: list[Function] = []
        self._lambdas: set[int] = set()
        self._read: set[int] = set()
        """Numbers of the functions that were executed by themselves."""
        self._wallets: bool | None = None

    def module(self, tree: ast.Module) -> None:
        """Execute the top level."""
        self.block(tree.body)

    def rest(self, wanted: Callable[[Function], bool]) -> None:
        """Execute each function once with unknown arguments, if `wanted`."""
        early: list[Function] = []
        done = 0
        while done < len(self.functions):
            function = self.functions[done]
            done += 1
            if not function.stands_for:
                early.append(function)
            if function.stands_for or wanted(function):
                self._read.add(function.number)
                self._outer(function)
        for function in early:
            if function.stands_for:  # as was seen after it
                self._outer(function)

    def again(self, function: Function) -> None:
        """Execute a function once more with the others, if it was executed already."""
        if function.number in self._read:
            self.functions.append(function)

    def _outer(self, function: Function) -> None:
        arguments = function.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        labels = frozenset({"parameter", MESSAGE} if function.heard else {"parameter"})
        if function.stands_for:
            labels |= {OVERHEARD}
            every += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
        values = {
            one.arg: Value(names=(f"{PARAMETER}{function.qualname}:{one.arg}",), labels=labels | self._secrecy(one.arg))
            for one in every
        }
        values |= self._encoded_defaults(function, labels)
        method = function.owner is not None and not is_static(function)
        if function.first is not None and len(every) > method:
            values[every[method].arg] = function.first
        if function.owner is not None and every and not is_static(function):
            values[every[0].arg] = Value(local=function.owner if is_of_class(function) else Instance(function.owner))
            maker = function.owner.method("__init__")
            if maker is not None and maker is not function and not maker.turns:
                maker.turns = 1
                self._outer(maker)
            if getattr(function.node, "name", "") == "connection_made" and len(every) > 1:
                values[every[1].arg] = Value(names=("asyncio.Transport()",))
        outer, self.room, self.loops = (self.room, self.loops), _ROOM, 0
        try:
            self._given_back(function, self.enter(function, values))
        finally:
            self.room, self.loops = outer

    def _secrecy(self, parameter: str) -> frozenset[str]:
        """What the name of a parameter says of its value."""
        key, maybe, secret = _called(parameter)
        if key or (maybe and self._about_wallets()):
            return frozenset({GIVEN_KEY})
        return frozenset({GIVEN_SECRET, f"{GIVEN_AS}{parameter}"}) if secret else NOTHING

    def _about_wallets(self) -> bool:
        if self._wallets is None:
            self._wallets = any(_WALLETS.search(line) for line in self.out.lines)
            if not self._wallets:
                self.placed = True
                self._wallets = _WALLETS.search(self.path) is not None
        return self._wallets

    def _given_back(self, function: Function, result: Value) -> None:
        """What others run of what a method gives back: a pickle its `__reduce__`, an import the code of a loader."""
        name, node = getattr(function.node, "name", ""), function.node
        outer, self.scope = self.scope, function.qualname
        if name in ("__reduce__", "__reduce_ex__") and result.items is not None and len(result.items) > 1:
            first, given = result.items[0], result.items[1]
            sink = canonical(first.names[0]) if first.names else ""
            if sink in CODE_SINKS or sink in COMMAND_SINKS:
                self.apply(first, list(given.items or (given,)), {}, node)
        elif name in ("get_data", "get_code", "get_source") and function.owner is not None:
            loads = any(one.startswith(("importlib.", "_frozen_importlib")) for one in self._all_bases(function.owner))
            if loads and not SOURCES.isdisjoint(result.labels):
                self.run_code("builtins.exec", Value(names=("builtins.exec",)), [result], {}, node)
        self.scope = outer

    def _encoded_defaults(self, function: Function, labels: frozenset[str]) -> dict[str, Value]:
        """Parameters whose default is an address or a text in an encoding: nobody is meant to pass another one."""
        spec, found = function.node.args, {}
        for one, default in zip(reversed([*spec.posonlyargs, *spec.args]), reversed(spec.defaults), strict=False):
            if isinstance(default, ast.Constant) and not isinstance(default.value, str):
                continue
            value = self.evaluate(default)
            if isinstance(value.const, str) and _ENCODED.fullmatch(value.const):
                found[one.arg] = value.labelled(labels)
        return found

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

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.define(node, None)

    def met(self, function: Function) -> None:
        """A lambda: what nothing calls is executed with the other functions, once for each place."""
        if id(function.node) not in self._lambdas:
            self._lambdas.add(id(function.node))
            self.functions.append(function)

    def _annotations(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Annotations are expressions, and run with the definition."""
        spec = node.args
        every = (*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg)
        for one in (*(each.annotation for each in every if each is not None), node.returns):
            self.annotation(one)

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, owner: Class | None) -> Function:
        """A function definition: decorators and defaults run now, the body later."""
        prefix = f"{owner.name}." if owner else (f"{self.scope}.<locals>." if self.scope else "")
        function = Function(node, self.env, prefix + node.name, owner, home=self)
        words = [_last_word(one) for one in node.decorator_list]
        function.is_property = owner is not None and any(one.endswith("property") for one in words)
        function.gives_one = any(one.endswith("contextmanager") for one in words)
        self.functions.append(function)
        self._annotations(node)
        value = Value(local=function)
        for decorator in reversed(node.decorator_list):
            made = self.evaluate(decorator)
            if any(name.startswith(BOTS) for name in made.names):
                self.hears(function)
            value = self._decorated(made, value, decorator)
        if owner is None:
            self.env.values[node.name] = value
        return function

    def _class(self, node: ast.ClassDef) -> None:
        bases = [self.evaluate(one) for one in node.bases]
        for keyword in node.keywords:
            self.evaluate(keyword.value)
        names = tuple(canonical(name) for base in bases for name in base.names)
        parents = tuple(base.local for base in bases if isinstance(base.local, Class))
        own = (
            one.target.id for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        )
        kind = Class(node.name, names, {}, parents, (*(name for one in parents for name in one.fields), *own))
        self.env.values[node.name] = Value(local=kind)
        for parent in parents:
            parent.derived.append(kind)
        outer, self.env = self.env, Env(self.env)
        inner = self.env.values
        try:
            for statement in node.body:
                if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    method = self.define(statement, kind)
                    if not _is_accessor(statement):
                        kind.methods[statement.name] = method
                else:
                    self.block([statement])
        finally:
            self.env = outer
        self._class_values(kind, {"__doc__": Value(ast.get_docstring(node, clean=False)), **inner})
        self._made_class(kind, node, inner)
        value = Value(local=kind)
        for decorator in reversed(node.decorator_list):
            value = self._decorated(self.evaluate(decorator), value, decorator)
        for one in kind.methods.values() if any(name.startswith(BOTS) for name in self._all_bases(kind)) else ():
            self.hears(one)
        methods = (method.qualname for one in kind.line() for method in one.methods.values())
        self.out.told_to_build(self._all_bases(kind), methods)

    def _made_class(self, kind: Class, node: ast.ClassDef, held: dict[str, Value]) -> None:
        """What runs when a class is made that holds `held`: of its metaclass, of those it is derived from."""
        value, given = Value(local=kind), {one.arg: self.evaluate(one.value) for one in node.keywords if one.arg}
        meta = given.pop("metaclass", ANY).local
        if isinstance(meta, Class):
            body = Value(table=dict(held))
            made = [Value(node.name), Value(items=tuple(Value(local=one) for one in kind.parents)), body]
            for name, first in (("__new__", Value(local=meta)), ("__init__", value)):
                method = meta.method(name)
                if method is not None:
                    self.follow(method, [first, *made], given)
        for parent in kind.parents:
            method = parent.method("__init_subclass__")
            if method is not None:
                self.follow(method, [value], given)

    def _decorated(self, decorator: Value, value: Value, node: ast.expr) -> Value:
        """What a decorator makes of a function or class: of what nothing is known, it is taken to be as it was."""
        if decorator.local is None and not decorator.names:
            return value
        result = self.apply(decorator, [value], {}, node)
        told = isinstance(result.const, (str, bytes)) or not SOURCES.isdisjoint(result.labels)
        return result if told or isinstance(result.local, Function) else value

    def _class_values(self, kind: Class, values: dict[str, Value]) -> None:
        """What a class's body sets: an attribute of the class and of its objects."""
        for name, value in values.items():
            held = value.local is not None or value.items is not None or value.table is not None
            if held or value.names or value.labels or value.known:
                self.fields[f"{kind.name}.{name}"] = value

    def _all_bases(self, kind: Class) -> list[str]:
        return [name for one in kind.line() for name in one.bases]

    def _return(self, node: ast.Return) -> None:
        value = self.evaluate(node.value) if node.value is not None else Value(None)
        if self.results:
            self.results[-1].append(value)

    def _expression(self, node: ast.Expr) -> None:
        self.evaluate(node.value)

    def _nothing(self, node: ast.stmt) -> None:
        """pass"""

    def _global(self, node: ast.Global) -> None:
        for name in node.names:
            self.env.values.setdefault(name, self.globals.values.get(name, ANY))
            self._shared(name, self.globals)

    def _nonlocal(self, node: ast.Nonlocal) -> None:
        for name in node.names:
            env = self.env.outer
            while env is not None and name not in env.values:
                env = env.outer
            if env is not None:
                self._shared(name, env)

    def _shared(self, name: str, env: Env) -> None:
        if env is not self.env:
            self.env.shared = {**(self.env.shared or {}), name: env}


def _is_accessor(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it sets or deletes a property of its name: what is read is still what the one before it gives."""
    return any(isinstance(one, ast.Attribute) and one.attr in ("setter", "deleter") for one in node.decorator_list)


def _last_word(node: ast.expr) -> str:
    """The name of a decorator without that of its module: "property", "cached_property", "contextmanager"."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


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
    ast.Nonlocal: Interpreter._nonlocal,
}
