"""The sandbox for machines without namespaces: limits on resources, and, where the kernel has them, Landlock and a system call
filter."""

from __future__ import annotations

from bonded.adapters import sandbox_filter, sandbox_landlock
from bonded.adapters.sandbox_client import PRELOAD, ForkServer


class RlimitsSandbox(ForkServer):
    """Children under resource limits; `level` is "landlock" where Landlock and the filter are in force as well, "seccomp" where
    only the filter is, else "rlimits"."""

    def __init__(self, *, preload: tuple[str, ...] = PRELOAD) -> None:
        filtered = sandbox_filter.supported()
        super().__init__(filtered=filtered, preload=preload)
        self._landlock = sandbox_landlock.version() > 0
        self.level = "landlock" if self._landlock else "seccomp" if filtered else "rlimits"

    def means(self) -> str:
        return "landlock" if self._landlock else super().means()
