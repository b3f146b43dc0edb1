"""Another machine or a chat gives commands that are run here.

**What it looks for.** A socket that is tied to a shell (`dup2`, `pty.spawn`, a shell whose input and output are elsewhere, in
the function or module that connects or listens); commands or code that were written in a chat to a
bot, or sent to a server which the package starts; an interpreter whose input is a socket; and command lines that open such a shell by themselves.

**Why it matters.** Whoever is at the other end does whatever the user may do.

**What is not flagged.** Terminals for local programs, clients of SSH, servers whose commands are looked up in a table.

**When it is a false alert.** Tools for remote administration. They say so, and start when the user starts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.commands import read_command
from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_code, runs_command, steps_of
from bonded.checks.sending import command_line
from bonded.facts.known import CONSOLES
from bonded.facts.model import Call, Facts, Module
from bonded.facts.value import DOWNLOADED, MESSAGE, PARSED
from bonded.values.finding import Severity, When

_ENDS = frozenset(
    {"socket.socket().connect", "socket.socket().connect_ex", "socket.create_connection", "socket.socket().accept"}
)
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)
_TIES = frozenset({"os.dup2", "pty.spawn"})
_SHELL = re.compile(r"^(\S*/)?(ba|z|da|k)?sh\b|^(\S*\\)?(cmd|powershell|pwsh)(\.exe)?\b", re.IGNORECASE)
_INPUT = "subprocess.Popen().stdin.write"


@check(
    name="remote-shell",
    version=1,
    severity=Severity.CRITICAL,
    sentence="Another machine or a chat gives commands that are run here.",
)
def remote_shell(facts: Facts) -> Iterator[Hit]:
    """Look at what is run, and at sockets beside it."""
    for module in facts.modules:
        calls = [call for call in module.calls if call.when is not When.NEVER]
        ends = {call.scope for call in calls if call.name in _ENDS}
        for call in calls:
            yield from _look(module, call, ends)


def _look(module: Module, call: Call, ends: set[str]) -> Iterator[Hit]:
    labels = labels_of(call.arguments[:2])
    if call.name in _TIES and _beside(call, ends):
        yield at(module, call, "a shell is tied to a socket", 0.95, (f"line {call.line}: {call.name}",))
    elif call.name == _INPUT and DOWNLOADED in labels and PARSED not in labels:
        yield at(module, call, "what comes from the network is typed into a program", 0.9, steps_of(call, DOWNLOADED))
    elif (runs_command(call) or runs_code(call)) and MESSAGE in labels:
        hit = at(module, call, "what others write or send is run", 0.85, steps_of(call, MESSAGE))
        yield hit if call.when in _SOON else graver(hit, Severity.HIGH)
    elif call.name in CONSOLES and call.when in _SOON and ends:
        yield at(module, call, "an interpreter is opened to another machine", 0.85)
    elif runs_command(call) and _is_shell(call) and _beside(call, ends):
        yield at(module, call, "a shell is started whose input and output are elsewhere", 0.9)
    elif runs_command(call):
        reading = read_command(command_line(call))
        if reading is not None and "shell to another machine" in reading.what:
            yield at(module, call, reading.what, reading.confidence)


def _beside(call: Call, ends: set[str]) -> bool:
    """Whether the same function, or one around or inside it, reaches a socket; of what runs by itself, one beside it."""
    owner = call.scope.rpartition(".")[0]
    near = any(call.scope.startswith(one) or one.startswith(call.scope) for one in ends)
    return near or (call.when in _SOON and any(not owner or one.rpartition(".")[0] == owner for one in ends))


def _is_shell(call: Call) -> bool:
    elsewhere = sum(one.name in ("stdin", "stdout", "stderr") for one in call.arguments) >= 2
    interactive = " -i" in command_line(call)
    return bool(_SHELL.match(command_line(call).strip())) and (elsewhere or interactive)
