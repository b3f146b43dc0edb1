"""Performing a sequence of signed steps: a part of every publication, between claim and collect, under the same lock.

What is live decides, so a crash anywhere is found out by asking again: a root that was put and not noted is seen in the
store, a publication that flipped and was not noted is seen in the snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from bonded.seams import Changed, NotStored, Storage
from bonded.tuf.base import Base, read_base
from bonded.tuf.canonical import open_envelope
from bonded.tuf.claim import Claimed
from bonded.tuf.context import Publisher
from bonded.tuf.generations import expiring, forget, kept_versions
from bonded.tuf.outcome import Burned
from bonded.tuf.plan import OfflineFile, Work
from bonded.tuf.purge import later
from bonded.tuf.roles import Layout, metadata_name
from bonded.tuf.steps import Due, Facts, StepSequence, due, listed_online, next_layout
from bonded.tuf.steps_rows import end, move, running, void
from bonded.tuf.trust import Trust

MARGIN = 0.5
"""Share of its lifetime that every bin of a new generation must have left when clients are sent to it."""

log = structlog.get_logger("bonded.publisher")


@dataclass(frozen=True, slots=True)
class Turn:
    """What the running sequence asks of one publication.

    `claimed` has the generation that is being written in its layout, `trust` has not. `write`: bins to render from the
    rows; `offline`: files to publish; `keyids`: who signs. `must`: publish although nothing else waits.
    """

    claimed: Claimed
    trust: Trust
    keyids: frozenset[str]
    write: frozenset[str] = frozenset()
    offline: tuple[OfflineFile, ...] = ()
    must: bool = False

    def asked(self, work: Work) -> Work:
        """`work` with what the sequence publishes."""
        return replace(work, offline=self.offline) if self.offline else work

    def remembered(self, flipped: Base) -> Base | None:
        """What the next claim may take for known: nothing once offline roles changed, they are verified anew."""
        return None if self.offline else replace(flipped, trust=self.trust)


def attend(p: Publisher, claimed: Claimed, now: datetime) -> Turn:
    """Look what the running sequence needs, put a root that is due, note what is done.

    Raises what the store and the database raise. Call with the lock held.
    """
    with p.db.read() as conn:
        found = running(conn)
    if found is None:
        return Turn(claimed, claimed.base.trust, frozenset(claimed.base.trust.online_keys()))
    while True:
        what = _due(p, found, claimed.base, now)
        if other := _overtaken(p.public, found, what.sequence):
            with p.db.write() as tx:
                void(
                    tx,
                    claimed.base.trust.layout,
                    found,
                    f"{other} is not the file of this change: something else changed the offline roles",
                    now,
                )
            return Turn(claimed, claimed.base.trust, frozenset(claimed.base.trust.online_keys()))
        _note(p, found, what, claimed.base, now)
        found = what.sequence
        step = found.step
        if what.act != "release" or step is None or "root" not in step.files or _has_root(claimed.base, found):
            return _turn(p, claimed, what)
        _put_root(p, found, step.files["root"], now)
        claimed = replace(claimed, base=read_base(p.public))


def _due(p: Publisher, found: StepSequence, base: Base, now: datetime) -> Due:
    """What is due, given what is live; a new generation must be as the rows say, and fresh, when it is released."""
    what = due(found, _facts(p, base, base.versions), now)
    layout = next_layout(what.sequence, base.trust.layout)
    if layout == base.trust.layout:
        return what
    with p.db.read() as conn:
        what = due(found, _facts(p, base, kept_versions(conn, layout, base.versions)), now)
        if what.act == "release":
            old = expiring(conn, layout, now + p.settings.lifetime * MARGIN, p.settings.refresh_slice)
            if old:
                return replace(what, act="write", write=old, says=f"{len(old)} new bins are to be renewed first")
    return what


def _facts(p: Publisher, base: Base, versions: Mapping[str, int]) -> Facts:
    return Facts(
        n=base.n,
        root_version=base.trust.root_version,
        versions=versions,
        layout=base.trust.layout,
        carried=frozenset(s["keyid"] for s in open_envelope(base.timestamp)[0]),
        held=frozenset(p.signer.keys()),
        at_once=p.settings.refresh_slice,
    )


def _note(p: Publisher, found: StepSequence, what: Due, base: Base, now: datetime) -> None:
    """Write down how far it is. If we stop before, the same is found out again."""
    over = what.act == "end"
    if not over and (what.sequence, what.says) == (found, found.says):
        return
    with p.db.write() as tx:
        if what.sequence != found:
            forget(tx, next_layout(what.sequence, base.trust.layout))
        move(tx, found, what.sequence, what.says, now)
        if over:
            end(tx, what.sequence, now)
    log.info("keys", change=what.sequence.kind, at=what.sequence.at, says=what.says)


def _overtaken(public: Storage, found: StepSequence, then: StepSequence) -> str:
    """Which file of the steps that seem to be released is another one: after a recovery, say. "" when all are ours."""
    for step in found.steps[max(found.at, 0) : max(then.at, 0)]:
        for role, data in step.files.items():
            name = metadata_name(role, step.versions()[role])
            try:
                ours = public.get(name).data == data
            except NotStored:
                ours = False
            if not ours:
                return name
    return ""


def _has_root(base: Base, found: StepSequence) -> bool:
    step = found.step
    return step is not None and base.trust.root_version >= step.versions()["root"]


def _put_root(p: Publisher, found: StepSequence, data: bytes, now: datetime) -> None:
    """From here on clients trust it: so it appears whole and durable or not at all, which `create` alone does not promise.

    Raises Burned when the name is taken, by a rival that was faster.
    """
    step = found.step
    assert step is not None
    name = metadata_name("root", step.versions()["root"])
    p.memory.base = None
    try:
        p.public.replace(name, data, None)
    except Changed as error:
        raise Burned(f"{name} is there already") from error
    if p.purger.active:  # else, and if we stop here, caches say for one more second that there is none
        with p.db.write() as tx:
            later(tx, p.purger, name, ["root"], now=now)
    log.info("root released", name=name)


def _turn(p: Publisher, claimed: Claimed, what: Due) -> Turn:
    base, step = claimed.base, what.sequence.step
    keyids = frozenset(base.trust.online_keys())
    if what.act != "end":
        keyids |= listed_online(what.sequence.steps)
    offline: tuple[OfflineFile, ...] = ()
    if what.act == "release" and step is not None:
        versions = step.versions()
        offline = tuple(OfflineFile(role, versions[role], data) for role, data in step.files.items() if role != "root")
        clear_way(p.public, offline)
    return Turn(
        _widened(claimed, next_layout(what.sequence, base.trust.layout)),
        base.trust,
        keyids,
        frozenset(what.write),
        offline,
        must=what.act in ("sign", "end") or bool(offline) or bool(what.write),
    )


def _widened(claimed: Claimed, layout: Layout) -> Claimed:
    base = claimed.base
    if layout == base.trust.layout:
        return claimed
    return replace(claimed, base=replace(base, trust=replace(base.trust, layout=layout)))


def clear_way(public: Storage, offline: Iterable[OfflineFile]) -> None:
    """Take away what an abandoned change left under the names of `offline`, which are about to be put.

    No snapshot that was live ever listed such a file: versions never fall, and the live one lists an older version.
    """
    for file in offline:
        name = metadata_name(file.role, file.version)
        try:
            if public.get(name).data == file.data:
                continue
        except NotStored:
            continue
        log.warning("a file of an abandoned change is replaced", name=name)
        public.delete(name)
