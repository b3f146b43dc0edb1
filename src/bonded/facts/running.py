"""What runs: code in constants, commands with Python in them, programs that were written to files before. All are read too."""

from __future__ import annotations

import ast
import re
from abc import abstractmethod
from dataclasses import replace
from itertools import islice
from typing import Any

from bonded.facts.clients import CARRIERS
from bonded.facts.known import (
    CODE_SINKS,
    COMMAND_SINKS,
    LOADERS,
    NETWORK,
)
from bonded.facts.lookups import Lookups
from bonded.facts.model import Argument
from bonded.facts.operators import flat
from bonded.facts.outputs import words
from bonded.facts.partly import shaped
from bonded.facts.scope import Later
from bonded.facts.state import MAIN, argument
from bonded.facts.value import (
    ANY,
    DOWNLOADED,
    EMBEDDED,
    HIDDEN,
    PRIVATE,
    SOURCES,
    UNKNOWN,
    Value,
    gather,
)

_MOST_GOT = 6
GIVEN = "."
"""Name of the argument that stands for what an object was given before its method is called."""
MADE = "made"
LONGEST_COMMAND = 2000
"""Characters that are kept of a command: what tells may stand anywhere in it."""
"""Marks in `Value.bound`: the value was made of the first half."""
_INLINE = re.compile(r"python[\w.]*(?:\.exe)?\"?\s+(?:-[a-zA-Z]\s+)*-c\s+([\"'])(.+?)\1(?=\s|$|;|&|\|)", re.DOTALL)
"""`python -c CODE` within a command line; group 2 is the code."""

_PROGRAM = re.compile(
    r"(?:\bpython[\w.]*(?:\.exe)?|^\s*[\"']?\N{HORIZONTAL ELLIPSIS})[\"']?\s+(?:-[a-zA-Z]\s+)*?"
    r"(?:-m\s+(?P<module>[\w.]+)|(?P<path>[\w./\\-]+\.py)\b)"
)
"""A program of Python on a command line, by its path or as a module."""
_PYTHON = re.compile(r"(?:\S*[\\/])?python[\w.]*$|\N{HORIZONTAL ELLIPSIS}$")
_MOST_NAMED = 8
_FETCHER = re.compile(r"curl|wget|aria2c|iwr|invoke-webrequest|certutil|bitsadmin|git", re.IGNORECASE)


def made_of(callee: Value) -> Value | None:
    """What the object was made of whose method `callee` is, or the one that it was got from; None where that is not known."""
    base = callee
    for _ in range(_MOST_GOT):
        if base.bound is None:
            return None
        base, how = base.bound
        if how == MADE:
            return base
    return None


