"""Twelve rewrites of a program that change nothing of what it does: what evades text rules must not evade ours.

`bonded check test` and the test suite try them on every sample that is to be flagged and is one program.
"""

from __future__ import annotations

import ast
import base64
import builtins
import zlib
from collections.abc import Callable

Files = dict[str, bytes]
"""Members by path; the program itself is under its own path."""

_BUILTIN_NAMES = frozenset(dir(builtins))


def _parse(source: str) -> ast.Module:
    return ast.parse(source)


def _done(tree: ast.Module) -> str:
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _before_code(tree: ast.Module, statements: list[ast.stmt]) -> None:
    """Insert after what the module says of itself and the imports at the top."""
    position = int(ast.get_docstring(tree, clean=False) is not None)
    while position < len(tree.body) and isinstance(tree.body[position], ast.Import | ast.ImportFrom):
        position += 1
    tree.body[position:position] = statements


def _stored(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


class _Strings(ast.NodeTransformer):
    """Replaces string constants by an expression of the same value."""

    def __init__(self, spell: Callable[[str], str]) -> None:
        self._spell = spell

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        return node if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and 2 <= len(node.value) <= 2000:
            return ast.parse(self._spell(node.value), mode="eval").body
        return node


class _Calls(ast.NodeTransformer):
    """Replaces what is called."""

    def __init__(
        self, name: Callable[[str], str | None], attribute: Callable[[ast.Attribute], ast.expr | None]
    ) -> None:
        self._name, self._attribute = name, attribute

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name):
            made = self._name(node.func.id)
            if made is not None:
                node.func = ast.parse(made, mode="eval").body
        elif isinstance(node.func, ast.Attribute):
            node.func = self._attribute(node.func) or node.func
        return node


