"""From a finding and what the sandboxed run kept of the member, to what the case page shows. Pure.

What was kept is JSON made by our own code over hostile bytes, so each part is checked again before it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bonded.review.evidence import Evidence
from bonded.web.admin.code import LONGEST_LINE, Line, lines

AROUND = 5
MOST_NEAR = 20
"""Lines of a long finding that are shown at once."""


@dataclass(frozen=True, slots=True)
class Card:
    """One piece of evidence. `near` are the lines around the finding, `code` all that were kept where the whole was asked
    for, `kept` how many those are.

    `decoded` are (what was decoded, lines): forms unfolded in the sandbox, never run.
    """

    evidence: Evidence
    near: list[Line]
    code: list[Line]
    kept: int
    decoded: list[tuple[str, list[Line]]]


def card(evidence: Evidence, kept: dict[str, Any] | None, *, whole: bool = False) -> Card:
    """The card of a finding; without kept text it shows the finding's own excerpt.

    Only what is shown is coloured: a page with many findings stays quick.
    """
    found = evidence.finding
    hits = range(found.line, max(found.end_line, found.line) + 1) if found.line else ()
    text, first = _text(kept)
    if text is None:
        text, first = found.excerpt, max(found.line, 1)
    every = text.removesuffix("\n").split("\n") if text else []
    start, stop = _window(first, len(every), hits)
    near = "\n".join(line[:LONGEST_LINE] for line in every[start:stop])
    shown = lines(near, path=found.path, first=first + start, hits=hits) if near else []
    code = lines(text, path=found.path, first=first, hits=hits) if text and whole else []
    return Card(evidence, shown, code, len(every), _decoded(kept))


def _window(first: int, count: int, hits: range | tuple[()]) -> tuple[int, int]:
    """The part that a reviewer sees without scrolling: the lines of the finding and a few around it."""
    start = hits[0] if hits else first
    stop = min(hits[-1], start + MOST_NEAR) if hits else first
    return max(0, start - AROUND - first), min(count, stop + AROUND - first + 1)


def _text(kept: dict[str, Any] | None) -> tuple[str | None, int]:
    if kept is None or not isinstance(kept.get("text"), str):
        return None, 1
    first = kept.get("first_line", 1)
    return kept["text"], first if isinstance(first, int) and first > 0 else 1


def _decoded(kept: dict[str, Any] | None) -> list[tuple[str, list[Line]]]:
    forms = kept.get("decoded", []) if kept else []
    out = []
    for form in forms[:8] if isinstance(forms, list) else []:
        how, text = (form.get("how", ""), form.get("text")) if isinstance(form, dict) else ("", form)
        if isinstance(text, str) and text:
            out.append((str(how)[:200], lines(text, path="decoded.py", first=1, hits=())))
    return out
