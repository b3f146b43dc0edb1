"""The compromise drill where the public store is a bucket: the rest of the stories (see `test_bucket`)."""

from __future__ import annotations

import pytest

from tests.tuf_recovery.test_bucket import house, s3, sqlite_house
from tests.tuf_recovery.test_drill import (
    test_a_drill_that_stops_goes_on,
    test_a_publisher_that_followed_a_lie,
    test_copies_of_something_else_go,
    test_names_of_the_future_and_roots_in_the_way,
    test_the_drill,
)

__all__ = [
    "house",
    "s3",
    "sqlite_house",
    "test_a_drill_that_stops_goes_on",
    "test_a_publisher_that_followed_a_lie",
    "test_copies_of_something_else_go",
    "test_names_of_the_future_and_roots_in_the_way",
    "test_the_drill",
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
