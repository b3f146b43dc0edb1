"""Which texts are one version."""

from __future__ import annotations

import pytest
from packaging.version import Version

from bonded.values.versions import PARTS, spellings


@pytest.mark.parametrize(
    "written", ["1", "1.0", "V1.0.0", "0", "1!2.0.post1+ab.1", "2024.1.0.dev3", "1.0.RC1", "1.10.00"]
)
def test_every_spelling_is_an_equal_version_in_its_normal_form(written: str) -> None:
    found = spellings(written)
    assert {Version(one) for one in found} == {Version(written)}
    assert [str(Version(one)) for one in found] == list(found)
    assert len(set(found)) == len(found)
    assert any(one.count(".0") > 2 for one in found)


def test_few_are_made_however_long_the_version_is() -> None:
    long = ".".join(["0"] * 120)
    assert spellings(long) == (long, "0", "0.0", "0.0.0", "0.0.0.0", "0.0.0.0.0")
    assert len(spellings("1.2.3.4.5.6")) == 1
    assert len(spellings("1")) == PARTS


@pytest.mark.parametrize("written", ["", "x", "1..0", "9" * 5000])
def test_what_is_no_version_has_none(written: str) -> None:
    assert spellings(written) == ()
