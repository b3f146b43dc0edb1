"""A sequence of signed steps and where it stands: a rotation of keys, a resize, a renewal of offline roles. Pure.

The steps (`offline.Step`) come signed from a ceremony, or from development keys. A publisher releases them in order; what
it does next is decided here from what is live, so losing anything but the sequence itself costs time only. While one runs,
everything signed online carries signatures of all keys that any of its steps lists: then no step can find a file that is
signed by the wrong key, whichever version of root a client holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from bonded.tuf.binfile import read_utc
from bonded.tuf.offline import Step, bin_keys, bins_of, top_keys
from bonded.tuf.roles import BinSet, Layout

BEGIN = -1
"""Position before the first step: the signer gets its keys, and one publication carries their signatures."""
ONLINE = ("timestamp", "snapshot")


class BadSteps(ValueError):
    """Steps that cannot be released one after the other. The message says which one, and why."""


@dataclass(frozen=True, slots=True)
class StepSequence:
    """Steps and the position in them.

    `at` is the step that is released next, BEGIN before the first; after the last one, when `at` is their number, what
    clients may still be reading is waited for. `since`: when that position was reached. `mark`: publication that was live
    then. `rest`: timestamp TTL plus the longest client run. `says`: what it waited for when somebody last looked.
    """

    id: str
    kind: str
    steps: tuple[Step, ...]
    since: datetime
    rest: timedelta
    at: int = BEGIN
    mark: int = 0
    says: str = field(default="", compare=False)

    @property
    def step(self) -> Step | None:
        """The step that is released next."""
        return self.steps[self.at] if 0 <= self.at < len(self.steps) else None

    def moved(self, n: int, now: datetime) -> StepSequence:
        """One position further."""
        return replace(self, at=self.at + 1, mark=n, since=now)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is live as a sequence looks at it.

    `carried`: key ids that signed the live timestamp and the live snapshot; `held`: those of the signer; `layout` is what
    live pages and bins delegate to; `at_once`: how many bins one publication may write besides its own.
    """

    n: int
    root_version: int
    versions: Mapping[str, int]
    layout: Layout
    carried: frozenset[str]
    held: frozenset[str]
    at_once: int


@dataclass(frozen=True, slots=True)
class Due:
    """What to do now, and where the sequence stands then.

    `act` is "hold" (a person must do what `says` asks), "sign" (a publication is needed), "write" (the bins `write`
    are to be signed anew or written), "wait" (until `until`), "release" (the step), or "end". `says`: a sentence for people.
    """

    sequence: StepSequence
    act: str
    says: str
    write: tuple[str, ...] = ()
    until: datetime | None = None


def due(sequence: StepSequence, facts: Facts, now: datetime) -> Due:
    """What a publisher does for `sequence` now. Moves over all that is done already, so it may be asked at any time."""
    while True:
        found = _begin(sequence, facts) if sequence.at == BEGIN else _step(sequence, facts, now)
        if found is not None:
            return found
        sequence = sequence.moved(facts.n, now)


def _begin(sequence: StepSequence, facts: Facts) -> Due | None:
    missing = [ids for ids, threshold in _listed(sequence.steps) if len(ids & facts.held) < threshold]
    if missing:
        keys = ", ".join(sorted(key[:8] for key in frozenset().union(*missing) - facts.held))
        return Due(sequence, "hold", f"the signer does not hold the key {keys}: give it to the signer")
    if (listed_online(sequence.steps) & facts.held) - facts.carried:
        return Due(sequence, "sign", "a publication with signatures of all keys follows")
    return None


def _step(sequence: StepSequence, facts: Facts, now: datetime) -> Due | None:
    step = sequence.step
    if step is None:
        return _end(sequence, now)
    if released(step, facts):
        return None
    place = f"step {sequence.at + 1} of {len(sequence.steps)} ({step.name})"
    if expired := [role for role, value in step.signed.items() if read_utc(value["expires"]) <= now]:
        return Due(
            sequence, "hold", f"{place}: {', '.join(expired)} has expired: cancel this, and hold a ceremony again"
        )
    match step.after:
        case "bins-signed":
            left = [role for role in _live_bins(facts.layout) if facts.versions.get(role, 0) <= sequence.mark]
            if left:
                return _write(sequence, facts, left, f"{place}: {len(left)} bins are to be signed anew first")
        case "bins-written":
            new = (role for bins in new_bins(step, facts.layout) for role in bins.names())
            left = [role for role in new if facts.versions.get(role, 0) <= sequence.mark]
            if left:
                return _write(sequence, facts, left, f"{place}: {len(left)} new bins are to be written first")
        case "settled":
            until = sequence.since + sequence.rest
            if now < until:
                return Due(
                    sequence, "wait", f"{place}: clients may use what was before until {moment(until)}", (), until
                )
    return Due(sequence, "release", f"{place} is released now")


