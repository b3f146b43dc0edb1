"""The fitted terms: how much a finding of one check and severity weighs, by when it runs, with the data that say so.

They stand in `terms.toml` beside this file, written by `bench/scan_fit.py`; each names its check, its severity and when the code
in evidence runs (at once: installing, starting or importing is enough), its weight in 0..1, and in how many campaigns of malware
and ordinary archives of the training data it was seen. A finding without a term weighs what its severity and its time do.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bonded.values.finding import When

FILE = Path(__file__).with_name("terms.toml")


Key = tuple[str, str, str]
"""Check, severity, and when (`RUNS`)."""
RUNS = {
    When.INSTALL: "at_once",
    When.STARTUP: "at_once",
    When.IMPORT: "at_once",
    When.CALL: "call",
    When.UNKNOWN: "unknown",
}
"""What never runs has no term of its own."""


@dataclass(frozen=True, slots=True)
class Term:
    """One fitted weight. `campaigns` and `ordinary` count those of the training data that had such a finding."""

    weight: float
    campaigns: int
    ordinary: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """All of them, and how large the training data were."""

    terms: dict[Key, Term]
    campaigns: int
    ordinary: int


@cache
def fitted() -> Fitted:
    """What the file says. Raises OSError or ValueError when the installation is broken."""
    raw = tomllib.loads(FILE.read_text("utf-8"))
    terms = {
        (check, severity, runs): Term(row["weight"], row["campaigns"], row["ordinary"])
        for check, severities in raw.get("terms", {}).items()
        for severity, times in severities.items()
        for runs, row in times.items()
    }
    data = raw["data"]
    return Fitted(terms, data["campaigns"], data["ordinary"])


@cache
def fitted_weights() -> dict[Key, float]:
    """Only the weights."""
    return {key: term.weight for key, term in fitted().terms.items()}


def key_of(check: str, severity: str, when: When) -> Key:
    """The term that a finding has, where there is one."""
    return check, severity, RUNS.get(when, "never")


def origin(key: Key) -> str:
    """Where a weight comes from, in words: "" for one that is not fitted."""
    term = fitted().terms.get(key)
    if term is None:
        return ""
    of = fitted()
    return (
        f"seen in {term.campaigns} of {of.campaigns} campaigns and {term.ordinary} of {of.ordinary} ordinary archives"
    )
