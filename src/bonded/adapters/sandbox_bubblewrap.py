"""The sandbox by bubblewrap: namespaces of its own for network, processes, users and files, and below them the limits.

The server sees the interpreter, its libraries and our own code, all read-only, and nothing else: no data directory, no
keys, no home. Each child has the limits and the filter of the other sandbox besides.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bonded.adapters import sandbox_filter
from bonded.adapters.sandbox_client import PRELOAD, ForkServer

_SYSTEM = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache", "/etc/alternatives")


class BubblewrapSandbox(ForkServer):
    """Children in namespaces made by bubblewrap; `probe()` says whether that works here."""

    level = "bubblewrap"

    def __init__(self, *, extra: tuple[Path, ...] = (), preload: tuple[str, ...] = PRELOAD) -> None:
        super().__init__(filtered=sandbox_filter.supported(), preload=preload)
        self._extra = extra

    def command(self, control: int) -> list[str]:
        return [*self._inside(), *self.python(control)]

    def _inside(self) -> list[str]:
        """The part of a command line that puts what follows into namespaces of its own."""
        words = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--new-session", "--cap-drop", "ALL", "--clearenv"]
        words += ["--setenv", "PATH", os.defpath, "--setenv", "LANG", "C.UTF-8"]
        words += ["--proc", "/proc", "--dev", "/dev"]
        for folder in _SYSTEM:
            if Path(folder).is_symlink():
                words += ["--symlink", str(Path(folder).readlink()), folder]
            elif Path(folder).exists():
                words += ["--ro-bind", folder, folder]
        for folder in self._folders():
            words += ["--ro-bind", folder, folder]
        return [*words, "--remount-ro", "/", "--chdir", "/", "--"]

    def _folders(self) -> list[str]:
        """Where the interpreter, installed packages and our own code are."""
        found = [sys.base_prefix, sys.prefix, str(Path(sys.executable).parent), *self.paths()]
        found += [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
        real = [str(Path(sys.executable).resolve().parent.parent)]
        every = dict.fromkeys([*found, *real])
        return [path for path in every if Path(path).is_dir() and path != "/" and not path.startswith("/usr")]

    def paths(self) -> list[str]:
        return [*super().paths(), *map(str, self._extra)]

    def probe(self) -> str:
        """Why it does not work on this machine, "" when it does."""
        if shutil.which("bwrap") is None:
            return "the program bwrap is not installed"
        try:
            done = subprocess.run(
                [*self._inside(), sys.executable, "-I", "-S", "-c", ""], capture_output=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        return done.stderr.decode("utf-8", "replace").strip()[:300] or "it failed" if done.returncode else ""