def _end(sequence: StepSequence, now: datetime) -> Due:
    until = sequence.since + sequence.rest
    if now < until and any("root" in step.files for step in sequence.steps):
        return Due(
            sequence, "wait", f"all steps are released; the old signatures stay until {moment(until)}", (), until
        )
    return Due(sequence, "end", "done")


def _write(sequence: StepSequence, facts: Facts, left: list[str], says: str) -> Due:
    return Due(sequence, "write", says, tuple(left[: facts.at_once]))


def moment(at: datetime) -> str:
    """A time for people, in whole minutes that have passed then."""
    return f"{at.astimezone(UTC) + timedelta(seconds=59):%Y-%m-%d %H:%M} UTC"


def released(step: Step, facts: Facts) -> bool:
    """Whether everything in `step`, or something newer, is live."""
    have = {**facts.versions, "root": facts.root_version}
    return all(have.get(role, 0) >= version for role, version in step.versions().items())


def _live_bins(layout: Layout) -> Iterator[str]:
    yield from layout.pages.names()
    yield from layout.files.names()


def listed_online(steps: Iterable[Step]) -> frozenset[str]:
    """Ids of all keys that any step lists for what is signed online."""
    return frozenset().union(*(ids for ids, _ in _listed(steps)))


def _listed(steps: Iterable[Step]) -> Iterator[tuple[frozenset[str], int]]:
    """(key ids, threshold) of each online role, as each step lists them."""
    for step in steps:
        for role, value in step.signed.items():
            if role == "root":
                sets = [top_keys(value, name) for name in ONLINE]
            else:
                sets = [bin_keys(value)] if role in ("pages", "bins") else []
            yield from ((frozenset(keys.keys), keys.threshold) for keys in sets)


def new_bins(step: Step, layout: Layout) -> list[BinSet]:
    """The generations that `step` moves to, other than what `layout` has already."""
    found = []
    for role, live in (("pages", layout.pages), ("bins", layout.files)):
        bins = bin_set(step.signed[role]) if role in step.signed else live
        if bins.prefix != live.prefix:
            found.append(bins)
    return found


def next_layout(sequence: StepSequence, layout: Layout) -> Layout:
    """`layout` with the generation that the sequence is writing, as every publication must update it."""
    step = sequence.step
    if step is None or step.after != "bins-written":
        return layout
    pages = bin_set(step.signed["pages"]) if "pages" in step.signed else layout.pages
    files = bin_set(step.signed["bins"]) if "bins" in step.signed else layout.files
    return replace(
        layout,
        next_pages=pages if pages.prefix != layout.pages.prefix else None,
        next_files=files if files.prefix != layout.files.prefix else None,
    )


def bin_set(value: Mapping[str, Any]) -> BinSet:
    """The bins that a value of pages or bins delegates to."""
    listed, keys = value["delegations"]["succinct_roles"], bin_keys(dict(value))
    return BinSet(str(listed["name_prefix"]), bins_of(dict(value)).bits, tuple(keys.ids), keys.threshold)


def steps_json(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    """Steps as JSON: [{"name", "after", "files": {role: text of the file}}, ...]. Files keep their very bytes."""
    return [
        {"name": s.name, "after": s.after, "files": {role: data.decode() for role, data in s.files.items()}}
        for s in steps
    ]


def read_steps(value: Any) -> tuple[Step, ...]:
    """The steps that `steps_json` wrote. Raises BadSteps."""
    try:
        return tuple(
            Step(
                str(entry["name"]),
                {str(role): str(text).encode() for role, text in entry["files"].items()},
                str(entry["after"]),
            )
            for entry in value
        )
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError) as error:
        raise BadSteps(f"this is no list of signed steps: {type(error).__name__} {error}") from None
