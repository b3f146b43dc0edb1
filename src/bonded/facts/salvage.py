"""Python that the parser of this version cannot read: Python 2, broken files. tree-sitter finds the statements, `ast` reads them.

A statement that `ast` accepts is taken as it is. Of any other, its bodies are read in turn, and of its expressions what can be
read: calls, strings and imports of such a file are facts like all others. Nothing is run; the work is bounded by bytes.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from bonded.facts.spend import Spend

_MOST_DEPTH: Final = 60
_OLD: Final = (
    (re.compile(r"(?<![\w.])(\d+|0[xX][0-9a-fA-F]+)[lL](?!\w)"), r"\1"),
    (re.compile(r"(?<![\w.])0+(?=[0-7]*[1-7])([0-7]+)(?![\w.])"), r"0o\1"),
    (re.compile(r"(?<!\w)[uU][rR](?=['\"])"), "r"),
    (re.compile(r"<>"), "!="),
    (re.compile(r"`([^`\n]{1,200})`"), r"repr(\1)"),
)
"""How Python 2 wrote what Python 3 writes otherwise."""
_EXEC: Final = re.compile(r"exec\s+(?P<code>.+?)(?:\s+in\s+[^\n]*)?$", re.DOTALL)
_PRINT: Final = re.compile(r"print\b\s*(?:>>\s*[\w.]+\s*,?)?(?P<what>.*?),?\s*$", re.DOTALL)
_BODIES: Final = frozenset(
    {"block", "else_clause", "elif_clause", "except_clause", "finally_clause", "case_clause", "ERROR"}
)


@dataclass(slots=True)
class Salvaged:
    """`body` in the order of its lines; `broken` (first line, text) of what no parser could make sense of."""

    body: list[ast.stmt] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)


def salvage(text: str, spend: Spend | None = None) -> Salvaged | None:
    """What can be read of `text` (line ends "\n"). None where tree-sitter is not installed, or finds nothing.

    `spend` is what is left of the archive's budget; once it is used up, the rest is said to be broken.
    """
    parser = _parser()
    source = text.replace("\0", " ").encode("utf-8", "replace")
    tree = parser.parse(source) if parser is not None else None
    if tree is None:
        return None
    reader = _Reader(source, spend or Spend())
    reader.found.body = reader.statements(tree.root_node, 0)
    return reader.found if reader.found.body else None


@cache
def _parser() -> Any:
    """tree-sitter's parser of Python; None where it is not installed (the extra "screening" has it)."""
    try:
        import tree_sitter
        import tree_sitter_python
    except ImportError:
        return None
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_python.language()))


def warm() -> None:
    """Load the parser now (in a process that will fork)."""
    _parser()


