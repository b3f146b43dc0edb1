"""What the index says of releases: whether they are signed, their files, their requirements, their known vulnerabilities.

Pages, and the metadata of files by the hash in them, are verified through TUF. Vulnerabilities are not signed (`known`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name
from packaging.version import Version
from tuf.api import exceptions

from bonded_client import choose
from bonded_client.decode import ACCEPTED
from bonded_client.download import check_own_target, project_page
from bonded_client.failures import Failure
from bonded_client.interpreter import Interpreter
from bonded_client.known import Vulnerability, vulnerabilities
from bonded_client.licences import licence
from bonded_client.needs import Need
from bonded_client.packages import Package, requirements
from bonded_client.page import LARGEST_METADATA, File, Page
from bonded_client.plan import Offer
from bonded_client.trust import Trust


class Standing(StrEnum):
    """How a release stands with the index."""

    SIGNED = "signed"
    YANKED = "yanked"
    QUARANTINED = "quarantined"
    RELEASE_UNKNOWN = "release-unknown"
    PROJECT_UNKNOWN = "project-unknown"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Release:
    """`files` as the signed page has them. `known` is None where the index cannot say."""

    standing: Standing
    files: tuple[File, ...] = ()
    known: tuple[Vulnerability, ...] | None = None


class Releases:
    """Asks the index, once for each project. Use under `alone(folder)`, as the trust that it has."""

    def __init__(self, trust: Trust, python: Interpreter, *, own_targets: bool) -> None:
        self._trust, self._python, self._own = trust, python, own_targets
        self._pages: dict[str, Page | None] = {}

    def of(self, package: Package) -> Release:
        """What the index says of a package. Raises Failure, or python-tuf's errors."""
        if package.local:
            return Release(Standing.LOCAL)
        page = self._page(package.name)
        if page is None:
            return Release(Standing.PROJECT_UNKNOWN)
        if page.status == "quarantined":
            return Release(Standing.QUARANTINED)
        files = tuple(file for file in page.files if file.version == package.version)
        if not files:
            return Release(Standing.RELEASE_UNKNOWN)
        self._vouched(package.name, files)
        yanked = all(file.yanked is not None for file in files)
        return Release(Standing.YANKED if yanked else Standing.SIGNED, files, self._known(package.name, files[0]))

    def offers(self, package: Package) -> Iterator[Offer]:
        """The later releases without known vulnerabilities that this Python can install, lowest first.

        Yanked ones are left out, and pre-releases where the package is none now.
        """
        page = self._page(package.name)
        for version in sorted({file.version for file in page.files} if page else ()):
            early = version.is_prerelease and not package.version.is_prerelease
            if version <= package.version or early:
                continue
            best = self._best(self._standing(package.name, version))
            if best is not None and self._known(package.name, best) == ():
                yield Offer(version, self._described(package, best).requires)

    def newest(self, need: Need) -> Package | None:
        """The newest release without known vulnerabilities that this Python can install and `need` takes, if there is one."""
        page = self._page(need.of)
        versions = {file.version for file in page.files if file.yanked is None} if page else set()
        for version in sorted(need.requirement.specifier.filter(versions), reverse=True):
            best = self._best(self._standing(need.of, version))
            if best is not None and self._known(need.of, best) == ():
                return self._described(Package(need.of, need.requirement.name, version), best)
        return None

    def files(self, project: str, version: Version) -> list[File]:
        """The files of a release that are not yanked. Raises Failure, or python-tuf's errors."""
        files = self._standing(project, version)
        self._vouched(project, files)
        return files

    def _standing(self, project: str, version: Version) -> list[File]:
        page = self._page(project)
        return [file for file in page.files if file.version == version and file.yanked is None] if page else []

    def _vouched(self, project: str, files: Iterable[File]) -> None:
        """Compare the files with their own targets, where that is asked for. Raises Failure (mixed-versions)."""
        for file in files if self._own else ():
            self._trust.steadily(partial(check_own_target, self._trust, project, file))

    def described(self, package: Package) -> Package:
        """A package of a file, with its requirements and licence as the index has them, where it has them."""
        page = None if package.local else self._page(package.name)
        files = [file for file in page.files if file.version == package.version] if page else []
        best = self._best(files)
        return package if best is None else self._described(package, best)

    def _described(self, package: Package, file: File) -> Package:
        if not file.metadata:
            return replace(package, requires=None)
        raw, _ = parse_email(self._trust.steadily(lambda: self._metadata(file)))
        return replace(
            package,
            spelled=_spelled(raw.get("name", ""), package),
            requires=requirements(raw.get("requires_dist", ())),
            licence=licence(raw.get("license_expression"), raw.get("classifiers", ()), raw.get("license")),
        )

    def _metadata(self, file: File) -> bytes:
        """The core metadata of a file (PEP 658), which its page has the hash of."""
        url = f"{file.url}.metadata"
        data = b"".join(self._trust.fetcher.stream(url, LARGEST_METADATA, ACCEPTED))
        if hashlib.sha256(data).hexdigest() != file.metadata:
            raise exceptions.LengthOrHashMismatchError(url)
        return data

    def _best(self, files: list[File]) -> File | None:
        try:
            return choose.best(files, self._python.tags, self._python.version)
        except Failure:
            return None

    def _known(self, project: str, file: File) -> tuple[Vulnerability, ...] | None:
        return vulnerabilities(self._trust.fetcher, self._trust.index, project, file.version)

    def _page(self, project: str) -> Page | None:
        if project not in self._pages:
            try:
                self._pages[project] = self._trust.steadily(lambda: project_page(self._trust, project))
            except Failure as failure:
                if failure.code != "project-unknown":
                    raise
                self._pages[project] = None
        return self._pages[project]


def _spelled(name: str, package: Package) -> str:
    return name if name.isascii() and canonicalize_name(name) == package.name else package.spelled
