"""Packages in exact versions: those of an environment. `pinned` reads those of a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageMetadata, distributions
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bonded_client.interpreter import Interpreter
from bonded_client.licences import NONE, Licence, licence


@dataclass(frozen=True, slots=True)
class Package:
    """A package in one version. `name` is normalized, `spelled` as its author writes it.

    `requires` is None where nobody knows; `extras` are those that are asked for; `hashes` are of the archive that it comes
    from, where that is known: (algorithm, hex). `local`: from a folder or a repository, so no index says anything of it.
    """

    name: str
    spelled: str
    version: Version
    requires: tuple[Requirement, ...] | None = None
    licence: Licence = NONE
    extras: frozenset[str] = frozenset()
    hashes: tuple[tuple[str, str], ...] = ()
    local: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """`packages` by normalized name; `notes`: sentences on what could not be read."""

    packages: dict[str, Package]
    notes: tuple[str, ...] = ()


def installed(python: Interpreter) -> Found:
    """The packages of an environment, read from their metadata; nothing of them is run."""
    packages: dict[str, Package] = {}
    notes: list[str] = []
    for one in distributions(path=list(python.paths)):
        try:
            package = _package(one)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            notes.append(f"A package has metadata that cannot be read, and was left out: {_where(one)} ({error}).")
            continue
        packages.setdefault(package.name, package)  # the first on the path is the one that is imported
    return Found(dict(sorted(packages.items())), tuple(notes))


def requirements(lines: Iterable[str]) -> tuple[Requirement, ...]:
    """Those of `lines` (Requires-Dist) that can be read; installers leave the others out too."""
    found = []
    for line in lines:
        try:
            found.append(Requirement(line))
        except InvalidRequirement:
            continue
    return tuple(found)


def _package(one: Distribution) -> Package:
    fields = one.metadata
    name, version = _field(fields, "Name"), _field(fields, "Version")
    if not name or not version:
        raise ValueError("it has no name or no version")
    try:
        number = Version(version)
    except InvalidVersion as error:
        raise ValueError(f"{name} has the version {version!r}, which PEP 440 does not know") from error
    local, hashes = _origin(one)
    return Package(
        canonicalize_name(name),
        name,
        number,
        requirements(one.requires or ()),
        licence(_field(fields, "License-Expression"), fields.get_all("Classifier") or (), _field(fields, "License")),
        hashes=hashes,
        local=local,
    )


def _field(fields: PackageMetadata, name: str) -> str | None:
    return next(iter(fields.get_all(name) or ()), None)


def _origin(one: Distribution) -> tuple[bool, tuple[tuple[str, str], ...]]:
    """Whether it comes from a folder or a repository, and the hashes of its archive (PEP 610)."""
    text = one.read_text("direct_url.json")
    if not text:
        return False, ()
    said: Any = json.loads(text)
    archive = said.get("archive_info")
    if not isinstance(archive, Mapping):
        return True, ()
    hashes = archive.get("hashes") or dict([archive["hash"].split("=", 1)] if archive.get("hash") else [])
    return False, tuple(sorted((str(kind), str(value)) for kind, value in hashes.items()))


def _where(one: Distribution) -> str:
    path = getattr(one, "_path", None)  # the only place that says which one it is, when its metadata does not
    return getattr(path, "name", "") or "one without a name"
