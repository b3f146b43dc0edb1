"""The strictest sandbox that works on this machine."""

from __future__ import annotations

import structlog

from bonded.adapters.sandbox_bubblewrap import BubblewrapSandbox
from bonded.adapters.sandbox_rlimits import RlimitsSandbox
from bonded.seams import Sandbox

log = structlog.get_logger("bonded.sandbox")


def pick(wanted: str) -> Sandbox:
    """The sandbox that `wanted` names: "bubblewrap", "rlimits", or "auto" for the strictest that works.

    "bubblewrap" is taken at its word: where it does not work, every file is held with the reason.
    """
    if wanted == "rlimits":
        return RlimitsSandbox()
    strict = BubblewrapSandbox()
    why = strict.probe() if wanted == "auto" else ""
    if not why:
        return strict
    fallback = RlimitsSandbox()
    log.warning("bubblewrap does not work here", reason=why, instead=fallback.level)
    return fallback
