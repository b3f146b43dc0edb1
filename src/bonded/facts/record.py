"""What RECORD of a wheel says that its members do not bear out (recording installed projects). Pure and lenient."""

from __future__ import annotations

import base64
import binascii
import csv
import io

from bonded.facts import layout
from bonded.facts.collect import Collected

_FREE = ("RECORD", "RECORD.jws", "RECORD.p7s")
_LARGEST = 8 * 1024 * 1024


def record_gaps(found: Collected) -> tuple[str, ...]:
    """One line for each difference: "missing PATH" (RECORD does not name a member), "absent PATH", "differs PATH".

    A wheel without RECORD has the one line "none"; what is no wheel has none.
    """
    if found.kind != layout.WHEEL:
        return ()
    own = next((path for path in sorted(found.descriptions) if path.endswith(".dist-info/RECORD")), None)
    if own is None:
        return ("none",)
    rows = _rows(found.descriptions[own][:_LARGEST])
    folder = own.rpartition("/")[0]
    free = {f"{folder}/{name}" for name in _FREE}
    files = {member.path: member.sha256 for member in found.members if member.kind == "file"}
    gaps = [f"missing {path}" for path in sorted(files.keys() - rows.keys() - free)]
    for path, digest in sorted(rows.items()):
        if path not in files:
            gaps.append(f"absent {path}")
        elif path not in free and digest.startswith("sha256=") and _hex(digest) != files[path]:
            gaps.append(f"differs {path}")
    return tuple(line[:300] for line in gaps)


def _rows(data: bytes) -> dict[str, str]:
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""))
        return {row[0].replace("\\", "/"): row[1] if len(row) > 1 else "" for row in reader if row}
    except csv.Error:
        return {}


def _hex(digest: str) -> str:
    text = digest.partition("=")[2]
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()
    except (binascii.Error, ValueError):
        return ""
