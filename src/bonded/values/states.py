"""States of files and projects, verdicts, modes and roles: the only vocabulary for them, in code, pages and commands.

Which state may follow which is decided in `catalog.states`, not here.
"""

from enum import StrEnum


class FileState(StrEnum):
    """State of one distribution file."""

    RECEIVED = "received"
    """Accepted from the uploader, not yet decided by policy."""
    PUBLIC = "public"
    """Listed on project pages and served."""
    HELD = "held"
    """Kept back by policy until a person decides."""
    REJECTED = "rejected"
    """Refused by policy or by a reviewer; reversible."""
    QUARANTINED = "quarantined"
    """Was public; withdrawn at once while people look."""
    REMOVED = "removed"
    """Gone for good; its name is never used again if it was ever public."""


class ProjectStatus(StrEnum):
    """Project status markers of PEP 792."""

    ACTIVE = "active"
    ARCHIVED = "archived"
    QUARANTINED = "quarantined"
    DEPRECATED = "deprecated"


class Verdict(StrEnum):
    """What policy says of a file, given all findings about it."""

    CLEAR = "clear"
    REVIEW = "review"
    REJECT = "reject"


class Mode(StrEnum):
    """`hold` serves nothing before its verdict; `watch` serves at once and withdraws on a bad verdict."""

    HOLD = "hold"
    WATCH = "watch"


class Role(StrEnum):
    """A person's role in one project."""

    OWNER = "owner"
    MAINTAINER = "maintainer"


class AccountState(StrEnum):
    """State of a person's account."""

    ACTIVE = "active"
    FROZEN = "frozen"
    DELETED = "deleted"
    """Its owner deleted it; only the id is left. Nothing leads out of this state."""


class PackageType(StrEnum):
    """`filetype` values of the upload API that Bonded accepts (PEP 527)."""

    WHEEL = "bdist_wheel"
    SDIST = "sdist"


class SubjectKind(StrEnum):
    """What a finding or a journal row is about."""

    PROJECT = "project"
    RELEASE = "release"
    FILE = "file"
    USER = "user"
    TOKEN = "token"
    PUBLISHER = "publisher"
    PUBLICATION = "publication"
    CHECK = "check"
    INDEX = "index"
