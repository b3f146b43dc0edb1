"""RECORD of the wheel does not agree with what is in it.

**What it looks for.** Members that RECORD does not name, members whose hash is another one, lines of RECORD that name nothing, and a
wheel that has no RECORD at all.

**Why it matters.** Builders write RECORD last. What was added or changed after that was put there by hand, and installers that
trust RECORD never remove it again.

**What is not flagged.** Signatures of RECORD itself, and lines without a hash. This index refuses such wheels at the upload; the
check is for wheels that come from elsewhere.

**When it is a false alert.** Wheels that a script repacked without `wheel pack`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_RUNS = (".py", ".pth", ".so", ".pyd", ".dll")
_WORDS = {
    "missing": "is not named in RECORD",
    "absent": "is named in RECORD and is not there",
    "differs": "was changed after RECORD",
}


@check(
    name="record-mismatch",
    version=1,
    severity=Severity.MEDIUM,
    sentence="RECORD of the wheel does not agree with what is in it.",
)
def mismatch(facts: Facts) -> Iterator[Hit]:
    """One hit for each member that disagrees: code that was added or changed weighs more."""
    for line in facts.naming.record:
        what, _, path = line.partition(" ")
        if what == "none":
            yield Hit("the wheel has no RECORD", 0.2, severity=Severity.LOW)
        elif path.endswith(_RUNS) and what != "absent":
            yield Hit(f"{path} {_WORDS[what]}", 0.8, path=path)
        else:
            yield Hit(f"{path} {_WORDS[what]}", 0.3, path=path, severity=Severity.LOW)
