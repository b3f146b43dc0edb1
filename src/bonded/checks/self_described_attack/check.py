"""The metadata say themselves that the package is an attack, or a test of one.

**What it looks for.** A summary, description or author that speaks of a proof of concept, a demonstration or research together
with dependency confusion, typosquatting, remote code execution or exfiltration; of reverse shells, stealers and grabbers as what
the package is; or asks not to be installed because it is malicious. Keywords are not read: tools that find such packages have
them too. Of a package with hardly any code, a summary that names dependency confusion or a reverse shell is enough: only
names that are kept for somebody prevent it so, and what looks for it says that it does.

**Why it matters.** Whoever tests how many machines install a package that they should not have runs code on all of them.

**What is not flagged.** Words of defence: "detect", "prevent", "scan", "protect", "find" beside them. Of a package with code enough
for a tool, the name of the trade: "security testing", "penetration testing", "for security researchers".

**When it is a false alert.** Exercises and workshops about package security. They belong on an index of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_ATTACK = (
    r"(dependency.confusion|typo.?squat\w*|supply.chain attack|remote code execution|\brce\b|reverse.shell|exfiltrat\w*|malicious|malware"
    r"|exploit|vulnerab\w*|backdoor|hack(ed|ing)?\b|payload|pentest\w*|security)"
)
_TRIAL = (
    r"(proof.of.concept|\bpoc\b|demonstrate\w*|demonstration|demonstrating|\bdemo\b|research\w*|bug.?bounty"
    r"|placeholder|educational|for testing|test package|\btest(ing)?\b"
    r"|experiment\w*|to show)"
)
_BOTH = re.compile(rf"{_TRIAL}[^.\n]{{0,80}}{_ATTACK}|{_ATTACK}[^.\n]{{0,80}}{_TRIAL}", re.IGNORECASE)
_OPENLY = re.compile(
    r"^(exfiltrat\w*|rce\b|reverse.shell)|(trigger|spawn|open)s? (a )?reverse.shell|\b(token|password|cookie|info|data).?(stealer|grabber|logger)\b"
    r"|(do not|don'?t|never) (install|download|use)[^.\n]{0,60}(malicious|package|test)|(is|a) malicious (package|pip)|white.?hat|hacked by"
    r"|security researcher|malicious actor|(totally|definitely|absolutely) not (a )?(suspicious|malicious|malware|virus)",
    re.IGNORECASE,
)
_DEFENCE = re.compile(
    r"\b(detect|prevent|scan|protect|defen[cs]|mitigat|audit|analy[sz]|monitor|find|check|harden|block|guard|linter?|validat|fuzz)\w*",
    re.IGNORECASE,
)


_CONFUSION = re.compile(
    r"dependency.confusion|typo.?squat|reverse.?shell|not (?:meant|intended|supposed) to be (?:installed|downloaded)",
    re.IGNORECASE,
)
_FINDS = re.compile(r"\b(detect|scan|audit|analy[sz]|monitor|find|check|linter?|fuzz|report|warn)\w*", re.IGNORECASE)
_NO_TOOL = 2000
"""Bytes of code under which a package can prevent nothing: what it has to say of an attack, it says of itself."""
_TRADE = re.compile(
    r"\b(?:security|penetration|pen|vulnerability|exploit|payload)[\s-]+(?:test(?:ing|ers?|s)?|research)\b"
    r"|\btest(?:ing|s)?\s+(?:\w+\s+)?(?:security|payloads?|vulnerab\w+|exploits?)\b|\bfor\s+(?:\w+\s+){0,3}security\s+researchers?\b",
    re.IGNORECASE,
)
"""Names of a trade and of what it works with: a tool of it is called by them, a trial of its author's as well."""


@check(
    name="self-described-attack",
    version=1,
    severity=Severity.MEDIUM,
    sentence="The metadata say themselves that the package is an attack, or a test of one.",
)
def self_described(facts: Facts) -> Iterator[Hit]:
    """At most one hit: the summary or the author counts more than the description."""
    short = [text for key in ("summary", "author") for text in facts.metadata.get(key, [])]
    for text in short:
        if _is_attack(text, facts.naming.code_bytes):
            yield Hit(f"it says of itself: {text[:120]!r}", 0.7)
            return
    kept = [text for text in short if _CONFUSION.search(text) and not _FINDS.search(text)]
    if kept and facts.naming.code_bytes < _NO_TOOL:
        yield Hit(f"it has hardly any code, and says of itself: {kept[0][:120]!r}", 0.65)
        return
    words = facts.naming.words[:300]
    if facts.naming.code_bytes < 20_000 and _is_attack(words, facts.naming.code_bytes):
        yield Hit(f"its description begins: {words[:120]!r}", 0.3, severity=Severity.LOW)


def _is_attack(text: str, code_bytes: int) -> bool:
    """Whether a text speaks of an attack as what the package is, or tries; of a package with code enough for a tool, the words of
    the trade alone say what it is for."""
    said = text if code_bytes < _NO_TOOL else _TRADE.sub(" ", text)
    return bool(_BOTH.search(said) or _OPENLY.search(said)) and not _DEFENCE.search(said)
