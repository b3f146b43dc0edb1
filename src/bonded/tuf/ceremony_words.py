"""What a ceremony changes, in plain words: what each signer reads before they sign, and what the page to print says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from bonded.tuf.binfile import read_utc
from bonded.tuf.ceremony_keys import fingerprint
from bonded.tuf.ceremony_state import State, Terms
from bonded.tuf.offline import ROLES, KeySet, Offline, Value, bin_keys, bins_of, top_keys

WHOSE = {
    "root": "root",
    "targets": "targets",
    "pages": "project pages (pages)",
    "bins": "files (bins)",
    "online": "the online key",
}
AFTER = {
    "": "",
    "settled": "It is released once all clients have seen the step before.",
    "bins-signed": "It is released once the new online key has signed every bin too.",
    "bins-written": "It is released once every bin of the new generation is written.",
}


def describe(state: State, now: datetime) -> Iterator[str]:
    """Every step, line by line, against what clients trust today."""
    assert state.steps is not None
    before = state.index.base
    for number, step in enumerate(state.steps, 1):
        yield f"Step {number} of {len(state.steps)}: {step.name}"
        if AFTER[step.after]:
            yield f"  {AFTER[step.after]}"
        after = before.with_values(step.values) if before else Offline(**step.values)
        yield from _step(state, before, after, step.values, now)
        before = after


def _step(
    state: State, before: Offline | None, after: Offline, values: Mapping[str, Value], now: datetime
) -> Iterator[str]:
    for role in sorted(values, key=ROLES.index):
        value, old = values[role], before.of(role) if before else None
        expires = read_utc(value["expires"])
        version = f"version {value['version']}" + (
            f" takes the place of version {old['version']}" if old else ", the first"
        )
        yield f"  {WHOSE[role]}: {version}; valid until {expires:%Y-%m-%d} ({round((expires - now).total_seconds() / 86_400)} days)"
        if role == "root":
            for name in ("root", "targets", "timestamp"):
                label = {"timestamp": "timestamp and snapshot"}.get(name, name)
                yield from _keys(state, label, top_keys(old, name) if old else None, top_keys(value, name))
        elif role == "targets":
            yield from _delegated(state, before, after)
        else:
            yield from _bins(state, old, value)


def _delegated(state: State, before: Offline | None, after: Offline) -> Iterator[str]:
    sets = [after.signers_of(name) for name in ("targets", "pages", "bins")]
    if sets[1] == sets[2] == sets[0]:
        yield "    pages and bins: the same keys as targets"
        return
    for name in ("pages", "bins"):
        yield from _keys(state, name, before.signers_of(name) if before else None, after.signers_of(name))


def _keys(state: State, label: str, old: KeySet | None, new: KeySet) -> Iterator[str]:
    if old == new:
        yield f"    {label}: the same {_count(len(new.keys), 'key')}, threshold {new.threshold}"
        return
    change = f" (was {old.threshold})" if old and old.threshold != new.threshold else ""
    yield f"    {label}: {new.threshold} of {_count(len(new.keys), 'key')} must sign{change}"
    for keyid in sorted({*new.keys, *(old.keys if old else ())}, key=lambda k: (state.name(k), k)):
        mark = "  " if old is None else "+ " if keyid not in old.keys else "- " if keyid not in new.keys else "  "
        word = {"+ ": " (added)", "- ": " (taken out)"}.get(mark, "")
        yield f"    {mark}{state.name(keyid)}{word}"
        yield f"        {fingerprint(keyid)}"


def _bins(state: State, old: Value | None, new: Value) -> Iterator[str]:
    bins, was = bins_of(new), bins_of(old) if old else None
    change = f" (was {was.count})" if was and was.count != bins.count else ""
    yield f"    {bins.count} bins, generation {bins.generation}{change}"
    yield from _keys(state, "bins", bin_keys(old) if old else None, bin_keys(new))


def _count(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def summary(state: State) -> Iterator[str]:
    """What was decided so far, before the metadata are written."""
    for who, title in (("root", "root"), ("targets", "targets, pages and bins"), ("online", "the online key")):
        holders = state.holders[who]
        if who == "targets" and state.terms and state.terms.root_only:
            yield f"{title}: stay as they are"
            continue
        if who == "targets" and state.terms and state.terms.one_time:
            yield f"{title}: a one-time key, made when the metadata are written, used and destroyed"
            continue
        threshold = {"root": "root_threshold", "targets": "targets_threshold"}.get(who)
        needed = f", {getattr(state.terms, threshold)} of them must sign" if threshold and state.terms else ""
        yield f"{title}: {_count(len(holders), 'key')}{needed}"
        for holder in sorted(holders.values(), key=lambda h: h.name):
            yield f"  {holder.name}"
            yield f"      {fingerprint(holder.keyid)}"
    if state.terms:
        yield f"{state.terms.page_bins} bins for project pages, {state.terms.bins} bins for files"
        yield f"root is valid for {state.terms.root_days} days; targets, pages and bins for {state.terms.offline_days}"


def waiting(state: State) -> Iterator[str]:
    """Which signatures are missing, and who can give them."""
    assert state.steps is not None
    for need, count in state.missing():
        left = sorted(state.name(k) for k in need.keyids - set(state.have(need)) - set(state.one_time))
        have = sorted(state.name(k) for k in state.have(need))
        signed = f"; signed by {', '.join(have)}" if have else ""
        yield (
            f"step {need.step + 1}, {need.role} version {need.version}: {_count(count, 'signature')} missing{signed}; "
            f"can sign: {', '.join(left) or 'nobody who is left'}"
        )


def story(state: State) -> Iterator[str]:
    """The transcript in words, a line each."""
    for line in state.lines:
        yield f"{line.n:>3}  {line.entry['at'][:19].replace('T', ' ')}  {_told(state, line.entry)}"


def _terms(terms: Terms) -> Iterator[str]:
    yield f"{_count(terms.root_threshold, 'root key')} must sign"
    if terms.root_only:
        yield "root is made anew and nothing else"
    else:
        by = "by a one-time key" if terms.one_time else f"by {_count(terms.targets_threshold, 'key')}"
        yield f"targets, pages and bins signed {by}"
        yield f"{terms.page_bins} bins for project pages, {terms.bins} for files; these roles valid for {terms.offline_days} days"
    yield f"root valid for {terms.root_days} days"
    if terms.compromised:
        yield "the online key is in wrong hands and replaced in one step"


def _told(state: State, entry: Mapping[str, object]) -> str:
    match entry:
        case {"what": "begun"}:
            base = state.index.base
            return f"begun for {state.index.url}, " + (
                f"from root version {base.root['version']}" if base else "a new index"
            )
        case {"what": "key", "who": who, "key": {"name": name, "keyid": str(keyid)}, "made": made}:
            return f"{who} key of {name} ({made}): {fingerprint(keyid)}"
        case {"what": "drop", "who": who, "keyid": str(keyid)}:
            return f"{who} key taken out: {fingerprint(keyid)}"
        case {"what": "terms", "terms": dict(terms)}:
            return "decided: " + "; ".join(_terms(Terms(**terms)))
        case {"what": "prepared", "steps": list(steps), "one_time": list(once)}:
            roles = ", ".join(f"{r} {f['signed']['version']}" for step in steps for r, f in step["files"].items())
            keys = "".join(f"; signed with a one-time key, destroyed: {fingerprint(k['keyid'])}" for k in once)
            return f"written for signature: {roles}{keys}"
        case {"what": "signed", "statement": {"keyid": str(keyid), "signatures": list(signed)}}:
            return (
                f"signed by {state.name(keyid)}: {', '.join(str(s['role']) for s in signed)}; key {fingerprint(keyid)}"
            )
    return str(entry["what"])
