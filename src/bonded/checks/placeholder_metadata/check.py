"""The metadata say nothing, or still say what a template said.

**What it looks for.** Signs that nobody described the package for others: no summary, no description, no address, no author;
the words of a template (`A small example package`, `Your Name`, `you@example.com`); a summary that only repeats the name or says
"test"; an address that leads to the front page of a forge or a search engine. And, graver, a summary or an author of letters
drawn at random.

**Why it matters.** Throw-away packages are made in minutes, by scripts, and nobody describes them. Of honest packages that
people use, hardly any has two of these signs.

**What is not flagged.** One sign alone.

**When it is a false alert.** First packages of students look so too, therefore it is a hint that holds nothing by itself: it only
adds to what the code does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.claims import own_name
from bonded.checks.kit import Hit, check
from bonded.facts.model import Facts
from bonded.values.finding import Severity
from bonded.values.names import normalize

_TEMPLATE = re.compile(
    r"\b(a small example package|(short|brief|small) description of (your|the) (package|project)|your (package|project) description"
    r"|(a|my) (sample|example|simple|test|basic)( python)? (package|library|module|project)\b|hello.?world|todo|add your description"
    r"|package description|simple package|cool package|my first (python )?(package|library|module))",
    re.IGNORECASE,
)
_NOBODY = re.compile(
    r"^(your[ ._-]?(full )?name|example author|author( name)?|test(er|ing|user|s)?|name|me|admin|user|someone|john doe|nobody|unknown"
    r"|first ?last|anonymous|none|null|abc|xxx+)$|\byou(r[._-]?(email|name))?@|@(\w+\.)*(example|test|localhost|mail)\.(com|org|net)\b",
    re.IGNORECASE,
)
_FRONT = re.compile(
    r"^https?://(www\.)?(github\.com|gitlab\.com|google\.com|example\.(com|org)|localhost|t\.me|test\.com)/?"
    r"((user(name)?|your[\w.-]*|example|test)(/.*)?)?$",
    re.IGNORECASE,
)
_SURE = {2: 0.1, 3: 0.15, 4: 0.2}
"""Low, because most new packages of honest people look so on their first day."""


@check(
    name="placeholder-metadata",
    version=1,
    severity=Severity.LOW,
    sentence="The metadata say nothing, or still say what a template said.",
)
def placeholder(facts: Facts) -> Iterator[Hit]:
    """At most two hits: for what is missing or left over, and for letters drawn at random."""
    if not facts.metadata:
        return
    summary, author = _value(facts, "summary"), _value(facts, "author") or _value(facts, "maintainer")
    mail = _value(facts, "author-email") or _value(facts, "maintainer-email")
    signs = [words for words, there in _signs(facts, summary, author, mail) if there]
    if len(signs) >= 2:
        yield Hit(
            f"the metadata are those of nobody: {', '.join(signs)}", _SURE.get(len(signs), 0.25), trace=tuple(signs)
        )
    drawn = [text for text in (summary, author) if _at_random(text)]
    if drawn:
        yield Hit(f"letters drawn at random: {drawn[0][:60]!r}", 0.8, severity=Severity.MEDIUM)


def _signs(facts: Facts, summary: str, author: str, mail: str) -> Iterator[tuple[str, bool]]:
    name = own_name(facts)
    again = normalize(summary.replace(" ", "-")).strip("-") in (
        name,
        f"{name}-package",
        f"{name}-library",
        "test",
        "tests",
    )
    yield "no summary", not summary
    yield "a summary that says nothing", bool(summary) and (len(summary) < 5 or again)
    yield "the summary of a template", bool(_TEMPLATE.search(summary))
    yield "no description", facts.naming.described < 40
    yield "no address", not facts.naming.links
    yield "an address that leads nowhere", any(_FRONT.match(link) for link in facts.naming.links)
    yield "no author", not author and not mail
    yield "an author who is nobody", bool(_NOBODY.search(author) or _NOBODY.search(mail))


def _value(facts: Facts, field: str) -> str:
    value = facts.metadata.get(field, [""])[0].strip()
    return "" if value.upper() == "UNKNOWN" else value


def _at_random(text: str) -> bool:
    """Long words that change between small and capital letters again and again."""
    words = re.findall(r"[A-Za-z]{8,}", text)
    odd = [word for word in words if len(re.findall(r"[a-z][A-Z]", word)) >= max(3, len(word) // 5)]
    return bool(odd) and len(odd) * 2 >= len(words) and not re.search(r"[.,:]", text)
