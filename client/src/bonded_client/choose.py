"""Which file of a project to take. Pure: the interpreter's tags and version are passed in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from bonded_client.failures import Failure
from bonded_client.page import File, Page


@dataclass(frozen=True, slots=True)
class Wanted:
    """A requirement that names one project. `exact`: pinned by == or ===, so that a yanked release is acceptable."""

    project: str
    specifier: SpecifierSet
    exact: bool


def wanted(text: str) -> Wanted:
    """Read `text` such as `example>=1,<2`. Raises Failure (requirement-invalid); extras and markers are not for us."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise Failure("requirement-invalid", f"{text!r} is not a requirement such as example==1.0.") from error
    if requirement.url or requirement.marker or requirement.extras:
        raise Failure(
            "requirement-invalid", f"{text!r} has a URL, a marker or extras; name a project and versions only."
        )
    pins = [s for s in requirement.specifier if s.operator in {"==", "==="} and not s.version.endswith(".*")]
    return Wanted(canonicalize_name(requirement.name), requirement.specifier, bool(pins))


def release(page: Page, want: Wanted) -> list[File]:
    """The files of the newest release that fits, as PEP 592 says of yanked ones and PEP 440 of pre-releases.

    Raises Failure (project-quarantined, version-unknown).
    """
    if page.status == "quarantined":
        because = f": {page.reason}" if page.reason else ""
        raise Failure("project-quarantined", f"{want.project} is quarantined by its index{because}.")
    candidates = [file for file in page.files if file.yanked is None or want.exact]
    versions = list(want.specifier.filter({file.version for file in candidates}))
    if not versions:
        raise Failure(
            "version-unknown", f"The index has no release of {want.project} that fits {want.specifier or '*'}."
        )
    newest = max(versions)
    return [file for file in candidates if file.version == newest]


def best(files: Iterable[File], tags: Sequence[Tag], python: str) -> File:
    """The wheel with the most specific of `tags`, else the source distribution.

    `python` is the interpreter's version; files that it does not satisfy are left out. Raises Failure (file-unknown).
    """
    rank = {tag: place for place, tag in enumerate(tags)}
    fitting = [file for file in files if _accepts(file, python)]
    ranked = sorted((place, file.filename, file) for file in fitting if (place := _place(file, rank)) is not None)
    if not ranked:
        raise Failure("file-unknown", f"No file of that release is for Python {python} on this machine.")
    return ranked[0][2]


def _accepts(file: File, python: str) -> bool:
    try:
        return SpecifierSet(file.requires_python).contains(python, prereleases=True)
    except InvalidSpecifier:
        return True  # as installers do: an unreadable requirement keeps nobody out


def _place(file: File, rank: dict[Tag, int]) -> int | None:
    if not file.is_wheel:
        return len(rank)
    places = [rank[tag] for tag in parse_wheel_filename(file.filename)[3] if tag in rank]
    return min(places, default=None)
