"""The plan of upgrades: as low as possible, nothing broken, and whoever stays is told why. Small worlds by hypothesis."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.version import Version

from bonded_client.additions import completed
from bonded_client.needs import Need, needs
from bonded_client.packages import Package
from bonded_client.plan import Offer, Plan, Task, plan

ENVIRONMENT = {name: str(value) for name, value in default_environment().items()}


def package(name: str, version: str, *requires: str, extras: tuple[str, ...] = ()) -> Package:
    return Package(name, name, Version(version), tuple(map(Requirement, requires)), extras=frozenset(extras))


def offer(version: str, *requires: str) -> Offer:
    return Offer(Version(version), tuple(map(Requirement, requires)))


def made(packages: list[Package], offers: Mapping[str, list[Offer]], *, whole: bool = True) -> Plan:
    by_name = {one.name: one for one in packages}
    return plan(Task(by_name, list(offers), lambda name: offers[name], ENVIRONMENT, whole))


def moves(found: Plan) -> dict[str, str]:
    return {name: str(one.version) for name, one in found.moves.items()}


def test_the_lowest_release_that_keeps_every_requirement() -> None:
    packages = [package("lib", "1.0"), package("app", "1.0", "lib!=1.1,<3")]
    found = made(packages, {"lib": [offer("1.1"), offer("1.2"), offer("2.0")]})
    assert (moves(found), found.held) == ({"lib": "1.2"}, {})


def test_who_holds_it_back() -> None:
    found = made([package("lib", "1.0"), package("app", "1.0", "lib<2")], {"lib": [offer("2.0"), offer("3.0")]})
    assert not found.moves
    held = found.held["lib"]
    assert (str(held.offer and held.offer.version), [str(one) for one in held.conflicts]) == (
        "2.0",
        ["app needs lib<2"],
    )


def test_no_release_at_all() -> None:
    held = made([package("lib", "1.0")], {"lib": []}).held["lib"]
    assert (held.offer, held.conflicts) == (None, ())


def test_two_that_can_only_move_together() -> None:
    packages = [package("a", "1.0", "b<2"), package("b", "1.0")]
    found = made(packages, {"a": [offer("1.1", "b>=2")], "b": [offer("2.0")]})
    assert (moves(found), found.held) == ({"a": "1.1", "b": "2.0"}, {})


def test_what_a_release_needs_anew_must_be_there_when_the_packages_are_all_there_is() -> None:
    offers = {"lib": [offer("1.1", "fresh>=1"), offer("1.2", "old>=2")]}
    packages = [package("lib", "1.0"), package("old", "1.0")]
    assert [str(one) for one in made(packages, offers).held["lib"].conflicts] == ["lib needs fresh>=1"]
    assert moves(made(packages, offers, whole=False)) == {"lib": "1.1"}


def complete(packages: list[Package], first: Offer, *there: Package) -> Offer:
    """The first package's offer with what it brings along, out of `there`."""
    by_name = {one.name: one for one in packages}

    def newest(need: Need) -> Package | None:
        fitting = [one for one in there if one.name == need.of and need.requirement.specifier.contains(one.version)]
        return max(fitting, key=lambda one: one.version, default=None)

    return completed(packages[0].name, first, by_name, ENVIRONMENT, newest)


def test_what_a_release_needs_anew_comes_with_it() -> None:
    packages = [package("lib", "1.0"), package("old", "1.0")]
    there = [package("fresh", "1", "deep; python_version > '3'"), package("fresh", "3"), package("deep", "5", "old")]
    offered = complete(packages, offer("1.1", "fresh<3", "old"), *there)
    found = made(packages, {"lib": [offered]})
    assert moves(found) == {"lib": "1.1"}
    assert {name: str(one.version) for name, one in found.added.items()} == {"fresh": "1", "deep": "5"}


