"""The archive could not be read fully, or two programs would read it differently.

**What it looks for.** What the reader of archives stumbled over: members that overlap, lie about their size, climb out of
the folder, are links or devices; bombs; and what was left unread because a budget of bytes, members or syntax was used up
or because it is no Python that can be parsed although it stands where it would run.

**Why it matters.** What a scanner cannot read, a scanner cannot judge. So such an archive is never cleared by a machine: a
person looks at it.

**What is not flagged.** Large members that are no code are hashed as a stream and count as read. Files of tests and of
documentation that do not parse do not count.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity


@check(
    name="unreadable-archive",
    version=1,
    severity=Severity.MEDIUM,
    sentence="The archive could not be read fully, or two programs would read it differently.",
)
def unreadable(facts: Facts) -> Iterator[Hit]:
    """One hit for each kind of trouble, and one for what was left unread."""
    seen: set[str] = set()
    for trouble in facts.troubles:
        if trouble.code not in seen:
            seen.add(trouble.code)
            yield Hit(f"{trouble.code}: {trouble.sentence}", 0.9, trouble.path)
    if facts.unread:
        more = f" (and {len(facts.unread) - 1} more)" if len(facts.unread) > 1 else ""
        yield Hit(f"left unread: {facts.unread[0]}{more}"[:400], 0.8)
