"""Folding of calls whose arguments are constants: `chr(101)`, `"".join(...)`, `b64decode("...")`, `"x".replace(...)`.

Only functions of this file are ever called, all of the standard library, pure, and bounded before and after.
"""

from __future__ import annotations

import ast
import base64
import binascii
import bz2
import codecs
import contextlib
import html
import inspect
import itertools
import json
import lzma
import posixpath
import quopri
import re
import shlex
import string
import struct
import textwrap
import urllib.parse
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from bonded.facts.fold import filled_size, own_text, weight
from bonded.facts.known_secrets import is_token
from bonded.facts.spend import Spend
from bonded.facts.value import UNKNOWN

MOST = 2_000_000
"""Bytes that one decoder may give."""

_METHODS = frozenset(
    {
        "join", "format", "replace", "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "partition",
        "rpartition", "decode", "encode", "lower", "upper", "title", "capitalize", "casefold", "swapcase",
        "translate", "hex", "format_map", "startswith", "endswith", "removeprefix", "removesuffix", "find", "index", "count",
        "zfill", "get", "keys", "values", "items", "copy", "tobytes", "substitute", "safe_substitute",
        "ljust", "rjust", "center", "expandtabs",
    }
)  # fmt: skip
_WIDE = re.compile(r"\d{4,}")
_NESTED = re.compile(r"\{[^{}]*\{")
"""A place in a text whose width is a place of its own: it may be as wide as a number says."""
MOST_WORDS = 20_000
"""Characters of a command line that is taken apart."""


def _bytes(data: Any) -> bytes:
    return data.encode("ascii", "surrogateescape") if isinstance(data, str) else bytes(data)


def _inflate(data: Any, wbits: int = 15, *_: Any) -> bytes:
    return zlib.decompressobj(wbits).decompress(_bytes(data), MOST)


def _gunzip(data: Any) -> bytes:
    return zlib.decompressobj(31).decompress(_bytes(data), MOST)


def _unxz(data: Any, *_: Any) -> bytes:
    return lzma.LZMADecompressor(memlimit=64 << 20).decompress(_bytes(data), MOST)


def _codec(data: Any, encoding: str = "utf-8", errors: str = "strict") -> Any:
    name = encoding.lower().replace("-", "_")
    if name.startswith(("zlib", "zip")):
        return _inflate(data)
    if name.startswith("bz2"):
        return bz2.BZ2Decompressor().decompress(_bytes(data), MOST)
    if not isinstance(data, str):
        data = bytes(data)
    elif name not in ("rot13", "rot_13"):
        data = data.encode()
    return codecs.decode(data, encoding, errors)


def _maketrans(*parts: Any) -> Any:
    return str.maketrans(*parts) if isinstance(parts[0], (str, dict)) else bytes.maketrans(*parts)


def _range(*parts: int) -> list[int]:
    return list(itertools.islice(range(*parts), 20_000))


def _joined(*parts: str) -> str:
    return posixpath.join(*parts)


_SAFE = re.compile(r"(?:\[[^\]\\\[]{1,40}\]|\\[sdwSDW]|[^\\.*+?(){}\[\]|^$]){1,40}[+*]?")
"""Patterns that take no time, whatever they are matched with."""


def _replaced(pattern: Any, new: Any, text: Any) -> Any:
    if not (isinstance(pattern, str) and isinstance(new, str) and isinstance(text, str)):
        return UNKNOWN
    short = len(text) < 200_000 and len(text) * len(new) < 4_000_000  # each character may become all of `new`
    return re.sub(pattern, new.replace("\\", r"\\"), text) if short and _SAFE.fullmatch(pattern) else UNKNOWN


def _matched(how: Callable[[str, str], Any], pattern: Any, text: Any) -> Any:
    short = isinstance(pattern, str) and isinstance(text, str) and len(text) < 200_000
    return how(pattern, text) if short and _SAFE.fullmatch(pattern) else UNKNOWN


def _parsed(text: Any) -> Any:
    return json.loads(text) if len(text) < 400_000 else UNKNOWN


