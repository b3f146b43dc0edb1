"""The fork server of a sandbox: started once, it has everything imported, and forks a child for each request.

Run as `python -m bonded.adapters.sandbox_server CONTROL_FD plain|filter|landlock MODULE...`. A child costs milliseconds, shares the memory
of the imports, and can end in any way without harming its neighbours. The modules named are made warm at the start, others of
ours when they are first asked for. The server ends when its client does, and when it has had nothing to do for a while.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass

from bonded.adapters import sandbox_landlock
from bonded.adapters.sandbox_child import work
from bonded.adapters.sandbox_wire import Request, receive_request, write_status

IDLE = 120.0
"""Seconds without work after which the server ends, and gives its memory back."""
GROUP = "/proc/self/autogroup"
"""How much a session gives way to others (Linux, sched(7), "The autogroup feature")."""


@dataclass(slots=True)
class Child:
    """One running child: its process, a descriptor that is readable at its end, the pipe, and when it is killed."""

    pid: int
    handle: int
    answer: int
    deadline: float
    late: bool = False


def main(arguments: list[str]) -> None:
    """Serve until the client is gone."""
    control = socket.socket(fileno=int(arguments[0]))
    filtered = arguments[1] != "plain"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the client, which ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    give_way()
    warm: set[str] = set()
    for module in arguments[2:]:
        _warm(module, warm)
    if arguments[1] == "landlock":
        sandbox_landlock.restrict(sandbox_landlock.readable())
    control.send(b"ready")
    children: dict[int, Child] = {}
    try:
        while _turn(control, children, warm, filtered=filtered):
            pass
    finally:
        for child in children.values():
            os.kill(child.pid, signal.SIGKILL)


def give_way(group: str = GROUP) -> None:
    """Give way as a session as much as this process does by its nice value, which where sessions share processors alike counts
    only among the processes of one: without this, screening takes as much as all of the index that it was told to go behind.
    """
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    for _ in range(5 if nice > 0 else 0):
        try:
            with open(group, "w") as file:  # noqa: PTH123
                file.write(str(nice))
            return
        except BlockingIOError:  # the kernel takes one such change every tenth of a second
            time.sleep(0.1)
        except OSError:
            return  # this kernel has no such groups


def _warm(module: str, warm: set[str]) -> None:
    """Import `module` and call its `warm`, once: what that loads, no child loads again. Nothing of a request is read here."""
    if module in warm:
        return
    warm.add(module)
    prepare = getattr(importlib.import_module(module), "warm", None)
    if prepare is not None:
        prepare()
    gc.collect()
    gc.freeze()  # children share what is here: a collection would write into all of it
    gc.disable()


def _turn(control: socket.socket, children: dict[int, Child], warm: set[str], *, filtered: bool) -> bool:
    """Wait for a request, the end of a child, or a deadline. False when the client is gone, or nothing is to do."""
    now = time.monotonic()
    waits = [child.deadline - now for child in children.values() if not child.late]
    patience = max(0.0, min(waits)) if waits else None if children else IDLE
    readable, _, _ = select.select([control.fileno(), *children], [], [], patience)
    if not readable and not children:
        return False  # the client starts another when it needs one
    for handle in readable:
        if handle in children:
            _ended(children.pop(handle))
    now = time.monotonic()
    for child in children.values():
        if not child.late and now >= child.deadline:
            child.late = True
            os.kill(child.pid, signal.SIGKILL)
    if control.fileno() in readable:
        received = receive_request(control)
        if received is None:
            return False
        if received[0].module.startswith("bonded."):
            # A module that cannot be made warm is the child's to fail on: the others' children go on.
            with contextlib.suppress(Exception):
                _warm(received[0].module, warm)
        child = _fork(control, *received, children, filtered=filtered)
        children[child.handle] = child
    return True


def _fork(
    control: socket.socket, request: Request, descriptors: list[int], children: dict[int, Child], *, filtered: bool
) -> Child:
    answer, argument, *rest = descriptors
    pid = os.fork()
    if pid == 0:
        control.close()
        for other in children.values():
            os.close(other.handle)
            os.close(other.answer)
        work(request, answer, argument, rest[0] if request.attached else None, filtered=filtered)
    for descriptor in (argument, *rest):
        os.close(descriptor)
    return Child(pid, os.pidfd_open(pid), answer, time.monotonic() + request.wall_seconds)


def _ended(child: Child) -> None:
    """Tell the client how the child ended. If the client no longer listens, nobody needs to know."""
    _, status, usage = os.wait4(child.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    try:
        write_status(child.answer, f"{code} {usage.ru_utime + usage.ru_stime:.6f} {int(child.late)} {usage.ru_maxrss}")
    except OSError:
        pass
    finally:
        os.close(child.answer)
        os.close(child.handle)


if __name__ == "__main__":
    main(sys.argv[1:])
