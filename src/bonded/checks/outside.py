"""Checks that are not ours: what stands for them here, and who knows them.

Their code is never imported in our processes. A `Runner` has them run elsewhere (in a sandboxed child of some interpreter, or
as YARA rules) and gives findings. Whoever wires the house says with `provide()` where outside checks come from; the registry
asks `outside()`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

from bonded.checks.context import Context
from bonded.facts.layout import when_of
from bonded.facts.model import Facts
from bonded.values.finding import Finding, When

if TYPE_CHECKING:
    from bonded.checks.kit import Check


@dataclass(frozen=True, slots=True)
class Material:
    """What an outside check works on. `archive` is None where only stored facts are at hand; limits are of one child."""

    facts: Facts
    facts_json: bytes
    context: Context | None
    archive: BinaryIO | None
    cpu_seconds: float
    memory_bytes: int

    @property
    def filename(self) -> str:
        return self.facts.filename

    def when(self, path: str) -> When:
        """When the code of a member runs, as far as facts or its place say."""
        otherwise = when_of(path, self.facts.kind) if path.endswith(".py") else When.UNKNOWN
        return next((one.when for one in self.facts.modules if one.path == path), otherwise)


@dataclass(frozen=True, slots=True)
class Ran:
    """How one check ended: `outcome` is "ok", or "crash", "timeout", "memory" or "killed", with ": " and why."""

    check: str
    outcome: str
    findings: tuple[Finding, ...]
    cpu_seconds: float


class Runner(Protocol):
    """Runs checks somewhere else."""

    needs_archive: bool
    """It reads the archive's members: it cannot judge stored facts."""

    def run(self, checks: Sequence[Check], material: Material) -> list[Ran]:
        """One `Ran` for each of `checks`, all of which have this runner. Never raises for what they do."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An outside check or rule that does not run. `reason` is one sentence."""

    name: str
    origin: str
    reason: str


@dataclass(frozen=True, slots=True)
class Outside:
    """All outside checks, sorted by name, and what was refused."""

    checks: tuple[Check, ...] = ()
    refused: tuple[Refused, ...] = ()


NOTHING = Outside()
_provider: list[Callable[[], Outside]] = []


def provide(provider: Callable[[], Outside] | None) -> None:
    """From now on, in this process, outside checks are what `provider` gives each time it is asked; None: there are none."""
    _provider[:] = [provider] if provider is not None else []


def outside() -> Outside:
    """What there is now. A provider must not raise, and must be quick when nothing has changed."""
    return _provider[0]() if _provider else NOTHING
