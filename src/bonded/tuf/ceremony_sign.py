"""A signer's side of a ceremony, on their own machine: what changes against what they trust, and their statement. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from securesystemslib.signer import Signer  # type: ignore[attr-defined]

from bonded.tuf.ceremony_check import Need, check_values
from bonded.tuf.ceremony_keys import fingerprint
from bonded.tuf.ceremony_memory import Memory, check_follows, check_signed_roots, known_root
from bonded.tuf.ceremony_state import State
from bonded.tuf.ceremony_words import describe
from bonded.tuf.offline import Value, payload, top_keys
from bonded.tuf.transcript import CeremonyRefused, Signed, Statement, sign_statement
from bonded.values.text import iso

CLOCK = timedelta(days=1)
"""A machine without a network may be wrong about the time by this much."""


def asked_of(state: State, keyid: str) -> list[Need]:
    """What `keyid` is asked to sign, [] when it has signed all of it. Raises CeremonyRefused for a key not asked at all."""
    if state.steps is None:
        raise CeremonyRefused("no metadata were written for signature yet: go on with `bonded tuf ceremony` first")
    if not any(keyid in need.keyids for need in state.needs):
        raise CeremonyRefused(
            f"this key has nothing to sign here: {fingerprint(keyid)} is none of the keys of this ceremony"
        )
    return state.wanted_of(keyid)


def check_sane(state: State, memory: Memory, given: Value | None, now: datetime, *, given_up: bool) -> None:
    """Raise CeremonyRefused where a careful signer would not sign.

    `given`: a root that the signer brought along as the one they trust; `given_up`: they say that an earlier ceremony, in
    which they signed other metadata of the same version, was given up.
    """
    assert state.steps is not None
    check_values(state.index.base, [step.values for step in state.steps], now)
    last = datetime.fromisoformat(state.lines[-1].entry["at"])
    if now < last - CLOCK:
        raise CeremonyRefused(
            f"the clock of this machine says {now:%Y-%m-%d %H:%M} UTC, but the ceremony was at {last:%Y-%m-%d %H:%M}: set the clock"
        )
    for whose, trusted in (("this machine", known_root(memory, state.index.roots)), ("the root that you gave", given)):
        if trusted is not None:
            check_follows(trusted, state.index.roots, whose)
    if not given_up:
        check_signed_roots(memory, state.index.roots)
        _check_once(state, memory)


def _check_once(state: State, memory: Memory) -> None:
    for need in state.needs:
        if memory.keyid in need.keyids:
            when = memory.other(need.role, need.version, _digest(state, need))
            if when is not None:
                raise CeremonyRefused(
                    f"this key signed another {need.role} version {need.version} on {when[:10]}. If that ceremony was given up "
                    "and nothing of it was imported, say --given-up"
                )


def explain(state: State, memory: Memory, given: Value | None, keyid: str, now: datetime) -> Iterator[str]:
    """What a signer reads before they sign."""
    base, trusted = state.index.base, given or known_root(memory, state.index.roots)
    yield f"Ceremony of {state.index.url}"
    if base is None:
        yield "This is a new index: it has no metadata yet. Compare every fingerprint with its holder."
    elif trusted is None:
        yield (
            f"You begin from root version {base.root['version']}, which this machine has not seen before: compare it with "
            "the page that was printed at the last ceremony."
        )
        yield f"  sha256 {fingerprint(hashlib.sha256(state.index.roots[-1]).hexdigest())}"
    else:
        yield f"You trust root version {trusted['version']}; this ceremony begins from version {base.root['version']}."
        yield from _meanwhile(state, trusted, base.root)
    yield ""
    yield from describe(state, now)
    yield ""
    mine = ", ".join(f"{n.role} version {n.version}" for n in state.wanted_of(keyid))
    yield f"Your key {state.name(keyid)} signs: {mine}"
    yield f"  {fingerprint(keyid)}"
    signed = [state.name(statement.keyid) for _, statement in state.statements]
    yield "Signed so far by: " + (", ".join(dict.fromkeys(signed)) if signed else "nobody")


def _meanwhile(state: State, trusted: Value, base: Value) -> Iterator[str]:
    """Root keys that came and went between what the signer trusts and what the ceremony begins from."""
    old, new = top_keys(trusted, "root"), top_keys(base, "root")
    for keyid in sorted(set(new.keys) - set(old.keys)):
        yield f"  since then, {state.name(keyid)} was added to root: {fingerprint(keyid)}"
    for keyid in sorted(set(old.keys) - set(new.keys)):
        yield f"  since then, {state.name(keyid)} was taken out of root: {fingerprint(keyid)}"
    if old.threshold != new.threshold:
        yield f"  since then, the threshold of root went from {old.threshold} to {new.threshold}"


def sign(state: State, needs: Sequence[Need], signer: Signer, memory: Memory, now: datetime) -> dict[str, object]:
    """The signer's statement, as `ceremony.add_signed` takes it; `memory` then knows of it: save it before handing it on."""
    keyid = signer.public_key.keyid
    signed = tuple(
        Signed(n.step, n.role, _digest(state, n), signer.sign(payload(state.value(n))).signature) for n in needs
    )
    for need, one in zip(needs, signed, strict=True):
        memory.add(need.role, need.version, one.sha256, iso(now))
    if state.index.roots:
        memory.root = state.index.roots[-1].decode()
    return sign_statement(Statement(state.id, state.head, iso(now), keyid, signed), signer)


def _digest(state: State, need: Need) -> str:
    return hashlib.sha256(payload(state.value(need))).hexdigest()