def _variable(name: str, default: Any = None) -> str:
    """A variable of the environment that hardly anybody sets: what is taken instead, if that is a command or a bot's token. An address
    is there to be changed."""
    told = isinstance(default, str) and (" " in default.strip() or is_token(default))
    return default if told else f"%{name}%"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "builtins.chr": chr,
    "builtins.ord": ord,
    "builtins.str": lambda x="", *rest, **named: (
        str(x, *rest, **named) if rest or named else x if isinstance(x, str) else str(x)
    ),
    "builtins.int": int,
    "builtins.hex": hex,
    "builtins.oct": oct,
    "builtins.bin": bin,
    "builtins.abs": abs,
    "builtins.len": len,
    "builtins.min": min,
    "builtins.max": max,
    "builtins.sum": sum,
    "builtins.bool": bool,
    "builtins.bytes": lambda x=b"", *rest: (
        b"" if isinstance(x, int) else x.encode(*rest) if isinstance(x, str) else bytes(x)
    ),
    "builtins.bytearray": lambda x=b"", *r: (
        b"" if isinstance(x, int) else x.encode(*r) if isinstance(x, str) else bytes(x)
    ),
    "builtins.list": list,
    "builtins.tuple": tuple,
    "builtins.reversed": lambda x: list(x)[::-1],
    "builtins.sorted": sorted,
    "builtins.range": _range,
    "builtins.xrange": _range,
    "builtins.enumerate": lambda x, start=0: list(enumerate(x, start)),
    "builtins.zip": lambda *x: list(zip(*x, strict=False)),
    "builtins.iter": list,
    "builtins.slice": slice,
    "builtins.str.maketrans": _maketrans,
    "builtins.bytes.maketrans": _maketrans,
    "builtins.bytes.fromhex": bytes.fromhex,
    "builtins.bytearray.fromhex": bytes.fromhex,
    "builtins.str.join": lambda glue, parts: glue.join(parts),
    "base64.b64decode": lambda x, alt=None, *_, **__: base64.b64decode(_bytes(x), alt and _bytes(alt)),
    "base64.standard_b64decode": lambda x: base64.b64decode(_bytes(x)),
    "base64.urlsafe_b64decode": lambda x: base64.urlsafe_b64decode(_bytes(x)),
    "base64.decodebytes": lambda x: base64.decodebytes(_bytes(x)),
    "base64.b64encode": lambda x, *_: base64.b64encode(bytes(x)),
    "base64.standard_b64encode": lambda x: base64.b64encode(bytes(x)),
    "base64.urlsafe_b64encode": lambda x: base64.urlsafe_b64encode(bytes(x)),
    "binascii.hexlify": lambda x: binascii.hexlify(bytes(x)),
    "base64.b32decode": lambda x, *_: base64.b32decode(_bytes(x)),
    "base64.b16decode": lambda x, *_: base64.b16decode(_bytes(x), casefold=True),
    "base64.b85decode": lambda x: base64.b85decode(_bytes(x)),
    "base64.a85decode": lambda x: base64.a85decode(_bytes(x)),
    "binascii.a2b_base64": lambda x: binascii.a2b_base64(_bytes(x)),
    "binascii.unhexlify": lambda x: binascii.unhexlify(_bytes(x)),
    "binascii.a2b_hex": lambda x: binascii.unhexlify(_bytes(x)),
    "zlib.decompress": _inflate,
    "gzip.decompress": _gunzip,
    "bz2.decompress": lambda x: bz2.BZ2Decompressor().decompress(_bytes(x), MOST),
    "lzma.decompress": _unxz,
    "codecs.decode": _codec,
    "quopri.decodestring": lambda x: quopri.decodestring(_bytes(x)),
    "urllib.parse.unquote": urllib.parse.unquote,
    "urllib.parse.unquote_plus": urllib.parse.unquote_plus,
    "os.path.join": _joined,
    "os.path.dirname": posixpath.dirname,
    "os.path.basename": posixpath.basename,
    "os.path.abspath": lambda x: x,
    "os.path.realpath": lambda x: x,
    "os.path.normpath": posixpath.normpath,
    "os.fspath": lambda x: x,
    "os.path.expanduser": lambda x: x,
    "os.path.expandvars": lambda x: x,
    "shutil.which": lambda x, *_, **__: x,
    "distutils.spawn.find_executable": lambda x, *_: x,
    "tempfile.gettempdir": lambda: "/tmp",  # noqa: S108 - a word of the folded text, never a path of this machine
    "tempfile.mkdtemp": lambda *_, **__: "/tmp/made",  # noqa: S108 - as above
    "tempfile.mktemp": lambda *_, **__: "/tmp/made",  # noqa: S108 - as above
    "os.getenv": _variable,
    "os.environ.get": _variable,
    "pathlib.Path": _joined,
    "ctypes.c_char_p": lambda x: x,
    "ctypes.c_wchar_p": lambda x: x,
    "ctypes.create_string_buffer": lambda x, *_: x,
    "html.unescape": html.unescape,
    "struct.pack": lambda form, *parts: struct.pack(form, *parts) if not _WIDE.search(form) else UNKNOWN,
    "textwrap.dedent": textwrap.dedent,
    "string.Template": lambda x: x if isinstance(x, str) else UNKNOWN,
    "ast.literal_eval": lambda x: ast.literal_eval(x) if isinstance(x, str) and len(x) < MOST_WORDS else UNKNOWN,
    "re.findall": lambda pattern, text: _matched(re.findall, pattern, text),
    "re.split": lambda pattern, text: _matched(re.split, pattern, text),
    "shlex.split": lambda x, *_, **__: shlex.split(x) if len(x) < MOST_WORDS else UNKNOWN,
    "inspect.cleandoc": inspect.cleandoc,
    "re.sub": _replaced,
    "json.loads": _parsed,
    "email.base64mime.decode": lambda x: base64.b64decode(_bytes(x)),
    "pathlib.PurePath": _joined,
}


