"""Which file is taken: PEP 440 for versions, PEP 592 for yanks, tags for wheels."""

from __future__ import annotations

import pytest
from packaging.tags import Tag

from bonded_client.choose import best, release, wanted
from bonded_client.failures import Failure
from bonded_client.page import File, Page, split_filename

TAGS = [Tag("cp311", "cp311", "linux_x86_64"), Tag("py3", "none", "any")]


def file(filename: str, *, yanked: str | None = None, requires_python: str = "") -> File:
    _, version, is_wheel = split_filename(filename)
    return File(filename, "http://index.example.invalid/f", 1, "0" * 64, version, is_wheel, requires_python, yanked)


def page(*files: File) -> Page:
    return Page("example", "active", "", files)


@pytest.mark.parametrize(
    ("requirement", "version"),
    [
        ("example", "1.5"),
        ("example<1.5", "1.0"),
        ("example==2.0", "2.0"),
        ("example==2.*", None),
        ("example>=3.0a1", "3.0a1"),
        ("example>3", None),
    ],
)
def test_release(requirement: str, version: str | None) -> None:
    of = page(
        file("example-1.0.tar.gz"),
        file("example-1.5.tar.gz"),
        file("example-2.0.tar.gz", yanked="broken"),
        file("example-3.0a1.tar.gz"),
    )
    if version is None:
        with pytest.raises(Failure, match="version-unknown"):
            release(of, wanted(requirement))
    else:
        assert {str(f.version) for f in release(of, wanted(requirement))} == {version}


def test_the_most_specific_wheel_before_any_other_before_the_sdist() -> None:
    sdist, pure = file("example-1.0.tar.gz"), file("example-1.0-py3-none-any.whl")
    binary, foreign = file("example-1.0-cp311-cp311-linux_x86_64.whl"), file("example-1.0-cp311-cp311-win_amd64.whl")
    assert best([sdist, foreign, pure, binary], TAGS, "3.11.7") == binary
    assert best([sdist, foreign, pure], TAGS, "3.11.7") == pure
    assert best([sdist, foreign], TAGS, "3.11.7") == sdist
    with pytest.raises(Failure, match="file-unknown"):
        best([foreign], TAGS, "3.11.7")


def test_requires_python_keeps_files_out() -> None:
    old = file("example-1.0.tar.gz", requires_python="<3")
    with pytest.raises(Failure, match="file-unknown"):
        best([old], TAGS, "3.11.7")
    assert best([file("example-1.0.tar.gz", requires_python="nonsense")], TAGS, "3.11.7")
