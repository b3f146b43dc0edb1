"""All Python of one archive: which members are parsed, interpreted, and how they are linked to each other."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from dataclasses import replace
from typing import Any

from bonded.facts import layout, prefilter
from bonded.facts.collect import Collected
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS
from bonded.facts.metadata import project_of_filename
from bonded.facts.model import Argument, Call, Module, Trait
from bonded.facts.reached import Reach, calls_one_of, uncalled
from bonded.facts.scope import Function, Later
from bonded.facts.shape import traits
from bonded.facts.source import Parsed, parse, text_of
from bonded.facts.spend import Exhausted, Spend
from bonded.facts.state import World
from bonded.facts.statements import Interpreter
from bonded.facts.value import ANY, SOURCES, UNKNOWN, Value
from bonded.facts.when import ORDER, settle
from bonded.values.finding import When

_MOST_ASKED = 20
"""Modules read only because another one needs what a function of theirs gives."""
_MOST_PARTNERS = 16
"""Modules that are parsed only because they would matter together."""
_MOST_PAIRS = 2_000_000
"""Pairs of modules that are looked at for being partners."""
_MOST_SOURCES = 20_000
"""Members of Python that are looked through, those that run soonest first; no honest archive was seen to hold half of them."""
_MOST_OUTWARD = 24
"""Short modules that are read only because they reach out."""
ELSEWHERE = "<elsewhere>"
"""The scope of a call that another module makes."""
_SMALL = 40_000
_MOST_CALLERS = 24
"""Modules that are looked through, because they may call what is of interest in others."""
_FOREMOST = (When.INSTALL, When.STARTUP, When.IMPORT)
_IMPORTS = re.compile(
    rb"^[ \t]*(?:from|import)[ \t.]([^\n(\\]*(?:\([^)]{0,4000}\)|(?:\\\r?\n[^\n\\]*)+)?)", re.MULTILINE
)
_IMPORT_CALLS = re.compile(rb"import_(?:_|module)[ \t]*\([ \t]*[rRuU]?[\"']([a-zA-Z0-9_.]{1,200})[\"']")
_PTH_CODE = re.compile(r"^import[ \t]")


class Package:
    """Reads the modules of `found`; `modules()` gives their facts."""

    def __init__(self, found: Collected, spend: Spend) -> None:
        self.found = found
        self.spend = spend
        self.unread: list[str] = []
        self.readers: dict[str, Interpreter] = {}
        self.bases: dict[str, When] = {}
        self.asked = 0
        self.times: dict[str, dict[str, When]] = {}
        self.owned: dict[str, bool] = {}
        self.tops: set[str] = set()
        self.constants: dict[str, Any] = {}
        self.full = False
        self.traits: dict[str, tuple[Trait, ...]] = {}
        self.places: dict[str, When] = {}
        self.reached_tests: set[str] | None = None
        self.words: dict[str, set[str]] = {}
        self.paths: dict[str, str] = {}
        for path in sorted(found.sources, key=lambda path: (path.endswith("/__init__.py"), path)):
            self.paths[layout.dotted(path, found.kind)] = path  # of a module and a package, Python imports the package

    def modules(self) -> tuple[Module, ...]:
        """Facts of every module that was read, in the order of their paths."""
        for path, base in self._wanted():
            self._read(path, base)
        self._installed()
        self._imported()
        self._callers()
        self._link()
        self.times = Reach(self.readers, self.bases, self.paths).times()
        found = [self._facts(path) for path in sorted(self.readers)]
        found += [self._unparsed(path) for path in sorted(self.traits) if path not in self.readers]
        return tuple(sorted(found, key=lambda module: module.path))

    def _wanted(self) -> list[tuple[str, When]]:
        """Members to parse, those that run soonest first."""
        self.places = bases = {path: self._base(path) for path in self.found.sources}
        idle = {path for path, base in bases.items() if base is When.NEVER}
        idle -= self._reached() if idle else set()
        busy = sorted((path for path in bases if path not in idle), key=lambda path: (ORDER[bases[path]], path))
        if len(busy) > _MOST_SOURCES:
            self.unread.append(f"{busy[_MOST_SOURCES]}: this and later ones are more Python members than are read")
        hits = {path: prefilter.hits(self.found.sources[path]) for path in sorted(busy[:_MOST_SOURCES])}
        self.traits = {
            path: shapes
            for path in hits
            if bases[path] is not When.NEVER and (shapes := traits(self.found.sources[path], self.spend))
        }
        chosen = {
            path
            for path, groups in hits.items()
            if bases[path] in (When.INSTALL, When.STARTUP)
            or path in self.traits
            or prefilter.matters(self.found.sources[path], groups)
        }
        outward = [path for path, groups in hits.items() if prefilter.reaches_out(self.found.sources[path], groups)]
        outward = [path for path in outward if bases[path] is not When.NEVER and path not in chosen]
        chosen |= set(sorted(outward, key=lambda path: (path.count("/"), path))[:_MOST_OUTWARD])
        chosen |= self._partners({path: groups for path, groups in hits.items() if bases[path] is not When.NEVER})
        return sorted(((path, bases[path]) for path in chosen), key=lambda one: (ORDER[one[1]], one[0]))

    def _reached(self) -> set[str]:
        """Members in folders of tests or documentation that other modules import, one by way of the other."""
        if self.reached_tests is not None:
            return self.reached_tests
        named: dict[str, list[str]] = {}
        for name, path in self.paths.items():
            if self.places[path] is When.NEVER:
                named.setdefault(name.rpartition(".")[2], []).append(path)
        others = [path for path, base in self.places.items() if base is not When.NEVER] if named else []
        found: set[str] = set()
        waiting = [path for path in others if prefilter.names_tests(self.found.sources[path])]
        while waiting:
            for word in sorted(self._words(waiting.pop())):
                new = [path for path in named.get(word, ()) if path not in found]
                found.update(new)
                waiting += new
        self.reached_tests = found
        return found

    def _partners(self, hits: dict[str, frozenset[str]]) -> set[str]:
        """Pairs of modules of which one runs code and the other has code to hide: neither matters alone.

        Either may import the other; what the running one imports is read later, when it turns out to be needed.
        """
        found: set[str] = set()
        halves = [path for path, groups in hits.items() if prefilter.is_half(groups)]
        named: dict[str, list[str]] = {}
        for path in hits if halves else ():
            named.setdefault(self._last(path), []).append(path)
        for path in halves[: max(_MOST_PARTNERS, _MOST_PAIRS // max(1, len(hits)))]:
            if len(found) >= _MOST_PARTNERS:
                break
            if any(self._other_half(named[word]) for word in sorted(self._words(path) & named.keys())):
                found.add(path)
            users = self._users(path, hits, found)
            found |= {path, *users} if users else set()
        return found

    def _other_half(self, paths: list[str]) -> bool:
        return any(prefilter.is_other_half(self.found.sources[path]) for path in paths)

    def _users(self, path: str, hits: dict[str, frozenset[str]], found: set[str]) -> list[str]:
        """Modules that import the one at `path` and have something to hide: the first four."""
        name = self._last(path)
        word, users = name.encode(), []
        for one in hits:
            if one == path or one in found or word not in self.found.sources[one] or name not in self._words(one):
                continue
            if prefilter.is_other_half(self.found.sources[one]):
                users.append(one)
                if len(users) == 4:
                    break
        return users

    def _words(self, path: str) -> set[str]:
        found = self.words.get(path)
        if found is None:
            found = self.words[path] = _imported_words(self.found.sources[path])
        return found

    def _last(self, path: str) -> str:
        return layout.dotted(path, self.found.kind).rpartition(".")[2]

    def _base(self, path: str) -> When:
        known = self.places.get(path)
        return self._place(path) if known is None else known

    def _place(self, path: str) -> When:
        where = layout.inner(path, self.found.kind)
        for folder in self.found.backend_paths:
            whole = f"{folder.strip('./')}/{self.found.backend.replace('.', '/')}".lstrip("/")
            if self.found.backend and where in (f"{whole}.py", f"{whole}/__init__.py"):
                return When.INSTALL
        return layout.when_of(path, self.found.kind, project_of_filename(self.found.filename).replace("-", "_"))

    def _read(self, path: str, base: When) -> Interpreter | None:
        if path in self.readers:
            return self.readers[path]
        self.bases[path] = base
        data = self.found.sources[path]
        if path.endswith(".pth"):
            data = _pth(data)
        if self.full:
            return None
        try:
            if not self.spend.parse(data):
                self.unread.append(f"{path}: it is too long to be parsed")
                return None
            parsed = parse(data, self.spend)
            reader = self.readers[path] = self._interpreter(path, parsed)
            self._note_broken(path, base, parsed)
            if parsed.tree is not None:
                reader.module(parsed.tree)
                whole = base in (When.INSTALL, When.STARTUP) or len(data) <= prefilter.SMALL
                lines = None if whole else prefilter.reaching_lines(data)
                reader.rest(lambda function: _matters(function, lines))
        except Exhausted as error:
            self.full = True
            self.unread.append(f"{path}: the budget of {error} ended here; what follows was not read")
        except RecursionError:
            self.unread.append(f"{path}: it is nested too deeply to be read")
        return self.readers.get(path)

    def _interpreter(self, path: str, parsed: Parsed) -> Interpreter:
        reader = Interpreter(
            path, parsed.lines, self.spend, World(self._data, self.resolve, self._own, self._script, self._constant)
        )
        reader.package = layout.package_of(path, self.found.kind)
        reader.out.program = layout.inner(path, self.found.kind) == "setup.py"
        return reader

    def _own(self, name: str) -> bool:
        """Whether a dotted name is one of a module of the archive, or of something in it."""
        top, _, rest = name.partition(".")
        known = self.owned.get(top)
        if known is None:
            if not self.tops:
                self.tops = {one.partition(".")[0] for one in self.paths}
            known = self.owned[top] = top in self.tops
        return known and (bool(rest) or top in self.paths)

    def _constant(self, name: str) -> Any:
        """The text that a module sets under this dotted name, in one line at its top level; UNKNOWN for none."""
        if name not in self.constants:
            module, _, last = name.rpartition(".")
            path = self.paths.get(module)
            self.constants[name] = constant_in(self.found.sources[path], last) if path is not None else UNKNOWN
        return self.constants[name]

    def _script(self, name: str) -> str:
        """The dotted name of the one member that is called so."""
        found = [dotted for dotted in self.paths if dotted.rpartition(".")[2] == name and dotted != "setup"]
        return found[0] if len(found) == 1 else ""

    def _callers(self) -> None:
        """Modules that call what is of interest in others decide when that runs, however plain they are themselves."""
        names: set[str] = set()
        for _ in range(3):
            readers = [reader.out for path, reader in self.readers.items() if self.bases[path] is When.IMPORT]
            names = {one for out in readers for one in uncalled(out, names)}
            for path in self._small() if names else ():
                if path not in self.readers and calls_one_of(self.found.sources[path], names):
                    self._read(path, self._base(path))

    def _small(self) -> list[str]:
        """Members that are likely to be imported first, and cheap to read."""
        found = [
            path for path, data in self.found.sources.items() if len(data) <= _SMALL and self._base(path) is When.IMPORT
        ]
        if len(found) > _MOST_CALLERS:
            found = [path for path in found if path.endswith("/__init__.py")]
        return sorted(found, key=lambda path: (path.count("/"), path))[:_MOST_CALLERS]

    def _data(self, name: str) -> bytes | None:
        return self.found.data.get(name)

    def _note_broken(self, path: str, base: When, parsed: Parsed) -> None:
        """A piece that cannot be parsed counts as unread if it could matter where it stands."""
        for first, text in parsed.broken if base in _FOREMOST else ():
            data = text.encode("utf-8", "replace")
            if prefilter.matters(data, prefilter.hits(data)):
                self.unread.append(f"{path}: from line {first} on, it is no Python that can be parsed")
                return

    def resolve(self, later: Later) -> Value:
        """What a function of another module of the package gives for these arguments."""
        module, _, name = later.name.rpartition(".")
        path = self.paths.get(module)
        if path is None:
            return ANY
        if path not in self.readers:
            if self.asked >= _MOST_ASKED or len(self.found.sources[path]) > 200_000:
                return ANY
            self.asked += 1
        reader = self._read(path, self._base(path))
        if reader is None:
            return ANY
        found = reader.globals.values.get(name)
        if found is None or not isinstance(found.local, Function) or found.local in reader.stack:
            return ANY
        outer, reader.scope = reader.scope, reader.scope or ELSEWHERE
        try:
            return reader.follow(found.local, list(later.arguments), {})
        finally:
            reader.scope = outer

    def _installed(self) -> None:
        """Modules that setup.py or a build back-end imports run at install time as well."""
        waiting = [path for path, base in self.bases.items() if base is When.INSTALL]
        seen = set(waiting)
        while waiting and len(seen) < 40:
            reader = self.readers.get(waiting.pop(0))
            for name in reader.out.imports if reader else ():
                path = self.paths.get(name)
                if path is None or path in seen:
                    continue
                seen.add(path)
                data = self.found.sources[path]
                if path in self.readers or prefilter.matters(data, prefilter.hits(data)):
                    self._read(path, When.INSTALL)
                    self.bases[path] = When.INSTALL
                    waiting.append(path)

    def _imported(self) -> None:
        """Modules in folders of tests or documentation that package code imports do run."""
        if When.NEVER in self.bases.values():
            for path in self._reached() & self.bases.keys():
                self.bases[path] = When.IMPORT

    def _link(self) -> None:
        """A function that runs its parameter, called from another module with hidden or fetched data."""
        sinks = {
            f"{layout.dotted(path, self.found.kind)}.{scope}": sink
            for path, reader in self.readers.items()
            for scope, sink in reader.out.sink_parameters.items()
        }
        for reader in self.readers.values() if sinks else ():
            for one in reader.out.local_calls:
                if one.name in sinks:
                    key = (sinks[one.name], one.line, 0, one.scope, 0)
                    call = Call(
                        sinks[one.name], one.line, one.end_line, one.scope, When.UNKNOWN, 0, False,
                        tuple(_through(argument, one.name) for argument in one.arguments), one.excerpt,
                    )  # fmt: skip
                    reader.out.calls.setdefault(key, call)

    def _facts(self, path: str) -> Module:
        reader, base = self.readers[path], self.bases[path]
        self.unread += [] if base in (When.NEVER, When.CALL) else dict.fromkeys(reader.out.unread)
        calls = settle(reader.out, base, self.times.get(path, {}))
        sinks = [one for one in calls if one.name in CODE_SINKS or one.name in COMMAND_SINKS]
        others = [one for one in calls if one.name not in CODE_SINKS and one.name not in COMMAND_SINKS]
        kept = sorted([*sinks[:300], *others[:200]], key=lambda one: (one.line, one.name, one.depth))
        text = text_of(self.found.sources[path])[:20_000] if base is When.STARTUP else ""
        imports = tuple(sorted(set(reader.out.imports)))[:300]
        shapes = self.traits.get(path, ())
        return Module(path, base, tuple(kept), tuple(reader.out.decoded), imports, text, shapes)

    def _unparsed(self, path: str) -> Module:
        """A member whose shape tells, but that could not be parsed."""
        return Module(path, self._base(path), (), (), (), "", self.traits[path])


def constant_in(data: bytes, name: str) -> Any:
    """The text or bytes that a source sets `name` to, in one line at its top level; UNKNOWN for none."""
    if not name.isidentifier() or not name.isascii():
        return UNKNOWN
    found = re.search(
        rb"^" + name.encode() + rb"[ \t]*(?::[^=\n]{1,60})?=[ \t]*([rbuRBU]{0,2}[\"'][^\n]{0,4000})$",
        data,
        re.MULTILINE,
    )
    try:
        value = ast.literal_eval(found.group(1).decode("utf-8", "replace").strip()) if found else UNKNOWN
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return UNKNOWN
    return value if isinstance(value, (str, bytes)) else UNKNOWN


def _imported_words(data: bytes) -> set[str]:
    """Every name in the import statements of a member, however they are written, and in calls that import."""
    statements = set(_IMPORTS.findall(data))
    if b"import_" in data:
        statements |= set(_IMPORT_CALLS.findall(data))
    return {word.decode("ascii", "replace") for one in statements for word in re.findall(rb"[a-zA-Z0-9_]+", one)}


def _matters(function: Function, lines: list[int] | None) -> bool:
    """Whether a sink may be named inside `function`; only then is it executed with unknown arguments."""
    if lines is None:
        return True
    first, last = function.node.lineno, function.node.end_lineno or function.node.lineno
    position = bisect_left(lines, first)
    return position < len(lines) and lines[position] <= last


def _through(argument: Argument, name: str) -> Argument:
    if not SOURCES.isdisjoint(argument.labels):
        return replace(argument, steps=(*argument.steps, f"passed to {name}"))
    return argument


def _pth(data: bytes) -> bytes:
    """Only lines that begin with "import" are run by `site`; the others name folders."""
    lines = text_of(data).split("\n")
    return "\n".join(line if _PTH_CODE.match(line) else "" for line in lines).encode("utf-8", "replace")
