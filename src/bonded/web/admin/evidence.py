"""From a finding and what the sandboxed run kept of the member, to what the case page shows. Pure.

What was kept is JSON made by our own code over hostile bytes, so each part is checked again before it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bonded.review.evidence import Evidence
from bonded.web.admin.code import Line, lines

AROUND = 5
MOST_NEAR = 20
"""Lines of a long finding that are shown at once."""


@dataclass(frozen=True, slots=True)
class Card:
    """One piece of evidence. `near` are the lines around the finding, `code` all that were kept.

    `decoded` are (what was decoded, lines): forms unfolded in the sandbox, never run.
    """

    evidence: Evidence
    near: list[Line]
    code: list[Line]
    decoded: list[tuple[str, list[Line]]]


def card(evidence: Evidence, kept: dict[str, Any] | None) -> Card:
    """The card of a finding; without kept text it shows the finding's own excerpt."""
    found = evidence.finding
    hits = range(found.line, max(found.end_line, found.line) + 1) if found.line else ()
    text, first = _text(kept)
    if text is None:
        text, first = found.excerpt, max(found.line, 1)
    code = lines(text, path=found.path, first=first, hits=hits) if text else []
    return Card(evidence, _near(code), code, _decoded(kept))


def _near(code: list[Line]) -> list[Line]:
    """The lines that a reviewer sees without scrolling: those of the finding and a few around it."""
    hits = [line.number for line in code if line.hit] or [code[0].number if code else 0]
    return [line for line in code if hits[0] - AROUND <= line.number <= min(hits[-1], hits[0] + MOST_NEAR) + AROUND]


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
