"""What a file in review has that files of other projects may share: the marks of one campaign. Pure.

Kinds: `uploader` (opaque id), `payload` (sha256 of a member with a telling finding), `address` (one that the evidence
names, without query), `alike` (a band of the MinHash of the evidence's code: two equal bands mean about two thirds of it
in common), `member` (sha256 of any member). The first four group cases; a member alone is too often somebody's licence.
"""

from __future__ import annotations

import hashlib
import keyword
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bonded.values.finding import Finding, Severity, When

BANDS, ROWS = 16, 5
ALIKE_FROM = 2
"""Equal bands from which two files count as alike. At a Jaccard similarity of 0.5 one pair in eleven has them, at 0.8 98 %."""
LEAST_SHINGLES = 24
"""Shorter code is like much other code."""
MOST_SHINGLES = 4000
MOST_ADDRESSES = 20
MOST_MEMBERS = 400
LEAST_MEMBER = 64
"""Bytes: smaller members are the same everywhere."""
GROUPING = ("uploader", "payload", "address", "alike")

_ANYBODYS = re.compile(
    r"\.dist-info/WHEEL$|(?:^|/)(?:LICEN[CS]E|COPYING|NOTICE)(?:[-_.][^/]*)?(?<!\.py)$", re.IGNORECASE
)
"""Members that strangers share: what a build tool says of itself, and licences. Code that hides in one has a finding, and is a
`payload`."""
_TELLING = frozenset({Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL})
_TOKEN = re.compile(r"""(?P<s>[rbuf]{0,2}(?:"[^"\n]*"|'[^'\n]*'))|(?P<n>\d[\w.]*)|(?P<w>[^\W\d]\w*)|(?P<o>[^\w\s])""")
_ADDRESS = re.compile(r"""\b(?:https?|ftp|wss?)://[^\s'"`<>()\[\]{},;\\|]{4,300}""", re.IGNORECASE)
_PRIME = (1 << 61) - 1
_RANDOM = random.Random(20260105)  # noqa: S311 - fixed functions, equal on every machine
_FUNCTIONS = [(_RANDOM.randrange(1, _PRIME), _RANDOM.randrange(_PRIME)) for _ in range(BANDS * ROWS)]


@dataclass(frozen=True, slots=True)
class Trait:
    """One mark. `note` says where it was seen: a path in the archive, or ""."""

    kind: str
    value: str
    note: str = ""


def traits(uploader_id: str, findings: Iterable[tuple[Finding, Mapping[str, Any] | None]]) -> list[Trait]:
    """The marks of a file, of its uploader and of its findings, each with what was kept of the member."""
    found = [Trait("uploader", uploader_id)] if uploader_id else []
    texts: list[str] = []
    for one, kept in findings:
        if not telling(one):
            continue
        texts += _texts(one, kept or {})
        digest = (kept or {}).get("sha256")
        if isinstance(digest, str) and len(digest) == 64:
            found.append(Trait("payload", digest, one.path))
    found += [Trait("address", value) for value in addresses(texts)]
    found += [Trait("alike", band) for band in bands(texts)]
    return list({(one.kind, one.value): one for one in found}.values())


def telling(finding: Finding) -> bool:
    """Whether code of the finding may stand for a campaign: bad enough, sure enough, and it runs."""
    return finding.severity in _TELLING and finding.confidence >= 0.3 and finding.when is not When.NEVER


def members(listing: Iterable[tuple[str, int, str]]) -> list[Trait]:
    """The `member` traits of an archive's (path, size, sha256): the largest ones that say something, each content once."""
    own = (one for one in listing if one[1] >= LEAST_MEMBER and one[2] and not _ANYBODYS.search(one[0]))
    large = sorted(own, key=lambda one: (-one[1], one[0]))
    once = {digest: path for path, _, digest in reversed(large[:MOST_MEMBERS])}
    return [Trait("member", digest, path) for digest, path in sorted(once.items())]


def addresses(texts: Iterable[str]) -> list[str]:
    """Addresses in the texts, without query and fragment, host in lower case, in order of appearance."""
    found: dict[str, None] = {}
    for text in texts:
        for match in _ADDRESS.finditer(text):
            try:
                parts = urlsplit(match.group().rstrip(".:!?"))
            except ValueError:
                continue
            host = parts.netloc.rpartition("@")[2].lower()
            if "." in host:
                found[f"{parts.scheme.lower()}://{host}{parts.path.rstrip('/')}"] = None
    return list(found)[:MOST_ADDRESSES]


def bands(texts: Iterable[str]) -> list[str]:
    """The bands of the MinHash of all texts together; [] for too little code.

    Names that the author chose, literals and numbers are left out of it: a campaign changes them from package to package.
    """
    shingles: set[int] = set()
    for text in dict.fromkeys(texts):
        tokens = _tokens(text)
        shingles |= {_hash(" ".join(tokens[at : at + 4])) for at in range(len(tokens) - 3)}
    if len(shingles) < LEAST_SHINGLES:
        return []
    chosen = sorted(shingles)[:MOST_SHINGLES]
    least = [min((a * one + b) % _PRIME for one in chosen) for a, b in _FUNCTIONS]
    parts = (least[band * ROWS : (band + 1) * ROWS] for band in range(BANDS))
    return [f"{band}:{_hash(repr(part)):016x}" for band, part in enumerate(parts)]


def _tokens(text: str) -> list[str]:
    out: list[str] = []
    for match in _TOKEN.finditer(text[:60_000]):
        kind, word = match.lastgroup, match.group()
        if kind == "w":
            # Names of our own choice are before the dot, names of an interface are after it, or imported.
            chosen = not keyword.iskeyword(word) and (not out or out[-1] not in (".", "import", "from"))
            out.append("v" if chosen and text[match.end() : match.end() + 1] != "(" else word)
        else:
            out.append(word if kind == "o" else str(kind))
    return out


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=7).digest(), "big")


def _texts(finding: Finding, kept: Mapping[str, Any]) -> list[str]:
    forms = kept.get("decoded")
    decoded = [form.get("text") for form in forms if isinstance(form, dict)] if isinstance(forms, list) else []
    return [_lines(finding, kept), *(text for text in decoded if isinstance(text, str))]


def _lines(finding: Finding, kept: Mapping[str, Any]) -> str:
    """The finding's own lines as kept, at most 60, else its excerpt."""
    text, first = kept.get("text"), kept.get("first_line")
    if not isinstance(text, str) or not isinstance(first, int) or finding.line < first:
        return finding.excerpt
    lines = text.split("\n")[finding.line - first : min(finding.end_line, finding.line + 60) - first + 1]
    return "\n".join(lines) or finding.excerpt
