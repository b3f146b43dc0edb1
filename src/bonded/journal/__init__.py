"""The journal: every change, who made it and with which credential, append-only and sealed into a Merkle log.

May import db and below. `record()` is the only writer of the audit trail and the only inserter into `to_publish`.
Invariant: journal rows are never updated or deleted; sealed leaves are numbered without gaps; each state change has
exactly one row.
"""

from bonded.journal.record import PUBLISH_QUEUE, record

__all__ = ["PUBLISH_QUEUE", "record"]
