"""Moving a finished file to its name without replacing what is there: one system call where the kernel has it."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD = -100
_NOREPLACE = 1
_ABSENT = {errno.ENOSYS, errno.EINVAL}
"""What a kernel, or a file system, says that does not know the call."""
_rename = getattr(_libc, "renameat2", None)


def move_new(made: str, path: str) -> None:
    """Give the file `made` the name `path`. Raises FileExistsError (`made` stays), FileNotFoundError (no folder), OSError."""
    if _rename is None:
        _link_and_unlink(made, path)
    elif _rename(_AT_FDCWD, os.fsencode(made), _AT_FDCWD, os.fsencode(path), _NOREPLACE) != 0:
        number = ctypes.get_errno()
        if number not in _ABSENT:
            raise OSError(number, os.strerror(number), path)
        _link_and_unlink(made, path)


def _link_and_unlink(made: str, path: str) -> None:
    os.link(made, path)
    os.unlink(made)  # noqa: PTH108


def masked() -> bool:
    """Whether this process takes permissions from files it makes, so that others could not read them; True if unknown."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return any(line.startswith("Umask:") and int(line.split()[1], 8) & 0o044 for line in lines)
    except (OSError, ValueError):
        return True
