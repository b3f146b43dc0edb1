"""Files that the read code opens, writes and runs: fetched data that is written and then executed is followed by path."""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from typing import Any, NamedTuple

from bonded.facts import footholds
from bonded.facts.clients import ADDRESS, COPIES_REPOSITORY, FETCHES, SAVES
from bonded.facts.fetching import runs, saved_by
from bonded.facts.known import CHOOSERS, DOWNLOAD_TO_FILE, INTO_FILE, canonical
from bonded.facts.operators import flat
from bonded.facts.outputs import label_of_file
from bonded.facts.partly import shaped
from bonded.facts.state import Recorder, argument
from bonded.facts.value import (
    CHARS,
    CREDENTIALS,
    DATAFILE,
    DECODED,
    DOWNLOADED,
    EMBEDDED,
    ENCRYPTED,
    FILE,
    FOUND,
    GAP,
    NOTHING,
    PRIVATE,
    SOURCES,
    UNKNOWN,
    Value,
    gather,
    reach,
)

OPEN = "open"
JOIN = "join"
"""Marks in `Value.bound`: this is the file opened by path, or the path put together from parts, of its first half."""
_OPENERS = frozenset({"builtins.open", "pathlib.Path().open", "os.fdopen", "tempfile.NamedTemporaryFile", "os.open"})
ARCHIVES = frozenset({"zipfile.ZipFile", "tarfile.open", "tarfile.TarFile"})
"""What is put in one of them is in the file of its path."""
_READERS = frozenset({"read", "read_text", "read_bytes", "readlines", "readline", "read_binary"})
_WRITERS = frozenset({"write", "write_text", "write_bytes", "writelines", "writestr", "add"})
_DATA_READERS = frozenset(
    {
        "pkgutil.get_data",
        "importlib.resources.read_text",
        "importlib.resources.read_binary",
        "pkg_resources.resource_string",
    }
)
_MADE = "/tmp/made"  # noqa: S108 - a word of folded texts, never a path of this machine
_IN_MEMORY = "/proc/self/fd/"
BY_NAME = frozenset({CREDENTIALS, FOUND})
"""What is said of the name of a file that was found in a folder is said of what it holds."""
_COPIERS = frozenset(
    {
        "shutil.copy",
        "shutil.copy2",
        "shutil.move",
        "os.rename",
        "os.replace",
        "shutil.copyfile",
        "os.symlink",
        "os.link",
        "shutil.copytree",
    }
)
_LINKERS = frozenset(
    {"win32com.client.Dispatch().CreateShortCut", "win32com.client.Dispatch().CreateShortcut", "winshell.shortcut"}
)
"""They write a link to the path that they are given."""
_UNPACKERS = frozenset(
    {
        f"{kind}().{verb}"
        for kind in ("zipfile.ZipFile", "tarfile.open", "tarfile.TarFile")
        for verb in ("extractall", "extract")
    }
)
_SAVED_AS = ("filename", "out", "output", "dst", "path", "fname", "to_path", "output_path")
"""Keywords under which functions that fetch are told where to."""
_MOST_FETCHED = 12
WHOLE = ("clones", "unpacks")
"""Say of a step that what was fetched is a whole project or archive."""
_MOST_PROGRAMS = 8
MOST_SCRIPT = 2000
"""Characters that are kept of a script for another interpreter that is written to a file."""
WRITE = "file.write"
"""Under this name a written file is a call: its path and what goes in."""
ERASED = "pathlib.Path().unlink"
"""Under this name it is a call that a path object which was looked for is deleted by its own method."""


class _Sounds(NamedTuple):
    """What a function of another project does, by its own name."""

    fetches: bool
    saves: bool
    copies: bool


@lru_cache(4096)
def _sounds(name: str) -> _Sounds:
    root = name.partition(".")[0]
    ours = root == "builtins" or root in sys.stdlib_module_names
    return _Sounds(
        not ours and FETCHES.search(name) is not None,
        SAVES.search(name) is not None,
        COPIES_REPOSITORY.search(name) is not None,
    )


