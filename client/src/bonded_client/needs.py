"""Who needs whom: the requirements that hold in an environment, by its markers and the extras that are asked for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bonded_client.packages import Package


@dataclass(frozen=True, slots=True)
class Need:
    """Package `by` requires `requirement`, which is about the package `of` (both names normalized)."""

    by: str
    of: str
    requirement: Requirement

    def __str__(self) -> str:
        return f"{self.by} needs {self.requirement.name}{self.requirement.specifier or ''}"

    def met(self, packages: Mapping[str, Package]) -> bool:
        """Whether the package that is there will do; one that is not there does not."""
        found = packages.get(self.of)
        return found is not None and self.requirement.specifier.contains(found.version, prereleases=True)


def needs(packages: Mapping[str, Package], environment: Mapping[str, str]) -> list[Need]:
    """All that hold, sorted by both names. Extras count when a package that is there, or the file, asks for them."""
    extras: dict[str, set[str]] = {
        name: set(map(canonicalize_name, package.extras)) for name, package in packages.items()
    }
    while True:
        found = [need for name, package in packages.items() for need in _of(name, package, extras[name], environment)]
        if not _asked(found, extras):
            return sorted(set(found), key=lambda need: (need.by, need.of, str(need.requirement)))


def _of(name: str, package: Package, extras: Iterable[str], environment: Mapping[str, str]) -> Iterable[Need]:
    for requirement in package.requires or ():
        if any(_holds(requirement, environment, extra) for extra in ("", *extras)):
            yield Need(name, canonicalize_name(requirement.name), requirement)


def _holds(requirement: Requirement, environment: Mapping[str, str], extra: str) -> bool:
    if requirement.marker is None:
        return True
    try:
        return requirement.marker.evaluate({**environment, "extra": extra})
    except (UndefinedComparison, UndefinedEnvironmentName):
        return True  # what nobody can evaluate may hold: a constraint too many does no harm


def _asked(found: Iterable[Need], extras: dict[str, set[str]]) -> bool:
    """Add the extras that `found` asks for to `extras`; whether there were new ones."""
    new = False
    for need in found:
        wanted = {canonicalize_name(extra) for extra in need.requirement.extras}
        if need.of in extras and not wanted <= extras[need.of]:
            extras[need.of] |= wanted
            new = True
    return new
