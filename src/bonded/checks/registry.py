"""Finding checks: one folder each beside this file, and those from outside, which `checks.outside` knows about."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from bonded import checks as room
from bonded import facts as facts_room
from bonded.checks.kit import Check
from bonded.checks.outside import outside
from bonded.facts.model import FACTS_VERSION

_DATA = (".py", ".txt", ".toml", ".json")


class BadCheck(Exception):
    """A folder that declares no check, or one whose name another has already."""


def discover() -> tuple[Check, ...]:
    """All checks, ours and those from outside, sorted by name. Raises BadCheck for ours only."""
    more = outside().checks
    return built_in() if not more else tuple(sorted((*built_in(), *more), key=lambda one: one.name))


@cache
def built_in() -> tuple[Check, ...]:
    """Our own checks, sorted by name. Raises BadCheck."""
    found: dict[str, Check] = {}
    for module in _own_modules():
        one = load(module)
        if one.name in found:
            raise BadCheck(f"two checks are called {one.name}: {found[one.name].module} and {module}")
        found[one.name] = one
    return tuple(found[name] for name in sorted(found))


def load(module: str) -> Check:
    """The check that `module` declares. Raises BadCheck when it declares none or more than one."""
    declared = [one for one in vars(importlib.import_module(module)).values() if isinstance(one, Check)]
    if len(declared) != 1:
        raise BadCheck(f"{module} declares {len(declared)} checks, not one")
    return declared[0]


def folder_of(one: Check) -> Path:
    """The folder of a check's code, samples and data."""
    if one.folder:
        return Path(one.folder)
    file = importlib.import_module(one.module).__file__
    assert file is not None
    return Path(file).parent


def by_name(name: str) -> Check | None:
    """The check called `name`."""
    return next((one for one in discover() if one.name == name), None)


def _own_modules() -> list[str]:
    return [
        f"{room.__name__}.{info.name}.check"
        for info in pkgutil.iter_modules(room.__path__)
        if info.ispkg and (Path(room.__path__[0]) / info.name / "check.py").is_file()
    ]


@cache
def facts_rules() -> str:
    """A hash of the code that makes facts: with other code, the same check may find something else."""
    return _digest([f"facts {FACTS_VERSION}".encode(), *_contents(Path(facts_room.__path__[0]))])


@cache
def kit_rules() -> str:
    """A hash of the kit that all checks stand on."""
    return _digest(_contents(Path(room.__path__[0]), deep=False))


@cache
def rules_of(one: Check) -> str:
    """A hash of everything that decides what a check finds: its version, code and data, the kit, and the facts."""
    declared = f"{one.name} {one.version} {one.severity}".encode()
    if one.rules:
        return _digest([declared, facts_rules().encode(), kit_rules().encode(), one.rules.encode()])
    return _digest([declared, facts_rules().encode(), kit_rules().encode(), *_contents(folder_of(one), deep=False)])


def rules_hash(checks: Iterable[Check], configuration: str = "") -> str:
    """A hash of all checks in force and of the configuration that judges what they find."""
    return _digest([*(rules_of(one).encode() for one in checks), configuration.encode()])


def _contents(folder: Path, *, deep: bool = True) -> list[bytes]:
    files = sorted(folder.rglob("*") if deep else folder.glob("*"))
    return [file.name.encode() + b"\0" + file.read_bytes() for file in files if file.suffix in _DATA]


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]