_ARCHIVER = "shutil.make_archive"
_SOURCE_LIKE = (".py", ".pyi", ".pyw", ".txt", ".cfg", ".toml", ".ini", ".md", ".rst", ".in", ".pyx", ".pth")


class Files(Recorder):
    """What is known about files by their path."""

    def files_of(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        """Note what a call of a named function does to files."""
        target = self._saved_to(name, arguments, keywords)
        if target is not None and COPIES_REPOSITORY.search(name):
            self._whole(target, f"{name} {WHOLE[0]}", node)
        elif target is not None:
            self._reaches(target, Value(labels=frozenset({DOWNLOADED})), node)
            self._write(self.path_key(target), frozenset({DOWNLOADED}), (self.step(node, name),))
        self._unpacked(name, callee, arguments, keywords, node)
        last = name.rpartition(".")[2]
        if name == "os.write" and len(arguments) > 1:
            labels, steps = gather(arguments[1:2])
            self._write(self.file_key(arguments[0]), labels & SOURCES, (*steps, self.step(node, "write to a file")))
        if last in _WRITERS and callee.bound is not None and "()" in name:
            self.method_of_file(callee.bound[0], last, arguments, node)
        if name == "shutil.copyfileobj" and len(arguments) >= 2:
            labels, steps = reach(arguments[0])
            self._write(self.file_key(arguments[1]), labels & SOURCES, steps)
        if name == _ARCHIVER:
            self._packed(arguments, keywords, node)
        if name in _LINKERS and arguments:
            self._reaches(arguments[0], Value(), node)
        if name in _COPIERS and len(arguments) >= 2:
            self._reaches(arguments[1], arguments[0], node)
            known = self.written.get(self.path_key(arguments[0]))
            self._write(self.path_key(arguments[1]), *self._taken_from(arguments[0], name, node))
            if known is not None:
                self._write(self.path_key(arguments[1]), *known)
            elif self._renamed(arguments[0], arguments[1]):
                steps = (self.step(node, f"{name} makes a file of the package a program"),)
                self._write(self.path_key(arguments[1]), frozenset({EMBEDDED}), steps)

    def _taken_from(self, path: Value, name: str, node: ast.AST) -> tuple[frozenset[str], tuple[str, ...]]:
        """What a copy of the file or folder at `path` holds that is private."""
        labels = label_of_file("builtins.open", [path]) & PRIVATE
        return labels, (self.step(node, name),) if labels else ()

    def _packed(self, arguments: list[Value], keywords: dict[str, Value], node: ast.AST) -> None:
        """An archive that is made of a folder holds what was put in there."""
        made = dict(zip(("base_name", "format", "root_dir"), arguments, strict=False)) | keywords
        root, name, sort = (made.get(key, Value()) for key in ("root_dir", "base_name", "format"))
        labels, steps = self._taken_from(root, _ARCHIVER, node)
        where = self.path_key(root)
        for key, (held, way) in self.written.items() if len(where) > 3 else ():
            if f"{key}/".startswith(f"{where}/"):
                labels, steps = labels | held, steps or way
        for key in (f"{self.path_key(name)}.{sort.const}", f"<{_ARCHIVER}>"):
            self._write(key, labels, steps)

    def fetches(self, name: str, every: list[Value]) -> bool:
        """Whether a function of another project fetches what is at the address that it is given, by its own name."""
        return (
            _sounds(name).fetches and not self.world.own(name) and any(ADDRESS.match(shaped(one)) for one in every[:2])
        )

    def _saved_to(self, name: str, arguments: list[Value], keywords: dict[str, Value]) -> Value | None:
        """Where a call saves what it fetches; None where it does not, or where that is not said."""
        if name in DOWNLOAD_TO_FILE:
            named = next((keywords[one] for one in _SAVED_AS if one in keywords), None)
            return (named or arguments[-1]) if len(arguments) + len(keywords) >= 2 else None
        if name in INTO_FILE:
            return arguments[INTO_FILE[name]] if len(arguments) > INTO_FILE[name] else None
        sounds = _sounds(name)
        if not (sounds.saves or sounds.copies):
            return None
        every = [*arguments, *keywords.values()]
        saves = sounds.saves and self.fetches(name, every)
        if not saves and not (sounds.copies and any(ADDRESS.match(shaped(one)) for one in every[:2])):
            return None
        named = next((keywords[one] for one in _SAVED_AS if one in keywords), None)
        at = next((place for place, one in enumerate(arguments) if ADDRESS.match(shaped(one))), len(arguments))
        return named or (arguments[at + 1] if len(arguments) > at + 1 else None)

    def _whole(self, target: Value, how: str, node: ast.AST) -> None:
        """A project or an archive that was fetched lies in a folder: whatever is in there was fetched."""
        where = self.path_key(target)
        if len(where) > 3 and len(self.fetched) < _MOST_FETCHED:
            self.fetched.setdefault(where, self.step(node, f"{how} {where[:80]}"))

    def _unpacked(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        """What an archive holds came from where the archive did."""
        if name == "shutil.unpack_archive" and arguments:
            archive, target = arguments[0], (arguments[1:] or [keywords.get("extract_dir", Value())])[0]
        elif name in _UNPACKERS and callee.bound is not None and callee.bound[0].bound is not None:
            archive, target = callee.bound[0].bound[0], (arguments or [keywords.get("path", Value())])[0]
        else:
            return
        labels, _ = self.written.get(self.path_key(archive), (NOTHING, ()))
        own, _ = gather((archive,))
        where = self.path_key(target)
        if DOWNLOADED in labels | own:
            self._whole(target, f"{name} {WHOLE[1]}", node)
        elif len(where) > 3 and self.is_member(archive):
            locked = DECODED if any(keywords.get(one, Value()).known for one in ("pwd", "password")) else EMBEDDED
            self._write(where, frozenset({locked}), (self.step(node, f"{name} unpacks a file of the package"),))

    def is_member(self, path: Value) -> bool:
        """Whether a path is that of a file of the archive: it is put together from the place of the code."""
        where = flat(path)
        if not isinstance(where, str):
            where = path.shape
        return self.placed and where.startswith(f"/{self.path.partition('/')[0]}/")

    def _renamed(self, path: Value, target: Value) -> bool:
        """Whether a file of the package that is data by its name becomes machine code by another name."""
        disguised = shaped(path).lower().endswith(_DATA) and shaped(target).lower().endswith(_NATIVE)
        return disguised and self.is_member(path)

    def fetched_by(self, line: str, node: ast.AST) -> None:
        """Note what a command line fetches into files."""
        verb = WHOLE[0] if "clone" in line else "fetches"
        for path in saved_by(line):
            if len(path) > 3 and len(self.fetched) < _MOST_FETCHED:
                self.fetched.setdefault(path, self.step(node, f"a command {verb} {path[:80]}"))

    def of_fetched(self, line: str) -> str:
        """The step that fetched what the command line runs; "" where nothing is known of that."""
        return next((step for path, step in self.fetched.items() if runs(line, path)), "")

    def method_of_file(self, base: Value, name: str, arguments: list[Value], node: ast.AST) -> None:
        """`f.write(x)`: what was written is remembered under the file's path."""
        if name in _WRITERS and arguments:
            labels, steps = gather(arguments)
            if labels & (SOURCES | PRIVATE):
                kept = labels & (SOURCES | PRIVATE) | ({DECODED} if labels >= {"xor", CHARS, FILE} else NOTHING)
                self._write(self.file_key(base), kept, (*steps, self.step(node, f"{name} to a file")))
            if base.bound is not None and base.bound[1] == OPEN:
                base = base.bound[0] if not any("Temporary" in one for one in base.names) else base
            self._reaches(base, arguments[0], node)
            self._program(self.path_key(base), arguments[0], node)

    def _reaches(self, path: Value, content: Value, node: ast.AST) -> None:
        """Note a file that is written where programs start by themselves, that is machine code or unfolded Python, or that was
        looked for in somebody's folders; or that is written back encrypted, and that nobody chose by its name."""
        where = shaped(path)
        fetched = gather([content])[0] & {DOWNLOADED, DECODED} and where.lower().endswith(footholds.PROGRAMS)
        chosen = bool(path.names) and all(one.startswith(CHOOSERS) for one in path.names)
        taken = gather([content])[0] >= {ENCRYPTED, FILE} and flat(path) is UNKNOWN and not chosen
        hidden = DECODED in content.labels and footholds.program(flat(content)) is not None
        if (
            footholds.kind_of_path(where)
            or footholds.is_disk(where)
            or footholds.is_native(flat(content))
            or fetched
            or taken
            or hidden
            or FOUND in path.labels
        ):
            self.record(WRITE, node, [argument(path), argument(content)], hidden=False)

    def _program(self, key: str, content: Value, node: ast.AST) -> None:
        """Remember a program that stands in the source as a text, and is written to a file."""
        text = footholds.program(flat(content))
        if text is not None and key:
            self._write(key, frozenset({EMBEDDED}), (self.step(node, "a program is written to a file"),))
            if text and footholds.is_script(text):
                self.record(WRITE, node, [argument(Value(key)), argument(content, most=MOST_SCRIPT)], hidden=False)
            if len(self.programs) < _MOST_PROGRAMS:
                self.programs.setdefault(key, text)

    def _write(self, key: str, labels: frozenset[str], steps: tuple[str, ...]) -> None:
        if key and labels:
            old, way = self.written.get(key, (NOTHING, ()))
            self.written[key] = old | labels, way or steps

    def opened(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """The value of `open(path)`, `get_data(package, name)` and their like; None for other functions."""
        if name in ("tempfile.mkstemp", "os.memfd_create"):
            made = Value(_MADE if name.startswith("temp") else _IN_MEMORY)
            opened = Value(names=(f"{name}()",), bound=(made, OPEN))
            return Value(items=(opened, made)) if name.startswith("temp") else opened
        if name in _OPENERS:
            path = arguments[0] if arguments else keywords.get("file", Value())
            base = callee.bound[0] if callee.bound and name.startswith("pathlib") else path
            if name == "os.fdopen" and base.bound is not None and base.bound[1] == OPEN:
                base = base.bound[0]  # a descriptor stands for the file that was opened
            if _for_writing(name, arguments, keywords):
                self._reaches(base, Value(), node)
            key = self.path_key(base)
            labels, steps = self.written.get(key, (NOTHING, ()))
            labels |= label_of_file("builtins.open", [base]) | (base.labels & BY_NAME)
            return Value(names=(f"{name}()",), labels=labels | {FILE}, bound=(base, OPEN), steps=steps)
        if name in _DATA_READERS and len(arguments) >= 2:
            return self._content(arguments[1], text="text" in name)
        return None

    def read(self, base: Value, method: str) -> Value | None:
        """The value of `f.read()`, where `f` was opened by the code; None for other objects."""
        if method not in _READERS:
            return None
        for name in base.names:
            if canonical(name).removesuffix("()") in _OPENERS and base.bound and base.bound[1] == OPEN:
                found = self._content(base.bound[0], text=method != "read_binary")
                return found.labelled(base.labels, *base.steps)
        if method.startswith("read_") and (
            isinstance(base.const, str) or base.shape or any("resources.files" in n for n in base.names)
        ):
            labels, steps = self.written.get(self.path_key(base), (NOTHING, ()))
            labels |= label_of_file("builtins.open", [base]) | (base.labels & BY_NAME)
            return self._content(base, text=method == "read_text").labelled(labels, *steps)
        return None

    def _content(self, path: Value, *, text: bool) -> Value:
        """What a file of the package itself holds, if the path is known and the archive has it."""
        where = flat(path)
        if not isinstance(where, str):
            where = next((one.const for one in path.items or () if isinstance(one.const, str)), "")
        data = self.world.data(where.rpartition("/")[2]) if where else None
        labels = frozenset({FILE})
        if where and not where.lower().endswith(_SOURCE_LIKE) and "." in where.rpartition("/")[2]:
            labels |= {DATAFILE, DECODED} if where.lower().endswith(_MEDIA) else {DATAFILE}
        if data is None or not self.spend.fold(len(data)):
            return Value(labels=labels)
        const: Any = data
        if text:
            try:
                const = data.decode("utf-8")
            except UnicodeDecodeError:
                const = UNKNOWN
        return Value(const, labels=labels, steps=(f"file {where.rpartition('/')[2]}",))

    def with_written(self, value: Value) -> Value:
        """`value`, with the labels of what was written to the path that it names."""
        if not self.written:
            return value
        extra: frozenset[str] = NOTHING
        steps: tuple[str, ...] = ()
        for one in (value, *(value.items or ())[:20]):
            labels, way = self._written_at(self.path_key(one))
            extra, steps = extra | labels, steps or way
        text = flat(value)
        text = value.shape if text is UNKNOWN else text
        if isinstance(text, str) and text:
            for key, (labels, way) in self.written.items():
                if len(key) > 3 and key in text:
                    extra, steps = extra | labels, steps or way
        return value.labelled(extra, *steps) if extra else value

    def _written_at(self, key: str) -> tuple[frozenset[str], tuple[str, ...]]:
        """What was written to a path, or unpacked into a folder above it."""
        found = self.written.get(key)
        if found is not None or "/" not in key:
            return found or (NOTHING, ())
        return next((held for folder, held in self.written.items() if key.startswith(f"{folder}/")), (NOTHING, ()))

    def path_key(self, value: Value) -> str:
        """What a path is known by: its text, or the names that it was computed from."""
        text = flat(value)
        if isinstance(text, str):
            return text.removeprefix("./")
        if value.names == ("os.memfd_create()",):
            return _IN_MEMORY
        if value.shape.startswith(_IN_MEMORY):
            return _IN_MEMORY
        if value.bound is not None and value.bound[1] == JOIN:
            parts = [self.path_key(one) for one in value.bound[0].items or ()]
            return "/".join(part or "?" for part in parts) if any(len(part) > 3 for part in parts) else ""
        if len(value.shape.strip(GAP)) > 6:
            return value.shape
        if any(name.startswith("os.path.join") for name in value.names):
            return ""
        return next((f"<{name.removesuffix('.name').removesuffix('()')}>" for name in value.names), "")

    def file_key(self, value: Value) -> str:
        """The path key of an opened file, or of a path object."""
        if value.bound is not None and value.bound[1] == OPEN and not any("Temporary" in name for name in value.names):
            return self.path_key(value.bound[0])
        return self.path_key(value)


_MEDIA = (
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".ico", ".webp", ".svgz", ".wav", ".mp3", ".ogg", ".flac", ".mp4"),
    *(".ttf", ".otf", ".woff", ".woff2", ".pdf", ".npy", ".mo"),
)
"""Pictures, sounds, fonts and their like: a program in one of them was hidden there."""
_DATA = (*_MEDIA, ".csv", ".dat", ".db", ".ini", ".json", ".log", ".md", ".py", ".tmp", ".txt", ".xml")
"""Ends of the names of what nobody runs: a program of a platform may well be shipped under a name of its own."""
_NATIVE = (".exe", ".dll", ".scr", ".cpl", ".com", ".pif")


def _for_writing(name: str, arguments: list[Value], keywords: dict[str, Value]) -> bool:
    mode = keywords.get("mode") or (
        arguments[0 if name.startswith("pathlib") else 1] if len(arguments) > 1 else Value("r")
    )
    return isinstance(mode.const, str) and any(one in mode.const for one in "wax+")
