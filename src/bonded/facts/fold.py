"""Folding of operations on constants, without running anything of the package: `"ex" + "ec"`, `"%s" % x`, slices.

Every operation is bounded before it is done: a result over the budget stays unknown.
"""

from __future__ import annotations

import ast
import builtins
import operator
import posixpath
import re
import string
from collections.abc import Callable, Mapping
from typing import Any

from bonded.facts.spend import Spend
from bonded.facts.value import UNKNOWN

_WIDE = re.compile(r"\d{5,}|\*")
_SIZED = (str, bytes, bytearray, list, tuple)
_NUMBERS = (int, float, bool)

_PLAIN: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.FloorDiv: operator.floordiv,
    ast.BitXor: operator.xor,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.RShift: operator.rshift,
}


CONSTANTS: dict[str, Any] = {
    "subprocess.CREATE_NO_WINDOW": 0x08000000,
    "subprocess.DETACHED_PROCESS": 0x00000008,
    "subprocess.CREATE_NEW_PROCESS_GROUP": 0x00000200,
    "subprocess.CREATE_NEW_CONSOLE": 0x00000010,
    "subprocess.SW_HIDE": 0,
    "win32con.SW_HIDE": 0,
    "string.ascii_lowercase": string.ascii_lowercase,
    "string.ascii_uppercase": string.ascii_uppercase,
    "string.ascii_letters": string.ascii_letters,
    "string.digits": string.digits,
    "string.punctuation": string.punctuation,
    "string.printable": string.printable,
    "string.hexdigits": string.hexdigits,
    "os.sep": "/",
    "os.linesep": "\n",
    "os.devnull": "/dev/null",
}
"""Names of the standard library that stand for a number or a text."""


def own_text(name: str) -> Any:
    """The text that a builtin gives of itself (`oct.__str__()`, `eval.__name__`), or UNKNOWN: obfuscators spell with it."""
    head, _, last = name.rpartition(".")
    builtin = head.removeprefix("builtins.")
    found = getattr(builtins, builtin, None) if head.startswith("builtins.") and "." not in builtin else None
    if found is None:
        return UNKNOWN
    if last == "__name__":
        return builtin
    if last not in ("__str__", "__repr__"):
        return UNKNOWN
    if builtin == "copyright":
        return "Copyright (c) 2001-2023 Python Software Foundation."
    return f"<class '{builtin}'>" if isinstance(found, type) else f"<built-in function {builtin}>"


def weight(value: Any) -> int:
    """How much of the budget a constant takes: its length, or the bytes of a number."""
    if isinstance(value, _SIZED):
        return len(value)
    return value.bit_length() // 8 + 1 if isinstance(value, int) else 1


def binary(op: ast.operator, left: Any, right: Any, spend: Spend) -> Any:
    """`left op right`, or UNKNOWN."""
    try:
        if isinstance(op, ast.Mult):
            return _times(left, right, spend)
        if isinstance(op, ast.Mod):
            return _modulo(left, right, spend)
        if isinstance(op, ast.Div):
            return _divide(left, right)
        if isinstance(op, (ast.Pow, ast.LShift)):
            return _grow(op, left, right)
        plain = _PLAIN.get(type(op))
        if plain is None or not spend.fold(weight(left) + weight(right)):
            return UNKNOWN
        return plain(left, right)
    except (TypeError, ValueError, ArithmeticError, KeyError, IndexError):
        return UNKNOWN


def _times(left: Any, right: Any, spend: Spend) -> Any:
    if isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS):
        return left * right if spend.fold(weight(left) + weight(right)) else UNKNOWN
    sized, count = (left, right) if isinstance(left, _SIZED) else (right, left)
    if not isinstance(count, int) or not isinstance(sized, _SIZED) or not spend.fold(len(sized) * max(count, 0)):
        return UNKNOWN
    return sized * count


def _modulo(left: Any, right: Any, spend: Spend) -> Any:
    if isinstance(left, _NUMBERS):
        return left % right
    text = left if isinstance(left, str) else left.decode("latin-1") if isinstance(left, bytes) else None
    if text is None or _WIDE.search(text):
        return UNKNOWN
    if isinstance(right, dict):
        return left % right if spend.fold(filled_size(text, "%", right)) else UNKNOWN
    parts = tuple(right) if isinstance(right, (tuple, list)) else (right,)
    return left % parts if spend.fold(len(left) + sum(weight(one) for one in parts)) else UNKNOWN


def filled_size(text: str, mark: str, rows: Mapping[Any, Any]) -> int:
    """How long a text may become in which every `mark` stands for one of the `rows`: each may be asked for more than once."""
    return len(text) + text.count(mark) * max(map(weight, rows.values()), default=0)


def _divide(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return posixpath.join(left, right)  # pathlib's operator: paths are folded as text
    return left / right


def _grow(op: ast.operator, left: Any, right: Any) -> Any:
    if not isinstance(left, int) or not isinstance(right, int) or not 0 <= right <= 512 or abs(left) > 1 << 64:
        return UNKNOWN
    return left**right if isinstance(op, ast.Pow) else left << right


def unary(op: ast.unaryop, value: Any) -> Any:
    """`op value`, or UNKNOWN."""
    try:
        if isinstance(op, ast.Not):
            return not value
        if isinstance(op, ast.USub):
            return -value
        return ~value if isinstance(op, ast.Invert) else +value
    except TypeError:
        return UNKNOWN


def subscript(value: Any, index: Any) -> Any:
    """`value[index]`, or UNKNOWN. `index` may be a slice."""
    try:
        return value[index] if isinstance(value, (*_SIZED, dict)) else UNKNOWN
    except (TypeError, ValueError, IndexError, KeyError):
        return UNKNOWN


_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    """`left op right` as a bool, or UNKNOWN."""
    known = _COMPARE.get(type(op))
    try:
        return UNKNOWN if known is None else bool(known(left, right))
    except TypeError:
        return UNKNOWN
