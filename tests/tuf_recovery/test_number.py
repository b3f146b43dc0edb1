"""The number of a recovery: above everything, unless counting would end there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies

from bonded.tuf.recover_number import FAR, LAST, NoNumber, number_above

NUMBERS = strategies.lists(
    strategies.one_of(
        strategies.integers(0, 2**34), strategies.integers(FAR - 5, FAR + 5), strategies.integers(LAST - 3, 2**70)
    ),
    max_size=30,
)


@settings(deadline=None)
@given(NUMBERS, strategies.integers(1, 2**35))
def test_it_is_free_not_too_small_and_leaves_room(found: list[int], least: int) -> None:
    n = number_above(found, least, new_keys=True)
    assert n not in found
    assert least <= n <= LAST
    following = min((other for other in found if other > n), default=LAST)
    assert following - n >= 2**32 - 1 or following == LAST
    if max([0, *found]) < FAR - 1:
        assert n == max([least - 1, *found]) + 1


@settings(deadline=None)
@given(NUMBERS, strategies.integers(1, 2**35))
def test_with_the_old_keys_it_rises_above_everything_or_is_refused(found: list[int], least: int) -> None:
    if max([0, *found]) >= FAR - 1:
        with pytest.raises(NoNumber, match="keys are replaced"):
            number_above(found, least, new_keys=False)
    else:
        assert number_above(found, least, new_keys=False) == max([least - 1, *found]) + 1


def test_a_store_full_of_names_still_has_a_gap() -> None:
    taken = [*range(100, LAST, 2**32), LAST]
    n = number_above([*taken[:50000], LAST], 101, new_keys=True)
    assert n not in taken[:50000]
