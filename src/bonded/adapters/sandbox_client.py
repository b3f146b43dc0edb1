"""The client's half of a sandbox: starts the fork server, sends requests, and reads how the children ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO

from bonded.adapters.sandbox_wire import ERROR, MEMORY, STATUS, VALUE, Request, Result, read_frames, send_request

Call = Callable[[bytes, BinaryIO | None], bytes | Iterator[bytes]]
PRELOAD = ("bonded.screening.child",)
"""Imported, and warmed up, once in the server."""


class ForkServer:
    """Base of the sandboxes: a fork server under `command()`, started when it is first needed and again when it died.

    Safe to use from many threads; after a fork, the child process starts a server of its own.
    """

    level = "rlimits"

    def __init__(self, *, filtered: bool, preload: tuple[str, ...] = PRELOAD) -> None:
        self._filtered = filtered
        self._preload = preload
        self._lock = threading.Lock()
        self._owner = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def command(self, control: int) -> list[str]:
        """The command line of the server, which serves on the descriptor `control`."""
        return self.python(control)

    def python(self, control: int) -> list[str]:
        """The server itself, in the interpreter that runs now."""
        return [sys.executable, "-I", "-c", self._program(), str(control), self.means(), *self._preload]

    def means(self) -> str:
        """How the server isolates its children besides limits: "plain", "filter" or "landlock"."""
        return "filter" if self._filtered else "plain"

    def _program(self) -> str:
        paths = [path for path in self.paths() if path]
        return (
            f"import sys; sys.path[:0] = {paths!r}; from bonded.adapters.sandbox_server import main; main(sys.argv[1:])"
        )

    def paths(self) -> list[str]:
        """Folders that the server imports our own modules from."""
        import bonded

        return [os.path.dirname(path) for path in bonded.__path__]  # noqa: PTH120 - text for another process

    def run(
        self,
        call: Call,
        argument: bytes,
        *,
        cpu_seconds: float,
        memory_bytes: int,
        attachment: BinaryIO | None = None,
    ) -> Result:
        """`call(argument, attachment)` in a child; see `seams.Sandbox`."""
        request = Request(
            call.__module__, call.__qualname__, cpu_seconds, cpu_seconds * 4 + 5, memory_bytes, attachment is not None
        )
        for attempt in (1, 2):
            try:
                return self._once(request, argument, attachment)
            except OSError as error:
                # The server died (killed from outside, out of memory): a new one serves the second attempt.
                self.close()
                if attempt == 2:
                    return Result("crash", b"", f"the sandbox does not answer: {error}", 0.0, away=True)
        raise AssertionError("unreachable")

    def _once(self, request: Request, argument: bytes, attachment: BinaryIO | None) -> Result:
        control = self._started()
        reading, writing = os.pipe()
        try:
            with _in_memory(argument) as held, _as_file(attachment) as file:
                descriptors = [writing, held.fileno(), *([file.fileno()] if file is not None else [])]
                send_request(control, request, descriptors)
            os.close(writing)
            writing = -1
            return _result(read_frames(reading))
        finally:
            os.close(reading)
            if writing >= 0:
                os.close(writing)

    def _started(self) -> socket.socket:
        with self._lock:
            if self._owner != os.getpid():
                # After a fork the parent's server is not ours: forget it without ending it.
                self._server, self._control, self._owner = None, None, os.getpid()
            if self._server is None or self._server.poll() is not None or self._control is None:
                self._server, self._control = self._start()
            return self._control

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            server = subprocess.Popen(
                self.command(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                start_new_session=True,
            )
        ours.settimeout(60)
        try:
            ready = ours.recv(16)
        except TimeoutError:
            ready = b""
        if ready != b"ready":
            ours.close()
            words = _last_words(server)
            raise ConnectionError(f"the sandbox did not start: {words}")
        ours.settimeout(None)
        if server.stderr is not None:
            server.stderr.close()
        return server, ours

    def close(self) -> None:
        """End the server and its children; it starts again when it is needed."""
        with self._lock:
            server, control = self._server, self._control
            self._server = self._control = None
        if self._owner != os.getpid():
            return
        if control is not None:
            control.close()
        if server is not None:
            try:
                server.wait(5)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _last_words(server: subprocess.Popen[bytes]) -> str:
    server.kill()
    _, errors = server.communicate()
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else f"exit status {server.returncode}"


def _in_memory(data: bytes) -> BinaryIO:
    file = os.fdopen(os.memfd_create("argument"), "w+b", buffering=0)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
    return file


class _as_file:  # noqa: N801 - read as a word in `with`
    """The attachment as something with a descriptor of its own; streams without one are copied to an unnamed file."""

    def __init__(self, stream: BinaryIO | None) -> None:
        self._stream = stream
        self._file: BinaryIO | None = None

    def __enter__(self) -> BinaryIO | None:
        if self._stream is None:
            return None
        try:
            self._file = os.fdopen(os.open(f"/proc/self/fd/{self._stream.fileno()}", os.O_RDONLY), "rb")
        except (OSError, AttributeError):
            self._file = self._copied(self._stream)
        return self._file

    def _copied(self, stream: BinaryIO) -> BinaryIO:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - closed by __exit__
        stream.seek(0)
        while chunk := stream.read(1 << 20):
            copy.write(chunk)
        copy.flush()
        return copy

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def _result(frames: dict[bytes, bytes]) -> Result:
    if STATUS not in frames:
        raise ConnectionError("the server ended in the middle of a call")
    code, cpu, late, peak = frames[STATUS].decode().split()
    seconds, status = float(cpu), int(code)
    made = _outcome(frames, status, seconds, late=bool(int(late)))
    made.peak_bytes = int(peak) * 1024
    return made


def _outcome(frames: dict[bytes, bytes], status: int, seconds: float, *, late: bool) -> Result:
    if status == 0 and VALUE in frames:
        return Result("ok", frames[VALUE], "", seconds)
    given = frames.get(VALUE, b"")
    if late or status in (-signal.SIGXCPU, -signal.SIGPROF):
        return Result("timeout", given, "the clock ran out" if late else "processor time ran out", seconds)
    if MEMORY in frames:
        return Result("memory", given, "memory ran out", seconds)
    if ERROR in frames:
        return Result("crash", given, frames[ERROR].decode("utf-8", "replace"), seconds)
    if status == -signal.SIGKILL:
        return Result("killed", given, "killed from outside", seconds)
    return Result("crash", given, f"ended with signal {-status}" if status < 0 else f"exit status {status}", seconds)
