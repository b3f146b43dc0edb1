"""One sandboxed call: in a child that the fork server made, under limits, with nothing but its argument and one pipe."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import math
import os
import resource
import signal
import struct
import sys
from typing import BinaryIO

from bonded.adapters import sandbox_filter
from bonded.adapters.sandbox_wire import ERROR, MEMORY, VALUE, Request, write_frame

OURS = ("bonded.", "tests.")
"""Only functions of our own modules are called: a request names one, it never carries code."""


def work(request: Request, answer: int, argument: int, attachment: int | None, *, filtered: bool) -> None:
    """Run the call and end the process. Never returns."""
    status = 1
    try:
        _limit(request, filtered=filtered)
        status = _call(request, answer, argument, attachment)
    except MemoryError:
        status = _report(answer, MEMORY, "")
    except BaseException as error:
        status = _report(answer, ERROR, f"{type(error).__name__}: {error}"[:2000])
    finally:
        os._exit(status)


def _call(request: Request, answer: int, argument: int, attachment: int | None) -> int:
    if not request.module.startswith(OURS):
        raise PermissionError(f"{request.module} is no module of ours")
    function = getattr(importlib.import_module(request.module), request.name)
    data = _whole(argument)
    stream: BinaryIO | None = None
    if attachment is not None:
        os.lseek(attachment, 0, os.SEEK_SET)
        stream = os.fdopen(attachment, "rb", closefd=False)
    gc.disable()  # a short life: collecting syntax trees costs more than it frees
    sys.setrecursionlimit(6000)
    value = function(data, stream)
    for part in (value,) if isinstance(value, bytes) else value:
        assert isinstance(part, bytes), "a sandboxed call returns or yields bytes"
        write_frame(answer, VALUE, part)
    return 0


def _whole(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        return stream.read()


def _report(answer: int, kind: bytes, words: str) -> int:
    with contextlib.suppress(OSError, MemoryError):
        write_frame(answer, kind, words.encode("utf-8", "replace"))
    return 1


def _limit(request: Request, *, filtered: bool) -> None:
    """Lower every limit for good. What fails here fails the call: no work is done without its limits."""
    os.setpgid(0, 0)
    signal.setitimer(signal.ITIMER_PROF, request.cpu_seconds)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    seconds = math.ceil(request.cpu_seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    space = _address_space() + request.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    for kind, most in (
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _drop_privileges(filtered=filtered)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if filtered:
        sandbox_filter.install()


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as status:  # noqa: PTH123 - one of the few files that exist here
        return int(status.read().split()[0]) * resource.getpagesize()


def _drop_privileges(*, filtered: bool) -> None:
    """Give up what root may do. Limits on processes do not bind root, so without the filter it becomes nobody.

    With the filter it stays who it is, without a capability: an interpreter in a private folder can still be imported from.
    """
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE: nobody may look into this process
    if os.geteuid() == 0 and not filtered:
        os.setgroups([])
        os.setresgid(65_534, 65_534, 65_534)
        os.setresuid(65_534, 65_534, 65_534)
        return
    header = struct.pack("<Ii", 0x20080522, 0)
    if library.capset(header, bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "capabilities could not be given up")
