"""The sentences of refusals, read out of the sources: so that they can be translated without a word at each place.

A refusal is made with an f-string; what is inside braces becomes a placeholder, and the sentence a message for translators.
At run time a sentence in English is recognised by the same pattern (`values.translating.Spoken.sentence`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MAKERS = {"Refusal": 1, "found": 1, "Problem": 1}
"""Calls that carry a sentence, and at which place."""
UNSEEN = frozenset({"ops", "cli"})
"""Rooms that speak to operators on the command line only, in English."""


def sentences(root: Path) -> list[str]:
    """Every sentence of the sources below `root`, sorted, as a message with %(name)s where something is filled in."""
    found: set[str] = set()
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] in UNSEEN:
            continue
        text = path.read_text("utf-8")
        if any(f"{name}(" in text for name in MAKERS):
            found.update(in_source(text))
    return sorted(found)


def in_source(text: str) -> Iterator[str]:
    """The sentences of one file; nothing of a file that cannot be parsed."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            place = MAKERS.get(_name(node.func))
            if place is not None and len(node.args) > place:
                yield from filter(_worth, (_message(one) for one in _choices(node.args[place])))


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _choices(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.IfExp):
        yield from _choices(node.body)
        yield from _choices(node.orelse)
    else:
        yield node


def _message(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.replace("%", "%%") if "%" in node.value else node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    used: dict[str, int] = {}
    return "".join(_part(part, used) for part in node.values)


def _part(part: ast.expr, used: dict[str, int]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value).replace("%", "%%")
    assert isinstance(part, ast.FormattedValue)
    name = _called(part.value)
    used[name] = used.get(name, 0) + 1
    return f"%({name}{used[name] if used[name] > 1 else ''})s"


def _called(node: ast.expr) -> str:
    """A word for what is filled in: the last name in it."""
    while isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Call):
        inner = [*node.args, node.func] if _name(node.func) in ("len", "str", "min", "max") else [node.func]
        return _called(inner[0])
    if isinstance(node, ast.BinOp):
        return _called(node.left)
    word = _name(node).lstrip("_").lower()
    return word if re.fullmatch("[a-z][a-z0-9_]*", word) else "what"


def _worth(message: str) -> bool:
    """Whether there is anything to translate besides what is filled in."""
    return len(re.findall(r"[A-Za-z]{2,}", re.sub(r"%\(\w+\)s", "", message))) >= 2
