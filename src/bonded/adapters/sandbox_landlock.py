"""Landlock, without a library: a process gives up every file but those under a few folders, and those it may only read.

For machines where namespaces do not work: the fork server restricts itself once, before it forks, and every child inherits
it. It cannot be taken off, needs no privilege, and comes on top of the filter of system calls. Kernels from 5.13 on have it.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

from bonded.adapters import sandbox_filter

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _BENEATH = 1, 1
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_RIGHTS = {1: 1 << 13, 2: 1 << 14, 3: 1 << 15, 5: 1 << 16}
"""Version of the interface -> all rights on files that it knows are the bits below this one."""
_NET_FROM, _SCOPE_FROM = 4, 6
SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/proc", "/dev/null")


def version() -> int:
    """Version of the kernel's interface; 0 where there is none, or where our filter is not written for this machine."""
    if not sandbox_filter.supported():
        return 0
    found: int = ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)
    return max(found, 0)


def readable() -> list[str]:
    """What this interpreter needs to go on importing: its libraries, the folders it imports from, and the system's."""
    return [sys.prefix, sys.base_prefix, *sys.path, *SYSTEM]


def restrict(paths: Iterable[str]) -> None:
    """Give up every file but those under `paths`, for good. Paths that are not there are left out. Raises OSError."""
    now = version()
    rights = max(bits for since, bits in _RIGHTS.items() if since <= now) - 1
    network = 3 if now >= _NET_FROM else 0
    scopes = 3 if now >= _SCOPE_FROM else 0
    wanted = struct.pack("<QQQ", rights, network, scopes)
    size = 24 if now >= _SCOPE_FROM else 16 if now >= _NET_FROM else 8
    ruleset = _call(_CREATE, ctypes.create_string_buffer(wanted, len(wanted)), ctypes.c_size_t(size), 0)
    try:
        for path in dict.fromkeys(os.path.abspath(one) for one in paths if one):  # noqa: PTH100 - text of sys.path
            if path != "/":
                _allow(ruleset, path)
        library = ctypes.CDLL(None, use_errno=True)
        if library.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
            raise OSError(ctypes.get_errno(), "no_new_privs was refused")
        _call(_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = _READ_FILE | (_READ_FOLDER if os.path.isdir(path) else 0)  # noqa: PTH112
        rule = struct.pack("<Qi", rights, handle)
        _call(_ADD, ruleset, _BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(handle)


def _call(number: int, *arguments: object) -> int:
    found: int = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    if found < 0:
        raise OSError(ctypes.get_errno(), "Landlock refused a rule")
    return found
