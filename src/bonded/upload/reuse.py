"""Whether bytes may come under a file name and into a release, given what is there. Pure.

A name means one content for ever: identical bytes again are answered as a success, other bytes never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bonded.upload.limits import UploadLimits
from bonded.values.pieces import for_days_only, project_status
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState, PackageType, ProjectStatus

FILE_EXISTS = define(
    "file-exists",
    400,
    "File already exists",
    "A file of this name with other bytes was uploaded before. Files never change once they are uploaded: raise the version "
    "(or the build number of a wheel) and upload again.",
)
FILENAME_USED = define(
    "filename-used",
    400,
    "The file name was used before",
    "A file of this name was public once and is not any more. Its name is never used again, so that nobody gets other bytes "
    "than before. Raise the version and upload again.",
)
REJECTED_BEFORE = define(
    "rejected-before",
    403,
    "This file was rejected",
    "Exactly these bytes were rejected. If you think that this is a mistake, ask the administrators to look again: uploading "
    "the file again changes nothing.",
)
SECOND_SDIST = define(
    "second-sdist",
    400,
    "The release has a source distribution",
    "A release has one source distribution. Raise the version to publish another one.",
)
PROJECT_CLOSED = define(
    "project-closed",
    403,
    "The project takes no files",
    "Archived projects take no files until an owner takes them out of the archive; quarantined ones not until an "
    "administrator releases them.",
)
RELEASE_FROZEN = define(
    "release-frozen",
    403,
    "The release takes no more files",
    "On this index a release takes files only for some days after its first one: so nobody who gets hold of a token adds files to "
    "releases that people have long pinned. Raise the version and upload again. Files that are there stay as they are, and the "
    "same bytes again are no new file. Administrators set the number of days (`upload.freeze_after_days`).",
)

S = FileState


@dataclass(frozen=True, slots=True)
class Sibling:
    """A file that is there already: of the same name, or of the same release."""

    id: str
    filename: str
    packagetype: PackageType
    sha256: str
    state: FileState
    holds_name: bool
    burnt: bool


def check_status(key: str, status: ProjectStatus) -> None:
    """Refuse files for archived and quarantined projects (project-closed)."""
    if status in (ProjectStatus.ARCHIVED, ProjectStatus.QUARANTINED):
        raise Refusal(
            PROJECT_CLOSED, f"the project {key} is {project_status(status)} and takes no files: see its manage pages"
        )


def find_same(filename: str, sha256: str, siblings: Sequence[Sibling]) -> Sibling | None:
    """The file that these bytes are already, None for a new file.

    Raises Refusal (file-exists, filename-used, rejected-before).
    """
    named = [sibling for sibling in siblings if sibling.filename == filename]
    for sibling in named:
        if sibling.holds_name:
            return _against_holder(sibling, sha256)
    if any(sibling.sha256 == sha256 and sibling.state is S.REJECTED for sibling in named):
        raise Refusal(REJECTED_BEFORE, f"{filename} was rejected with exactly these bytes")
    return None


def _against_holder(holder: Sibling, sha256: str) -> Sibling:
    if holder.state is S.REMOVED:
        raise Refusal(
            FILENAME_USED, f"File already exists: {holder.filename} was public once, its name is not used again"
        )
    if holder.sha256 != sha256:
        raise Refusal(FILE_EXISTS, f"File already exists ({holder.filename}, with other bytes): raise the version")
    if holder.state is S.QUARANTINED:
        raise Refusal(FILENAME_USED, f"File already exists: {holder.filename} is quarantined")
    return holder


def check_second_sdist(filename: str, packagetype: PackageType, siblings: Sequence[Sibling]) -> None:
    """Refuse another source distribution of a release that has one (second-sdist)."""
    if packagetype is not PackageType.SDIST:
        return
    for sibling in siblings:
        live = sibling.state not in (S.REJECTED, S.REMOVED)
        if live and sibling.packagetype is PackageType.SDIST and sibling.filename != filename:
            raise Refusal(SECOND_SDIST, f"the release has a source distribution already: {sibling.filename}")


def check_frozen(created_at: datetime, now: datetime, limits: UploadLimits) -> None:
    """Refuse files into a release older than the policy's window (release-frozen)."""
    if limits.freeze_after is not None and now - created_at > limits.freeze_after:
        days = limits.freeze_after.days
        began = f"{created_at:%Y-%m-%d}"
        raise Refusal(
            RELEASE_FROZEN, f"the release began on {began} and takes files {for_days_only(days)}: raise the version"
        )
