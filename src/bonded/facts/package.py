"""All Python of one archive: its modules are read, by the interpreter or out of what was kept, and linked to each other."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import Any

from bonded.facts import layout, prefilter
from bonded.facts.choosing import Choice
from bonded.facts.collect import Collected
from bonded.facts.imported import constant_in
from bonded.facts.kept import Known, Left
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS
from bonded.facts.linking import link
from bonded.facts.marks import Marks
from bonded.facts.model import Module
from bonded.facts.reached import Reach, uncalled
from bonded.facts.reading import Asked, Kept, Reading, keep, spent_since, told
from bonded.facts.scope import Function, Later
from bonded.facts.source import Parsed, parse, text_of
from bonded.facts.spend import Exhausted, Spend
from bonded.facts.state import World
from bonded.facts.statements import Interpreter
from bonded.facts.united import United
from bonded.facts.value import ANY, UNKNOWN, Value
from bonded.facts.when import settle
from bonded.values.finding import When

_MOST_ASKED = 20
"""Modules read only because another one needs what a function of theirs gives."""
ELSEWHERE = "<elsewhere>"
"""The scope of a call that another module makes."""
_SMALL = 40_000
_MOST_CALLERS = 24
"""Modules that are looked through, because they may call what is of interest in others."""
_FOREMOST = (When.INSTALL, When.STARTUP, When.IMPORT)
_PTH_CODE = re.compile(r"^import[ \t]")


class Package:
    """Reads the modules of `found`; `modules()` gives their facts. `left` is what it leaves for the next archive, if it is to."""

    def __init__(
        self, found: Collected, spend: Spend, marks: Marks, known: Known | None = None, left: Left | None = None
    ) -> None:
        self.found = found
        self.spend = spend
        self.marks = marks
        self.known = known
        self.left = left
        self.unread: list[str] = []
        self.readers: dict[str, Reading] = {}
        self.bases: dict[str, When] = {}
        self.asked = 0
        self.following = 0
        """Functions of other modules that are being followed, one inside the other."""
        self.times: dict[str, dict[str, When]] = {}
        self.owned: dict[str, bool] = {}
        self.tops: set[str] = set()
        self.constants: dict[str, Any] = {}
        self.full = False
        self.paths: dict[str, str] = {}
        for path in sorted(found.sources, key=lambda path: (path.endswith("/__init__.py"), path)):
            self.paths[layout.dotted(path, found.kind)] = path  # of a module and a package, Python imports the package
        self.choice = Choice(found, marks, self.paths)
        self.world = World(self.found.data.get, self.resolve, self._own, self._script, self._constant)
        self.united: United | None = None
        self.tops_only: list[str] | None = None
        """Modules of which only the top level was executed so far; None where each is read to its end."""

    def modules(self) -> tuple[Module, ...]:
        """Facts of every module that was read, in the order of their paths."""
        wanted = self.choice.wanted(self.spend)
        self.unread += self.choice.unread
        if self.choice.united:
            self._unite()
        for path, base in wanted:
            self._read(path, base)
        self._rest_of_all()
        self._installed()
        self._imported()
        self._callers()
        link(self.readers, self.found.kind)
        for name in sorted(self.found.getters):
            reader = self.readers.get(self.paths.get(name.rpartition(".")[0], ""))
            if reader is not None:
                reader.out.commands.add(name.rpartition(".")[2])
        self.times = Reach(self.readers, self.bases, self.paths, self.found.loaded).times()
        traits = self.choice.traits
        found = [self._facts(path) for path in sorted(self.readers)]
        found += [self._unparsed(path) for path in sorted(traits) if path not in self.readers]
        return tuple(sorted(found, key=lambda module: module.path))

    def _unite(self) -> None:
        """Read the modules as one program: first the top level of each, as imports go, then the functions that nothing called."""
        self.united = United(self.paths, self._imported_now)
        self.world.module, self.world.found = self.united.module, self.united.found
        self.tops_only = []

    def _imported_now(self, path: str) -> Interpreter | None:
        reading = self._read(path, self.choice.base(path))
        return reading.live if reading is not None else None

    def _rest_of_all(self) -> None:
        waiting, self.tops_only = self.tops_only or [], None
        for path in waiting:
            live = self.readers[path].live
            if live is not None:
                self._guarded(path, partial(live.rest, _always))

    def _read(self, path: str, base: When) -> Reading | None:
        if path in self.readers:
            return self.readers[path]
        self.bases[path] = base
        if self.full:
            return None
        whole = base in (When.INSTALL, When.STARTUP) or self.found.sources.sizes[path] <= prefilter.SMALL
        if not self._known(path, whole=whole):
            self._parsed(path, base, whole=whole)
        return self.readers.get(path)

    def _known(self, path: str, *, whole: bool) -> bool:
        """Take the reading of the same bytes, if one was kept that would come out the same here."""
        if self.known is None or self.following or self.united is not None or path.endswith(".pth"):
            return False
        for one in self.known.readings(self.found.hashes[path]):
            if self._fits(one, path, whole=whole):
                self.spend.take(one.spent)
                self.readers[path] = one.reading()
                if self.left is not None:
                    self.left.add(self.found.hashes[path], one)
                return True
        return False

    def _fits(self, one: Kept, path: str, *, whole: bool) -> bool:
        program = layout.inner(path, self.found.kind) == "setup.py"
        where = (layout.package_of(path, self.found.kind), program, whole, path if one.path else "")
        world = self.world
        return (
            (one.package, one.program, one.whole, one.path) == where
            and self.spend.has(one.spent)
            and all(self._own(name + "x" * name.endswith(".")) is answer for name, answer in one.own.items())
            and all(told(world.data(name)) == answer for name, answer in one.data.items())
            and all(world.script(name) == answer for name, answer in one.scripts.items())
            and all(told(world.constant(name)) == answer for name, answer in one.constants.items())
            and self.paths.keys().isdisjoint(one.missing)
        )

    def _parsed(self, path: str, base: When, *, whole: bool) -> None:
        """Read the module with the interpreter, and keep what came out if it would come out the same elsewhere."""
        before, refused = self.spend.left(), self.spend.refused
        asked = Asked()
        parsed = self._interpreted(path, base, self.spend, asked, whole=whole)
        if self.left is None or self.following or self.united is not None or parsed is None or path.endswith(".pth"):
            return
        live = self.readers[path].live
        spent = spent_since(before, self.spend)
        whole_text = parsed.tree is not None and not parsed.broken and not spent[-1]
        alone = not asked.others and self.spend.refused == refused
        if live is not None and whole_text and alone and not live.out.unread:
            self.left.add(self.found.hashes[path], keep(live, asked, spent, whole=whole))

    def _interpreted(self, path: str, base: When, spend: Spend, asked: Asked, *, whole: bool) -> Parsed | None:
        """Parse and execute a module; None where the budget or the stack ended on the way."""
        data = self.found.sources[path]
        source = _pth(data) if path.endswith(".pth") else data
        found: list[Parsed] = []

        def execute() -> None:
            if not spend.parse(source):
                self.unread.append(f"{path}: it is too long to be parsed")
                return
            parsed = parse(source, spend)
            live = self._interpreter(path, parsed, spend, asked)
            self.readers[path] = Reading(live.out, live)
            self._note_broken(path, base, parsed)
            if parsed.tree is not None:
                live.module(parsed.tree)
                if self.tops_only is not None:
                    self.tops_only.append(path)
                else:
                    lines = None if whole else prefilter.reaching_lines(source)
                    live.rest(lambda function: _matters(function, lines))
            found.append(parsed)

        self._guarded(path, execute)
        return found[0] if found else None

    def _guarded(self, path: str, execute: Callable[[], None]) -> None:
        """Note where the budget or the stack ended while a member was read."""
        try:
            execute()
        except Exhausted as error:
            self.full = True
            self.unread.append(f"{path}: the budget of {error} ended here; what follows was not read")
        except RecursionError:
            self.unread.append(f"{path}: it is nested too deeply to be read")

    def _interpreter(self, path: str, parsed: Parsed, spend: Spend, asked: Asked) -> Interpreter:
        live = Interpreter(path, parsed.lines, spend, asked.listening(self.world, self.paths.__contains__))
        live.name, live.package = layout.dotted(path, self.found.kind), layout.package_of(path, self.found.kind)
        live.out.program = layout.inner(path, self.found.kind) == "setup.py"
        if self.united is not None:
            self.united.join(live)
        return live

    def _live(self, path: str) -> Interpreter | None:
        """The module as the interpreter has it: one that was not read here is read now, for its functions are needed.

        What that takes was accounted for already. It was read to its end in what was left then, so it is now.
        """
        reading = self.readers[path]
        if reading.live is None:
            self._interpreted(path, self.bases[path], Spend(), Asked(), whole=reading.whole)
            live = self.readers[path].live
            if live is not None:
                live.spend = self.spend
            return live
        return reading.live

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
                if path not in self.readers and not self.marks.called(path).isdisjoint(names):
                    self._read(path, self.choice.base(path))

    def _small(self) -> list[str]:
        """Members that are likely to be imported first, and cheap to read."""
        base = self.choice.base
        found = [
            path for path, size in self.found.sources.sizes.items() if size <= _SMALL and base(path) is When.IMPORT
        ]
        if len(found) > _MOST_CALLERS:
            found = [path for path in found if path.endswith("/__init__.py")]
        return sorted(found, key=lambda path: (path.count("/"), path))[:_MOST_CALLERS]

    def _note_broken(self, path: str, base: When, parsed: Parsed) -> None:
        """A piece that cannot be parsed counts as unread if it could matter where it stands."""
        for first, text in parsed.broken if base in _FOREMOST else ():
            data = text.encode("utf-8", "replace")
            if prefilter.matters(data, prefilter.hits(data)):
                self.unread.append(f"{path}: from line {first} on, it is no Python that can be parsed")
                return

    def resolve(self, later: Later) -> Value:
        """What a function of another module of the package gives for these arguments; of a text that is set there, the text."""
        module, _, name = later.name.rpartition(".")
        path = self.paths.get(module)
        if path is None:
            return ANY
        if path not in self.readers:
            if self.asked >= _MOST_ASKED or self.found.sources.sizes[path] > 200_000:
                return ANY
            self.asked += 1
        self.following += 1
        try:
            return self._followed(path, name, later)
        finally:
            self.following -= 1

    def _followed(self, path: str, name: str, later: Later) -> Value:
        live = self._live(path) if self._read(path, self.choice.base(path)) is not None else None
        found = live.globals.values.get(name) if live is not None else None
        if found is not None and isinstance(found.const, (str, bytes)):
            return found
        if live is None or found is None or not isinstance(found.local, Function) or found.local in live.stack:
            return ANY
        outer, live.scope = live.scope, live.scope or ELSEWHERE
        try:
            return live.follow(found.local, list(later.arguments), {})
        finally:
            live.scope = outer

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
                if path in self.readers or self.marks.matters(path):
                    self._read(path, When.INSTALL)
                    self.bases[path] = When.INSTALL
                    waiting.append(path)

    def _imported(self) -> None:
        """Modules in folders of tests or documentation that package code imports do run."""
        if When.NEVER in self.bases.values():
            for path in self.choice.reached() & self.bases.keys():
                self.bases[path] = When.IMPORT

    def _facts(self, path: str) -> Module:
        reader, base = self.readers[path], self.bases[path]
        self.unread += [] if base in (When.NEVER, When.CALL) else dict.fromkeys(reader.out.unread)
        calls = settle(reader.out, base, self.times.get(path, {}))
        sinks = [one for one in calls if one.name in CODE_SINKS or one.name in COMMAND_SINKS]
        others = [one for one in calls if one.name not in CODE_SINKS and one.name not in COMMAND_SINKS]
        kept = sorted([*sinks[:300], *others[:200]], key=lambda one: (one.line, one.name, one.depth))
        text = text_of(self.found.sources[path])[:20_000] if base is When.STARTUP else ""
        imports = tuple(sorted(set(reader.out.imports)))[:300]
        shapes = self.choice.traits.get(path, ())
        return Module(path, base, tuple(kept), tuple(reader.out.decoded), imports, text, shapes)

    def _unparsed(self, path: str) -> Module:
        """A member whose shape tells, but that could not be parsed."""
        return Module(path, self.choice.base(path), (), (), (), "", self.choice.traits[path])


def _always(_function: Function) -> bool:
    return True


def _matters(function: Function, lines: list[int] | None) -> bool:
    """Whether a sink may be named inside `function`; only then is it executed with unknown arguments."""
    if lines is None:
        return True
    first, last = function.node.lineno, function.node.end_lineno or function.node.lineno
    position = bisect_left(lines, first)
    return position < len(lines) and lines[position] <= last


def _pth(data: bytes) -> bytes:
    """Only lines that begin with "import" are run by `site`; the others name folders."""
    lines = text_of(data).split("\n")
    return "\n".join(line if _PTH_CODE.match(line) else "" for line in lines).encode("utf-8", "replace")
