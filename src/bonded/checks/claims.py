"""Which project an archive claims to be: its own name, and marks of another one that it bears. Pure."""

from __future__ import annotations

from bonded.checks.context import Context
from bonded.checks.popular import addresses, alike, import_names, mark, marks, repository
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS, NETWORK
from bonded.facts.metadata import project_of_filename
from bonded.facts.model import Facts
from bonded.facts.profile import SOON
from bonded.values.names import normalize

COPIED = 0.4
"""Two sketches this much alike are copies: what projects have in common by accident is below 0.1."""


def own_name(facts: Facts, context: Context | None = None) -> str:
    """The project's normalized name: as the index knows it, or else as the metadata, or the file's name, says."""
    if context is not None and context.project:
        return context.project
    return normalize(facts.name.strip()) or project_of_filename(facts.filename)


def claims(facts: Facts, other: str) -> tuple[str, ...]:
    """In words, everything by which the archive passes for the popular project `other`; () for nothing."""
    naming, known = facts.naming, marks().get(other)
    found = []
    if other in naming.installs and own_name(facts) not in naming.installs:
        found.append(f"its description tells readers to install {other}")
    if not set(naming.tops).isdisjoint(import_names().get(other, ())):
        found.append(f"it is imported under a name of {other}")
    repositories = [one for link in naming.links if (one := repository(link))]
    if any(name == other or (known and mark(whole) == known.repository) for whole, name in repositories):
        found.append(f"it links to the repository of {other}")
    if known is None:
        return tuple(found)
    if known.summary and mark(facts.metadata.get("summary", [""])[0]) == known.summary:
        found.append(f"its summary is that of {other}")
    if known.authors & {mark(one) for one in addresses(facts.metadata)}:
        found.append(f"it names the author of {other}")
    if (like := alike(naming.sketch, COPIED)) and like[0] == other:
        found.append(f"{like[1]:.0%} of its functions are those of {other}")
    return tuple(found)


def acts_soon(facts: Facts) -> bool:
    """Whether something runs a command, runs code or reaches the network by itself: on install, start-up or import."""
    names = CODE_SINKS | COMMAND_SINKS | NETWORK
    return any(call.when in SOON and call.name in names for module in facts.modules for call in module.calls)
