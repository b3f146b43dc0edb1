"""The fitted terms: how much a finding of one check and severity weighs, with the data that say so.

They stand in `terms.toml` beside this file, written by `bench/scan_fit.py`; each names its check and severity, its weight in
0..1, and in how many campaigns of malware and ordinary archives of the training data it was seen. A check that is not in the
file weighs what its severity does.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("terms.toml")


@dataclass(frozen=True, slots=True)
class Term:
    """One fitted weight. `campaigns` and `ordinary` count those of the training data that had such a finding."""

    weight: float
    campaigns: int
    ordinary: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """All of them by (check, severity), and how large the training data were."""

    terms: dict[tuple[str, str], Term]
    campaigns: int
    ordinary: int


@cache
def fitted() -> Fitted:
    """What the file says. Raises OSError or ValueError when the installation is broken."""
    raw = tomllib.loads(FILE.read_text("utf-8"))
    terms = {
        (check, severity): Term(row["weight"], row["campaigns"], row["ordinary"])
        for check, rows in raw.get("terms", {}).items()
        for severity, row in rows.items()
    }
    data = raw["data"]
    return Fitted(terms, data["campaigns"], data["ordinary"])


@cache
def fitted_weights() -> dict[tuple[str, str], float]:
    """Only the weights."""
    return {key: term.weight for key, term in fitted().terms.items()}


def origin(check: str, severity: str) -> str:
    """Where a weight comes from, in words: "" for one that is not fitted."""
    term = fitted().terms.get((check, severity))
    if term is None:
        return ""
    of = fitted()
    return (
        f"seen in {term.campaigns} of {of.campaigns} campaigns and {term.ordinary} of {of.ordinary} ordinary archives"
    )
