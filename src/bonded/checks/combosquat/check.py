"""A project is named after a popular one with a word that promises the real, repaired or newer one.

**What it looks for.** The name of a popular project and one word more that says nothing about what is added: official, fixed,
patched, updated, upgrade, latest, secure, original, installer, loader and the like; before or after it, with or without a
separator.

**Why it matters.** Such names are taken for the project itself, for its repaired fork or for its newest release.

**What is not flagged.** Projects that exist on the index already. Names that say what they add (`flask-login`,
`requests-mock`): plugins are called so. Names of popular projects of fewer than five letters.

**When it is a false alert.** Maintained forks are called so too. It is a hint, which counts with what the archive does; it
weighs more where the archive also claims to be the popular project.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.claims import acts_soon, claims, own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check
from bonded.checks.popular import popular
from bonded.facts.model import Facts
from bonded.values.finding import Severity
from bonded.values.states import SubjectKind

_PROMISES = (
    "official", "real", "original", "genuine", "verified", "trusted", "fix", "fixed", "fixes", "hotfix", "patch", "patched",
    "update", "updated", "updater", "upgrade", "upgraded", "new", "newest", "latest", "stable", "lts", "beta", "dev", "pro",
    "plus", "premium", "secure", "security", "safe", "install", "installer", "setup", "download", "downloader", "loader",
    "fast", "faster", "v1", "v2", "v3", "main", "mirror", "copy", "backup", "fork", "master", "wrapper",
)  # fmt: skip
_LEAST = 5


@check(
    name="combosquat",
    version=1,
    severity=Severity.LOW,
    sentence="A project is named after a popular one with a word that promises the real, repaired or newer one.",
    subject=SubjectKind.PROJECT,
    uses_context=True,
)
def combosquat(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit when the name without such a word is that of a popular project."""
    name = own_name(facts, context)
    if name in popular() or (context is not None and not context.new_project):
        return
    for word in _PROMISES:
        for rest in (name.removesuffix(word), name.removeprefix(word)):
            other = rest.strip("-")
            if rest == name or len(other) < _LEAST or other not in popular():
                continue
            said = claims(facts, other)
            words = f"{name!r} is {other!r} with the word {word!r}"
            if said.plain or (said.words and acts_soon(facts)):
                yield Hit(words, 0.6, severity=Severity.MEDIUM, trace=said.words)
            else:
                yield Hit(words, 0.35 if said.copied else 0.2, trace=said.words)
            return
