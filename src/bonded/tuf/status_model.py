"""What is told of signing, as values: `status.py` fills them, alarms are decided from them, pages and commands show them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bonded.values.alarms import Alarm


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """One role as it is live. `keys` are key ids (their first 8 digits are enough to tell them apart)."""

    name: str
    version: int
    expires: datetime
    threshold: int
    keys: tuple[str, ...]
    online: bool

    def left(self, now: datetime) -> timedelta:
        """Time until clients refuse it."""
        return self.expires - now


@dataclass(frozen=True, slots=True)
class BinsStatus:
    """One set of succinct bins: the offline role that delegates to it, its names' prefix, and how many there are."""

    role: str
    prefix: str
    count: int
    threshold: int
    keys: tuple[str, ...]

    @property
    def generation(self) -> int:
        """The number in the prefix, which a resize raises; 0 where there is none."""
        last = self.prefix.rpartition("-")[2]
        return int(last) if last.isdigit() else 0


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One public key that live metadata list: its id (sha256 of it), its type, and the roles that it may sign."""

    id: str
    type: str
    roles: tuple[str, ...]

    @property
    def grouped(self) -> str:
        """The id in groups of four, to be compared by eye."""
        return " ".join(self.id[at : at + 4] for at in range(0, len(self.id), 4))


@dataclass(frozen=True, slots=True)
class Flip:
    """One publication: when it was opened and became visible, and how many changes it carried."""

    n: int
    kind: str
    opened_at: datetime
    flipped_at: datetime | None
    changes: int
    projects: int


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue: jobs that wait or run, and dead ones; when the oldest living one is due, and when the oldest of those that should
    have been done by now was made."""

    name: str
    waiting: int = 0
    dead: int = 0
    oldest_due: datetime | None = None
    oldest_made: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangeStatus:
    """A change of keys or bins that is under way: since when it stands where it stands, and what it waits for."""

    kind: str
    since: datetime
    says: str


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """The feed of known vulnerabilities: when it was tried last, when it is due, when its last import ended well and why the last
    try did not ("": it did). `newest` is when its newest record changed, `old_at` from when on that is too long ago."""

    tried_at: datetime
    due: datetime | None = None
    imported_at: datetime | None = None
    problem: str = ""
    newest: datetime | None = None
    old_at: datetime | None = None


@dataclass(slots=True)
class Status:
    """Everything an operator asks first.

    `lifetime` is how long timestamp and snapshot are signed for, by the live ones; `known_content` the newest content number that
    the database knows, None where it was not read; `first`: what is live came with the repository, and no publisher has run yet;
    `root_fingerprint` sha256 of the newest root, in groups of four, as it is printed at a ceremony; `longest_bin` bytes of the
    longest bin; `demoted` checks that their own record sent back to evaluation, with the reason; `verdicts` the newest ones of a
    day, of which `unread` are on archives that could not be read wholly; `feed` how the feed of known vulnerabilities stands,
    None where there is none; `faults` what could not be read. `alarms` is empty when all is well.
    """

    live: int = 0
    attempt: str = ""
    content: int = 0
    known_content: int | None = None
    first: bool = False
    signed_at: datetime | None = None
    lifetime: timedelta = timedelta(0)
    development: bool = False
    roles: list[RoleStatus] = field(default_factory=list)
    bin_sets: list[BinsStatus] = field(default_factory=list)
    keys: list[KeyStatus] = field(default_factory=list)
    root_fingerprint: str = ""
    bins: int = 0
    bins_overdue: int = 0
    longest_bin: int = 0
    next_bin_expiry: datetime | None = None
    rows_waiting: int = 0
    oldest_row: datetime | None = None
    rows_parked: int = 0
    queues: list[QueueStatus] = field(default_factory=list)
    change: ChangeStatus | None = None
    superseded: int = 0
    oldest_superseded: datetime | None = None
    rows_unsealed: int = 0
    oldest_unsealed: datetime | None = None
    demoted: dict[str, str] = field(default_factory=dict)
    verdicts: int = 0
    unread: int = 0
    feed: FeedStatus | None = None
    flips: list[Flip] = field(default_factory=list)
    snapshot_bytes: int = 0
    faults: list[Alarm] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    def queue(self, name: str) -> QueueStatus:
        """The queue of that name; an empty one where it has no jobs."""
        return next((queue for queue in self.queues if queue.name == name), QueueStatus(name))
