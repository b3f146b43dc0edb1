"""When does it run: from the member's place and the calls between its functions. Install, start-up, import, call, never."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from bonded.facts.model import Call
from bonded.facts.state import MAIN, Gathered, richness, said
from bonded.values.finding import When

BACKEND_HOOKS = frozenset(
    f"{verb}{what}"
    for verb in ("build_", "get_requires_for_build_", "prepare_metadata_for_build_")
    for what in ("wheel", "sdist", "editable")
)
"""Functions of a build back-end that installers call (PEP 517, PEP 660)."""

ORDER = {When.INSTALL: 0, When.STARTUP: 1, When.IMPORT: 2, When.UNKNOWN: 3, When.CALL: 4, When.NEVER: 5}


def reached(edges: dict[str, set[str]], roots: Iterable[str]) -> set[str]:
    """All scopes that run when `roots` run."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        scope = waiting.pop()
        if scope not in found:
            found.add(scope)
            waiting += edges.get(scope, ())
    return found


_NEVER = len(ORDER)
"""Later than all."""


def roots_of(out: Gathered, base: When) -> set[str]:
    """The scopes that run by themselves, where the module's top level runs at `base`."""
    if base is not When.INSTALL:
        return {""}
    return (
        {""}
        | ({MAIN} if out.program else set())
        | out.commands
        | {name for name in _scopes(out) if name in BACKEND_HOOKS or name.startswith("pdm_build_")}
        | ({"build"} if not out.program else set())
    )


def settle(out: Gathered, base: When, times: Mapping[str, When] = MappingProxyType({})) -> list[Call]:
    """The module's calls in the order of their lines, each with the time at which it runs.

    `base` is when the module's top level runs. A function is reached from there through calls; what nothing reaches runs
    runs when somebody calls it. `times` are those at which other modules reach its scopes (`facts.reached`).
    """
    now = reached(out.edges, roots_of(out, base))
    later = base if base is When.NEVER else When.CALL
    calls = []
    for call in out.calls.values():
        own, other = base if call.scope in now else later, times.get(call.scope, later)
        calls.append(replace(call, when=min(own, other, key=ORDER.__getitem__)))
    best: dict[tuple[str, int, int, str], Call] = {}
    for call in calls:
        key = (call.name, call.line, call.depth, said(call))
        old = best.get(key)
        if old is None or _rank(call) < _rank(old):
            best[key] = call
    told: dict[tuple[str, int, int], int] = {}
    for (name, line, depth, text), call in best.items():
        if text:
            place = (name, line, depth)
            told[place] = min(told.get(place, _NEVER), ORDER[call.when])
    kept = [call for key, call in best.items() if key[3] or not _says_nothing(call, told.get(key[:3], _NEVER))]
    return sorted(kept, key=lambda call: (call.line, call.name, call.depth, call.scope))


def _says_nothing(call: Call, told: int) -> bool:
    """Whether it is not known what a call runs, and the same call is seen to run something just as early (`told`)."""
    return told <= ORDER[call.when] and not richness(call.arguments[:1])


def _rank(call: Call) -> tuple[int, int, str]:
    return ORDER[call.when], -richness(call.arguments), call.scope


def _scopes(out: Gathered) -> set[str]:
    return {call.scope for call in out.calls.values()} | set(out.edges)
