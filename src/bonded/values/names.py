"""Project names, file names and their normal forms (PEP 503, PEP 508, PEP 625, PEP 427)."""

from __future__ import annotations

import re

from bonded.values.refusals import Refusal, define

_VALID = re.compile(r"^([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$", re.IGNORECASE | re.ASCII)
_RUNS = re.compile(r"[-_.]+")
LONGEST_FILENAME = 190
"""Characters of a distribution file's name: one of its names in the public store has a sha256 and a dot before it, and file
systems take 255."""

INVALID_NAME = define(
    "invalid-name",
    400,
    "Invalid project name",
    "A project name consists of ASCII letters, digits, '.', '_' and '-', and begins and ends with a letter or digit.",
)


def normalize(name: str) -> str:
    """`name` in the normal form of PEP 503: lower case, runs of '-', '_' and '.' as one '-'."""
    return _RUNS.sub("-", name).lower()


def check_project_name(name: str) -> str:
    """Return `name`; raises Refusal (invalid-name) where PEP 508 does not allow it or it exceeds 100 characters."""
    if len(name) > 100 or not _VALID.match(name):
        raise Refusal(INVALID_NAME, f"{name[:60]!r} is not a valid project name")
    return name