def test_what_comes_along_must_keep_every_requirement_too() -> None:
    packages = [package("lib", "1.0"), package("old", "1.0")]
    offered = complete(packages, offer("1.1", "fresh"), package("fresh", "1", "old>=2"))
    held = made(packages, {"lib": [offered]}).held["lib"]
    assert [str(one) for one in held.conflicts] == ["fresh needs old>=2"]


def test_what_brings_along_half_the_world_does_not_end() -> None:
    world = [package(f"n{at}", "1", f"n{at + 1}") for at in range(100)]
    packages = [package("lib", "1.0")]
    offered = complete(packages, offer("1.1", "n0"), *world)
    assert made(packages, {"lib": [offered]}).held["lib"].conflicts


def test_what_is_broken_already_keeps_nobody() -> None:
    packages = [package("lib", "1.0"), package("app", "1.0", "lib>=5", "gone")]
    assert moves(made(packages, {"lib": [offer("1.1")]})) == {"lib": "1.1"}


def test_markers_and_extras_decide_what_counts() -> None:
    other = package("other", "1.0", 'lib<2; extra == "fast"', 'lib<2; python_version < "3"')
    offers = {"lib": [offer("2.0")]}
    assert moves(made([package("lib", "1.0"), other], offers)) == {"lib": "2.0"}
    asks = package("asks", "1.0", "other[Fast]")
    assert moves(made([package("lib", "1.0"), other, asks], offers)) == {}
    wanted = package("other", "1.0", 'lib<2; extra == "fast"', extras=("FAST",))
    assert moves(made([package("lib", "1.0"), wanted], offers)) == {}


def test_an_extra_that_a_release_asks_for_counts_too() -> None:
    other = package("other", "1.0", 'third<2; extra == "fast"')
    packages = [package("lib", "1.0"), other, package("third", "2.0")]
    found = made(packages, {"lib": [offer("1.1", "other[fast]"), offer("1.2", "other")]})
    assert moves(found) == {"lib": "1.2"}


def test_offers_are_asked_for_no_further_than_needed() -> None:
    asked = []

    def offers(name: str) -> object:
        for version in ("1.1", "1.2", "1.3"):
            asked.append(version)
            yield offer(version)

    packages = {"lib": package("lib", "1.0")}
    plan(Task(packages, ["lib"], offers, ENVIRONMENT, True))  # type: ignore[arg-type]
    assert asked == ["1.1"]


NAMES = ("a", "b", "c", "d")
specifiers = st.sampled_from(["", "<2", ">=2", "<3", ">=3", "!=2", "==1", "==2"])
required = st.lists(st.tuples(st.sampled_from(NAMES), specifiers), max_size=3).map(
    lambda found: [f"{name}{rule}" for name, rule in found]
)
worlds = st.fixed_dictionaries(
    {name: st.tuples(required, st.none() | st.lists(required, max_size=3)) for name in NAMES}
)


@settings(max_examples=100, deadline=None)
@given(worlds)
def test_no_plan_breaks_anything_and_nobody_stays_who_could_move(
    world: dict[str, tuple[list[str], list[list[str]] | None]],
) -> None:
    packages = {name: package(name, "1", *now) for name, (now, _) in world.items()}
    offers = {
        name: [offer(str(at), *later) for at, later in enumerate(releases, 2)]
        for name, (_, releases) in world.items()
        if releases is not None
    }
    task = Task(packages, list(offers), lambda name: offers[name], ENVIRONMENT, True)
    found = plan(task)
    assert found.moves.keys() | found.held.keys() == offers.keys()
    assert not found.moves.keys() & found.held.keys()
    after = task.moved(found.moves)
    already = {need for need in needs(packages, ENVIRONMENT) if not need.met(packages)}
    broken = [need for need in needs(after, ENVIRONMENT) if not need.met(after)]
    assert all(need in already and need.by not in found.moves for need in broken)
    for name, held in found.held.items():
        assert all(task.broken({**found.moves, name: one}) for one in offers[name])
        assert held.offer == (offers[name][0] if offers[name] else None) or task.broken({name: offers[name][0]})
        assert held.conflicts or held.offer is None
