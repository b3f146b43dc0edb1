"""Files that the read code opens, writes and runs: fetched data that is written and then executed is followed by path."""

from __future__ import annotations

import ast
from typing import Any

from bonded.facts import footholds
from bonded.facts.fetching import runs, saved_by
from bonded.facts.known import DOWNLOAD_TO_FILE, canonical
from bonded.facts.operators import flat
from bonded.facts.outputs import label_of_file
from bonded.facts.partly import shaped
from bonded.facts.state import Recorder, argument
from bonded.facts.value import (
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
_MOST_FETCHED = 12
WHOLE = ("clones", "unpacks")
"""Say of a step that what was fetched is a whole project or archive."""
_MOST_PROGRAMS = 8
WRITE = "file.write"
"""Under this name a written file is a call: its path and what goes in."""
_SOURCE_LIKE = (".py", ".pyi", ".pyw", ".txt", ".cfg", ".toml", ".ini", ".md", ".rst", ".in", ".pyx", ".pth")


class Files(Recorder):
    """What is known about files by their path."""

    def files_of(
        self, name: str, callee: Value, arguments: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        """Note what a call of a named function does to files."""
        if name in DOWNLOAD_TO_FILE and len(arguments) + len(keywords) >= 2:
            target = keywords.get("filename") or keywords.get("out") or arguments[-1]
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
        if name in _LINKERS and arguments:
            self._reaches(arguments[0], Value(), node)
        if name in _COPIERS and len(arguments) >= 2:
            self._reaches(arguments[1], arguments[0], node)
            known = self.written.get(self.path_key(arguments[0]))
            if known is not None:
                self._write(self.path_key(arguments[1]), *known)

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
        if DOWNLOADED in labels | own and len(where) > 3 and len(self.fetched) < _MOST_FETCHED:
            self.fetched.setdefault(where, self.step(node, f"{name} {WHOLE[1]} {where[:80]}"))

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
                kept = labels & (SOURCES | PRIVATE)
                self._write(self.file_key(base), kept, (*steps, self.step(node, f"{name} to a file")))
            if base.bound is not None and base.bound[1] == OPEN:
                base = base.bound[0] if not any("Temporary" in one for one in base.names) else base
            self._reaches(base, arguments[0], node)
            self._program(self.path_key(base), arguments[0], node)

    def _reaches(self, path: Value, content: Value, node: ast.AST) -> None:
        """Note a file that is written where programs start by themselves, or that is machine code or unfolded Python."""
        where = shaped(path)
        fetched = gather([content])[0] & {DOWNLOADED, DECODED} and where.lower().endswith(footholds.PROGRAMS)
        taken = gather([content])[0] >= {ENCRYPTED, FILE} and flat(path) is UNKNOWN
        hidden = DECODED in content.labels and footholds.program(flat(content)) is not None
        if (
            footholds.kind_of_path(where)
            or footholds.is_disk(where)
            or footholds.is_native(flat(content))
            or fetched
            or taken
            or hidden
        ):
            self.record(WRITE, node, [argument(path), argument(content)], hidden=False)

    def _program(self, key: str, content: Value, node: ast.AST) -> None:
        """Remember a program that stands in the source as a text, and is written to a file."""
        text = footholds.program(flat(content))
        if text is not None and key:
            self._write(key, frozenset({EMBEDDED}), (self.step(node, "a program is written to a file"),))
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
            if _for_writing(name, arguments, keywords):
                self._reaches(base, Value(), node)
            key = self.path_key(base)
            labels, steps = self.written.get(key, (NOTHING, ()))
            labels |= label_of_file("builtins.open", [base]) | (base.labels & {FOUND})
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
            isinstance(base.const, str) or any("resources.files" in n for n in base.names)
        ):
            labels, steps = self.written.get(self.path_key(base), (NOTHING, ()))
            labels |= label_of_file("builtins.open", [base]) | (base.labels & {FOUND})
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
            labels |= {DATAFILE}
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
            labels, way = self.written.get(self.path_key(one), (NOTHING, ()))
            extra, steps = extra | labels, steps or way
        text = flat(value)
        text = value.shape if text is UNKNOWN else text
        if isinstance(text, str) and text:
            for key, (labels, way) in self.written.items():
                if len(key) > 3 and key in text:
                    extra, steps = extra | labels, steps or way
        return value.labelled(extra, *steps) if extra else value

    def path_key(self, value: Value) -> str:
        """What a path is known by: its text, or the names that it was computed from."""
        text = flat(value)
        if isinstance(text, str):
            return text
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


def _for_writing(name: str, arguments: list[Value], keywords: dict[str, Value]) -> bool:
    mode = keywords.get("mode") or (
        arguments[0 if name.startswith("pathlib") else 1] if len(arguments) > 1 else Value("r")
    )
    return isinstance(mode.const, str) and any(one in mode.const for one in "wax+")