def function(name: str, arguments: Sequence[Any], keywords: dict[str, Any], spend: Spend) -> Any:
    """The result of a known pure function on constants, or UNKNOWN."""
    known = FUNCTIONS.get(name)
    if known is None and name.endswith(("__str__", "__repr__")) and not arguments:
        return own_text(name)
    if known is None or not spend.fold(sum(weight(one) for one in arguments) + 16):
        return UNKNOWN
    return _bounded(lambda: known(*arguments, **keywords), spend)


def method(value: Any, name: str, arguments: Sequence[Any], keywords: dict[str, Any], spend: Spend) -> Any:
    """The result of a method of a constant, or UNKNOWN."""
    if isinstance(value, int) and name == "to_bytes":
        return _bounded(lambda: value.to_bytes(*_few(arguments), **keywords), spend)
    if isinstance(value, (list, tuple)) and name in ("index", "count", "copy"):
        return _bounded(lambda: getattr(list(value), name)(*arguments), spend) if spend.fold(len(value)) else UNKNOWN
    if (
        name not in _METHODS
        or not isinstance(value, (str, bytes, dict))
        or not _fits(value, name, arguments, keywords, spend)
    ):
        return UNKNOWN
    if name == "decode":
        return _bounded(lambda: _codec(value, *arguments, **keywords), spend)
    if name.endswith("substitute") and isinstance(value, str):
        return _bounded(lambda: string.Template(value).safe_substitute(*arguments, **keywords), spend)
    return _bounded(lambda: getattr(value, name)(*arguments, **keywords), spend)


def _few(arguments: Sequence[Any]) -> Sequence[Any]:
    if not arguments or not isinstance(arguments[0], int) or arguments[0] > MOST:
        raise ValueError(arguments)
    return arguments


_WIDTHS = frozenset({"zfill", "ljust", "rjust", "center"})
"""Methods that make a text as long as they are told."""
_PLACES = {"format": "{", "format_map": "{", "substitute": "$", "safe_substitute": "$"}
"""Methods that fill the places of a text, and what each place begins with."""


def _fits(value: Any, name: str, arguments: Sequence[Any], keywords: dict[str, Any], spend: Spend) -> bool:
    size = weight(value) + sum(weight(one) for one in arguments)
    if name == "replace" and len(arguments) >= 2:
        size = len(value) + (len(value) // max(weight(arguments[0]), 1) + 1) * weight(arguments[1])
    elif name == "join" and arguments and isinstance(arguments[0], (list, tuple)):
        size = sum(weight(one) + len(value) for one in arguments[0])
    elif name in _PLACES and isinstance(value, str):
        if _WIDE.search(value) or _NESTED.search(value):
            return False
        rows: dict[Any, Any] = {**dict(enumerate(arguments)), **keywords}
        rows |= arguments[0] if arguments and isinstance(arguments[0], dict) else {}
        size = filled_size(value, _PLACES[name], rows)
    elif name in _WIDTHS and arguments and isinstance(arguments[0], int):
        size = max(size, arguments[0])
    elif name == "expandtabs":
        tab = arguments[0] if arguments else keywords.get("tabsize", 8)
        size = (
            len(value) + value.count("\t" if isinstance(value, str) else b"\t") * tab if isinstance(tab, int) else MOST
        )
    elif name == "translate" and arguments and isinstance(arguments[0], dict):
        size = len(value) * max((weight(one) for one in arguments[0].values()), default=1)
    return spend.fold(size)


def _bounded(call: Callable[[], Any], spend: Spend) -> Any:
    # Hostile constants may raise anything that these functions can raise; none of it tells more than "not folded".
    with contextlib.suppress(Exception):
        result = call()
        if isinstance(result, (dict, list, tuple, str, bytes, int, float, bool, slice)) or result is None:
            return result if spend.fold(weight(result)) else UNKNOWN
    return UNKNOWN
