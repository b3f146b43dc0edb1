"""A script for another interpreter fetches, hides or runs something.

**What it looks for.** Shell, batch, PowerShell and Windows Script Host members whose text fetches a program and runs it,
decodes one, hides its window, opens a shell to another machine, or sends secrets; Python that runs such a member by its name,
whatever it is called; the same in what a build back-end runs (CMake, Meson, `build.rs`), in hooks of npm and `make`, in
settings that editors, assistants and desktops run commands from, and in files that are installed where programs start by
themselves. JavaScript that Python hands to its interpreter as soon as it is imported, and that fetches what it
runs. Pickles and YAML that run a command
when they are loaded.

**Why it matters.** A scanner of Python sees only a call of a file; what the file does is written in another language.

**What is not flagged.** Scripts of tests and documentation that nothing runs, scripts that build, lint or activate an
environment, and build scripts that fetch sources and build them.

**When it is a false alert.** Scripts for continuous integration fetch installers too. Such a script is a hint as long as
nothing runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.kit import Hit, check, runs_command
from bonded.checks.scripting import reading_of
from bonded.facts.model import Call, Facts, Module, Script
from bonded.facts.scripts import CMAKE, INSTRUCTIONS, MAKE, MESON, NPM, PICKLE, RUST, SETTINGS, YAML
from bonded.values.finding import Severity, When

_TOOLS = {
    CMAKE: re.compile(r"(?:^|[\s/;&])cmake\s"),
    MESON: re.compile(r"(?:^|[\s/;&])meson\s"),
    RUST: re.compile(r"(?:^|[\s/;&])cargo\s"),
    MAKE: re.compile(r"(?:^|[\s/;&])g?make(?:\s|$)"),
    NPM: re.compile(r"(?:^|[\s/;&])(?:npm|yarn|pnpm|bun)(?:\.cmd)?\s+(?:install|i|ci)\b"),
}
"""Commands that have a tool run its files."""
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)
_RUNS_IT = ("saves a fetched program", "fetches a program and runs", "shell to another machine", "fetch and run")
"""Of what is said of a command, what leaves nothing to ask."""


@check(
    name="hostile-script",
    version=1,
    severity=Severity.HIGH,
    sentence="A script for another interpreter fetches, hides or runs something.",
)
def scripts(facts: Facts) -> Iterator[Hit]:
    """One hit for each script that does such a thing; one that something runs weighs most."""
    for script in facts.scripts:
        what, line, confidence = reading_of(script) if script.language != INSTRUCTIONS else ("", 0, 0.0)
        runner = _runner(facts, script) if what else None
        if what and (script.when is not When.NEVER or runner is not None):
            yield _hit(script, what, line, confidence, runner)


def _runner(facts: Facts, script: Script) -> tuple[Module, Call] | None:
    """The call of Python code that names the script, or the tool that runs it."""
    name = script.path.rpartition("/")[2]
    tool = _TOOLS.get(script.language)
    for module in facts.modules:
        for call in module.calls:
            if runs_command(call) and call.when is not When.NEVER:
                words = command_text(call)
                if name in words or (tool is not None and tool.search(words)):
                    return module, call
    return None


def _hit(script: Script, what: str, line: int, confidence: float, runner: tuple[Module, Call] | None) -> Hit:
    excerpt = script.text.split("\n")[line - 1][:300]
    if runner is None:
        return Hit(
            what, confidence, script.path, line, line, excerpt, script.when, severity=_alone(script, what, confidence)
        )
    module, call = runner
    trace = (f"{module.path} line {call.line}: {call.name} runs {script.path}",)
    return Hit(what, 0.9, script.path, line, line, excerpt, call.when, trace, Severity.CRITICAL)


def _alone(script: Script, what: str, confidence: float) -> Severity:
    """How grave a script is that no Python of the package runs."""
    if script.language in (PICKLE, YAML) or (script.language == SETTINGS and confidence >= 0.8):
        return Severity.CRITICAL
    if confidence < 0.8:
        return Severity.LOW if script.language in _TOOLS else Severity.MEDIUM
    plain = any(words in what for words in _RUNS_IT)
    return Severity.CRITICAL if plain and script.when not in _SOON else Severity.HIGH
