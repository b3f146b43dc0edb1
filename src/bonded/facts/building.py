"""What the settings of a source archive have its build tool run and fetch: pyproject.toml, setup.cfg, hatch.toml. Pure, lenient."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from typing import Any, Final

from bonded.facts.metadata import at, hooks_in, table_of

_MOST_TEXT: Final = 65_536
_MOST: Final = 100
_LITERAL: Final = rb"[ \t]*(?::[^=\n]{1,60})?=[ \t]*(?:[rbuRBU]{0,2}[\"'\d(\[]|None\b)"


@dataclass(frozen=True, slots=True)
class Building:
    """`hooks` are files that a build tool runs, from the top of the archive, `getters` dotted names of functions that it calls for
    the metadata, `requires` what it installs before it builds, as it is written."""

    hooks: frozenset[str] = frozenset()
    getters: frozenset[str] = frozenset()
    requires: tuple[str, ...] = ()


def building_of(settings: Mapping[str, bytes], source: Callable[[str], bytes | None]) -> Building:
    """What the files in `settings`, by their names, say. `source(path)` gives a module, from the top of what is installed."""
    project, hatch = table_of(settings.get("pyproject.toml", b"")), table_of(settings.get("hatch.toml", b""))
    tool = project.get("tool", {})
    old = _ini(settings.get("setup.cfg", b""))
    hooks = {
        *hooks_in(tool),
        *(hooks_in({"hatch": hatch}) if hatch else ()),
        *_classes(old.get("options.cmdclass", "")),
    }
    getters: set[str] = set()
    for name in (*_attributes(tool), *_attributes_of(old)):
        modules = _modules(name)
        if any(_computed(data, name) for data in map(source, modules) if data is not None):
            hooks.update(modules)
            getters.add(name)
    return Building(frozenset(hooks), frozenset(getters), tuple(_requires(project, hatch, old))[:_MOST])


def _requires(project: dict[str, Any], hatch: dict[str, Any], old: Mapping[str, str]) -> Iterator[str]:
    lists = [at(project, "build-system", "requires")]
    for table in (at(project, "tool", "hatch"), hatch):
        targets = at(table, "build", "targets")
        builds = [at(table, "build"), *(targets.values() if isinstance(targets, dict) else ())]
        for one in builds:
            hooks = at(one, "hooks")
            lists += [at(hook, "dependencies") for hook in (hooks.values() if isinstance(hooks, dict) else ())]
            lists.append(at(one, "dependencies"))
    for lines in lists:
        yield from (str(line).strip()[:300] for line in (lines if isinstance(lines, list) else ()))
    yield from (line.strip()[:300] for line in old.get("options.setup_requires", "").splitlines() if line.strip())


def _attributes(tool: Any) -> Iterator[str]:
    """Names that setuptools or pdm looks up for the version and other fields."""
    dynamic = at(tool, "setuptools", "dynamic")
    for one in dynamic.values() if isinstance(dynamic, dict) else ():
        name = at(one, "attr")
        if isinstance(name, str):
            yield name
    getter = at(tool, "pdm", "version", "getter")
    if isinstance(getter, str):
        yield getter.split()[0].replace(":", ".") if getter.strip() else ""


def _attributes_of(old: Mapping[str, str]) -> Iterator[str]:
    for value in old.values():
        if value.strip().startswith("attr:"):
            yield value.strip().removeprefix("attr:").strip()


def _modules(name: str) -> tuple[str, ...]:
    """The files that are the module of a dotted name's parent."""
    path = name.rpartition(".")[0].replace(".", "/")
    return (f"{path}.py", f"{path}/__init__.py") if path else ()


def _computed(data: bytes, name: str) -> bool:
    """Whether the module has to be run to know the value: a literal is read without."""
    last = name.rpartition(".")[2].encode("utf-8", "replace")
    return re.search(rb"^" + re.escape(last) + _LITERAL, data, re.MULTILINE) is None


def _classes(text: str) -> Iterator[str]:
    """Files of the command classes that setup.cfg names, one `command = module.Class` on a line."""
    for line in text.splitlines():
        yield from _modules(line.partition("=")[2].strip())


def _ini(data: bytes) -> dict[str, str]:
    """The sections of setup.cfg that matter, as "section.key"."""
    parser = ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(data[:_MOST_TEXT].decode("utf-8", "replace"))
    except (ConfigError, ValueError):
        return {}
    wanted = (
        ("options", "cmdclass"),
        ("options", "setup_requires"),
        ("metadata", "version"),
        ("metadata", "description"),
    )
    return {
        f"{section}.{key}": parser.get(section, key, fallback="")
        for section, key in wanted
        if parser.has_section(section)
    }
