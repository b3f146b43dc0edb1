"""A verified project page (PEP 691, 700, 792) as values. Pure; whoever calls it has verified the bytes through TUF."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import Version

from bonded_client.failures import Failure

LARGEST_METADATA = 32 * 1024 * 1024
"""Bytes of a `.metadata` file: a page signs its sha256, and nothing its length. An index takes no file with a longer one."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a page. `size` in bytes, `sha256` in lower-case hex; `yanked` is None, or the reason ("" without).

    `metadata` is the sha256 of its .metadata file (PEP 658), "" when it has none.
    """

    filename: str
    url: str
    size: int
    sha256: str
    version: Version
    is_wheel: bool
    requires_python: str
    yanked: str | None
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A file as a page links it. `metadata` is the sha256 of its .metadata file (PEP 658), "" when it has none."""

    filename: str
    url: str
    size: int
    sha256: str
    metadata: str


@dataclass(frozen=True, slots=True)
class Page:
    """What the index says of a project. `status` as PEP 792 has it; `reason` may be empty."""

    project: str
    status: str
    reason: str
    files: tuple[File, ...]


def split_filename(filename: str) -> tuple[str, Version, bool]:
    """Normalized project, version, and whether it is a wheel. Raises ValueError for names of neither kind."""
    try:
        if filename.endswith(".whl"):
            name, version, _, _ = parse_wheel_filename(filename)
            return name, version, True
        name, version = parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename) as error:
        raise ValueError(f"{filename} is not the name of a wheel or a source distribution") from error
    return name, version, False


def parse(data: bytes, project: str, base: str) -> Page:
    """The page of `project` (normalized) in `data`; links are resolved against `base`.

    Files of kinds that we do not know (eggs) are left out. Raises Failure (malformed) for anything that a signed page
    cannot rightly say: another project's name, a file without size or sha256, a name that is a path.
    """
    join = _joiner(base)
    try:
        page = json.loads(data)
        if canonicalize_name(page["name"]) != project:
            raise ValueError(f"it is the page of {page['name']!r}")
        status = page.get("project-status", {})
        files = tuple(file for entry in page["files"] if (file := _file(entry, project, join)))
        return Page(project, str(status.get("status", "active")), str(status.get("reason", "")), files)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Failure("malformed", f"The page of {project} is signed, but not as PEP 691 says ({error!r}).") from error


def links(data: bytes, project: str, base: str) -> dict[str, Link]:
    """All links of the page of `project` (normalized) in `data`, by file name, whatever kinds of files they are.

    Raises Failure (malformed) as `parse` does.
    """
    join = _joiner(base)
    try:
        page = json.loads(data)
        if canonicalize_name(page["name"]) != project:
            raise ValueError(f"it is the page of {page['name']!r}")
        return {link.filename: link for link in (_link(entry, join) for entry in page["files"])}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Failure("malformed", f"The page of {project} is signed, but not as PEP 691 says ({error!r}).") from error


def _file(entry: dict[str, Any], project: str, join: Callable[[str], str]) -> File | None:
    link = _link(entry, join)
    try:
        name, version, is_wheel = split_filename(link.filename)
    except ValueError:
        return None
    if name != project:
        raise ValueError(f"{link.filename!r} belongs to another project")
    yanked = entry.get("yanked", False)
    reason = None if yanked is False else (yanked if isinstance(yanked, str) else "")
    python = entry.get("requires-python") or ""
    return File(link.filename, link.url, link.size, link.sha256, version, is_wheel, python, reason, link.metadata)


def _joiner(base: str) -> Callable[[str], str]:
    """`urljoin` from `base`, at once for links like ours: pages of thousands of files wait for it."""
    plain, packages = (
        re.compile(r"\.\./\.\./packages/([a-z0-9-]+/[A-Za-z0-9_][A-Za-z0-9._+!~-]*)"),
        urljoin(base, "../../packages/"),
    )

    def join(url: str) -> str:
        found = plain.fullmatch(url)
        return packages + found[1] if found else urljoin(base, url)

    return join


def _link(entry: dict[str, Any], join: Callable[[str], str]) -> Link:
    filename = entry["filename"]
    if not isinstance(filename, str) or filename != filename.rpartition("/")[2] or not _is_plain(filename):
        raise ValueError(f"{filename!r} is not a file name")
    url = join(entry["url"])
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url!r} is not an http address")
    size, sha256 = entry["size"], entry["hashes"]["sha256"]
    if not isinstance(size, int) or size < 0 or not _is_sha256(sha256):
        raise ValueError(f"{filename!r} has no usable size and sha256")
    metadata = entry.get("core-metadata", False)
    told = metadata.get("sha256", "") if isinstance(metadata, dict) else ""
    if told and not _is_sha256(told):
        raise ValueError(f"the metadata of {filename!r} has no usable sha256")
    return Link(filename, url, size, sha256, told)


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def _is_plain(filename: str) -> bool:
    return bool(filename) and filename.isprintable() and "\\" not in filename and not filename.startswith(".")
