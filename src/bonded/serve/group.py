"""The process group: children forked from one parent that has loaded everything, so that they share its memory.

The parent does nothing but watch: it starts children again when they end (with a growing pause), says once when all are
ready, passes SIGTERM on, and kills what does not finish in time. It must have no threads and no open database when
`run_group` is called.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

import structlog

from bonded.serve.life import Life
from bonded.telemetry import metrics
from bonded.telemetry.measures import RESTARTS

log = structlog.get_logger("bonded.group")


@dataclass(frozen=True, slots=True)
class Member:
    """One child: `run(life)` works until `life.stop`, calls `life.ready()` once it does its work, and returns.

    `listens`: the listening socket that it serves on, if any; no other child keeps it open, and the parent lets go of it
    when the stop begins, so that new connections are then refused at once.
    """

    name: str
    run: Callable[[Life], None]
    listens: socket.socket | None = None


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """Times in seconds. `give_up`: ends of one child, each within `steady` of its start, after which the group ends."""

    stop_timeout: float = 40.0
    first_pause: float = 0.05
    longest_pause: float = 5.0
    steady: float = 10.0
    give_up: int = 8


@dataclass(slots=True)
class _Child:
    member: Member
    pid: int = 0
    started: float = 0.0
    due: float = 0.0
    failures: int = 0
    ready: bool = False


@dataclass(slots=True)
class _Group:
    settings: GroupSettings
    children: list[_Child]
    announce: Callable[[], None]
    life_read: int = -1
    life_write: int = -1
    wake_read: int = -1
    wake_write: int = -1
    ready_pipes: dict[int, _Child] = field(default_factory=dict)
    announced: bool = False
    stopping: float = 0.0
    code: int = 0


def run_group(members: Sequence[Member], announce: Callable[[], None], settings: GroupSettings) -> int:
    """Run `members` until SIGTERM or SIGINT; `announce` is called once, when every one has said that it is ready.

    Returns the exit code: 0 after an asked-for stop in which every child finished, 1 when a child could not be kept
    running or had to be killed.
    """
    gc.collect()
    gc.freeze()  # a collection in a child would otherwise touch, and so copy, the pages that it shares with the parent
    group = _Group(settings, [_Child(member) for member in members], announce)
    group.life_read, group.life_write = os.pipe()
    group.wake_read, group.wake_write = os.pipe()
    os.set_blocking(group.wake_read, False)
    os.set_blocking(group.wake_write, False)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGINT)}
    stop = _handlers()
    woken = signal.set_wakeup_fd(group.wake_write, warn_on_full_buffer=False)
    try:
        while True:
            now = time.monotonic()
            if not stop.asked:
                _start_due(group, now)
            _wait(group, now)
            # Before the children are looked at: a terminal's Ctrl-C reaches them too, and the quick have ended when we wake.
            if stop.asked and not group.stopping:
                _stop(group, time.monotonic())
            _reap(group, time.monotonic())
            _overdue(group, time.monotonic())
            if group.stopping and not any(child.pid for child in group.children):
                return group.code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(woken)
        for pipe in (group.life_read, group.life_write, group.wake_read, group.wake_write, *group.ready_pipes):
            os.close(pipe)
        gc.unfreeze()


@dataclass(slots=True)
class _Asked:
    asked: bool = False


def _handlers() -> _Asked:
    """Handlers that only take a note. The loop is woken by the interpreter (`set_wakeup_fd`): a handler runs before the next step
    of ours, and that may be the sleep from which it should wake us."""
    stop = _Asked()

    def note(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            stop.asked = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, note)
    return stop


def _start_due(group: _Group, now: float) -> None:
    for child in group.children:
        if not group.stopping and not child.pid and child.due <= now:
            _fork(group, child, now)


_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def _fork(group: _Group, child: _Child, now: float) -> None:
    """Start a child. Signals wait until it has handlers of its own: it would lose one that came between."""
    ready_read, ready_write = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    pid = os.fork()
    if pid == 0:
        _live(group, child.member, ready_read, ready_write)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.close(ready_write)
    group.ready_pipes[ready_read] = child
    child.pid, child.started = pid, now


def _live(group: _Group, member: Member, ready_read: int, ready_write: int) -> None:
    """The whole life of a child; never returns. An exception ends it with code 1 and is logged; SystemExit was told."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        for pipe in (group.life_write, group.wake_read, group.wake_write, ready_read, *group.ready_pipes):
            os.close(pipe)
        for other in group.children:
            if other.member is not member and other.member.listens is not None:
                other.member.listens.close()
        life = Life(ready_write, group.life_read)
        life.obey_signals()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        member.run(life)
        code = 0
    except SystemExit:
        pass
    except BaseException:
        log.error("process failed", process=member.name, exception=traceback.format_exc())
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _wait(group: _Group, now: float) -> None:
    """Sleep until something ends, a pause is over, or somebody is ready."""
    moments = [child.due for child in group.children if not child.pid and not group.stopping]
    if group.stopping:
        moments.append(group.stopping + group.settings.stop_timeout)
    timeout = max(0.0, min(moments) - now) if moments else None
    pipes, _, _ = select.select([group.wake_read, *group.ready_pipes], [], [], timeout)
    for pipe in pipes:
        if pipe == group.wake_read:
            os.read(pipe, 4096)
        else:
            child = group.ready_pipes.pop(pipe)
            child.ready = child.ready or os.read(pipe, 1) == b"r"
            os.close(pipe)
    if not group.announced and not group.stopping and all(child.ready for child in group.children):
        group.announced = True
        group.announce()


def _reap(group: _Group, now: float) -> None:
    for child in group.children:
        if child.pid and (done := os.waitpid(child.pid, os.WNOHANG))[0]:
            metrics.gone(child.pid)
            child.pid = 0
            _ended(group, child, os.waitstatus_to_exitcode(done[1]), now)


def _ended(group: _Group, child: _Child, code: int, now: float) -> None:
    """Decide what follows the end of a child: nothing while stopping, else another start after a pause, or the end."""
    if group.stopping:
        group.code = group.code or int(code != 0)
        return
    child.failures = child.failures + 1 if now - child.started < group.settings.steady else 1
    pause = min(group.settings.longest_pause, group.settings.first_pause * 2 ** (child.failures - 1))
    child.due = now + pause
    log.error("process ended", process=child.member.name, code=code, again_in=pause)
    metrics.count(RESTARTS, process=child.member.name)
    if child.failures >= group.settings.give_up:
        log.error("process cannot be kept running; the group ends", process=child.member.name)
        group.code = 1
        _stop(group, now)


def _stop(group: _Group, now: float) -> None:
    group.stopping = now
    for child in group.children:
        if child.member.listens is not None:
            child.member.listens.close()
        if child.pid:
            os.kill(child.pid, signal.SIGTERM)


def _overdue(group: _Group, now: float) -> None:
    """Kill what did not finish in time after a stop."""
    if group.stopping and now >= group.stopping + group.settings.stop_timeout:
        for child in group.children:
            if child.pid:
                log.error("process did not stop in time and is killed", process=child.member.name)
                group.code = 1
                os.kill(child.pid, signal.SIGKILL)
        group.stopping = now
