"""What a screening reads of the database does not grow with it."""

from __future__ import annotations

from tests.screening.conftest import HOSTILE
from tests.screening.index import Index
from tests.support.plans import whole_tables


def test_a_screening_reads_no_table_whole(small: Index) -> None:
    small.screened("first")
    small.screened("bad", HOSTILE)
    with whole_tables() as found:
        small.screened("first", version="1.1")
        small.screened("second")
        small.screened("bad", HOSTILE, version="1.1")
    assert found == []