class _Reader:
    def __init__(self, source: bytes, spend: Spend) -> None:
        self.source = source
        self.spend = spend
        self.left = 8 * len(source) + 100_000
        """Bytes that may still be given to `ast`: each statement is tried again on every level that fails."""
        self.stopped = False
        self.found = Salvaged()

    def text(self, node: Any) -> str:
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def statements(self, node: Any, depth: int) -> list[ast.stmt]:
        """The statements among the children of `node`."""
        found: list[ast.stmt] = []
        for child in node.children:
            if child.is_named and child.type != "comment":
                found += self.statement(child, depth)
        return found

    def statement(self, node: Any, depth: int) -> list[ast.stmt]:
        """`node` as statements: whole, else its header and its bodies, else its expressions."""
        line = node.start_point[0]
        if self.spend.pieces <= 0 or self.left < 0:
            self._stop(node, line)
            return []
        text = self.text(node)
        if "\n" in text:
            text = textwrap.dedent(" " * node.start_point[1] + text)
            self.left -= node.start_point[1]
        whole = self._parsed(text, line)
        if whole is not None or depth >= _MOST_DEPTH:
            return whole or []
        if node.type == "ERROR" and "\n" in text:
            return self._lines(node, line)
        made = self._old_statement(node, line)
        if made is not None:
            return made
        bodies = [child for child in node.children if child.type in _BODIES]
        if not bodies and node.type != "module" and not _is_compound(node):
            return self._pieces(node, line, depth)
        return self._compound(node, bodies, depth)

    def _stop(self, node: Any, line: int) -> None:
        """The budget is used up: what follows is said to be broken, once."""
        if not self.stopped:
            self.stopped = True
            rest = self.source[node.start_byte : node.start_byte + 200_000].decode("utf-8", "replace")
            self.found.broken.append((line + 1, rest))

    def _lines(self, node: Any, line: int) -> list[ast.stmt]:
        """Several lines without any order to be seen: those that can be read by themselves."""
        found: list[ast.stmt] = []
        rows = self.text(node).split("\n")
        for number, row in enumerate(rows):
            made = self._parsed(row.strip(), line + number) if row.strip() else []
            if made is None:
                self.found.broken.append((line + number + 1, row.strip()))
            found += made or []
        return found

    def _old_statement(self, node: Any, line: int) -> list[ast.stmt] | None:
        """`exec code`, `print words`: calls in Python 3."""
        text = self.text(node)
        for pattern, group, name in ((_EXEC, "code", "exec"), (_PRINT, "what", "print")):
            match = pattern.match(text)
            if match and node.type in ("exec_statement", "print_statement", "expression_statement", "ERROR"):
                return self._parsed(f"{name}({_new(match.group(group).strip())})", line)
        return None

    def _compound(self, node: Any, bodies: list[Any], depth: int) -> list[ast.stmt]:
        inner: list[ast.stmt] = []
        heads: list[ast.stmt] = []
        for child in node.children:
            if child.type in _BODIES:
                inner += self.statements(child, depth + 1)
            elif child.is_named and child.type not in ("identifier", "parameters", "comment"):
                heads += self.statement(child, depth + 1)
        if node.type == "function_definition":
            return [self._function(node, inner or [ast.Pass()])]
        if node.type == "if_statement" and heads and isinstance(heads[0], ast.Expr):
            return [ast.copy_location(ast.If(heads[0].value, inner or [ast.Pass()], []), heads[0])]
        return self._class(node, heads, inner)

    def _function(self, node: Any, body: list[ast.stmt]) -> ast.stmt:
        """The definition, with its parameters where they can be read."""
        line = node.start_point[0]
        name, parameters = node.child_by_field_name("name"), node.child_by_field_name("parameters")
        header = f"def {self.text(name) if name else '_'}"
        made = self._parsed(f"{header}{self.text(parameters) if parameters else '()'}: pass", line)
        made = made or self._parsed(f"{header}(*_, **__): pass", line) or [_definition(line)]
        function = made[0]
        assert isinstance(function, ast.FunctionDef)
        function.body = body
        function.end_lineno = node.end_point[0] + 1
        return function

    def _class(self, node: Any, heads: list[ast.stmt], body: list[ast.stmt]) -> list[ast.stmt]:
        """A class keeps its name and bases; of other compounds the bodies run in order, as far as anybody knows."""
        if node.type != "class_definition":
            return [*heads, *body]
        line = node.start_point[0]
        name, bases = node.child_by_field_name("name"), node.child_by_field_name("superclasses")
        made = self._parsed(f"class {self.text(name) if name else '_'}{self.text(bases) if bases else ''}: pass", line)
        if not made or not isinstance(made[0], ast.ClassDef):
            return [*heads, *body]
        made[0].body = body or [ast.Pass()]
        return made

    def _pieces(self, node: Any, line: int, depth: int) -> list[ast.stmt]:
        """What can be read of an expression, or of a statement that is neither old nor whole."""
        text = self.text(node)
        self.left -= len(text)  # rewriting it costs more than trying to parse it
        made = self._parsed(_new(text), line) if self.left >= 0 else None
        if made is not None:
            return made
        if node.has_error:
            self.found.broken.append((line + 1, self.text(node)))
        if node.type == "call":
            return self._call(node, line, depth)
        found: list[ast.stmt] = []
        for child in node.children:
            if child.is_named and child.type not in ("identifier", "comment", "string_content"):
                found += self.statement(child, depth + 1)
        return found

    def _call(self, node: Any, line: int, depth: int) -> list[ast.stmt]:
        """A call with those of its arguments that can be read."""
        callee, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        name = self._parsed(_new(self.text(callee)), line) if callee is not None else None
        read = [
            one
            for child in (given.children if given else ())
            if child.is_named
            for one in self.statement(child, depth + 1)
        ]
        if not name or not isinstance(name[0], ast.Expr):
            return read
        arguments = [one.value for one in read if isinstance(one, ast.Expr)]
        call = ast.copy_location(ast.Call(name[0].value, arguments, []), name[0])
        return [ast.copy_location(ast.Expr(call), name[0])]

    def _parsed(self, text: str, line: int) -> list[ast.stmt] | None:
        self.left -= len(text)
        self.spend.pieces -= 1
        if self.left < 0 or self.spend.pieces < 0:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        for statement in tree.body:
            ast.increment_lineno(statement, line)
        return tree.body


def _is_compound(node: Any) -> bool:
    return bool(node.type.endswith("_definition")) or node.type == "decorated_definition"


def _new(text: str) -> str:
    """`text` with the notations of Python 2 as Python 3 writes them. Texts within it may change too; they rarely hold such."""
    for pattern, replacement in _OLD:
        text = pattern.sub(replacement, text)
    return text


def _definition(line: int) -> ast.stmt:
    made = ast.parse("def _(*_, **__): pass").body[0]
    ast.increment_lineno(made, line)
    return made
