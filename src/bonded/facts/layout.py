"""Where a member stands in its archive: when it runs, and under which dotted name it is imported."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from bonded.values.finding import When

MOST_KNOWN = 65_536
"""Places that are remembered: reading and every check ask for the same ones."""

_NEVER = frozenset(
    {
        "test", "tests", "doc", "docs", "example", "examples", "samples", "benchmark", "benchmarks", "ci", ".github",
        ".ci", ".circleci", "tools", "scripts", "notebooks", "tutorials", "demo", "demos", "testdata", "fixtures",
    }
)  # fmt: skip
_NEVER_FILES = frozenset(
    {"conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "toxfile.py", "dodo.py", "runtests.py"}
)
_LITTLE = 200
"""Bytes of a module that makes a folder a package, and says its version."""
_STARTUP = frozenset({"sitecustomize.py", "usercustomize.py"})
WHEEL, SDIST, OTHER = "wheel", "sdist", "other"


def kind_of(filename: str) -> str:
    """ "wheel", "sdist" or "other", by the file's name."""
    if filename.endswith(".whl"):
        return WHEEL
    return SDIST if filename.endswith((".tar.gz", ".tgz", ".tar.bz2", ".zip", ".tar", ".tar.xz")) else OTHER


def kind_in(paths: Iterable[str], named: str) -> str:
    """The kind by what is inside, where its name says another one than installers make of it.

    What is named like an sdist is built when it holds something to build; else a `*.dist-info` at its top makes it a wheel.
    """
    tops = {path for path in paths if path.count("/") <= 1}
    if named == WHEEL or any(path.rpartition("/")[2] in ("setup.py", "pyproject.toml", "setup.cfg") for path in tops):
        return named
    described = any(path.endswith((".dist-info/WHEEL", ".dist-info/METADATA")) for path in tops)
    return WHEEL if described else named


def is_command(path: str) -> bool:
    """Whether a member of a wheel becomes a command on the PATH."""
    parts = path.split("/")
    return len(parts) == 3 and parts[0].endswith(".data") and parts[1] == "scripts"


def installed_at(path: str) -> str:
    """Where in the environment a member of a wheel's `.data/data/` is put; "" for any other."""
    parts = path.split("/")
    return "/".join(parts[2:]) if parts[0].endswith(".data") and len(parts) > 2 and parts[1] == "data" else ""


@lru_cache(maxsize=MOST_KNOWN)
def inner(path: str, kind: str) -> str:
    """The path as it is installed: without the folder of an sdist, `src/`, or a wheel's `.data/purelib/` or
    `.data/data/lib/python3/site-packages/`."""
    parts = path.strip("/").split("/")
    if kind == WHEEL:
        if parts[0].endswith(".data") and len(parts) > 2 and parts[1] in ("purelib", "platlib"):
            parts = parts[2:]
        elif "site-packages" in parts[2:-1] and installed_at(path):
            parts = parts[parts.index("site-packages") + 1 :]
        return "/".join(parts)
    parts = parts[1:] if len(parts) > 1 else parts
    return "/".join(parts[1:] if parts[0] == "src" and len(parts) > 1 else parts)


@lru_cache(maxsize=MOST_KNOWN)
def when_of(path: str, kind: str, own: str = "", folders: bool = True) -> When:
    """When the top level of a Python member runs. `own` is the name that the project is imported by, as its archive is called:
    a project called `example` or `tools` is a project, not a folder of examples. Without `folders`, the names of those inside of
    what is installed say nothing."""
    where = inner(path, kind)
    parts = where.split("/")
    if own and parts[0] in (own, f"{own}.py"):
        parts[0] = "" if len(parts) > 1 else ".py"
    if kind == SDIST and where == "setup.py":
        return When.INSTALL
    if kind == WHEEL and len(parts) == 2 and parts[1] == "__init__.py" and f"{parts[0]}.py" in _STARTUP:
        return When.STARTUP
    if kind == WHEEL and len(parts) == 1 and (parts[0] in _STARTUP or parts[0].endswith(".pth")):
        return When.STARTUP
    if kind == SDIST and (parts[-1] in _STARTUP or parts[-1].endswith(".pth")):
        return When.STARTUP if len(parts) == 1 else When.NEVER
    if kind == WHEEL and parts[0].endswith(".data"):
        return When.CALL
    plain = "." not in parts[-1]
    if parts[0].endswith((".dist-info", ".egg-info")):
        return When.NEVER
    named = parts[:-1] if folders else parts[:1] * (kind == SDIST)
    if any(part in _NEVER for part in named) or (kind == SDIST and len(parts) == 1 and parts[0] in _NEVER_FILES):
        return When.NEVER
    if parts[-1].startswith("test_") or parts[-1] in ("conftest.py", "tests.py"):
        return When.NEVER
    return When.CALL if plain or parts[-1] == "__main__.py" else When.IMPORT


def only_examples(sizes: Iterable[tuple[str, int]], kind: str, own: str) -> bool:
    """Whether all modules of some length, given as (path, bytes), lie in folders of examples and the like: then they are what the
    package is for, and the names of these folders say nothing."""
    long = [path for path, size in sizes if size > _LITTLE and inner(path, kind) != "setup.py"]
    return bool(long) and all(when_of(path, kind, own) is When.NEVER for path in long)


def dotted(path: str, kind: str) -> str:
    """The name under which the member is imported: "pkg.mod" for `pkg/mod.py`, "pkg" for `pkg/__init__.py`."""
    where = inner(path, kind).removesuffix(".py").removesuffix(".pyw")
    return where.removesuffix("/__init__").replace("/", ".")


def package_of(path: str, kind: str) -> str:
    """The package that relative imports in the member start from."""
    name = dotted(path, kind)
    return name if path.endswith("/__init__.py") else name.rpartition(".")[0]
