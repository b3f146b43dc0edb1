"""The order of versions, and which texts are one version."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from packaging.utils import canonicalize_version
from packaging.version import InvalidVersion, Version

PARTS = 5
"""Most numbers of a release that `spellings` adds zeros up to."""
_TRAILING_ZEROS = re.compile(r"(?:\.0)+\Z")


@lru_cache(maxsize=16_384)
def version_order(version: str) -> tuple[int, Any, str]:
    """A sort key: valid versions in the order of PEP 440, after whatever is no version, by its text."""
    try:
        return (1, Version(version), version)
    except InvalidVersion:
        return (0, 0, version)


@lru_cache(maxsize=16_384)
def canonical(version: str) -> str:
    """One text for all ways to write a version (1.0 is 1.0.0); what is no version is itself."""
    try:
        return canonicalize_version(version)
    except ValueError:  # a number of more digits than Python takes
        return version


def spellings(version: str) -> tuple[str, ...]:
    """The normal forms that an equal version may have: this one's, then 1, 1.0, 1.0.0 and on for "1.0"; none for no version.

    They differ in zeros at the end of the release, and in nothing else (PEP 440).
    """
    try:
        asked = Version(version)
    except ValueError:  # InvalidVersion, or a number of more digits than Python takes
        return ()
    text, written = str(asked), ".".join(map(str, asked.release))
    epoch = text[: text.find("!") + 1]
    least, after = _TRAILING_ZEROS.sub("", written), text[len(epoch) + len(written) :]
    others = (f"{epoch}{least}{'.0' * zeros}{after}" for zeros in range(PARTS - least.count(".")))
    return tuple(dict.fromkeys((text, *others)))
