"""What the contract suite runs inside a sandbox: each function tries something that must be refused, or end."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import BinaryIO


def echo(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return argument


def size_of_attachment(argument: bytes, attachment: BinaryIO | None) -> bytes:
    assert attachment is not None
    return str(len(attachment.read())).encode()


def attachment_is_read_only(argument: bytes, attachment: BinaryIO | None) -> bytes:
    assert attachment is not None
    return _refused(lambda: os.write(attachment.fileno(), b"x"))


def network(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """Connect to a port that the test listens on."""

    def connect() -> None:
        with socket.socket() as one:
            one.settimeout(2)
            one.connect(("127.0.0.1", int(argument)))

    return _refused(connect)


def create_file(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return _refused(lambda: Path(argument.decode()).write_bytes(b"x"))


def create_anywhere(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """Try every folder that exists; say which one took a file."""
    taken = []
    for folder in ("/", "/tmp", "/dev/shm", "/var/tmp", "/proc", "/dev", "/run", str(Path.cwd())):
        try:
            Path(folder, "made-by-a-test").write_bytes(b"x")
        except OSError:
            continue
        taken.append(folder)
    return " ".join(taken).encode()


def remove_file(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return _refused(lambda: Path(argument.decode()).unlink())


def append_to_file(argument: bytes, attachment: BinaryIO | None) -> bytes:
    def append() -> None:
        with Path(argument.decode()).open("ab") as file:
            file.write(b"x")

    return _refused(append)


def fork(argument: bytes, attachment: BinaryIO | None) -> bytes:
    def forked() -> None:
        if os.fork() == 0:
            os._exit(0)

    return _refused(forked)


def thread(argument: bytes, attachment: BinaryIO | None) -> bytes:
    try:
        threading.Thread(target=time.sleep, args=(0,)).start()
    except RuntimeError:
        return b"refused"
    return b"done"


def execute(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return _refused(lambda: subprocess.run(["/bin/true"], check=True))


def signal_parent(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return _refused(lambda: os.kill(os.getppid(), signal.SIGKILL))


def raise_limits(argument: bytes, attachment: BinaryIO | None) -> bytes:
    import resource

    def more() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (10_000, 10_000))

    try:
        more()
    except (ValueError, OSError):
        return b"refused"
    return b"done"


def spin(argument: bytes, attachment: BinaryIO | None) -> bytes:
    while True:
        pass


def sleep(argument: bytes, attachment: BinaryIO | None) -> bytes:
    time.sleep(3600)
    return b""


def eat_memory(argument: bytes, attachment: BinaryIO | None) -> bytes:
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))


def crash(argument: bytes, attachment: BinaryIO | None) -> bytes:
    os.abort()


def fail(argument: bytes, attachment: BinaryIO | None) -> bytes:
    raise ValueError("a defect of ours")


def large(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return b"x" * int(argument)


def environment(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return " ".join(sorted(os.environ)).encode()


def writes_into_every_pipe(argument: bytes, attachment: BinaryIO | None) -> bytes:
    """As a library does that closes and writes what it takes for its own: first a frame or what looks like one."""
    for descriptor in range(3, 64):
        try:
            data = memoryview(argument)
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            continue
    return b"value"


def read_file(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return _refused(lambda: Path(argument.decode()).read_bytes())


def list_folder(argument: bytes, attachment: BinaryIO | None) -> bytes:
    return _refused(lambda: list(Path(argument.decode()).iterdir()))


def _refused(act: object) -> bytes:
    assert callable(act)
    try:
        act()
    except OSError as error:
        return b"refused " + errno.errorcode.get(error.errno or 0, "?").encode()
    return b"done"
