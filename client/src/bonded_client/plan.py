"""Which packages move to which release: the lowest one without known vulnerabilities that keeps every requirement. Pure.

Only vulnerable packages move; all others stay as they are, and none is added but what a release needs. Each is looked at by
itself first, against those that stay; then those that mention each other are tried together, since two may only move at
once. What is asked of the index (`offers`) is asked as late as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bonded_client.needs import Need, needs
from bonded_client.packages import Package

BUDGET = 500
"""Combinations tried for packages that hang together, after which the best one so far is taken."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A release that could be taken. `requires` is None where nobody knows before it is built; `adds` come with it."""

    version: Version
    requires: tuple[Requirement, ...] | None
    adds: tuple[Package, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """Why a package stays: what its lowest clean release breaks, or nothing when there is no such release (`offer` is None)."""

    offer: Offer | None = None
    conflicts: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """`moves` and `held` by name; each vulnerable package is in one of them. `added`: what comes anew with the moves."""

    moves: dict[str, Offer] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    added: dict[str, Package] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """`offers` gives a package's clean releases, lowest first.

    `whole`: the packages are all there will be, so that nothing may need one that is not among them.
    """

    packages: Mapping[str, Package]
    vulnerable: Collection[str]
    offers: Callable[[str], Iterable[Offer]]
    environment: Mapping[str, str]
    whole: bool

    def moved(self, moves: Mapping[str, Offer]) -> dict[str, Package]:
        """All packages as they are after `moves`, with what is added; of two versions of that, the later."""
        after = dict(self.packages)
        for name, offer in moves.items():
            after[name] = replace(after[name], version=offer.version, requires=offer.requires)
        for added in (added for offer in moves.values() for added in offer.adds):
            there = after.get(added.name)
            if there is None or (added.name not in self.packages and added.version > there.version):
                after[added.name] = added
        return after

    def broken(self, moves: Mapping[str, Offer], undecided: Collection[str] = ()) -> tuple[Need, ...]:
        """The requirements that `moves` would break, those that touch an undecided package left out.

        One that is broken as things are does not count, unless it is of a package that moves.
        """
        after, before = self.moved(moves), set(needs(self.packages, self.environment))
        return tuple(
            need
            for need in needs(after, self.environment)
            if not need.met(after)
            and not {need.by, need.of} & set(undecided)
            and (self.whole or need.of in after)
            and (need.by in moves or need not in before or need.met(self.packages))
        )


def plan(task: Task) -> Plan:
    """The plan. Each package moves as little as it can; as many move as can."""
    made = Plan()
    domains: dict[str, _Seen] = {}
    for name in sorted(task.vulnerable):
        clean = _Seen(task.offers(name))
        domain = _alone(task, name, clean)
        if domain.first:
            domains[name] = domain
        else:
            others = set(task.vulnerable) - {name}
            made.held[name] = Held(clean.first, task.broken({name: clean.first}, others) if clean.first else ())
    for group in _groups(task, domains):
        made.moves.update(_Search(task, domains, group, made.moves).best)
    _late(task, domains, made)
    for name in sorted(domains.keys() - made.moves.keys()):
        lowest = domains[name].first
        assert lowest
        made.held[name] = Held(lowest, task.broken({**made.moves, name: lowest}))
    made.added.update({name: one for name, one in task.moved(made.moves).items() if name not in task.packages})
    return made


def _alone(task: Task, name: str, clean: _Seen) -> _Seen:
    """The releases that fit with all that is not vulnerable."""
    others = set(task.vulnerable) - {name}
    return _Seen(offer for offer in clean if not task.broken({name: offer}, others))


def _late(task: Task, domains: Mapping[str, _Seen], made: Plan) -> None:
    """Move what fits only now that others have moved."""
    while True:
        before = len(made.moves)
        for name in sorted(domains.keys() - made.moves.keys()):
            fitting = (offer for offer in domains[name] if not task.broken({**made.moves, name: offer}))
            if (offer := next(fitting, None)) is not None:
                made.moves[name] = offer
        if len(made.moves) == before:
            return


class _Seen:
    """What an iterator gives, kept, so that it can be gone through again and no further than needed."""

    def __init__(self, source: Iterable[Offer]) -> None:
        self._source, self._kept = iter(source), list[Offer]()

    def __iter__(self) -> Iterator[Offer]:
        at = 0
        while True:
            if at == len(self._kept):
                self._kept.extend(islice(self._source, 1))
                if at == len(self._kept):
                    return
            yield self._kept[at]
            at += 1

    @property
    def first(self) -> Offer | None:
        return next(iter(self), None)


class _Search:
    """Depth first over the packages of a group, lowest releases first, staying last."""

    def __init__(self, task: Task, domains: Mapping[str, _Seen], group: Sequence[str], fixed: Mapping[str, Offer]):
        self._task, self._domains, self._group, self._fixed = task, domains, group, fixed
        self._left = BUDGET
        self.best: dict[str, Offer] = {}
        self._go(0, {})

    def _go(self, at: int, chosen: dict[str, Offer]) -> None:
        self._left -= 1
        undecided = self._group[at:]
        if self._left < 0 or len(chosen) + len(undecided) <= len(self.best):
            return
        if chosen and self._task.broken({**self._fixed, **chosen}, undecided):
            return
        if not undecided:
            self.best = chosen
            return
        for offer in self._domains[undecided[0]]:
            self._go(at + 1, {**chosen, undecided[0]: offer})
            if len(self.best) == len(self._group) or self._left < 0:
                return
        self._go(at + 1, chosen)


def _groups(task: Task, domains: Mapping[str, _Seen]) -> list[list[str]]:
    """The packages that hang together by what they require, now or in the lowest release."""
    group = {name: {name} for name in domains}
    for name in domains:
        first = domains[name].first
        required = (*(task.packages[name].requires or ()), *((first.requires if first else None) or ()))
        for other in {canonicalize_name(one.name) for one in required} & domains.keys():
            joined = group[name] | group[other]
            for member in joined:
                group[member] = joined
    return [sorted(members) for name, members in sorted(group.items()) if name == min(members)]
