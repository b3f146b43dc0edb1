"""A script for another interpreter fetches, hides or runs something.

**What it looks for.** Shell, batch, PowerShell and Windows Script Host members whose text fetches a program and runs it,
decodes one, hides its window, or opens a shell to another machine; and Python that runs such a member by its name.

**Why it matters.** A scanner of Python sees only a call of a file; what the file does is written in another language.

**What is not flagged.** Scripts of tests and documentation, and scripts that build, lint or activate an environment.

**When it is a false alert.** Scripts for continuous integration fetch installers too. Such a script is a hint as long as no
Python of the package runs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text, read_command, telling_lines
from bonded.checks.kit import Hit, check, runs_command
from bonded.facts.model import Call, Facts, Module, Script
from bonded.values.finding import Severity, When

_HOST = re.compile(
    r"(?i)createobject\([^)\n]{0,60}(shell|xmlhttp|adodb\.stream|filesystemobject)|new\s+activexobject|getobject\(.?winmgmts"
)
_WINDOWS = frozenset({"VBScript", "JScript"})


@check(
    name="hostile-script",
    version=1,
    severity=Severity.HIGH,
    sentence="A script for another interpreter fetches, hides or runs something.",
)
def scripts(facts: Facts) -> Iterator[Hit]:
    """One hit for each script that does such a thing; one that Python runs weighs most."""
    for script in facts.scripts:
        if script.when is not When.NEVER:
            what, line, confidence = _reading(script)
            if what:
                yield _hit(script, what, line, confidence, _runner(facts, script))


def _reading(script: Script) -> tuple[str, int, float]:
    """What the script does, on which line, and how sure that is."""
    windows = script.language in _WINDOWS
    lines = enumerate(script.text.split("\n"), 1) if windows else telling_lines(script.text)
    for number, line in lines:
        reading = read_command(line)
        if reading is not None:
            return reading.what, number, 0.3 if script.language == "shell" else 0.8
        if windows and _HOST.search(line):
            return "a script of Windows Script Host runs programs or writes files", number, 0.8
    return "", 0, 0.0


def _runner(facts: Facts, script: Script) -> tuple[Module, Call] | None:
    """The call of Python code that names the script."""
    name = script.path.rpartition("/")[2]
    for module in facts.modules:
        for call in module.calls:
            if runs_command(call) and call.when is not When.NEVER and name in command_text(call):
                return module, call
    return None


def _hit(script: Script, what: str, line: int, confidence: float, runner: tuple[Module, Call] | None) -> Hit:
    excerpt = script.text.split("\n")[line - 1][:300]
    if runner is None:
        severity = Severity.HIGH if confidence >= 0.8 else Severity.MEDIUM
        return Hit(what, confidence, script.path, line, line, excerpt, script.when, severity=severity)
    module, call = runner
    trace = (f"{module.path} line {call.line}: {call.name} runs {script.path}",)
    return Hit(what, 0.9, script.path, line, line, excerpt, call.when, trace, Severity.CRITICAL)
