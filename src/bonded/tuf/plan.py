"""A publication as a value: what collect hands to build, and what build hands to open, put, flip and settle. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bonded.tuf.binfile import Target

Sign = Callable[[str, bytes], list[dict[str, str]]]
"""Role and canonical bytes -> signatures."""

SignMany = Callable[[Sequence[tuple[str, bytes]]], list[list[dict[str, str]]]]
"""Roles and canonical bytes -> signatures of each, in order."""


class PageFileLike(Protocol):
    """A public file as pages list it (catalog.pages.PageFile)."""

    @property
    def file_id(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def packagetype(self) -> str: ...
    @property
    def python_version(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def md5(self) -> str: ...
    @property
    def blake2_256(self) -> str: ...
    @property
    def requires_python(self) -> str: ...
    @property
    def metadata_sha256(self) -> str | None: ...
    @property
    def metadata_size(self) -> int | None: ...
    @property
    def yanked(self) -> bool: ...
    @property
    def yanked_reason(self) -> str: ...
    @property
    def uploaded_at(self) -> datetime: ...
    @property
    def vault_key(self) -> str: ...
    @property
    def listed(self) -> bool: ...
    @property
    def provenance_sha256(self) -> str | None: ...


class ProjectLike(Protocol):
    """What the public may see of a project but for its files."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def status_reason(self) -> str: ...


class PageLike(ProjectLike, Protocol):
    """What the public may see of a project (catalog.pages.PageState)."""

    @property
    def last_journal_id(self) -> int: ...
    @property
    def versions(self) -> tuple[str, ...]: ...
    @property
    def files(self) -> tuple[PageFileLike, ...]: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def metadata(self) -> Mapping[str, Mapping[str, Any]]: ...


class TouchedLike(Protocol):
    """A release of which a file changed (catalog.patches.TouchedRelease)."""

    @property
    def version(self) -> str: ...
    @property
    def files(self) -> tuple[PageFileLike, ...]: ...
    @property
    def gone(self) -> Mapping[str, str]: ...


class PatchLike(ProjectLike, Protocol):
    """What changed on a project's page (catalog.patches.PagePatch)."""

    @property
    def releases(self) -> tuple[TouchedLike, ...]: ...
    @property
    def files(self) -> tuple[PageFileLike, ...]: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One event that waits for publication."""

    id: int
    project_key: str
    journal_id: int


@dataclass(frozen=True, slots=True)
class KnownBin:
    """A bin as the database knows it."""

    version: int
    sha256: str
    count: int


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the project list: normalized key, name, number of the publication that last changed its page."""

    key: str
    name: str
    serial: int


@dataclass(frozen=True, slots=True)
class OfflineFile:
    """A signed file of targets, pages or bins."""

    role: str
    version: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Work:
    """What one publication is about, read in one transaction.

    `pages`: project key -> its page now, None when it has none. `patches`: project key -> what changed on its page, which is
    spliced. `old`: project key ("" for the project list) -> its live
    targets; files that are `listed` may be left out (they are as their rows say), but with `expose_all`. `gone`: path of a
    file that is not public any more -> its state.
    `project_list`: None when it is not due. `renew`: bins to be rendered from rows -> all their targets by the rows.
    `bins`: every bin that may be touched -> as the database knows it.
    """

    rows: tuple[Row, ...]
    pages: Mapping[str, PageLike | None]
    old: Mapping[str, Mapping[str, Target]]
    gone: Mapping[str, str]
    project_list: tuple[Listed, ...] | None
    renew: Mapping[str, Mapping[str, Target]]
    bins: Mapping[str, KnownBin]
    journal_size: int
    journal_root: str
    resign: frozenset[str] = frozenset()
    """Bins that are due for a new expiry and are taken as their files are (there is no database to ask)."""
    expose_all: bool = False
    """The public store is older than the database: every file of these projects is put there again."""
    patches: Mapping[str, PatchLike] = field(default_factory=dict)
    base_url: str = ""
    """Address of the index, with a slash at its end: pages name where the provenance of files is (PEP 740)."""
    offline: tuple[OfflineFile, ...] = ()
    """Offline roles whose new versions, signed by a ceremony, become public with this publication."""

    @property
    def projects(self) -> list[str]:
        """Projects whose pages change or go, by name."""
        return sorted({*self.pages, *self.patches})

    @property
    def empty(self) -> bool:
        """Nothing to publish but the time."""
        return not self.rows and not self.projects and self.project_list is None and not self.renew and not self.resign


@dataclass(frozen=True, slots=True)
class Exposure:
    """One file to put into the public store from the vault."""

    path: str
    file_id: str
    vault_key: str
    sha256: str
    size: int
    metadata_sha256: str | None


@dataclass(frozen=True, slots=True)
class NewBin:
    """A bin's new version."""

    role: str
    old_version: int
    sha256: str
    length: int
    expires: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole publication, signed, before anything of it is visible.

    `objects` in the order in which they are put: hash-named pages and bins (those that are not with the processes that made
    them), then `last`: the changes, the snapshot. `pages` are the names of all pages.
    """

    n: int
    attempt: str
    kind: str
    content: int
    base_n: int
    base_attempt: str
    rows: tuple[Row, ...]
    projects: tuple[str, ...]
    exposures: tuple[Exposure, ...]
    objects: tuple[tuple[str, bytes], ...]
    last: tuple[tuple[str, bytes], ...]
    pages: tuple[str, ...]
    bins: tuple[NewBin, ...]
    changes: Mapping[str, Any]
    changes_sha256: str
    snapshot: Mapping[str, Any]
    snapshot_sha256: str
    versions: Mapping[str, int]
    listing: bytes
    pointer: Mapping[str, Any]
    timestamp: bytes
    differing: tuple[str, ...]
    """Renewed bins whose file was not what the rows say; the rows won."""
    journal_size: int
    journal_root: str
