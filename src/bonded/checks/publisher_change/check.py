"""A known project is published by somebody else, or under weaker protection, than before.

**What it looks for.** For releases of projects that had releases before: an uploader who got their role within the last two weeks
and uploaded nothing of the release before; an uploader who gave up a second factor within the last two weeks; an account that
is younger than a week; and the first release after a year and a half of silence. Two of these together are graver.

**Why it matters.** Accounts and abandoned projects are taken over, and then published from. Until somebody notices, nothing
else tells such a release from an honest one.

**What is not flagged.** First releases of new projects. A new maintainer who publishes weeks later.

**When it is a false alert.** Most hand-overs are honest; so this is a hint, which counts with what the release does.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity
from bonded.values.states import SubjectKind

_SHORTLY, _YOUNG, _DORMANT = 14, 7, 550


@check(
    name="publisher-change",
    version=1,
    severity=Severity.LOW,
    sentence="A known project is published by somebody else, or under weaker protection, than before.",
    subject=SubjectKind.RELEASE,
    needs_context=True,
)
def publisher_change(_facts: Facts, context: Context) -> Iterator[Hit]:
    """At most one hit with all signs."""
    who, earlier = context.publisher, context.earlier
    if earlier is None:
        return
    signs = []
    if who.role_days is not None and who.role_days <= _SHORTLY and context.uploader not in earlier.uploaders:
        signs.append(f"its uploader got their role {who.role_days} days before")
    if who.factor_days is not None and who.factor_days <= _SHORTLY:
        signs.append(f"its uploader removed a second factor {who.factor_days} days before")
    if who.account_days is not None and who.account_days < _YOUNG:
        signs.append(f"its uploader's account is {who.account_days} days old")
    if earlier.days >= _DORMANT:
        signs.append(f"it is the first release after {earlier.days} days")
    if signs:
        grave = len(signs) >= 2
        yield Hit(
            "; ".join(signs), 0.6 if grave else 0.3, severity=Severity.MEDIUM if grave else None, trace=tuple(signs)
        )
