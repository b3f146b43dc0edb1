"""The project links to a repository that is called otherwise than anything in it.

**What it looks for.** Links to public forges whose repository shares no word with the project's name, its import names, its
commands or its author, where no other link does.

**Why it matters.** A link to somebody's real repository lends a new package stars, history and maintainers that are not its own.

**What is not flagged.** Links to sponsors' pages, profiles and issue trackers elsewhere; metadata without such links; projects
that are popular, or on the index already.

**When it is a false alert.** Parts of one repository and renamed projects, therefore it is a hint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bonded.checks.claims import own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check, word_set
from bonded.checks.popular import popular, repository
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_NO_OWNERS = word_set("sponsors orgs users apps marketplace settings")


@check(
    name="repository-mismatch",
    version=1,
    severity=Severity.LOW,
    sentence="The project links to a repository that is called otherwise than anything in it.",
    uses_context=True,
)
def repository_mismatch(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit when every repository that it links to is called otherwise."""
    name = own_name(facts, context)
    if name in popular() or (context is not None and not context.new_project):
        return
    found = {one for link in facts.naming.links if (one := repository(link)) and not one[1].startswith(".")}
    links = sorted((whole, repo) for whole, repo in found if whole.split("/")[1] not in _NO_OWNERS)
    own = {word for one in (name, *facts.naming.tops, *facts.naming.scripts) for word in _words(one)}
    if links and not any(_same(repo, own) for _, repo in links):
        yield Hit(f"it links to the repository {links[0][0]}, which is called otherwise than anything here", 0.15)


def _words(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).split()


def _same(repo: str, own: set[str]) -> bool:
    """Whether the repository's name shares a word, or a good part of one, with the names in `own`."""
    words = _words(repo)
    bare = "".join(words)
    return not own.isdisjoint(words) or any(word in bare or bare in word for word in own if len(word) > 2)
