"""Texts of which only a part is known: `f"https://{host}/x"` still says where it leads. GAP stands for the rest."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Mapping
from typing import Final

from bonded.facts.footholds import SITE
from bonded.facts.known import HOST_VARIABLES, SECRET_VARIABLES
from bonded.facts.places import service_of
from bonded.facts.value import CREDENTIALS, ENVIRONMENT, GAP, HOST, MOST_SHAPE, NOTHING, REPORT, TOKEN_OF, Value

_PERCENT = re.compile(r"%(?:\((?P<name>[^)]*)\))?[-+ #0-9.]*[a-zA-Z]")
_BRACES = re.compile(r"\{(?P<name>\w*)[^{}]*\}")
_DOLLAR = re.compile(r"\$\{?(?P<name>[A-Za-z_]\w*)\}?")
"""Places in a text that are filled, each with the name or the number of what goes in, if it has one."""
_SAME: Final = frozenset(
    {
        "strip",
        "lstrip",
        "rstrip",
        "encode",
        "decode",
        "lower",
        "upper",
        "replace",
        "as_posix",
        "resolve",
        "absolute",
        "expanduser",
    }
)
"""Methods after which the shape of a text is much as before."""

_TABLED: Final = {"format_map": _BRACES, "substitute": _DOLLAR, "safe_substitute": _DOLLAR}
"""Methods of a text that are given a table of what goes in."""


_BESIDE = rf"\b[\W_]{{0,4}}:[\W_]{{0,6}}{GAP}"
_SECRET = re.compile(
    rf"(?i)\b(?:token|pass(?:word|wd|phrase)?|pwd|cookies?|seed|mnemonic|private.?key|secret|cvv|card)(?:\W?(?:s|words?|phrase|number|key))?{_BESIDE}"
)
_WHOSE = re.compile(rf"(?i)\b(?:user|user.?name|login|e-?mail|account|phone|nick.?name){_BESIDE}")


def reports(shape: str) -> frozenset[str]:
    """`{REPORT}` for a text that names a secret with a value beside it, and another one or whose it is; else nothing."""
    if GAP not in shape or ":" not in shape:
        return NOTHING
    secrets = len(_SECRET.findall(shape))
    return frozenset({REPORT}) if secrets > 1 or (secrets and _WHOSE.search(shape)) else NOTHING


def shaped(value: Value) -> str:
    """What is known of the value's text, GAP where nothing is."""
    if isinstance(value.const, (str, int)) and not isinstance(value.const, bool):
        return str(value.const)[:MOST_SHAPE]
    if isinstance(value.const, bytes):
        return value.const[:MOST_SHAPE].decode("utf-8", "replace")
    return value.shape or GAP


def bounded(text: str) -> str:
    """The shape, cut; "" when nothing is known of it."""
    return text[:MOST_SHAPE] if text.strip(GAP) else ""


def of_operation(op: ast.operator, left: Value, right: Value) -> str:
    """The shape of `left op right`."""
    if isinstance(op, ast.Mod) and isinstance(left.const, str):
        return filled(_PERCENT, left.const, list(right.items or (right,)), right.table or {})
    if isinstance(op, ast.Add):
        if SITE in (left.shape, right.shape) and (left.items or right.items or left.shape == right.shape):
            return SITE  # lists of such folders
        return bounded(shaped(left) + shaped(right))
    return bounded(f"{shaped(left)}/{shaped(right)}") if isinstance(op, ast.Div) else ""


def filled(place: re.Pattern[str], text: str, values: list[Value], named: Mapping[str, Value]) -> str:
    """`text` with its places filled: those with a name or a number with what that stands for, the others one after the other."""
    waiting = iter(values)

    def what(found: re.Match[str]) -> Value:
        name = found["name"] or ""
        if name.isdecimal():
            return values[int(name)] if int(name) < len(values) else Value()
        return named.get(name, Value()) if name else next(waiting, Value())

    return bounded(place.sub(lambda found: shaped(what(found)), text))


def of_method(base: Value, name: str, arguments: list[Value], keywords: dict[str, Value]) -> str:
    """The shape of `base.name(...)`."""
    if name == "format" and isinstance(base.const, str):
        return filled(_BRACES, base.const, arguments, keywords)
    if name in _TABLED and isinstance(base.const, str):
        return filled(_TABLED[name], base.const, [], {**(arguments[0].table or {} if arguments else {}), **keywords})
    if name == "join" and isinstance(base.const, str) and arguments and arguments[0].items:
        return bounded(base.const.join(map(shaped, arguments[0].items[:40])))
    if name == "joinpath":
        return bounded("/".join(map(shaped, (base, *arguments))))
    return base.shape if name in _SAME else ""


_KEPT: Final = frozenset(
    {
        "urllib.request.Request",
        "requests.Request",
        "builtins.str",
        "pathlib.Path",
        "os.path.expandvars",
        "os.path.expanduser",
        "os.path.abspath",
        "urllib.parse.urljoin",
        "urllib.parse.quote",
        "yarl.URL",
    }
)


_FOLDERS: Final = {"pathlib.Path.home": "~", "winshell.startup": "~/Start Menu/Programs/Startup"}
"""Functions that say where a folder is."""
_SITES: Final = frozenset(
    {
        "site.getsitepackages",
        "site.getusersitepackages",
        "distutils.sysconfig.get_python_lib",
        "sysconfig.get_path",
        "sysconfig.get_paths",
    }
)


def of_module(name: str) -> str:
    """The shape of the path of a module that is installed."""
    return f"{SITE}/{name.replace('.', '/')}/__init__.py"


def of_call(name: str, arguments: list[Value], keywords: dict[str, Value]) -> str:
    """The shape of what a named function gives."""
    if name in _SITES:
        kind = arguments[0].const if arguments else "purelib"
        return SITE if kind in ("purelib", "platlib") or not name.startswith("sysconfig.get_path") else ""
    if name == "os.path.dirname" and arguments:
        return posixpath.dirname(arguments[0].shape)
    if name in ("inspect.getfile", "inspect.getsourcefile") and arguments and arguments[0].names:
        return of_module(arguments[0].names[0])
    if name == "importlib.util.find_spec" and arguments and isinstance(arguments[0].const, str):
        return of_module(arguments[0].const)
    if name in ("os.path.join", "pathlib.Path") and len(arguments) > 1:
        return bounded("/".join(map(shaped, arguments)))
    if name in ("glob.glob", "glob.iglob") and arguments:
        return bounded(shaped(arguments[0]))
    if name in _KEPT:
        first = arguments[0] if arguments else keywords.get("url")
        return bounded(shaped(first)) if first is not None else ""
    return _FOLDERS.get(name, "")


def variable(index: Value, labels: frozenset[str]) -> tuple[frozenset[str], str]:
    """Labels and shape of one variable of the environment; of each in turn, where its name is one of all names."""
    if not isinstance(index.const, str):
        return (labels - {ENVIRONMENT}) | (index.labels & {ENVIRONMENT}), ""
    name = index.const.upper()
    extra = frozenset({HOST}) if name in HOST_VARIABLES else NOTHING
    extra |= frozenset({CREDENTIALS}) if name in SECRET_VARIABLES else NOTHING
    service = service_of(name)
    extra |= frozenset({f"{TOKEN_OF}{service}"}) if service else NOTHING
    return (labels - {ENVIRONMENT}) | extra, f"%{index.const}%"
