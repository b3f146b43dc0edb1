"""The fields of core metadata that checks compare, read leniently: screening must not fail where an upload was accepted."""

from __future__ import annotations

import itertools
import re
import tomllib
from email.parser import HeaderParser
from functools import lru_cache
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


@lru_cache(maxsize=4)
def table_of(data: bytes) -> dict[str, Any]:
    """A file of settings in TOML, as far as it can be read; of a very long pyproject.toml only how it is built."""
    text = data.decode("utf-8", "replace")
    try:
        return tomllib.loads(text if len(text) <= MOST_TOML else _build_system(text))
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}  # a broken file runs nothing; the upload's own checks say so to the uploader


def hooks_in(tool: Any) -> frozenset[str]:
    """Files of an sdist that its settings have a build tool run, from the top of the archive. `tool` is that table of them."""
    pdm = at(tool, "pdm")
    found = [
        at(tool, "poetry", "build", "script") or at(tool, "poetry", "build"),
        at(pdm, "build", "custom-hook"),
        at(pdm, "build", "setup-script"),
        at(tool, "hatch", "version", "path") if at(tool, "hatch", "version", "source") == "code" else None,
    ]
    targets = at(tool, "hatch", "build", "targets")
    builds = [at(tool, "hatch", "metadata"), at(tool, "hatch", "build")]
    for one in (*builds, *(targets.values() if isinstance(targets, dict) else ())):
        custom = at(one, "hooks", "custom")
        if isinstance(custom, dict):
            found.append(custom.get("path", "hatch_build.py"))
    commands = at(tool, "setuptools", "cmdclass")
    for one in commands.values() if isinstance(commands, dict) else ():
        found.append(str(one).rpartition(".")[0].replace(".", "/") + ".py")
    return frozenset(one.removeprefix("./") for one in found if isinstance(one, str))


def hooks_of(data: bytes) -> frozenset[str]:
    """Files of an sdist that its pyproject.toml has a build tool run, from the top of the archive."""
    hooks = hooks_in(table_of(data).get("tool", {}))
    return hooks | {"pdm_build.py"} if b"pdm" in data[:MOST_TOML] else hooks


def at(table: Any, *keys: str) -> Any:
    """What stands under these keys, one inside the other; None for nothing."""
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table


def backend_of(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The build back-end's module and its `backend-path` from a pyproject.toml; ("", ()) where it names none."""
    system = table_of(data).get("build-system", {})
    paths, name = at(system, "backend-path") or [], at(system, "build-backend") or ""
    if isinstance(name, str) and isinstance(paths, list):
        return name.split(":")[0], tuple(str(one) for one in paths[:10])
    return "", ()
