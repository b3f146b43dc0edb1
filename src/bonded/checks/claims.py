"""Which project an archive claims to be: its own name, and marks of another one that it bears. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bonded.checks.context import Context
from bonded.checks.popular import addresses, alike, import_names, mark, marks, owners, popular, repository
from bonded.facts.known import CODE_SINKS, COMMAND_SINKS, NETWORK
from bonded.facts.metadata import project_of_filename
from bonded.facts.model import Facts
from bonded.facts.profile import SOON
from bonded.values.names import normalize

COPIED = 0.4
"""Two sketches this much alike are copies: what projects have in common by accident is below 0.1."""
_TOOLS = frozenset({"build", "pip", "setuptools", "tox", "twine", "uv", "wheel"})
"""Many descriptions tell how to get these, too."""
_SHARED = 3
"""An import name of this many popular projects is a namespace."""


@dataclass(frozen=True, slots=True)
class Claims:
    """In words, by what an archive passes for another project. `copied` is what only a copy or a fork has: words and code;
    `shared` also stands in honest relatives of the other project: its author, repository or import name."""

    copied: tuple[str, ...]
    shared: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return (*self.copied, *self.shared)

    @property
    def plain(self) -> bool:
        """Whether they can hardly be an accident: something copied, and something else."""
        return bool(self.copied) and len(self.words) >= 2


def own_name(facts: Facts, context: Context | None = None) -> str:
    """The project's normalized name: as the index knows it, or else as the metadata, or the file's name, says."""
    if context is not None and context.project:
        return context.project
    return normalize(facts.name.strip()) or project_of_filename(facts.filename)


def claims(facts: Facts, other: str) -> Claims:
    """Everything by which the archive passes for the popular project `other`."""
    return Claims(tuple(_copied(facts, other)), tuple(_shared(facts, other)))


def _copied(facts: Facts, other: str) -> list[str]:
    known, found = marks().get(other), []
    if set(facts.naming.installs) - _TOOLS == {other}:
        found.append(f"its description tells readers to install {other}")
    if known and known.summary and mark(facts.metadata.get("summary", [""])[0]) == known.summary:
        found.append(f"its summary is that of {other}")
    if known and (like := alike(facts.naming.sketch, COPIED)) and like[0] == other:
        found.append(f"{like[1]:.0%} of its functions are those of {other}")
    return found


def _shared(facts: Facts, other: str) -> list[str]:
    known, found = marks().get(other), []
    own = [top for top in import_names().get(other, ()) if len(owners().get(top, ())) < _SHARED]
    if not set(facts.naming.tops).isdisjoint(own):
        found.append(f"it is imported under a name of {other}")
    links = [one for link in facts.naming.links if (one := repository(link))]
    if any(name == other or (known and mark(whole) == known.repository) for whole, name in links):
        found.append(f"it links to the repository of {other}")
    if known and known.authors & {mark(one) for one in addresses(facts.metadata)}:
        found.append(f"it names the author of {other}")
    return found


def acts_soon(facts: Facts) -> bool:
    """Whether something runs a command, runs code or reaches the network by itself: on install, start-up or import."""
    names = CODE_SINKS | COMMAND_SINKS | NETWORK
    return any(call.when in SOON and call.name in names for module in facts.modules for call in module.calls)


def copied_from(facts: Facts) -> tuple[str, float] | None:
    """The popular project of which an archive under another name is a copy, and how much of it (0..1); None for no copy."""
    return None if own_name(facts) in popular() else alike(facts.naming.sketch, COPIED)
