"""The fields of core metadata that checks compare, read leniently: screening must not fail where an upload was accepted."""

from __future__ import annotations

import itertools
import re
import tomllib
from email.parser import HeaderParser
from typing import Any

from bonded.values.names import normalize

_FIELDS = frozenset(
    {
        "name", "version", "summary", "home-page", "author", "author-email", "maintainer", "maintainer-email",
        "project-url", "download-url", "requires-dist", "license", "requires-python", "provides-extra", "keywords",
    }
)  # fmt: skip


def read_metadata(data: bytes) -> dict[str, list[str]]:
    """METADATA or PKG-INFO as lower-case field -> values, each cut to 500 characters."""
    headers = HeaderParser().parsestr(data[:200_000].decode("utf-8", "replace"))
    found: dict[str, list[str]] = {}
    for key, value in headers.items():
        if key.lower() in _FIELDS and len(found.get(key.lower(), [])) < 200:
            found.setdefault(key.lower(), []).append(str(value)[:500])
    return found


def project_of_filename(filename: str) -> str:
    """The normalized project name that a file's name begins with (PEP 427, PEP 625); "" when it names none."""
    stem = filename.split("-", 1)[0] if filename.endswith(".whl") else filename.rpartition("-")[0]
    return normalize(stem)


MOST_TOML = 100_000
"""Characters of a pyproject.toml that is parsed as a whole."""
_BUILD_SYSTEM = re.compile(r"^[ \t]{0,8}\[[ \t]{0,8}build-system[ \t]{0,8}\][^\n]{0,200}\n", re.MULTILINE)


def _build_system(text: str) -> str:
    """The one table of a very long pyproject.toml that matters, as far as it is of ordinary length."""
    found = _BUILD_SYSTEM.search(text)
    rows = text[found.end() : found.end() + 10_000].split("\n") if found else []
    kept = list(itertools.takewhile(lambda row: not row.startswith("["), rows))
    return "\n".join(["[build-system]", *(row for row in kept if row.startswith(("build-backend", "backend-path")))])


def hooks_of(data: bytes) -> frozenset[str]:
    """Files of an sdist that its pyproject.toml has a build tool run, from the top of the archive."""
    try:
        text = data.decode("utf-8", "replace")
        tool = tomllib.loads(text).get("tool", {}) if len(text) <= MOST_TOML else {}
    except (tomllib.TOMLDecodeError, RecursionError):
        return frozenset()
    found = [
        _at(tool, "poetry", "build", "script") or _at(tool, "poetry", "build"),
        _at(tool, "pdm", "build", "custom-hook") or ("pdm_build.py" if "pdm" in text else None),
        _at(tool, "hatch", "version", "path") if _at(tool, "hatch", "version", "source") == "code" else None,
    ]
    targets = _at(tool, "hatch", "build", "targets")
    builds = [_at(tool, "hatch", "metadata"), _at(tool, "hatch", "build")]
    for one in (*builds, *(targets.values() if isinstance(targets, dict) else ())):
        custom = _at(one, "hooks", "custom")
        if isinstance(custom, dict):
            found.append(custom.get("path", "hatch_build.py"))
    commands = _at(tool, "setuptools", "cmdclass")
    for one in commands.values() if isinstance(commands, dict) else ():
        found.append(str(one).rpartition(".")[0].replace(".", "/") + ".py")
    return frozenset(one.removeprefix("./") for one in found if isinstance(one, str))


def _at(table: Any, *keys: str) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def backend_of(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The build back-end's module and its `backend-path` from a pyproject.toml; ("", ()) where there is none of its own."""
    try:
        text = data.decode("utf-8", "replace")
        table = tomllib.loads(text if len(text) <= MOST_TOML else _build_system(text))
        system = table.get("build-system", {})
        paths = system.get("backend-path", [])
        name = system.get("build-backend", "")
        if isinstance(name, str) and isinstance(paths, list):
            return name.split(":")[0], tuple(str(one) for one in paths[:10])
    except (tomllib.TOMLDecodeError, AttributeError, RecursionError, TypeError):
        pass  # a broken file runs nothing; the upload's own checks say so to the uploader
    return "", ()
