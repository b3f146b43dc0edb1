"""What becomes stale by itself: sessions, one-time links, invitations, personal data beside the journal. Run it daily, or more often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bonded.accounts import known_devices, links, registration, registration_invitations, sessions
from bonded.db.engine import Tx
from bonded.journal import private


@dataclass(frozen=True, slots=True)
class Expired:
    """How many rows of each were deleted."""

    sessions: int
    links: int
    private: int
    registrations: int = 0
    devices: int = 0
    invitations: int = 0


def expire(tx: Tx, *, now: datetime) -> Expired:
    """Delete what has expired. Nothing that still works is touched, so it may run at any time and twice."""
    return Expired(
        sessions.sweep(tx, now=now),
        links.sweep(tx, now=now),
        private.expire(tx, now=now),
        registration.sweep(tx, now=now),
        known_devices.sweep(tx, now=now),
        registration_invitations.sweep(tx, now=now),
    )
