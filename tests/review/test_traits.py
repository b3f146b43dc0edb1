"""Which members of an archive may say that two projects belong together."""

from __future__ import annotations

import pytest

from bonded.review.traits import LEAST_MEMBER, members


def names(*paths: str, size: int = LEAST_MEMBER) -> list[str]:
    return [one.note for one in members((path, size, f"{number:064x}") for number, path in enumerate(paths))]


@pytest.mark.parametrize(
    "path",
    [
        "sample-1.0.dist-info/WHEEL",
        "sample-1.0.dist-info/licenses/LICENSE",
        "sample-1.0/LICENCE.txt",
        "sample-1.0/LICENSE-MIT",
        "COPYING.LESSER",
        "NOTICE",
    ],
)
def test_what_strangers_share_says_nothing(path: str) -> None:
    assert names(path, "sample/core.py") == ["sample/core.py"]


@pytest.mark.parametrize("path", ["sample/licenses.py", "sample/license.py", "LICENSED", "sample/WHEEL", "noticeable"])
def test_what_is_only_called_alike_counts(path: str) -> None:
    assert names(path) == [path]


def test_small_members_are_the_same_everywhere() -> None:
    assert names("sample/core.py", size=LEAST_MEMBER - 1) == []
