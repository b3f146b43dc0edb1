"""Installing the package reaches the network, runs a hostile command, or injects code.

**What it looks for.** Code that runs while the package is built or installed: the top level of `setup.py`, command classes
(`cmdclass`), an in-tree build back-end named by `backend-path`, and modules of the package that these import. There it
looks for calls that reach the network, above all with the environment, the host's or the user's name; for programs started
with hidden windows or by "open this file"; and for native memory or library calls.

**Why it matters.** `pip install` and `pip download` run this code on the machine of whoever asks for the package, before
anybody has looked at it.

**What is not flagged.** Compilers, `git describe`, `pkg-config`, reading and writing files, and running Python that is in
the archive: builds do these. Functions that nothing calls at install time do not count.

**When it is a false alert.** Builds that fetch a source archive of a native library. Ask the owner to ship it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver, labels_of, runs_command
from bonded.facts.known import NETWORK
from bonded.facts.model import Call, Facts, Module
from bonded.facts.value import ENVIRONMENT, HOST
from bonded.values.finding import Severity, When

_OPENERS = frozenset({"os.startfile", "webbrowser.open", "win32api.ShellExecute"})
_NATIVE = ("VirtualAlloc", "CreateThread", "CreateRemoteThread", "WriteProcessMemory", "RtlMoveMemory", "mprotect")
_HIDDEN_WINDOW = frozenset({"134217728", "0x08000000"})
_LOCAL = ("localhost", "127.0.0.1", "::1")


@check(
    name="install-time-execution",
    version=1,
    severity=Severity.HIGH,
    sentence="Installing the package reaches the network, starts a hidden program, or injects code.",
)
def install_time(facts: Facts) -> Iterator[Hit]:
    """Look at every call that runs at install time."""
    for module in facts.modules:
        for call in module.calls:
            if call.when is When.INSTALL:
                yield from _look(module, call)


def _look(module: Module, call: Call) -> Iterator[Hit]:
    labels = labels_of(call.arguments)
    if call.name in NETWORK:
        if labels & {ENVIRONMENT, HOST}:
            what = "the environment" if ENVIRONMENT in labels else "the names of the host or the user"
            yield graver(
                at(module, call, f"{what} is sent over the network at install time", 0.95, _way(call)),
                Severity.CRITICAL,
            )
        elif not _stays_here(call):
            yield graver(at(module, call, "the network is reached at install time", 0.8, _way(call)), Severity.MEDIUM)
    elif call.name in _OPENERS:
        yield at(module, call, "a file or page is opened on the installing machine", 0.85)
    elif runs_command(call) and any(
        one.name == "creationflags" and one.text in _HIDDEN_WINDOW for one in call.arguments
    ):
        yield at(module, call, "a program is started in a hidden window at install time", 0.9)
    elif call.name.startswith("ctypes.") and call.name.endswith(_NATIVE):
        yield graver(at(module, call, "native memory is written or run at install time", 0.95), Severity.CRITICAL)


def _stays_here(call: Call) -> bool:
    return any(one.text is not None and one.text.startswith(_LOCAL) for one in call.arguments)


def _way(call: Call) -> tuple[str, ...]:
    return (*(step for one in call.arguments for step in one.steps), f"line {call.line}: {call.name}")[:12]
