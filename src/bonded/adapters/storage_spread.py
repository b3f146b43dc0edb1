"""Asking the file system to put what is made in different folders into different places."""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from pathlib import Path

_LONG = struct.calcsize("l")
_GET = 2 << 30 | _LONG << 16 | ord("f") << 8 | 1
_SET = 1 << 30 | _LONG << 16 | ord("f") << 8 | 2
"""FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of Linux (ioctl_iflags(2)): their size is that of a long, their value that of an int."""
_TOP = 0x00020000
"""FS_TOPDIR_FL, as `chattr +T`: folders that are made in this one are not related and are spread over the disk."""


def spread(folder: Path) -> None:
    """Let the folders in `folder` be spread, where the file system knows that (ext2, ext3, ext4). Raises OSError elsewhere."""
    if sys.platform != "linux":
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        (flags,) = struct.unpack_from("i", fcntl.ioctl(descriptor, _GET, bytes(_LONG)))
        if not flags & _TOP:
            fcntl.ioctl(descriptor, _SET, struct.pack("i", flags | _TOP).ljust(_LONG, b"\0"))
    finally:
        os.close(descriptor)
