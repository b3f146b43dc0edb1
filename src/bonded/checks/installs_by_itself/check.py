"""The package installs other packages by itself, when it is installed or imported.

**What it looks for.** `pip install` and its like as a command, `pip.main([...])`, or what a build tool has of its own, that
run at install, start-up or import: by name, or of an address, or out of another index; tools that fetch a package from an
address and run it (`uvx`, `npx`); and commands that change the index that others are installed from.

**Why it matters.** What is fetched so appears in no metadata, is pinned by nothing, and may be another thing tomorrow. Payloads
are kept out of the sight of an index that way.

**What is not flagged.** Functions that install something when a caller asks for it, and requirements in the metadata.

**When it is a false alert.** Old packages fetch their build tools so, and beginners what they import; popular projects by their plain
names, from the usual index, are only noted, and what the package's own package.json names is a hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_command
from bonded.checks.popular import popular
from bonded.facts.known import BUILD_FETCHERS
from bonded.facts.model import Call, Facts, Module
from bonded.values.finding import Severity, When
from bonded.values.names import normalize

_INSTALL = re.compile(
    r"(?i)\b(pip[\d.]*|uv pip|pipx|easy_install|conda|poetry add|npm|gem|go)(\.exe)?[\"']?\s+(\S+\s+)?(install|add|i|get)\b"
)
_ADDRESS = re.compile(
    r"(?i)\b(git\+|https?:|ssh:|file:)|--(extra-)?index-url|\s-i\s|--find-links|\s-f\s|--trusted-host"
)
_RUNS = re.compile(
    r"(?i)\b(?:uvx|uv (?:tool )?run|pipx run|npx|bunx|deno run|go run)(?:\.exe)?\s[^\n]{0,160}(?:git\+|https?:|ssh:)"
)
"""Tools that fetch a package and run it at once."""
_SETS = re.compile(r"(?i)\b(?:pip[\d.]* config (?:--\w+ )?set \S*index-url|npm config set registry)\s")
_OWN_LIST = re.compile(r"(?i)\bnpm(\.cmd|\.exe)?[\"']?\s+(install|i)(\s+--?[\w=-]+)*\s*$")
"""Without a name, npm installs what is listed in the folder: a front end is built so."""
_BY_PIP = re.compile(r"(?i)\bpip[\d.]*(?:\.exe)?[\"']?\s+install\s+([^;&|\n]+)$")
_VERSION = re.compile(r"[\[<>=!~;]")
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)
_MAIN = frozenset(
    {"pip.main", "pip._internal.main", "pip._internal.cli.main.main", "setuptools.command.easy_install.main"}
)


@check(
    name="installs-by-itself",
    version=1,
    severity=Severity.HIGH,
    sentence="The package installs other packages by itself, when it is installed or imported.",
)
def installs(facts: Facts) -> Iterator[Hit]:
    """Look at commands and calls of pip that run by themselves."""
    for module in facts.modules:
        for call in module.calls:
            if call.when in _SOON and call.name in BUILD_FETCHERS and _ADDRESS.search(command_text(call)):
                yield _hit(module, call, command_text(call))
            elif call.when in _SOON and (runs_command(call) or call.name in _MAIN):
                verb = "pip install " if call.name.startswith("setuptools.") else "pip "
                line = (verb if call.name in _MAIN else "") + command_text(call)
                if _INSTALL.search(line) and not _is_said_elsewhere(module, call):
                    yield _hit(module, call, line)
                elif _RUNS.search(line):
                    yield at(module, call, "a package is fetched from an address and run", 0.9, (line[:160],))
                elif _SETS.search(line):
                    yield at(module, call, "the index that packages are installed from is changed", 0.9, (line[:160],))
                elif call.name == "runpy.run_module" and line.split()[:1] == ["pip"] and "pip" not in facts.naming.tops:
                    yield at(module, call, "pip is run with arguments that are not seen", 0.8, (line[:160],))


def _is_said_elsewhere(module: Module, call: Call) -> bool:
    """Whether a function is told by its callers alone what to install, and it is seen what they tell it."""
    told = labels_of(call.arguments) == {"parameter"}
    return told and any(
        one.line == call.line and one.name == call.name and not labels_of(one.arguments) for one in module.calls
    )


def _hit(module: Module, call: Call, line: str) -> Hit:
    trace = (f"line {call.line}: {line[:120]}",)
    if _ADDRESS.search(line):
        return at(module, call, "a package is installed from an address or another index", 0.85, trace)
    if _OWN_LIST.search(line):
        hit = at(module, call, "what the package's own package.json names is installed", 0.5, trace)
        return graver(hit, Severity.LOW)
    severity = Severity.INFO if _are_well_known(line) else Severity.MEDIUM
    return graver(at(module, call, "another package is installed", 0.5, trace), severity)


def _are_well_known(line: str) -> bool:
    """Whether pip is told popular projects, all of them by their plain names: nobody hides a payload there."""
    told = _BY_PIP.search(line)
    names = [one for one in told[1].split() if not one.startswith("-")] if told else []
    return bool(names) and all(normalize(_VERSION.split(one.strip("\"'"))[0]) in popular() for one in names)