class Running(Lookups):
    """`run_code(...)` and `record_call(...)`."""

    def run_code(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        code = arguments[0] if arguments and not name.endswith("()") else callee
        code = self.settled(code)
        self.record_call(name, callee, [code, *arguments[1:]] if arguments else [code], keywords, node)
        text = flat(code)
        if isinstance(text, list) and text and all(isinstance(one, int) and 0 <= one < 256 for one in text):
            text = bytes(text)
        if isinstance(text, (bytes, bytearray)):
            text = bytes(text).decode("utf-8", "replace")
        if isinstance(text, str) and text.strip():
            return self.nested(text, node, expression=name == "builtins.eval", hidden=bool(code.labels & SOURCES))
        return Value(labels=code.labels & SOURCES, steps=code.steps)

    def settled(self, value: Value) -> Value:
        """`value`, with what another module's function gives worked out."""
        if isinstance(value.local, Later):
            found = self.world.resolve(value.local)
            if found is not ANY and not value.known:
                return found.labelled(value.labels, *value.steps)
        return value

    @abstractmethod
    def nested(self, text: str, node: ast.AST, *, expression: bool, hidden: bool) -> Value:
        """Read code that is in a constant; `facts.statements` has it."""

    def record_call(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        if name in COMMAND_SINKS or name in NETWORK:
            arguments = [self.settled(one) for one in arguments]
            keywords = {key: self.settled(one) for key, one in keywords.items()} if name in NETWORK else keywords
        most = LONGEST_COMMAND if name in COMMAND_SINKS else 300
        found = [argument(self.with_written(one), most=most) for one in arguments]
        found += [argument(self.with_written(one), key, most) for key, one in keywords.items()]
        if name in COMMAND_SINKS and arguments:
            found[0] = self._fetched_before(found[0], " ".join(map(words, arguments)), node)
        made = made_of(callee)
        if made is not None:
            found.append(argument(made, "()"))
        if callee.labels & PRIVATE and (name in NETWORK or name in CARRIERS):
            found.append(Argument(tuple(sorted(callee.labels & PRIVATE)), None, callee.steps, GIVEN))
        self.record(name, node, found, HIDDEN in callee.labels)
        if name in COMMAND_SINKS and self.programs and any(EMBEDDED in one.labels for one in found):
            self._run_written(node)
        if name in CODE_SINKS or name in COMMAND_SINKS or name in NETWORK:
            labels, _ = gather(arguments if name in NETWORK else arguments[:1])
            if "parameter" in labels:
                first = self.stack[0] if self.stack else None
                out = first.home.out if first is not None and first.home is not None else self.out
                out.sink_parameters.setdefault(first.qualname if first is not None else self.scope, name)
        if name in LOADERS or name in ("runpy.run_path", "imp.load_source"):
            for one in arguments[LOADERS.get(name, int(name.startswith("imp."))) :][:1]:
                self._data_as_code(one, node)
        if name in COMMAND_SINKS:
            self._inline_python(arguments, node)

    def _fetched_before(self, first: Argument, line: str, node: ast.AST) -> Argument:
        """The program of a command: labelled where a command before fetched what it starts."""
        step = self.of_fetched(line) if self.fetched else ""
        if _FETCHER.search(line):
            self.fetched_by(line[:LONGEST_COMMAND], node)
            step = step or self.of_fetched(line[:LONGEST_COMMAND])
        if not step:
            return first
        return replace(first, labels=tuple(sorted({*first.labels, DOWNLOADED})), steps=(*first.steps, step))

    def _script(self, path: Any) -> None:
        """A script of the package, run as a program."""
        name = path.rpartition("/")[2].removesuffix(".py") if isinstance(path, str) and path.endswith(".py") else ""
        module = self.world.script(name) if name else ""
        if module:
            self.out.imports.append(module)
            self.out.outside_edge(self.scope, f"{module}.{MAIN}")

    def _inline_python(self, arguments: list[Value], node: ast.AST) -> None:
        """`python -c CODE` in a command: the code is read too."""
        items = arguments[0].items if arguments else None
        line = flat(arguments[0]) if arguments else UNKNOWN
        for found in _INLINE.finditer(line) if isinstance(line, str) and len(line) < 20_000 else ():
            self.nested(found.group(2), node, expression=False, hidden=bool(arguments[0].labels & SOURCES))
        for one in (items or ())[1:3]:
            self._script(flat(one))
            if items and _PYTHON.match(shaped(items[0])):
                self._data_as_code(one, node)
        if items is None and arguments:
            self._named_on(shaped(arguments[0])[:LONGEST_COMMAND])
        for option, code in zip(items or (), (items or ())[1:], strict=False):
            text = flat(code)
            if option.const == "-m" and isinstance(text, str) and self.world.own(text):
                self.out.imports.append(text)
                self.out.outside_edge(self.scope, f"{text}.{MAIN}")
            if (
                option.const == "-c"
                and not SOURCES.isdisjoint(code.labels)
                and items
                and _PYTHON.match(shaped(items[0]))
            ):
                self.run_code("builtins.exec", Value(names=("builtins.exec",)), [code], {}, node)
            elif option.const == "-c" and isinstance(text, str) and "\n" in text + "\n" and len(text) > 3:
                self.nested(text, node, expression=False, hidden=bool(code.labels & SOURCES))

    def _data_as_code(self, path: Value, node: ast.AST) -> None:
        """A member that is no Python by its name, and is run as such."""
        where = flat(path)
        if isinstance(where, str) and "." in where.rpartition("/")[2] and not where.endswith((".py", ".pyw")):
            held = self.read(Value(where, bound=(path, "")), "read_text")
            if held is not None and held.known:
                self.run_code("builtins.exec", Value(names=("builtins.exec",)), [held], {}, node)

    def _named_on(self, line: str) -> None:
        """Programs and modules of the package that a command line has Python run, or that are run by their path."""
        if line.endswith(".py") and " " not in line:
            self._script(line)
        for found in islice(_PROGRAM.finditer(line), _MOST_NAMED):
            module = found["module"]
            if found["path"]:
                self._script(found["path"])
            elif self.world.own(module):
                self.out.imports.append(module)
                self.out.outside_edge(self.scope, f"{module}.{MAIN}")

    def _run_written(self, node: ast.AST) -> None:
        """The programs that were written to files and may be run here are read too, as the layer below."""
        waiting = list(self.programs.values())
        self.programs.clear()
        for text in waiting:
            if text:
                self.nested(text, node, expression=False, hidden=True)
