"""Lines of a unified difference for a page: escaped, with numbers and a word for what they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from bonded.web.words import visible

_HUNK = re.compile(r"^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `kind` is "hunk", "add", "del" or "same"; numbers in the old and the new member, 0 where it has none."""

    kind: str
    old: int
    new: int
    html: Markup


def shown(lines: Iterable[str]) -> list[Row]:
    """The lines of one difference as rows."""
    rows: list[Row] = []
    old = new = 0
    for line in lines:
        hunk = _HUNK.match(line)
        if hunk:
            old, new = int(hunk[1]), int(hunk[2])
            rows.append(Row("hunk", 0, 0, visible(line)))
            continue
        kind = {"+": "add", "-": "del"}.get(line[:1], "same")
        rows.append(Row(kind, old if kind != "add" else 0, new if kind != "del" else 0, visible(line[1:])))
        old += kind != "add"
        new += kind != "del"
    return rows
