"""Judging again from stored facts: what a check or a policy would have said, before anybody lets it. Writes nothing.

Facts are used only when the code of today would make the same ones (`facts_rules`); files without such facts are counted, and
need a full scan (a backfill makes their facts). The archive is never opened, so checks that read it are left out and named.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from bonded.catalog import read
from bonded.checks.kit import Check
from bonded.checks.registry import discover
from bonded.screening.backfill import chosen
from bonded.screening.decision import decision_of, worse
from bonded.screening.given import Given, gather
from bonded.screening.policy import Decision, Policy
from bonded.screening.run import ToJudge, judge_many
from bonded.screening.selection import Selection, count, page
from bonded.screening.settings import ScreeningContext
from bonded.screening.states import CheckState, in_force, states
from bonded.screening.store import newest_verdict
from bonded.values.states import Verdict

BATCH = 25
MOST_BYTES = 16 * 1024 * 1024
"""Of facts that are judged in one child."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is replayed: `checks` run, `states` say which decide, `without` which would decide if `names` did not."""

    names: tuple[str, ...]
    checks: tuple[Check, ...]
    states: dict[str, CheckState]
    without: dict[str, CheckState]
    policy: Policy
    total: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """One file. `then` is its newest stored verdict; `now` what it would be, None where its facts are missing; `without` the
    same if the checks asked about did not decide."""

    file: read.File
    then: Verdict | None
    now: Decision | None = None
    without: Verdict | None = None
    not_run: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return self.now is not None and self.now.verdict is not (self.then or Verdict.CLEAR)

    @property
    def by_names(self) -> bool:
        """The checks asked about make the difference, and not other rules that changed since."""
        return self.now is not None and self.without is not None and self.now.verdict is not self.without


@dataclass(slots=True)
class Summary:
    """What it came to. `changes`: "clear to review" -> files; `worst` the changed files, the most hostile first."""

    files: int = 0
    judged: int = 0
    without_facts: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    by_names: Counter[str] = field(default_factory=Counter)
    not_run: set[str] = field(default_factory=set)
    worst: list[Replayed] = field(default_factory=list)


def plan(
    context: ScreeningContext,
    names: Iterable[str],
    selection: Selection,
    *,
    policy: Policy | None,
    now: datetime,
) -> Plan:
    """What a replay of `names` (none: of the policy alone) is about. Raises Refusal."""
    wanted = tuple(names)
    with context.db.read() as conn:
        asked = chosen(conn, wanted, context.settings.new_checks) if wanted else ()
        known = states(conn)
        total = count(conn, selection, asked, before=now)
    without = in_force(discover(), known, context.settings.new_checks)
    for one in asked:
        without[one.name] = CheckState.EVALUATION
    with_them = without | {one.name: CheckState.ENABLED for one in asked}
    checks = tuple(one for one in discover() if with_them[one.name] is CheckState.ENABLED)
    names = tuple(one.name for one in asked)
    return Plan(names, checks, with_them, without, policy or context.settings.policy, total)


def replay(
    context: ScreeningContext, what: Plan, selection: Selection, *, jobs: int, now: datetime
) -> Iterator[Replayed]:
    """Judge again, `jobs` batches at once; yields each file in the order of ids."""
    work = partial(_some, context, what, now)
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque[Future[list[Replayed]]] = deque()
        for ids in _ids(context, what, selection, now):
            waiting.append(pool.submit(work, ids))
            if len(waiting) >= jobs * 2:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _ids(context: ScreeningContext, what: Plan, selection: Selection, now: datetime) -> Iterator[list[str]]:
    after = ""
    asked = [one for one in what.checks if one.name in what.names]
    while True:
        with context.db.read() as conn:
            ids = page(conn, selection, asked, before=now, after=after, limit=BATCH)
        if ids:
            yield ids
        if len(ids) < BATCH:
            return
        after = ids[-1]


def _some(context: ScreeningContext, what: Plan, now: datetime, ids: list[str]) -> list[Replayed]:
    """A batch, in as few children as its facts leave room for."""
    found: list[Replayed] = []
    left = list(ids)
    while left:
        known: list[tuple[Given, Verdict | None]] = []
        size = 0
        with context.db.read() as conn:
            while left and size < MOST_BYTES:
                file_id = left.pop(0)
                given = gather(conn, file_id, now, context.settings.names)
                if given is not None:
                    known.append((given, newest_verdict(conn, file_id)))
                    size += len(given.facts_json or b"")
        found += _judged(context, what, now, known)
    return found


def _judged(
    context: ScreeningContext, what: Plan, now: datetime, known: list[tuple[Given, Verdict | None]]
) -> list[Replayed]:
    ready = {
        given.file.id: ToJudge(given.facts_json, given.context, what.checks)
        for given, _ in known
        if given.facts_json is not None
    }
    results = dict(zip(ready, judge_many(list(ready.values()), context.scanner) if ready else [], strict=True))
    found = []
    for given, then in known:
        result = results.get(given.file.id)
        if result is None:
            found.append(Replayed(given.file, then))
            continue
        decided = decision_of(given, result, what.states, what.policy, now)
        without = decision_of(given, result, what.without, what.policy, now).verdict if what.names else None
        found.append(Replayed(given.file, then, decided, without, result.not_run))
    return found


def summarize(every: Iterable[Replayed], *, most: int = 100) -> Summary:
    """Count what changed, and keep the `most` hostile of the changed files. Pure."""
    found = Summary()
    for one in every:
        found.files += 1
        if one.now is None:
            found.without_facts += 1
            continue
        found.judged += 1
        found.not_run.update(one.not_run)
        if one.changed:
            turn = f"{one.then or 'none'} to {one.now.verdict}"
            found.changes[turn] += 1
            found.by_names[turn] += one.by_names
            found.worst.append(one)
            if len(found.worst) > 2 * most:
                found.worst = _worst(found.worst, most)
    found.worst = _worst(found.worst, most)
    return found


def _worst(some: Sequence[Replayed], most: int) -> list[Replayed]:
    def rank(one: Replayed) -> tuple[bool, float, str]:
        assert one.now is not None
        return not worse(one.now.verdict, one.then), -one.now.score, one.file.filename

    return sorted(some, key=rank)[:most]
