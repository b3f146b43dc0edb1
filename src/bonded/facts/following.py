"""Following calls of the package's own functions with their arguments, and reading code that is in constants."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterable

from bonded.facts.calling import Calling
from bonded.facts.scope import Class, Env, Function, Instance, Later, kind_of
from bonded.facts.source import parse
from bonded.facts.spend import Spend
from bonded.facts.state import World
from bonded.facts.value import ANY, Value, gather, join, reach

_MAX_STACK = 8
_MAX_TURNS = 24
_MAX_LAYERS = 4
_MOST_YIELDS = 2_000


class Following(Calling):
    """`follow(function, ...)` and `nested(text, ...)`, within bounds of depth and number."""

    def __init__(self, path: str, lines: list[str], spend: Spend, world: World) -> None:
        super().__init__(path, lines, spend, world)
        self.results: list[list[Value]] = []
        self.yields: list[list[Value]] = []
        """What the functions that are being executed gave back, and what they gave one by one."""

    @abstractmethod
    def block(self, body: Iterable[ast.stmt]) -> None:
        """Execute statements; `facts.statements` has it."""

    def follow(
        self,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        bound: tuple[Value, str] | None = None,
    ) -> Value:
        """What `function` gives for these arguments; its body is executed with them, within bounds."""
        if function.home is not self and function.home is not None:
            return self._abroad(function, arguments, keywords, bound)
        self.out.edge(self.scope, function.qualname)
        labels, steps = gather((*arguments, *keywords.values()))
        if function in self.stack or len(self.stack) >= _MAX_STACK:
            return Value(labels=labels, steps=steps)
        values = self._bound_arguments(function, arguments, keywords, bound)
        scope = self.scope if _passes_on(function) else function.qualname
        key = (scope, *((name, _print(value)) for name, value in sorted(values.items())))
        if key in function.seen:
            return function.seen[key]
        if function.turns >= _MAX_TURNS:
            return Value(labels=labels, steps=steps)
        function.turns += 1
        result = self.enter(function, values, scope)
        function.seen[key] = result
        return result

    def _abroad(
        self,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        bound: tuple[Value, str] | None,
    ) -> Value:
        """What a function of another module gives: that module executes it, and what it does is done there."""
        self.leads(self.scope, function)
        home = function.home
        before = home.scope, home.line, home.depth
        home.scope, home.line, home.depth = function.qualname, None, 0
        try:
            given: Value = home.follow(function, arguments, keywords, bound)
        finally:
            home.scope, home.line, home.depth = before
        return given

    def _bound_arguments(
        self,
        function: Function,
        arguments: list[Value],
        keywords: dict[str, Value],
        bound: tuple[Value, str] | None,
    ) -> dict[str, Value]:
        spec = function.node.args
        names = [one.arg for one in (*spec.posonlyargs, *spec.args)]
        given = list(arguments)
        if bound is not None and isinstance(bound[0].local, (Class, Instance)):
            if is_of_class(function):
                given.insert(0, Value(local=kind_of(bound[0])))
            elif isinstance(bound[0].local, Instance) and not is_static(function):
                given.insert(0, bound[0])
        values = dict(zip(names, given, strict=False))
        if spec.vararg is not None:
            values[spec.vararg.arg] = Value(items=tuple(given[len(names) :]))
        if spec.kwarg is not None:
            values[spec.kwarg.arg] = Value(table=dict(keywords))
        values.update({name: value for name, value in keywords.items() if name != "**"})
        outer, self.env = self.env, function.env
        try:
            defaults = dict(zip(names[len(names) - len(spec.defaults) :], spec.defaults, strict=True))
            defaults |= {one.arg: d for one, d in zip(spec.kwonlyargs, spec.kw_defaults, strict=True) if d is not None}
            for name, default in defaults.items():
                if name not in values:
                    values[name] = self.evaluate(default)
        finally:
            self.env = outer
        return values

    def enter(self, function: Function, values: dict[str, Value], scope: str | None = None) -> Value:
        """Execute the body; what it does counts as done in `scope`, of its own unless said otherwise."""
        outer, before = self.env, self.scope
        self.env, self.scope = Env(function.env), function.qualname if scope is None else scope
        self.env.values.update(values)
        self.stack.append(function)
        self.results.append([])
        self.yields.append([])
        try:
            if isinstance(function.node, ast.Lambda):
                return self.evaluate(function.node.body)
            self.block(function.node.body)
        finally:
            returned, given = self.results.pop(), self.yields.pop()
            self.stack.pop()
            self.env, self.scope = outer, before
        if given and not function.gives_one:
            labels, steps = gather(given)
            return Value(items=tuple(given), labels=labels, steps=steps)
        returned = given or returned
        result = returned[0] if returned else Value(None)
        for one in returned[1:]:
            result = join(result, one)
        return result

    def yielded(self, node: ast.Yield | ast.YieldFrom) -> Value:
        """`yield x` and `yield from x`: what the caller goes through. What is sent back is not known."""
        value = self.evaluate(node.value)
        if self.yields and len(self.yields[-1]) < _MOST_YIELDS:
            several = value.items if isinstance(node, ast.YieldFrom) else None
            self.yields[-1] += several[:_MOST_YIELDS] if several is not None else (value,)
        return value if isinstance(node, ast.YieldFrom) else Value(labels=reach(value)[0], steps=reach(value)[1])

    def nested(self, text: str, node: ast.AST, *, expression: bool, hidden: bool) -> Value:
        """Read code that is in a constant, in the same names, as the layer below."""
        if self.depth >= _MAX_LAYERS:
            self.out.unread.append(
                f"{self.path}: code under more than {_MAX_LAYERS} layers on line {self.where(node)[0]}"
            )
            return ANY
        source = text.encode("utf-8", "surrogatepass")
        if not self.spend.parse(source):
            self.out.unread.append(
                f"{self.path}: the code in a text on line {self.where(node)[0]} is too long to be parsed"
            )
            return ANY
        parsed = parse(source, self.spend)
        if hidden:
            self.decoded(node, text)
        if parsed.tree is None:
            return ANY
        line, self.line = self.line, self.where(node)[0]
        self.depth += 1
        outer, self.globals = self.globals, self.env
        try:
            body = parsed.tree.body
            if expression and len(body) == 1 and isinstance(body[0], ast.Expr):
                return self.evaluate(body[0].value)
            self.block(body)
        finally:
            self.depth -= 1
            self.line, self.globals = line, outer
        return ANY


def is_static(function: Function) -> bool:
    """Whether the function is a static method: it takes no object."""
    return _is_decorated(function, "staticmethod")


def is_of_class(function: Function) -> bool:
    """Whether the function is a class method: it takes the class, whatever it is called of."""
    return _is_decorated(function, "classmethod")


def _is_decorated(function: Function, name: str) -> bool:
    decorators = getattr(function.node, "decorator_list", [])
    return any(isinstance(one, ast.Name) and one.id == name for one in decorators)


def _passes_on(function: Function) -> bool:
    """Whether it only hands what it is given to one other function: what that does, its caller does."""
    body = function.node.body
    parameters = function.node.args
    if not isinstance(body, list) or parameters.vararg is None or not isinstance(body[-1], (ast.Return, ast.Expr)):
        return False
    call = body[-1].value
    handed = isinstance(call, ast.Call) and any(isinstance(one, ast.Starred) for one in call.args)
    return handed and all(isinstance(one, (ast.Import, ast.ImportFrom)) for one in body[:-1])


def _print(value: Value, deep: int = 3) -> object:
    """What two calls of a function are told apart by. Lists are looked into `deep` down."""
    const = value.const if isinstance(value.const, (str, bytes, int, float)) else type(value.const).__name__
    items = tuple(_print(one, deep - 1) for one in value.items[:50]) if value.items is not None and deep else None
    local = value.local if isinstance(value.local, (Function, Class, Instance, Later)) else None
    number = (local.of if isinstance(local, Instance) else local).number if local is not None else 0
    return const, value.names, value.labels, items, number  # fields are kept by class: objects of one class are alike
