"""Changing the number of bins, by generations: snapshot entries may never disappear, so the old bins stay listed.

The new generation is written in the background, in slices (`generations`), and every publication updates both. One step
sends clients to it: pages or bins, or both, that name the new bins, released once all of those are written.
"""

from __future__ import annotations

from datetime import datetime

from bonded.tuf.offline import KINDS, OFFLINE, Bins, Offline, StepValues, bin_keys, bins_of, bins_value
from bonded.tuf.steps import BadSteps


def resize(base: Offline, page_bins: int, bins: int, now: datetime) -> tuple[StepValues, ...]:
    """The steps to other numbers of bins (0: as many as now). Raises BadSteps, BadBinCount."""
    values = {}
    for role, count in zip(KINDS, (page_bins, bins), strict=True):
        live = bins_of(base.of(role))
        if count not in (0, live.count):
            made, version = Bins(count, live.generation + 1), int(base.of(role)["version"]) + 1
            values[role] = bins_value(role, version, now + OFFLINE, bins=made, online=bin_keys(base.of(role)))
    if not values:
        counts = f"{bins_of(base.pages).count} page bins and {bins_of(base.bins).count} file bins"
        raise BadSteps(f"there are {counts} already: nothing to do")
    return (StepValues("resize", values, "bins-written"),)
