"""Disks and homes by their paths."""

from __future__ import annotations

import pytest

from bonded.facts.footholds import is_disk, is_persons


@pytest.mark.parametrize("path", ["/dev/sda", "/dev/nvme0n1", r"\\.\PhysicalDrive0"])
def test_a_whole_disk(path: str) -> None:
    assert is_disk(path)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/shm/x", "/dev/stdout", "disk.img"])
def test_no_disk(path: str) -> None:
    assert not is_disk(path)


@pytest.mark.parametrize("path", ["~", "/", "%HOME%", "~/Documents", "%USERPROFILE%\\Desktop"])
def test_what_belongs_to_a_person(path: str) -> None:
    assert is_persons(path)


@pytest.mark.parametrize("path", ["~/.cache/tabulars", "/tmp/x", "build", "/home/a/build"])
def test_what_may_be_the_packages_own(path: str) -> None:
    assert not is_persons(path)
