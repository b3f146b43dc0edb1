"""flip: the one moment at which a publication becomes visible."""

from __future__ import annotations

from bonded.seams import Changed
from bonded.tuf.base import Base, base_of
from bonded.tuf.context import Publisher
from bonded.tuf.outcome import Burned
from bonded.tuf.plan import Plan
from bonded.tuf.roles import TIMESTAMP


def flip(p: Publisher, plan: Plan, base: Base) -> Base:
    """Move the timestamp from `base` to `plan`; returns what is live then.

    The condition is the tag that claim read, never one read anew: a rival that flipped meanwhile makes it fail. Raises
    Burned then, StorageError when the outcome is unknown; either way the next claim finds out what is live.
    """
    try:
        tag = p.public.replace(TIMESTAMP, plan.timestamp, base.tag)
    except Changed as error:
        raise Burned(f"number {plan.n}: the store changed since it was read") from error
    return base_of(
        dict(plan.pointer), dict(plan.snapshot), dict(plan.versions), plan.timestamp, tag, base.trust, plan.listing
    )
