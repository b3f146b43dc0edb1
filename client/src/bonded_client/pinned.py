"""Packages in exact versions as files have them: requirements as pip reads them, or pylock.toml (PEP 751).

A line that cannot be read as one exact version is refused, not guessed: nothing may be left out silently. `rewritten` changes
the lines of some packages and no other character.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.markers import Environment, UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import (
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
    PylockValidationError,
    is_valid_pylock_path,
)
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bonded_client.failures import Failure
from bonded_client.interpreter import Interpreter
from bonded_client.packages import Found, Package

LARGEST = 16 * 1024 * 1024
_HASH = re.compile(r"--hash[=\s]\s*([A-Za-z0-9_]+):([0-9A-Fa-f]+)")
_COMMENT = re.compile(r"(^|\s+)#.*$")
_GLOBAL = re.compile(
    r"(-i|-f|--index-url|--extra-index-url|--no-index|--find-links|--pre|--prefer-binary|--only-binary|--no-binary"
    r"|--require-hashes|--trusted-host|--use-feature)([\s=]|$)"
)
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement: physical lines `first` to before `end`, counted from 0. `applies`: its marker is true here."""

    first: int
    end: int
    package: Package
    applies: bool


@dataclass(frozen=True, slots=True)
class PinnedFile:
    """`text` as it is in the file; `lines` are empty for a pylock.toml. `hashed`: its lines carry hashes."""

    text: str
    lines: tuple[Line, ...]
    found: Found
    hashed: bool


