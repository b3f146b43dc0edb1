"""A program is started so that nobody sees it, as soon as the package is installed or imported.

**What it looks for.** At install, start-up or import: processes without a window (`CREATE_NO_WINDOW`, `SW_HIDE`, `start /b`,
`pythonw`, `-WindowStyle Hidden`), detached from the session (`DETACHED_PROCESS`, `start_new_session`, `nohup`, `setsid`, `&` at
the end), with their output thrown away, or another Python that is given a line of code and not asked for an answer; and an
assistant for language models that is told to ask nobody before it acts.

**Why it matters.** A library needs no process of its own when it is imported, and none at all that outlives the import unseen.

**What is not flagged.** Commands that are waited for and read (`git describe`, `uname`), and functions that a caller calls.

**When it is a false alert.** Some packages start a helper when they are imported. They can be told by its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import command_text
from bonded.checks.kit import Hit, at, check, graver, runs_command
from bonded.checks.sending import command_line
from bonded.facts.model import Call, Facts
from bonded.values.finding import Severity, When

_HIDDEN = re.compile(
    r"(?i)\bstart\s+/(b|min)\b|\bpythonw(\.exe)?\b|-w(indowstyle)?\s+hidden|\bwscript(\.exe)?\s|vbhide"
)
_DETACHED = re.compile(r"\bnohup\b|\bsetsid\b|&\s*$|\bdisown\b|\bscreen\s+-dm|\btmux\s+new\S*\s+-d")
_FLAGS = frozenset({"134217728", "8", "512", "134218240", "134217736", "520"})
"""CREATE_NO_WINDOW, DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP and sums of them."""
_PYTHON = re.compile(r"^\s*(?:\S*[\\/])?(?:python[\w.]*|\?|\u2026)(?:\.exe)?\s+(?:-\w+\s+)*-c\s+(?=[^?\u2026])")
_ASSISTANT = re.compile(
    r"\b(?:claude|gemini|codex|qwen|q|opencode|cursor-agent|copilot|amp)\b[^\n]{0,200}?\s(?:--dangerously-\S+|--yolo|-y\b|--trust-all-tools"
    r"|--allow-all-tools|--full-auto|--no-interactive|--force)"
)
"""Assistants that are told to ask nobody."""
_READ = frozenset({"stdout", "stdin"})
"""Whoever starts a program to ask it something takes these."""
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)


@check(
    name="hidden-process",
    version=1,
    severity=Severity.HIGH,
    sentence="A program is started so that nobody sees it, as soon as the package is installed or imported.",
)
def hidden(facts: Facts) -> Iterator[Hit]:
    """Look at every command that runs by itself."""
    for module in facts.modules:
        for call in module.calls:
            if runs_command(call) and call.when in _SOON:
                named = {one.name: one.text for one in call.arguments if one.name}
                if _without_window(call, named):
                    yield at(module, call, "a program is started without a window", 0.85)
                elif _ASSISTANT.search(command_text(call)):
                    yield at(module, call, "an assistant is started that shall ask nobody what it may do", 0.9)
                elif named.get("start_new_session") == "True" or _DETACHED.search(command_text(call)):
                    yield graver(at(module, call, "a program is started apart from the session", 0.7), Severity.MEDIUM)
                elif (
                    call.name == "subprocess.Popen" and not _READ & named.keys() and _PYTHON.search(command_line(call))
                ):
                    yield graver(
                        at(module, call, "a second Python is started with a line of code", 0.8), Severity.MEDIUM
                    )


def _without_window(call: Call, named: dict[str, str | None]) -> bool:
    return named.get("creationflags") in _FLAGS or bool(_HIDDEN.search(command_text(call)))
