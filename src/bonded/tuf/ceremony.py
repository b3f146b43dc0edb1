"""Holding a ceremony: begin, keys, terms, prepare, collect, finish. Each act adds one line to the transcript, or none when
it was done already; so whatever was interrupted is simply done again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from securesystemslib.signer import CryptoSigner, Signer  # type: ignore[attr-defined]

from bonded.tuf.ceremony_check import needs
from bonded.tuf.ceremony_folder import BUNDLE, CeremonyFolder, lines_value, write_whole
from bonded.tuf.ceremony_index import load_index
from bonded.tuf.ceremony_keys import Holder
from bonded.tuf.ceremony_sheet import sheet
from bonded.tuf.ceremony_state import WHO, State, Terms, check_statement
from bonded.tuf.ceremony_steps import Wanted, offline_keys, plan
from bonded.tuf.offline import KeySet, StepValues, key_set, names_of, one_time_of, payload
from bonded.tuf.transcript import CeremonyRefused, entry

BUNDLE_NAME = "bundle.json"
SHEET_NAME = "page-to-print.html"
ROOT_NAME = "root.json"


def begin(folder: CeremonyFolder, index: bytes, where: str, now: datetime) -> None:
    """Write the first line: the index, its online key, and its offline metadata of today. Raises CeremonyRefused."""
    found = load_index(index, where)
    if not folder.begun:
        folder.append(entry("begun", now, index=dict(found.value)))
    elif folder.state().index.value != found.value:
        raise CeremonyRefused(f"{folder.path} was begun for another index file than {where}: take a new folder")


def add_key(folder: CeremonyFolder, who: str, holder: Holder, made: str, now: datetime) -> None:
    """Let a key take part; `who` is one of WHO, `made` "here" or "imported". Raises CeremonyRefused."""
    state = folder.state()
    same = [h for h in state.holders[who].values() if h.name == holder.name and h.keyid != holder.keyid]
    if same and who != "online":
        raise CeremonyRefused(f"there is another {who} key called {holder.name}: drop it first, or use another name")
    if state.holders[who].get(holder.keyid) != holder:
        _check_open(folder, state)
        folder.append(entry("key", now, who=who, key=holder.value(), made=made))


def drop_key(folder: CeremonyFolder, who: str, named: str, now: datetime) -> None:
    """Take a key out, by the name of its holder or the beginning of its fingerprint. Raises CeremonyRefused."""
    state, digits = folder.state(), named.replace(" ", "").lower()
    found = [
        h for h in state.holders[who].values() if h.name == named or (len(digits) >= 8 and h.keyid.startswith(digits))
    ]
    if not found and state.steps is not None:
        return  # the same command again: it was dropped before the metadata were written
    if len(found) != 1:
        raise CeremonyRefused(f"{named!r} names {'no' if not found else 'more than one'} {who} key")
    _check_open(folder, state)
    folder.append(entry("drop", now, who=who, keyid=found[0].keyid))


def set_terms(folder: CeremonyFolder, terms: Terms, now: datetime) -> None:
    """Decide thresholds, numbers of bins and expiries; may be decided anew until the metadata are written."""
    state = folder.state()
    if state.terms != terms:
        _check_open(folder, state)
        folder.append(entry("terms", now, terms=asdict(terms)))


def _check_open(folder: CeremonyFolder, state: State) -> None:
    if state.steps is not None:
        raise CeremonyRefused(
            f"the metadata in {folder.path} are written for signature already, and say otherwise: nothing was changed. "
            "To change keys, thresholds, bins or expiries, hold the ceremony in a new folder"
        )


def prepare(folder: CeremonyFolder, now: datetime) -> None:
    """Write the metadata for signature. One-time keys are made, used and forgotten in here; no file ever holds one.

    Raises CeremonyRefused. If it is stopped before its last line, nothing happened: the next try makes other keys.
    """
    state = folder.state()
    if state.steps is not None:
        return
    terms = state.terms
    once: list[Signer] = [CryptoSigner.generate_ed25519()] if terms and terms.one_time and not terms.root_only else []
    steps = plan(state.index.base, wanted(state, once, now))
    folder.append(prepared_entry(state, steps, once, now))


def prepared_entry(state: State, steps: tuple[StepValues, ...], once: list[Signer], now: datetime) -> dict[str, Any]:
    """The line that holds `steps`, each signed already by the one-time keys that may sign it."""
    asked = {(n.step, n.role): n for n in needs(state.index.base, [s.values for s in steps])}

    def signatures(number: int, role: str) -> list[dict[str, str]]:
        mine = [signer for signer in once if signer.public_key.keyid in asked[number, role].keyids]
        return [signer.sign(payload(steps[number].values[role])).to_dict() for signer in mine]

    written = [
        {
            "name": step.name,
            "after": step.after,
            "files": {role: {"signed": v, "signatures": signatures(number, role)} for role, v in step.values.items()},
        }
        for number, step in enumerate(steps)
    ]
    keys = [Holder("one-time", s.public_key.keyid, s.public_key.to_dict()).value() for s in once]
    return entry("prepared", now, steps=written, one_time=keys)


def wanted(state: State, once: list[Signer], now: datetime) -> Wanted:
    """What was decided, as the plan takes it. Raises CeremonyRefused while something is missing."""
    terms = state.terms
    if terms is None:
        raise CeremonyRefused("thresholds and numbers of bins are not decided yet")
    base = state.index.base
    one_time = key_set(once).keys if once else {}
    holders = {k: h for who in WHO for k, h in state.holders[who].items()}
    names = (names_of(base.root) if base else {}) | {k: h.name for k, h in holders.items()}
    names |= dict.fromkeys(one_time, f"one-time {now:%Y-%m-%d}")
    return Wanted(
        root=_set("root", {k: h.key for k, h in state.holders["root"].items()}, terms.root_threshold),
        targets=_targets(state, terms, one_time),
        online=_set("online", {k: h.key for k, h in state.holders["online"].items()}, 1),
        page_bins=terms.page_bins,
        bins=terms.bins,
        root_expires=now + timedelta(days=terms.root_days),
        offline_expires=now + timedelta(days=terms.offline_days),
        names=names,
        one_time=frozenset(one_time) | (one_time_of(base.root) if base else set()),
        root_only=terms.root_only,
        compromised=terms.compromised,
    )


def _targets(state: State, terms: Terms, one_time: Mapping[str, Mapping[str, Any]]) -> KeySet:
    """Who signs targets, pages and bins in the end: with root alone, whoever does now, destroyed keys included."""
    if terms.root_only and terms.one_time and state.index.base is not None:
        return offline_keys(state.index.base)
    keys = one_time or {k: h.key for k, h in state.holders["targets"].items()}
    return _set("targets", keys, 1 if one_time else terms.targets_threshold)


def _set(who: str, keys: Mapping[str, Mapping[str, Any]], threshold: int) -> KeySet:
    if not 1 <= threshold <= len(keys):
        raise CeremonyRefused(
            f"a threshold of {threshold} of {len(keys)} {who} keys cannot be reached: add keys or lower it"
        )
    return KeySet(keys, threshold)


def add_signed(folder: CeremonyFolder, value: Mapping[str, Any]) -> bool:
    """Take a signer's statement; False when it is there already. Raises CeremonyRefused.

    The line holds nothing but the statement: so the last one is covered by its own signature.
    """
    state = folder.state()
    statement = check_statement(state, value)
    if any(had == statement for _, had in state.statements):
        return False
    folder.append({"what": "signed", "at": statement.at, "statement": statement.value(), "sig": value["sig"]})
    return True


def finish(folder: CeremonyFolder) -> Path | None:
    """Write the bundle, the page to print and the newest root, if everything is signed; returns the bundle's path."""
    state = folder.state()
    if not state.complete:
        return None
    roots = [step.files["root"] for step in state.signed_steps() if "root" in step.files]
    write_whole(folder.path / SHEET_NAME, sheet(state).encode())
    if roots:
        write_whole(folder.path / ROOT_NAME, roots[-1])
    write_whole(folder.path / BUNDLE_NAME, lines_value(BUNDLE, state.lines))
    return folder.path / BUNDLE_NAME


def read_signed_file(data: bytes, where: str) -> dict[str, Any]:
    """The statement in a file that `bonded tuf sign` wrote. Raises CeremonyRefused."""
    try:
        value = orjson.loads(data)
        return {"statement": value["statement"], "sig": value["sig"]}
    except (ValueError, KeyError, TypeError):
        raise CeremonyRefused(f"{where} holds no signatures: give the file that `bonded tuf sign` wrote") from None
