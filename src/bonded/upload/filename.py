"""File names of wheels and source distributions, taken apart, and the checks of the name alone. Pure.

Names as in the wheel specification (PEP 427 and later) and PEP 625; parsed by `packaging`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from packaging.tags import Tag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from bonded.upload.limits import UploadLimits
from bonded.upload.platforms import known_platform
from bonded.values.names import LONGEST_FILENAME
from bonded.values.refusals import Refusal, define
from bonded.values.states import PackageType
from bonded.values.text import has_control

FILENAME_CHARACTERS = define(
    "filename-characters",
    400,
    "The file name has characters that are not allowed",
    "File names are ASCII without '/', '\\', spaces and control characters, do not begin with a dot, and have at most 190 "
    "characters.",
)
INVALID_FILENAME = define(
    "invalid-filename",
    400,
    "The file name is not valid",
    "Wheels are named {name}-{version}(-{build})-{python}-{abi}-{platform}.whl, source distributions {name}-{version}.tar.gz. "
    "Build tools do it right: do not rename files.",
)
FILENAME_FORM = define(
    "filename-form",
    400,
    "The file name is not in the normal form",
    "The name part of a file name is lower case with '_' for every run of '-', '_' and '.', the version in its normal form "
    "(PEP 625 and the wheel specification). Build the file with a current tool; do not rename it.",
)
PLATFORM_TAG = define(
    "platform-tag",
    400,
    "The wheel is for an unknown platform",
    "The platform tag of the wheel's file name is none that installers know: any, win_*, macosx_*, manylinux_*, musllinux_*, "
    "android_*, ios_*, pyemscripten_*, pyodide_*, emscripten_*, and linux_* where the operator allows it.",
)
LOCAL_VERSION = define(
    "local-version",
    400,
    "Local versions are not accepted",
    "This index does not take versions with a '+' part, which are meant for builds that are not published (PEP 440).",
)


@dataclass(frozen=True, slots=True)
class Named:
    """A file name taken apart. `name` and `version_text` as written; `python_version` is the python tag, or "source"."""

    filename: str
    packagetype: PackageType
    name: str
    key: str
    version_text: str
    version: Version
    build: str
    tags: frozenset[Tag]
    python_version: str

    @property
    def stem(self) -> str:
        """What begins the names of its folders: name and version as the file name has them."""
        return f"{self.name}-{self.version_text}"


def check_characters(filename: str) -> None:
    """Refuse names that mean something to a file system or a terminal (filename-characters)."""
    if not filename or filename.startswith(".") or len(filename.encode("utf-8", "replace")) > LONGEST_FILENAME:
        raise Refusal(FILENAME_CHARACTERS, "the file name is empty, begins with a dot or is too long")
    if has_control(filename) or not filename.isascii() or any(c in filename for c in "/\\ \"'<>&"):
        raise Refusal(FILENAME_CHARACTERS, f"the file name {filename[:80]!r} has characters that are not allowed")


def parse_filename(filename: str) -> Named:
    """Take a file name apart. Raises Refusal (filename-characters, invalid-filename)."""
    check_characters(filename)
    try:
        return _wheel(filename) if filename.endswith(".whl") else _sdist(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, ValueError):
        raise Refusal(INVALID_FILENAME, f"{filename[:80]!r} is not a valid file name for a distribution") from None


def _wheel(filename: str) -> Named:
    key, version, _build, tags = parse_wheel_filename(filename)
    parts = filename.removesuffix(".whl").split("-")
    build = parts[2] if len(parts) == 6 else ""
    return Named(
        filename, PackageType.WHEEL, parts[0], str(key), parts[1], version, build, tags, python_version=parts[-3]
    )


def _sdist(filename: str) -> Named:
    key, version = parse_sdist_filename(filename)
    name, _, text = filename.removesuffix(".tar.gz").rpartition("-")
    return Named(filename, PackageType.SDIST, name, str(key), text, version, "", frozenset(), "source")


def check_exact(named: Named, limits: UploadLimits) -> None:
    """Refuse names that are not in the one normal form (filename-form), so that one file has one name."""
    if not limits.exact_names:
        return
    name = canonicalize_name(named.name).replace("-", "_")
    wanted = f"{name}-{named.version}"
    if named.stem != wanted:
        raise Refusal(FILENAME_FORM, f"the file name must begin with {wanted!r}, not {named.stem!r}")


def check_platforms(named: Named, limits: UploadLimits) -> None:
    """Refuse wheels for platforms that no installer knows, and linux_* where the policy says so (platform-tag)."""
    for tag in sorted(named.tags, key=str):
        if not known_platform(tag.platform, linux=limits.linux_tags):
            raise Refusal(PLATFORM_TAG, f"wheels for the platform {tag.platform[:60]!r} are not accepted")


def check_local(named: Named, limits: UploadLimits) -> None:
    """Refuse local versions where the policy says so (local-version)."""
    if named.version.local is not None and not limits.local_versions:
        raise Refusal(LOCAL_VERSION, f"the local version {named.version} is not accepted here")


FILENAME_CHECKS: tuple[Callable[[Named, UploadLimits], None], ...] = (check_exact, check_platforms, check_local)
"""In this order; each raises Refusal with its own code."""
