"""What facts are: frozen values that checks read, and that are stored as JSON by the archive's sha256.

`FACTS_VERSION` names their meaning; it rises with every change of what a field says, so that stored facts of an older
meaning are read again from the archive. Checks of outside packages import this in interpreters of their own, which need not
have our dependencies: nothing here does, until JSON is read or written.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from bonded.values.finding import When

FACTS_VERSION = 7

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call. `labels` say where its value came from (`facts.value`), `text` is its value where it could
    be folded to text (of more than 300 characters, of commands 2,000, the beginning and the end), `steps` how it came to be, in order. Where
    the text is known in part only, `shape` is that part, with "…" for the rest. `name` is its keyword, "()" for what the
    called object was made of, or "." for what that was given before."""

    labels: tuple[str, ...] = ()
    text: str | None = None
    steps: tuple[str, ...] = ()
    name: str = ""
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of something outside the package, with its resolved dotted name ("os.system", "builtins.exec").

    `depth` is 0 for code as written, n for code that was itself decoded n times. `hidden`: the name was computed, not
    written. `arguments` are positional, then keywords (by `name`). `answered`: what it gives back is used, or it is not known
    to be dropped; said of calls that reach out only.
    """

    name: str
    line: int
    end_line: int
    scope: str
    when: When
    depth: int
    hidden: bool
    arguments: tuple[Argument, ...]
    excerpt: str
    answered: bool = True


@dataclass(frozen=True, slots=True)
class Decoded:
    """Code that the package decodes and runs, unfolded (never run): `text` at most 4,000 characters."""

    line: int
    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Trait:
    """A shape of a source that hides what it does (`facts.shape`): its kind, the first line, how often, and that line, cut."""

    kind: str
    line: int
    count: int
    excerpt: str


@dataclass(frozen=True, slots=True)
class Module:
    """A member that was read as Python. `when` is when its top level runs."""

    path: str
    when: When
    calls: tuple[Call, ...]
    decoded: tuple[Decoded, ...]
    imports: tuple[str, ...]
    text: str = ""
    """The source, kept for short start-up files only (.pth, sitecustomize)."""
    traits: tuple[Trait, ...] = ()


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """One member of the archive. `kind` is "file", "folder", "link" or another word of `facts.archive`; `form` what its first
    bytes say it is (`facts.magic`), "" for all but files."""

    path: str
    size: int
    sha256: str
    kind: str
    form: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """A member that some other interpreter runs: a shell, PowerShell, Windows Script Host. `text` at most 8,000 characters."""

    path: str
    language: str
    text: str
    when: When


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong with the archive itself, as its reader says it."""

    code: str
    path: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Naming:
    """What an archive claims to be (`facts.naming`), each sort sorted; names of projects in their normal form.

    `tops` are names that `import` would find, `scripts` commands on the PATH, `direct` requirements that name an address,
    `installs` projects that the description tells readers to install, `described` its length in characters, `text_links` the
    addresses in it and `words` its beginning, `hosts` those in addresses in the code, `record` what RECORD has wrong,
    `sketch` the likeness of the code (`facts.sketch`), `code_bytes` the length of the code outside tests and documentation,
    `builds` what is installed before it is built, as the archive's settings say.
    """

    tops: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    direct: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    installs: tuple[str, ...] = ()
    described: int = 0
    text_links: int = 0
    words: str = ""
    hosts: tuple[str, ...] = ()
    binaries: tuple[str, ...] = ()
    record: tuple[str, ...] = ()
    sketch: tuple[int, ...] = ()
    code_bytes: int = 0
    builds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts of one archive. `kind` is "wheel", "sdist" or "other"; `name` and `version` as its metadata says."""

    filename: str
    sha256: str
    kind: str
    name: str
    version: str
    metadata: dict[str, list[str]]
    members: tuple[MemberFacts, ...]
    modules: tuple[Module, ...]
    troubles: tuple[Trouble, ...]
    unread: tuple[str, ...]
    naming: Naming = Naming()
    scripts: tuple[Script, ...] = ()
    facts_version: int = FACTS_VERSION


def dump(facts: Facts) -> bytes:
    """Facts as JSON with sorted keys: equal facts are equal bytes."""
    import orjson

    return orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)


def sealed(facts: Facts) -> tuple[Facts, bytes]:
    """Facts and their JSON. Code may hold halves of characters (`"\\ud800"`), which no JSON can: they become "?" in both."""
    import orjson

    try:
        return facts, dump(facts)
    except TypeError:
        data = orjson.dumps(_whole(asdict(facts)), option=orjson.OPT_SORT_KEYS)
        return load(data), data


def _whole(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    return [_whole(one) for one in value] if isinstance(value, (list, tuple)) else value


def load(data: bytes) -> Facts:
    """Facts from JSON. Raises ValueError for facts of another version or shape."""
    import orjson

    try:
        raw = orjson.loads(data)
        if raw["facts_version"] != FACTS_VERSION:
            raise ValueError(f"facts of version {raw['facts_version']}")
        return build(Facts, raw)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not facts: {error}") from None


def build(kind: type[T], raw: dict[str, Any]) -> T:
    """A dataclass of `kind` from the JSON that orjson wrote of one. Raises ValueError, KeyError or TypeError for another shape."""
    return typing.cast("T", _converter(typing.cast("Any", kind))(raw))


def _as_it_is(raw: Any) -> Any:
    return raw


@cache
def _converter(hint: Any) -> Callable[[Any], Any]:
    """What makes a value of `hint` of its JSON; put together once for each type, because judging stored facts is mostly this."""
    if is_dataclass(hint):
        return _of_dataclass(hint)
    if typing.get_origin(hint) is tuple:
        item = _converter(typing.get_args(hint)[0])
        return tuple if item is _as_it_is else lambda raw: tuple([item(one) for one in raw])
    if isinstance(hint, type) and issubclass(hint, Enum):
        members = {member.value: member for member in hint}
        return lambda raw: members[raw] if raw in members else hint(raw)
    if isinstance(hint, types.UnionType):
        rest = _converter(next(one for one in typing.get_args(hint) if one is not type(None)))
        return lambda raw: None if raw is None else rest(raw)
    return _as_it_is


def _of_dataclass(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    every = {field.name: _converter(hints[field.name]) for field in fields(kind)}
    plain = frozenset(name for name, convert in every.items() if convert is _as_it_is)
    if len(plain) == len(every):
        return lambda raw: kind(**raw)

    def make(raw: Any) -> Any:
        return kind(**{name: value if name in plain else every[name](value) for name, value in raw.items()})

    return make