def alias(source: str, _files: Files) -> str:
    """Modules, what is imported of them, and builtins under other names."""
    tree = _parse(source)
    renamed: dict[str, str] = {}
    for one in _imported(tree):
        if "." not in one.name and one.name != "*" and one.asname is None:
            one.asname = renamed.setdefault(one.name, f"m{len(renamed)}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in renamed:
            node.id = renamed[node.id]
    used = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    used = (used & _BUILTIN_NAMES) - _stored(tree)
    tree = _Calls(lambda name: f"b_{name}" if name in used else None, lambda _: None).visit(tree)
    _before_code(tree, _parse("\n".join(f"b_{name} = {name}" for name in sorted(used))).body)
    return _done(tree)


def _imported(tree: ast.AST) -> list[ast.alias]:
    return [one for node in ast.walk(tree) if _is_import(node) for one in node.names]  # type: ignore[attr-defined]


def _is_import(node: ast.AST) -> bool:
    future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
    return isinstance(node, ast.Import | ast.ImportFrom) and not future


def by_getattr(source: str, _files: Files) -> str:
    """Attributes by `getattr`, builtins too: `__builtins__` would be a dictionary in all modules but the main one."""

    def attribute(node: ast.Attribute) -> ast.expr:
        call = ast.parse(f"getattr(x, {node.attr!r})", mode="eval").body
        assert isinstance(call, ast.Call)
        call.args[0] = node.value
        return call

    def name(one: str) -> str | None:
        return f"getattr(__import__('builtins'), {one!r})" if one in ("exec", "eval", "compile") else None

    return _done(_Calls(name, attribute).visit(_parse(source)))


def split_literal(source: str, _files: Files) -> str:
    """Strings as sums of pieces."""
    return _done(_Strings(lambda s: f"{s[: len(s) // 2]!r} + {s[len(s) // 2 :]!r}").visit(_parse(source)))


def by_chr(source: str, _files: Files) -> str:
    """Strings from character codes."""
    return _done(_Strings(lambda s: f"''.join(chr(c) for c in {[ord(c) for c in s]})").visit(_parse(source)))


def by_format(source: str, _files: Files) -> str:
    """Strings by formatting."""
    return _done(_Strings(lambda s: f"'{{}}{{}}'.format({s[:2]!r}, {s[2:]!r})").visit(_parse(source)))


def reverse(source: str, _files: Files) -> str:
    """Strings backwards."""
    return _done(_Strings(lambda s: f"{s[::-1]!r}[::-1]").visit(_parse(source)))


def in_base64(source: str, _files: Files) -> str:
    """The whole program in base64."""
    return f"import base64\nexec(base64.b64decode({base64.b64encode(source.encode())!r}))\n"


def in_zlib(source: str, _files: Files) -> str:
    """The whole program compressed."""
    packed = zlib.compress(source.encode())
    return f"import zlib\nexec(zlib.decompress({packed!r}).decode())\n"


def helper(source: str, _files: Files) -> str:
    """What is called is called by a function of its own."""
    tree = _parse(source)
    made: dict[str, str] = {}
    above = {one.asname or one.name for node in tree.body if isinstance(node, ast.Import) for one in node.names}
    inside = {
        one.asname or one.name: ast.unparse(ast.Import([one]))
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for one in node.names
    }

    def wrap(callee: str, importing: str = "") -> str:
        made.setdefault(callee, importing)
        return f"h{list(made).index(callee)}"

    def attribute(node: ast.Attribute) -> ast.expr | None:
        if isinstance(node.value, ast.Name) and node.value.id in inside:
            first = "" if node.value.id in above else inside[node.value.id]
            return ast.parse(wrap(ast.unparse(node), first), mode="eval").body
        return None

    tree = _Calls(lambda name: wrap(name) if name in ("exec", "eval") else None, attribute).visit(tree)
    text = ""
    for number, (callee, importing) in enumerate(made.items()):
        text += f"def h{number}(*a, **k):\n    {importing or 'pass'}\n    return {callee}(*a, **k)\n"
    functions = _parse(text).body
    for one in functions:
        assert isinstance(one, ast.FunctionDef)
        one.body = [part for part in one.body if not isinstance(part, ast.Pass)]
    _before_code(tree, functions)
    return _done(tree)


def data_file(source: str, files: Files) -> str:
    """The longest text, or bytes, in a file of its own."""
    tree = _parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = [
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and isinstance(n.value, str | bytes) and id(n) not in told
    ]
    longest = max(found, key=len, default="")
    if len(longest) < 8:
        return source
    files["notes.dat"] = longest.encode() if isinstance(longest, str) else longest
    mode = "" if isinstance(longest, str) else ", 'rb'"
    reading = f"open(os.path.join(os.path.dirname(__file__), 'notes.dat'){mode}).read()"

    class Moved(ast.NodeTransformer):
        def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
            return node

        def visit_Constant(self, node: ast.Constant) -> ast.AST:
            same = type(node.value) is type(longest) and node.value == longest
            return ast.parse(reading, mode="eval").body if same else node

    tree = Moved().visit(tree)
    _before_code(tree, _parse("import os").body)
    return _done(tree)


def import_spelling(source: str, _files: Files) -> str:
    """`import x` as `x = __import__("x")`, and `from x import y` alike."""
    tree = _parse(source)

    class Imports(ast.NodeTransformer):
        def visit_Import(self, node: ast.Import) -> ast.AST | list[ast.stmt]:
            return [_spelled(one) for one in node.names]

        def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
            names = [one.name for one in node.names]
            if node.level or not _is_import(node) or "*" in names:
                return node
            module = f"__import__({node.module!r}, None, None, {names!r})"
            return [_parse(f"{one.asname or one.name} = {module}.{one.name}").body[0] for one in node.names]

    return _done(Imports().visit(tree))


def _spelled(one: ast.alias) -> ast.stmt:
    if one.asname and "." in one.name:
        return _parse(f"{one.asname} = __import__({one.name!r}, None, None, ['*'])").body[0]
    return _parse(f"{(one.asname or one.name).split('.')[0]} = __import__({one.name!r})").body[0]


def rename(source: str, _files: Files) -> str:
    """Other names for the program's own variables and functions; what it does not use itself is there for others."""
    tree = _parse(source)
    nodes = list(ast.walk(tree))
    methods = {id(part) for node in nodes if isinstance(node, ast.ClassDef) for part in node.body}
    own = _stored(tree) | {n.name for n in nodes if isinstance(n, _FUNCTIONS) and id(n) not in methods}
    own &= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    own -= {one.asname or one.name for one in _imported(tree)} | {n.arg for n in nodes if isinstance(n, ast.arg)}
    own -= {n.name for n in nodes if isinstance(n, ast.ExceptHandler | ast.ClassDef) and n.name}
    own -= {n.id for part in nodes if id(part) in methods and isinstance(part, ast.stmt) for n in _targets(part)}
    new = {name: f"v{n:03}" for n, name in enumerate(sorted(own))}
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in new:
            node.id = new[node.id]
        elif isinstance(node, _FUNCTIONS) and node.name in new and id(node) not in methods:
            node.name = new[node.name]
        elif isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [new.get(name, name) for name in node.names]
    return _done(tree)


def _targets(statement: ast.stmt) -> list[ast.Name]:
    """The fields of a class: they are reached as attributes."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [one for one in targets if isinstance(one, ast.Name)]


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

REWRITES: dict[str, Callable[[str, Files], str]] = {
    "alias": alias,
    "getattr": by_getattr,
    "split literal": split_literal,
    "chr": by_chr,
    "format": by_format,
    "reverse": reverse,
    "base64": in_base64,
    "zlib": in_zlib,
    "helper function": helper,
    "data file": data_file,
    "import spelling": import_spelling,
    "rename": rename,
}