def read(path: Path, python: Interpreter) -> PinnedFile:
    """The packages that the file at `path` pins for `python`. Raises Failure (requirements-invalid, disk)."""
    try:
        if path.stat().st_size > LARGEST:
            raise Failure("requirements-invalid", f"{path} is longer than {LARGEST >> 20} MB.")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise Failure("disk", f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Failure("requirements-invalid", f"{path} is not text in UTF-8.") from error
    if is_valid_pylock_path(path):
        return _pylock(path, text, python)
    lines = tuple(_lines(path, text, python.environment))
    skipped = sum(not line.applies for line in lines)
    notes = (f"{skipped} lines of {path} are for other environments, and were not looked at.",) if skipped else ()
    return PinnedFile(text, lines, Found(_once(path, lines), notes), any(line.package.hashes for line in lines))


def rewritten(file: PinnedFile, moves: Mapping[str, tuple[Version, Sequence[str]]]) -> str:
    """The text with other versions: `moves` has for each package the version and the sha256 of its files.

    Hashes are written only where the file has hashes: in pip, one line with hashes asks for them on all.
    """
    mark = "\ufeff" if file.text.startswith("\ufeff") else ""
    rows = file.text.removeprefix(mark).splitlines(keepends=True)
    for line in reversed(file.lines):
        if line.applies and line.package.name in moves:
            version, hashes = moves[line.package.name]
            old = "".join(rows[line.first : line.end])
            rows[line.first : line.end] = [_moved(old, version, hashes if file.hashed else ())]
    return mark + "".join(rows)


def line(name: str, version: Version, hashes: Iterable[str]) -> str:
    """A requirement of one version with the sha256 of its files, with its line end."""
    return " \\\n".join([f"{name}=={version}", *(f"{_INDENT}--hash=sha256:{one}" for one in sorted(hashes))]) + "\n"


def _moved(old: str, version: Version, hashes: Sequence[str]) -> str:
    """One requirement, which may be of several lines, in another version. Its last line's comment stays."""
    rows = old.splitlines()  # as pip splits them
    ending = old.splitlines(keepends=True)[-1][len(rows[-1]) :]
    newline = "\r\n" if "\r\n" in old else "\n"
    bare = " ".join(row.removesuffix("\\").rstrip() for row in rows)
    comment = _COMMENT.search(bare)
    head = _HASH.sub("", bare[: comment.start()] if comment else bare).rstrip()
    head = re.sub(r"(===?\s*)" + re.escape(_written(head)), lambda found: found[1] + str(version), head, count=1)
    parts = [head, *(f"{_INDENT}--hash=sha256:{one}" for one in sorted(hashes))]
    tail = f"  {comment[0].strip()}" if comment else ""
    return f" \\{newline}".join(parts) + tail + ending


def _written(head: str) -> str:
    """The version as the line has it."""
    (pin,) = Requirement(_requirement(head)).specifier
    return pin.version


def _lines(path: Path, text: str, environment: Mapping[str, str]) -> Iterator[Line]:
    rows = text.removeprefix("\ufeff").splitlines()
    at = 0
    while at < len(rows):
        first, joined = at, rows[at]
        at += 1
        while joined.endswith("\\") and at < len(rows) and not rows[at].lstrip().startswith("#"):
            joined = joined[:-1] + " " + rows[at]
            at += 1
        bare = _COMMENT.sub("", joined.removesuffix("\\")).strip()
        if bare and not _GLOBAL.match(bare):
            package, applies = _package(path, first + 1, bare, environment)
            yield Line(first, at, package, applies)


def _package(path: Path, number: int, bare: str, environment: Mapping[str, str]) -> tuple[Package, bool]:
    where = f"Line {number} of {path}"
    if re.match(r"(-r|-c|--requirement|--constraint)\b", bare):
        raise Failure("requirements-invalid", f"{where} names another file; give each file by itself.")
    try:
        asked = Requirement(_requirement(bare))
        (pin,) = asked.specifier
        if asked.url or pin.operator not in {"==", "==="}:
            raise ValueError(pin)
        version = Version(pin.version)
        applies = asked.marker is None or asked.marker.evaluate({**environment, "extra": ""})
    except (InvalidRequirement, InvalidVersion, ValueError) as error:
        raise Failure("requirements-invalid", f"{where} is no exact version such as example==1.0: {bare}.") from error
    except (UndefinedComparison, UndefinedEnvironmentName) as error:
        raise Failure("requirements-invalid", f"{where} has a marker that cannot be evaluated: {bare}.") from error
    hashes = tuple((kind.lower(), value.lower()) for kind, value in _HASH.findall(bare))
    name = canonicalize_name(asked.name)
    return Package(name, asked.name, version, extras=frozenset(asked.extras), hashes=hashes), applies


def _requirement(bare: str) -> str:
    """A line without the options behind its requirement."""
    return re.split(r"\s--", bare, maxsplit=1)[0].strip()


def _once(path: Path, lines: Sequence[Line]) -> dict[str, Package]:
    packages: dict[str, Package] = {}
    for line in lines:
        if line.applies and packages.setdefault(line.package.name, line.package).version != line.package.version:
            raise Failure("requirements-invalid", f"{path} pins {line.package.name} in two versions for this Python.")
    return dict(sorted(packages.items()))


def _pylock(path: Path, text: str, python: Interpreter) -> PinnedFile:
    try:
        locked = Pylock.from_dict(tomllib.loads(text))
        chosen = list(locked.select(environment=cast("Environment", python.environment), tags=python.tags))
    except (PylockValidationError, PylockSelectError, ValueError, RecursionError) as error:
        raise Failure(
            "requirements-invalid", f"{path} is not a lock file for this Python (PEP 751): {error}."
        ) from error
    packages: dict[str, Package] = {}
    notes: list[str] = []
    for package, origin in chosen:
        if package.version is None:
            notes.append(f"{package.name} has no version in {path}, and was left out.")
            continue
        hashes = origin.hashes if isinstance(origin, PackageWheel | PackageSdist | PackageArchive) else {}
        known = tuple(sorted((str(kind), str(value).lower()) for kind, value in hashes.items()))
        local = not isinstance(origin, PackageWheel | PackageSdist | PackageArchive)
        packages[package.name] = Package(package.name, package.name, package.version, hashes=known, local=local)
    return PinnedFile(text, (), Found(dict(sorted(packages.items())), tuple(notes)), hashed=True)
