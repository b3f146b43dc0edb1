"""The project is an advertisement: much text with many links, and next to no code.

**What it looks for.** Archives with next to no code whose description is full of addresses or of the words of advertisements
(downloads, streams, followers, casinos, loans, keys for programs), and uploaders who make many such projects in a day.

**Why it matters.** Search engines rank the pages of an index highly; so it is used for advertising and for luring people to
hostile downloads.

**What is not flagged.** Long descriptions with many links of packages that have code or requirements, and short ones. Making many projects in
a day is no sign by itself: many an honest framework is published in parts.

**When it is a false alert.** Lists of links that are published as a package.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_ADVERTISED = re.compile(
    r"\b(free (download|followers|robux|v-?bucks|gift cards?|spins)|watch online|full movie|live stream(ing)?|torrent|crack(ed)?|keygen"
    r"|license key|activation key|mod apk|casino|betting|slot (game|online)|payday|cheap|buy (followers|cheap|online)|escorts?|viagra"
    r"|generator (no|without) (human )?verification|hack tool|no survey|unlimited (coins|gems|money)|seo services?|backlinks?)\b",
    re.IGNORECASE,
)
_NOTHING, _LITTLE, _LINKS, _MANY = 300, 1_500, 12, 20


@check(
    name="spam-project",
    version=2,
    severity=Severity.MEDIUM,
    sentence="The project is an advertisement: much text with many links, and next to no code.",
    uses_context=True,
)
def spam(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """At most one hit for the text; one more for an uploader who makes many projects with as little in them."""
    naming = facts.naming
    if naming.code_bytes > _LITTLE or naming.binaries:
        return
    text = " ".join([*facts.metadata.get("summary", []), naming.words])
    told = sorted({found.group(0).lower() for found in _ADVERTISED.finditer(text)})
    if len(told) >= 2 or (told and naming.text_links >= 3):
        yield Hit(f"an advertisement with {naming.code_bytes} bytes of code: {', '.join(told[:5])}", 0.8)
    elif naming.text_links >= _LINKS and naming.code_bytes < _NOTHING and not naming.requires:
        words = f"{naming.text_links} addresses in the description, and {naming.code_bytes} bytes of code"
        yield Hit(words, 0.25, severity=Severity.LOW)
    many = context.publisher.new_projects if context is not None else 0
    if many >= _MANY:
        # A new team that brings its small packages in one afternoon does the same: only a hint beside another one.
        words = f"its uploader made {many} projects within a day; this one has next to no code"
        yield Hit(words, 0.5, severity=Severity.MEDIUM if told else Severity.LOW)
