"""The sandbox for machines without namespaces: limits on resources, and a system call filter where the kernel has one."""

from __future__ import annotations

from bonded.adapters import sandbox_filter
from bonded.adapters.sandbox_client import PRELOAD, ForkServer


class RlimitsSandbox(ForkServer):
    """Children under resource limits; `level` is "seccomp" where the filter is in force as well, else "rlimits"."""

    def __init__(self, *, preload: tuple[str, ...] = PRELOAD) -> None:
        filtered = sandbox_filter.supported()
        super().__init__(filtered=filtered, preload=preload)
        self.level = "seccomp" if filtered else "rlimits"
