"""A system call filter for sandboxed children, without a library: no sockets, no new processes, no writes by path.

A child that screening code runs in needs to read what it was given, compute, and write to one pipe. The filter (seccomp,
classic BPF) refuses the calls by which it could do more, with EPERM, so that a refused call is an error in the child and not
its end. It is inherited, cannot be taken off, and needs no privilege.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_EPERM, _ENOSYS = 0x00050000 | 1, 0x00050000 | 38
_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENTS = 16
_WRITING = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND
_O_TMPFILE = 0o20000000

_X86_64 = {
    "architecture": 0xC000003E,
    "refused": (
        41, 42, 43, 44, 46, 49, 50, 53, 288,  # socket connect accept sendto sendmsg bind listen socketpair accept4
        56, 57, 58, 59, 322,  # clone fork vfork execve execveat
        62, 200, 234, 101, 310, 311,  # kill tkill tgkill ptrace process_vm_readv/writev
        76, 82, 83, 84, 85, 86, 87, 88, 90, 92, 94,  # truncate rename mkdir rmdir creat link unlink symlink chmod chown lchown
        91, 93, 132, 133, 235, 261, 280,  # fchmod fchown utime mknod utimes futimesat utimensat
        258, 259, 260, 263, 264, 265, 266, 268, 316, 452,  # mkdirat mknodat fchownat unlinkat renameat linkat symlinkat fchmodat
        155, 161, 165, 166, 167, 168, 169, 175, 176, 246, 313, 272, 308,  # mount, chroot, swap, reboot, modules, unshare, setns
        188, 189, 190, 197, 198, 199, 303, 304, 321, 323, 298, 425, 426, 427, 438,  # xattrs, handles, bpf, perf, io_uring, pidfd
        428, 429, 430, 431, 432, 433, 442,  # the mount interface
    ),
    "unknown": (435, 437),  # clone3, openat2: the library falls back to calls whose arguments can be looked at
    "open": 2,
    "openat": 257,
}  # fmt: skip
_AARCH64 = {
    "architecture": 0xC00000B7,
    "refused": (
        198, 199, 200, 201, 202, 203, 206, 211, 242,  # socket socketpair bind listen accept connect sendto sendmsg accept4
        220, 221, 281,  # clone execve execveat
        129, 130, 131, 117, 270, 271,  # kill tkill tgkill ptrace process_vm_readv/writev
        45, 33, 34, 35, 36, 37, 38, 276, 52, 53, 54, 55, 88,  # truncate mknodat mkdirat unlinkat symlinkat linkat renameat ...
        39, 40, 41, 51, 97, 142, 104, 105, 106, 224, 225, 264, 265, 268, 273, 280, 282, 241,
        5, 6, 7, 14, 15, 16, 425, 426, 427, 438, 452, 428, 429, 430, 431, 432, 433, 442,
    ),
    "unknown": (435, 437),
    "open": None,
    "openat": 56,
}  # fmt: skip
_TABLES = {"x86_64": _X86_64, "aarch64": _AARCH64}


def supported() -> bool:
    """Whether the filter is written for this machine."""
    return sys.platform == "linux" and platform.machine() in _TABLES and struct.calcsize("P") == 8


def install() -> None:
    """Put the filter on this process for good. Raises OSError when the kernel refuses it."""
    program = _program(_TABLES[platform.machine()])
    code = b"".join(struct.pack("<HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(buffer)))
    library = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_filter, mode = 38, 22, 2
    if library.prctl(no_new_privileges, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    if library.prctl(set_filter, mode, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the system call filter was refused")


Instruction = tuple[int, int, int, int]


def _program(table: dict[str, object]) -> list[Instruction]:
    architecture, refused, unknown = table["architecture"], table["refused"], table["unknown"]
    assert isinstance(architecture, int)
    assert isinstance(refused, tuple)
    assert isinstance(unknown, tuple)
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JEQ, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JGE, 0, 1, 0x40000000),  # the x32 numbers, another way to the same calls
        (_RETURN, 0, 0, _EPERM),
    ]
    for number in refused:
        program += [(_JEQ, 0, 1, number), (_RETURN, 0, 0, _EPERM)]
    for number in unknown:
        program += [(_JEQ, 0, 1, number), (_RETURN, 0, 0, _ENOSYS)]
    for name, position in (("open", 1), ("openat", 2)):
        number = table[name]
        if isinstance(number, int):
            program += _reading_only(number, position)
    return [*program, (_RETURN, 0, 0, _ALLOW)]


def _reading_only(number: int, position: int) -> list[Instruction]:
    """Refuse an open whose flags, its argument at `position`, ask for more than reading."""
    return [
        (_JEQ, 0, 4, number),
        (_LOAD, 0, 0, _ARGUMENTS + 8 * position),
        (_JSET, 0, 1, _WRITING | _O_TMPFILE),
        (_RETURN, 0, 0, _EPERM),
        (_LOAD, 0, 0, _NUMBER),
    ]
