"""Where a ceremony stands, read from its transcript alone; every line and every signature is verified on the way. Pure.

The same reading serves the ceremony itself, each signer's machine, the import and the later check of the transcript.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bonded.tuf.canonical import canonical
from bonded.tuf.ceremony_check import Need, check_signature, check_values, needs
from bonded.tuf.ceremony_index import IndexFile, read_index
from bonded.tuf.ceremony_keys import Holder, holder
from bonded.tuf.ceremony_steps import offline_keys, online_keys
from bonded.tuf.offline import ROLES, Step, StepValues, Value, names_of, offline_file, one_time_of, payload
from bonded.tuf.transcript import CeremonyRefused, Line, Statement, check_chain, read_statement, verifies

WHO = ("root", "targets", "online")
"""Whose keys a ceremony deals with: root's; those of targets, pages and bins; the one of timestamp, snapshot and bins."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was decided besides the keys. `one_time`: the keys of targets are made at once, used and destroyed."""

    root_threshold: int
    targets_threshold: int
    one_time: bool
    page_bins: int
    bins: int
    root_days: int = 365
    offline_days: int = 365
    root_only: bool = False
    compromised: bool = False


@dataclass(slots=True)
class State:
    """A ceremony so far. `holders`: whose -> key id -> holder; `steps` is None until the metadata are written.

    `signatures`: (step from 0, role) -> key id -> hex signature, all verified; `statements`: in order, with their lines.
    """

    lines: list[Line]
    index: IndexFile
    holders: dict[str, dict[str, Holder]]
    terms: Terms | None = None
    steps: tuple[StepValues, ...] | None = None
    needs: list[Need] = field(default_factory=list)
    signatures: dict[tuple[int, str], dict[str, str]] = field(default_factory=dict)
    statements: list[tuple[Line, Statement]] = field(default_factory=list)
    prepared: int = 0
    one_time: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Name of the ceremony: digest of its first line."""
        return self.lines[0].digest

    @property
    def head(self) -> str:
        """Digest of the newest line."""
        return self.lines[-1].digest

    def name(self, keyid: str) -> str:
        """What the holder of a key is called."""
        for holders in self.holders.values():
            if keyid in holders:
                return holders[keyid].name
        names = names_of(self.index.base.root) if self.index.base else {}
        return "one-time key" if keyid in self.one_time else names.get(keyid, keyid[:8])

    def value(self, need: Need) -> Value:
        """The metadata that a need is about."""
        assert self.steps is not None
        return dict(self.steps[need.step].values[need.role])

    def have(self, need: Need) -> dict[str, str]:
        """The signatures that are there: key id -> hex."""
        return self.signatures.get((need.step, need.role), {})

    def missing(self) -> list[tuple[Need, int]]:
        """What is not signed by enough yet, and how many signatures each lacks."""
        short = [(need, need.missing(self.have(need))) for need in self.needs]
        return [(need, count) for need, count in short if count > 0]

    @property
    def complete(self) -> bool:
        """Whether everything is signed by enough."""
        return self.steps is not None and not self.missing()

    def wanted_of(self, keyid: str) -> list[Need]:
        """What a key should sign and has not yet."""
        return [need for need in self.needs if keyid in need.keyids and keyid not in self.have(need)]

    def signed_steps(self) -> tuple[Step, ...]:
        """The steps as files with the signatures so far."""
        assert self.steps is not None
        return tuple(
            Step(
                step.name, {role: self._file(number, role) for role in sorted(step.values, key=ROLES.index)}, step.after
            )
            for number, step in enumerate(self.steps)
        )

    def _file(self, number: int, role: str) -> bytes:
        assert self.steps is not None
        have = self.signatures.get((number, role), {})
        return offline_file(self.steps[number].values[role], [{"keyid": k, "sig": s} for k, s in have.items()])


def read_state(lines: Sequence[Line]) -> State:
    """Where a ceremony stands. Raises CeremonyRefused for anything in the transcript that is not right."""
    check_chain(lines)
    if not lines or lines[0].entry["what"] != "begun":
        raise CeremonyRefused("this is no transcript of a ceremony: it does not begin with the index")
    index = read_index(lines[0].entry.get("index"), "the first line of the transcript")
    state = State([lines[0]], index, _first_holders(index))
    for line in lines[1:]:
        try:
            _READERS[line.entry["what"]](state, line)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CeremonyRefused(f"line {line.n} of the transcript cannot be understood ({error})") from None
        state.lines.append(line)
    return state


def _first_holders(index: IndexFile) -> dict[str, dict[str, Holder]]:
    if index.base is None:
        online = {keyid: Holder("online", keyid, dict(key)) for keyid, key in index.online.items()}
        return {"root": {}, "targets": {}, "online": online}
    root, once = index.base.root, one_time_of(index.base.root)
    sets = {
        "root": index.base.signers_of("root"),
        "targets": offline_keys(index.base),
        "online": online_keys(index.base),
    }
    names = names_of(root)
    return {
        who: {k: Holder(names.get(k, k[:8]), k, dict(key)) for k, key in keys.keys.items() if k not in once}
        for who, keys in sets.items()
    }


def _read_key(state: State, line: Line) -> None:
    _check_open(state, line)
    who, found = str(line.entry["who"]), holder(line.entry["key"], f"line {line.n} of the transcript")
    if who == "online":
        state.holders["online"] = {}
    state.holders[who][found.keyid] = found


def _read_drop(state: State, line: Line) -> None:
    _check_open(state, line)
    del state.holders[str(line.entry["who"])][str(line.entry["keyid"])]


def _read_terms(state: State, line: Line) -> None:
    _check_open(state, line)
    state.terms = Terms(**line.entry["terms"])


def _check_open(state: State, line: Line) -> None:
    if state.steps is not None:
        raise CeremonyRefused(f"line {line.n} of the transcript changes keys after the metadata were written")


def _read_prepared(state: State, line: Line) -> None:
    _check_open(state, line)
    steps = tuple(
        StepValues(str(s["name"]), {role: f["signed"] for role, f in s["files"].items()}, str(s["after"]))
        for s in line.entry["steps"]
    )
    check_values(state.index.base, [s.values for s in steps], datetime.fromisoformat(line.entry["at"]))
    state.one_time = {h.keyid: h.key for h in (holder(k, "a one-time key") for k in line.entry["one_time"])}
    _check_known(state, steps)
    state.needs, state.prepared = needs(state.index.base, [s.values for s in steps]), line.n
    state.steps = steps
    for need in state.needs:
        for signature in line.entry["steps"][need.step]["files"][need.role]["signatures"]:
            _take(state, need, str(signature["keyid"]), str(signature["sig"]))


def _check_known(state: State, steps: Sequence[StepValues]) -> None:
    """Every key in the metadata must have come into the ceremony by a line that people could see."""
    base = state.index.base
    known = {keyid for holders in state.holders.values() for keyid in holders} | set(state.one_time)
    for value in (base.root, base.targets, base.pages, base.bins) if base else ():
        known |= set(value.get("keys", value.get("delegations", {}).get("keys", {})))
    for step in steps:
        for role, value in step.values.items():
            keys = value["keys"] if role == "root" else value["delegations"]["keys"]
            if set(keys) - known:
                raise CeremonyRefused(
                    f"{role} of step {step.name!r} lists a key that no line of the transcript brings in"
                )


def _read_signed(state: State, line: Line) -> None:
    statement = check_statement(state, line.entry)
    whole = {"what": "signed", "at": statement.at, "statement": statement.value(), "sig": line.entry["sig"]}
    if line.entry != whole:
        raise CeremonyRefused(f"line {line.n} of the transcript holds more than a signer's statement: it was changed")
    for one in statement.signed:
        need = next(n for n in state.needs if (n.step, n.role) == (one.step, one.role))
        _take(state, need, statement.keyid, one.sig)
    state.statements.append((line, statement))


def check_statement(state: State, value: Mapping[str, Any]) -> Statement:
    """A signer's statement, if it is one for this ceremony. Raises CeremonyRefused."""
    statement, sig = read_statement(value)
    if state.steps is None:
        raise CeremonyRefused("there is a signature, but no metadata were written for signature yet")
    who = state.name(statement.keyid)
    if statement.ceremony != state.id:
        raise CeremonyRefused(f"the signature of {who} was made for another ceremony: let them sign this one")
    if statement.seen not in {line.digest for line in state.lines[state.prepared - 1 :]}:
        raise CeremonyRefused(
            f"the signature of {who} is over other bytes: they had other metadata before them; let them sign these"
        )
    mine = {(n.step, n.role): n for n in state.needs if statement.keyid in n.keyids}
    if not mine:
        raise CeremonyRefused(
            f"the key {statement.keyid[:8]} has nothing to sign in this ceremony: it is not one of its keys"
        )
    key = next(iter(mine.values())).key(statement.keyid)
    if not verifies(statement.keyid, key, sig, canonical(statement.value())):
        raise CeremonyRefused(f"the statement of {who} was changed: its signature does not verify")
    for one in statement.signed:
        need = mine.get((one.step, one.role))
        if need is None:
            raise CeremonyRefused(f"{who} signed {one.role} of step {one.step + 1}, which that key may not sign")
        if hashlib.sha256(payload(state.value(need))).hexdigest() != one.sha256:
            raise CeremonyRefused(f"{who} signed other bytes than {one.role} version {need.version} of this ceremony")
        check_signature(need, statement.keyid, one.sig, payload(state.value(need)), {statement.keyid: who})
    return statement


def _take(state: State, need: Need, keyid: str, sig: str) -> None:
    check_signature(need, keyid, sig, payload(state.value(need)), {keyid: state.name(keyid)})
    state.signatures.setdefault((need.step, need.role), {}).setdefault(keyid, sig)


_READERS = {
    "key": _read_key,
    "drop": _read_drop,
    "terms": _read_terms,
    "prepared": _read_prepared,
    "signed": _read_signed,
}
