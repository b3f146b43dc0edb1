"""Machine code is put into memory and run, or a foreign library is loaded into a program.

**What it looks for.** Through `ctypes`: memory that may be run (`VirtualAlloc`, `mprotect`, `mmap` with `PROT_EXEC`), bytes
moved there, threads started in it or in another process; libraries that were decoded, put together or downloaded a moment
before and are loaded then; programs that live in memory only (`memfd_create`).

**Why it matters.** This is how a payload runs without a file that anybody could look at.

**What is not flagged.** Bindings of libraries, which load them by name and call their functions.

**When it is a false alert.** Compilers that make machine code at run time, and debuggers, do this for a living; they are few,
known, and do it when they are called.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, at, check, graver, labels_of, steps_of
from bonded.facts.model import Call, Facts, Module
from bonded.facts.value import CHARS, DECODED, DOWNLOADED
from bonded.values.finding import Severity, When

_MEMORY = (
    "VirtualAlloc",
    "VirtualAllocEx",
    "VirtualProtect",
    "NtAllocateVirtualMemory",
    "mprotect",
    "HeapCreate",
    "mmap",
)
_MOVE = ("RtlMoveMemory", "WriteProcessMemory", "memmove", "NtWriteVirtualMemory", "RtlCopyMemory")
_START = (
    "CreateThread",
    "CreateRemoteThread",
    "NtCreateThreadEx",
    "QueueUserAPC",
    "EnumWindows",
    "RtlCreateUserThread",
)
_OTHERS = ("CreateRemoteThread", "WriteProcessMemory", "VirtualAllocEx", "QueueUserAPC", "NtWriteVirtualMemory")
_LOADERS = frozenset(
    {"ctypes.CDLL", "ctypes.WinDLL", "ctypes.cdll.LoadLibrary", "ctypes.windll.LoadLibrary", "ctypes.PyDLL"}
)
_SOON = (When.INSTALL, When.STARTUP, When.IMPORT)


@check(
    name="native-code-injection",
    version=1,
    severity=Severity.CRITICAL,
    sentence="Machine code is put into memory and run, or a foreign library is loaded into a program.",
)
def injected(facts: Facts) -> Iterator[Hit]:
    """Look at calls through ctypes; memory, bytes and a start together are proof."""
    for module in facts.modules:
        native = [call for call in module.calls if call.name.startswith("ctypes.")]
        steps = {step for step, names in enumerate((_MEMORY, _MOVE, _START)) for call in native if _last(call) in names}
        for call in native:
            yield from _look(module, call, len(steps))
        yield from (
            at(module, call, "a program is made in memory only", 0.8)
            for call in module.calls
            if call.name == "os.memfd_create"
        )


def _look(module: Module, call: Call, steps: int) -> Iterator[Hit]:
    name = _last(call)
    if call.name in _LOADERS and labels_of(call.arguments[:1]) & {CHARS, DECODED, DOWNLOADED}:
        yield at(
            module, call, "a decoded or downloaded library is loaded", 0.9, steps_of(call, CHARS, DECODED, DOWNLOADED)
        )
    elif name in (*_MEMORY, *_MOVE, *_START) and name != "mmap":
        hidden = bool(labels_of(call.arguments) & {DECODED, DOWNLOADED, CHARS})
        grave = steps >= 2 or hidden or name in _OTHERS
        hint = not grave and name in ("memmove", "RtlMoveMemory")
        hit = at(module, call, f"native memory is written or run ({name})", 0.3 if hint else 0.95 if grave else 0.6)
        least = Severity.LOW if hint else Severity.HIGH if call.when in _SOON else Severity.MEDIUM
        yield hit if grave else graver(hit, least)


def _last(call: Call) -> str:
    return call.name.rpartition(".")[2]
