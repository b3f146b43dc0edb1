"""How often each check was right, from what reviewers decided: released means it was not; quarantined, rejected or removed
means that it was.

What counts is a claim: a finding of at least medium severity on code that may run. Hints (info, low) and findings in what
never runs claim nothing. One decision is one: files of one case, and files of the same bytes, are a single observation, right
if one of them was. The newest decision about a file counts that was not taken back; a file that was reopened counts not at all
until it is decided.
Findings count for the version of the check that made them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, text

from bonded.catalog.tables import CLAIMING
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import finding as finding_table
from bonded.journal.standing import standing
from bonded.journal.tables import journal
from bonded.values.finding import Severity, When
from bonded.values.states import FileState, SubjectKind

CLAIMS = (Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
BAD = frozenset({"review.quarantine", "review.reject", "review.remove"})
GOOD = frozenset({"review.release"})
DECISIONS = (*sorted(BAD | GOOD), "review.confirm", "review.reopen")
_CHUNK = 500
_BAD_STATES = frozenset({FileState.QUARANTINED, FileState.REJECTED, FileState.REMOVED})


@dataclass(frozen=True, slots=True)
class PrecisionSettings:
    """`floor`: the least that the lower end of the interval may be, `floors` by check; `least` decisions before anything is
    done; `days` that decisions count."""

    floor: float = 0.4
    floors: Mapping[str, float] = field(default_factory=dict)
    least: int = 20
    days: int = 365

    def floor_of(self, check: str) -> float:
        return self.floors.get(check, self.floor)

    def since(self, now: datetime) -> datetime:
        return now - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Observed:
    """A file that reviewers decided about, and the (check, version) pairs that made claims about it."""

    file_id: str
    sha256: str
    case_id: int | None
    bad: bool
    at: datetime
    claims: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Precision:
    """How often one version of a check was right. `low` and `high` are the ends of the 95 % Wilson interval."""

    check: str
    version: int
    right: int
    wrong: int

    @property
    def decisions(self) -> int:
        return self.right + self.wrong

    @property
    def share(self) -> float | None:
        """None while nothing was decided."""
        return round(self.right / self.decisions, 4) if self.decisions else None

    @property
    def low(self) -> float:
        return round(wilson(self.right, self.decisions)[0], 4)

    @property
    def high(self) -> float:
        return round(wilson(self.right, self.decisions)[1], 4)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share by E. B. Wilson (1927); (0, 1) for nothing observed."""
    if of == 0:
        return 0.0, 1.0
    z = 1.959964
    share = hits / of
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def tally(observed: Iterable[Observed], starts: Mapping[str, datetime] | None = None) -> list[Precision]:
    """The precision of each version of each check that made a claim, by name and version. Pure.

    `starts`: from when on decisions count for a check.
    """
    every = list(observed)
    unit = _units(every)
    found: dict[tuple[str, int], dict[str, bool]] = defaultdict(dict)
    for one in every:
        for claim in one.claims:
            if starts is None or one.at >= starts.get(claim[0], one.at):
                units = found[claim]
                units[unit[one.file_id]] = units.get(unit[one.file_id], False) or one.bad
    return [
        Precision(check, version, sum(units.values()), len(units) - sum(units.values()))
        for (check, version), units in sorted(found.items())
    ]


def _units(every: Sequence[Observed]) -> dict[str, str]:
    """File -> the file that stands for all that share a case or their bytes with it, directly or by way of others."""
    parent = {one.file_id: one.file_id for one in every}

    def top(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    first: dict[Any, str] = {}
    for one in every:
        for same in [("bytes", one.sha256), *([("case", one.case_id)] if one.case_id is not None else [])]:
            parent[top(one.file_id)] = top(first.setdefault(same, one.file_id))
    return {name: top(name) for name in parent}


def observe(conn: Connection, since: datetime) -> list[Observed]:
    """Every file that was decided about since then, and whose newest decision stands."""
    decided = _decided(conn, since)
    found = []
    for some in _chunks(sorted(decided)):
        files = conn.execute(
            select(file_table.c.id, file_table.c.sha256, file_table.c.case_id, file_table.c.project_id).where(
                file_table.c.id.in_(some)
            )
        ).all()
        by_file, by_project = _claims(conn, some, sorted({row.project_id for row in files}))
        for row in files:
            bad, at = decided[row.id]
            claims = frozenset(by_file[row.id] | by_project[row.project_id])
            found.append(Observed(row.id, row.sha256, row.case_id, bad, at, claims))
    return found


def precision(conn: Connection, *, since: datetime) -> list[Precision]:
    """What `observe` and `tally` say."""
    return tally(observe(conn, since))


def _decided(conn: Connection, since: datetime) -> dict[str, tuple[bool, datetime]]:
    """File -> whether its newest decision that stands says that it is bad, and when it was made."""
    j, f = journal.c, finding_table.c
    claim = text(CLAIMING)
    of_files = select(f.file_id).where(f.subject_kind != SubjectKind.PROJECT, claim)
    of_projects = (
        select(file_table.c.id)
        .join(finding_table, f.subject_id == file_table.c.project_id)
        .where(f.subject_kind == SubjectKind.PROJECT, claim)
    )
    # By way of what was claimed: claims are few, and the journal is long.
    claimed = j.subject_id.in_(of_files.union(of_projects))
    mine = (claimed, j.subject_kind == SubjectKind.FILE, j.action.in_(DECISIONS), j.at >= since)
    rows = conn.execute(select(j.subject_id, j.action, j.facts, j.at).where(*mine).order_by(j.id)).all()
    found = {row.subject_id: (verdict_of(row.action, row.facts), row.at) for row in standing(rows)}
    return {file_id: (bad, at) for file_id, (bad, at) in found.items() if bad is not None}


def verdict_of(action: str, facts: Mapping[str, Any]) -> bool | None:
    """Whether a decision says that the file is bad; None when it says neither. Pure."""
    if facts.get("undo"):
        return None  # a decision that was taken back says nothing
    if action in BAD or action in GOOD:
        return action in BAD
    if action == "review.confirm":
        state = str(facts.get("state", ""))
        return True if state in _BAD_STATES else False if state == FileState.PUBLIC else None
    return None


Pairs = defaultdict[str, set[tuple[str, int]]]


def _claims(conn: Connection, files: Sequence[str], projects: Sequence[str]) -> tuple[Pairs, Pairs]:
    f = finding_table.c
    claim = (f.severity.in_(CLAIMS), f.run_when != When.NEVER)
    by_file: Pairs = defaultdict(set)
    by_project: Pairs = defaultdict(set)
    mine = select(f.file_id, f.check, f.version).where(
        f.file_id.in_(files), f.subject_kind != SubjectKind.PROJECT, *claim
    )
    for file_id, check, version in conn.execute(mine.distinct()):
        by_file[file_id].add((check, version))
    about = (f.subject_kind == SubjectKind.PROJECT, f.subject_id.in_(projects))
    for project_id, check, version in conn.execute(
        select(f.subject_id, f.check, f.version).where(*about, *claim).distinct()
    ):
        by_project[project_id].add((check, version))
    return by_file, by_project


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[at : at + _CHUNK] for at in range(0, len(ids), _CHUNK))
