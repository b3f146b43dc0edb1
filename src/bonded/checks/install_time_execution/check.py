"""Installing the package reaches the network, runs a hostile command, or injects code.

**What it looks for.** Code that runs while the package is built or installed: the top level of `setup.py`, command classes
(`cmdclass`), an in-tree build back-end named by `backend-path`, and modules of the package that these import. There it
looks for calls that reach the network, above all with the environment, the host's or the user's name; for programs started
with hidden windows or by "open this file"; for programs and pages that build nothing (a calculator, a list of files, a page
in a browser), and scripts that are not in the archive; for code in an archive of its own; and for native memory or library
calls.

**Why it matters.** `pip install` and `pip download` run this code on the machine of whoever asks for the package, before
anybody has looked at it.

**What is not flagged.** Compilers, `git describe`, `pkg-config`, reading and writing files, and running Python that is in
the archive: builds do these. Functions that nothing calls at install time do not count, nor do commands of `setup.py` that only
those who work on the project ask for (`update`, `upload`, `test`).

**When it is a false alert.** Builds that fetch a source archive of a native library. Ask the owner to ship it. Hooks of build
tools that fetch from an ordinary address are a hint: they make what is in the archive already. So is what is fetched from such an
address and compared with a SHA-2 digest that stands in the same file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver, runs_command
from bonded.checks.programs import absent_script, idle, opens_page
from bonded.checks.sending import LOOK_UPS, NAMED, Sending, command_line, compares_digest, sendings
from bonded.facts import places
from bonded.facts.model import Call, Facts, Module
from bonded.values.finding import Severity, When

_OPENERS = frozenset({"os.startfile", "webbrowser.open", "win32api.ShellExecute"})
_NATIVE = ("VirtualAlloc", "CreateThread", "CreateRemoteThread", "WriteProcessMemory", "RtlMoveMemory", "mprotect")
_HIDDEN_WINDOW = frozenset({"134217728", "0x08000000"})
_NOTHING_YET = (
    "urllib.request.Request",
    "http.client.HTTPConnection",
    "http.client.HTTPSConnection",
    "socket.socket().accept",
)
_NAME_TOOL = re.compile(r"[\s;&|]([\w/]*/)?(dig|nslookup|host|ping)(\.exe)?\s", re.IGNORECASE)


@check(
    name="install-time-execution",
    version=1,
    severity=Severity.HIGH,
    sentence="Installing the package reaches the network, starts a hidden program, or injects code.",
)
def install_time(facts: Facts) -> Iterator[Hit]:
    """Look at every call that runs at install time."""
    if not any(call.when is When.INSTALL for module in facts.modules for call in module.calls):
        return
    members = frozenset(one.path for one in facts.members)
    program = any(one.endswith("/setup.py") and one.count("/") == 1 for one in members)
    for module in facts.modules:
        for call in module.calls:
            if call.when is When.INSTALL:
                yield from _look(module, call)
                yield from _pointless(module, call, members)
        for one in sendings(module):
            if one.call.when is When.INSTALL and not one.call.name.startswith(_NOTHING_YET) and _leaves(one):
                yield _sending(module, one, hook=not program, compared=compares_digest(module))


def _leaves(one: Sending) -> bool:
    """Whether it goes anywhere: looking up the machine's own name does not."""
    return bool(one.kind or one.worst) or not one.call.name.startswith(LOOK_UPS)


def _sending(module: Module, one: Sending, *, hook: bool, compared: bool) -> Hit:
    """`hook`: the archive is built by hooks of a build tool, which fetch what is missing, and not by a program of its own."""
    if one.worst:
        hit = at(module, one.call, f"{NAMED[one.worst]}: sent over the network at install time", 0.95, _way(one.call))
        return graver(hit, Severity.CRITICAL)
    if one.call.name.startswith(LOOK_UPS) or (
        runs_command(one.call) and _NAME_TOOL.search(f" {command_line(one.call)}")
    ):
        hit = at(module, one.call, "a name is looked up at install time: the look-up itself is a message", 0.85)
        return graver(hit, Severity.CRITICAL)
    known = (compared and not one.kind and not one.veiled) or ((hook or compared) and one.kind == places.ORDINARY)
    reached = at(module, one.call, "the network is reached at install time", 0.4 if known else 0.8, _way(one.call))
    return graver(reached, Severity.LOW if known else Severity.MEDIUM)


def _look(module: Module, call: Call) -> Iterator[Hit]:
    if call.name in _OPENERS:
        yield at(module, call, "a file or page is opened on the installing machine", 0.85)
    elif runs_command(call) and any(
        one.name == "creationflags" and one.text in _HIDDEN_WINDOW for one in call.arguments
    ):
        yield at(module, call, "a program is started in a hidden window at install time", 0.9)
    elif call.name == "zipimport.zipimporter":
        yield at(module, call, "code is loaded out of an archive at install time", 0.85)
    elif call.name.startswith("ctypes.") and call.name.endswith(_NATIVE):
        yield graver(at(module, call, "native memory is written or run at install time", 0.95), Severity.CRITICAL)


def _pointless(module: Module, call: Call, members: frozenset[str]) -> Iterator[Hit]:
    """Programs that are started and build nothing: whoever tries whether code runs takes these."""
    line = command_line(call) if runs_command(call) and call.name not in _OPENERS else ""
    if opens_page(call.name, line):
        yield at(module, call, "a page is opened on the installing machine", 0.85)
    elif idle(line):
        yield at(module, call, "a program that no build needs is started at install time", 0.85)
    elif all(one.name != "cwd" for one in call.arguments) and (script := absent_script(line, members)):
        yield graver(
            at(module, call, f"{script!r}, which is not in the archive, is run at install time", 0.7), Severity.MEDIUM
        )


def _way(call: Call) -> tuple[str, ...]:
    return (*(step for one in call.arguments for step in one.steps), f"line {call.line}: {call.name}")[:12]
