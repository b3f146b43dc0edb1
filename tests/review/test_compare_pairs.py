"""Which files are worth comparing, told of all files of a project at once: the same as told of each by itself."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from bonded.catalog.read import File
from bonded.review.compare import Pair, pairs_among
from bonded.values.states import FileState, PackageType
from bonded.values.versions import version_order

NAMES = (
    "spam-{}.tar.gz",
    "spam-{}-py3-none-any.whl",
    "spam-{}-cp312-cp312-linux_x86_64.whl",
    "spam-{}-1-py3-none-any.whl",
)
VERSIONS = ("0.9", "1.0", "1.0rc1", "1.1", "2.0", "10.0", "not a version")


def file_of(n: int, dice: random.Random, now: datetime) -> File:
    """A file of some release, of some kind, in some state."""
    version = dice.choice(VERSIONS)
    name = dice.choice(NAMES).format(version)
    return File(
        id=f"f{n}", project_id="p", project_key="spam", release_id=version, version=version, filename=name,
        packagetype=PackageType.SDIST, python_version="", requires_python="", size=1, md5="", sha256="", blake2_256="",
        vault_key="", metadata_sha256=None, metadata_size=None, state=dice.choice((*FileState, FileState.PUBLIC)),
        state_reason="", state_at=now, holds_name=dice.random() < 0.5, burnt=dice.random() < 0.5, yanked=False,
        yanked_reason="", uploaded_at=now + timedelta(minutes=n), uploader_id="u", token_id="", case_id=None,
    )  # fmt: skip


def is_wheel(file: File) -> bool:
    return file.filename.endswith(".whl")


def tags_of(file: File) -> str:
    return "-".join(file.filename.rsplit("-", 3)[1:]) if is_wheel(file) else ""


def told(pair: Pair) -> tuple[str, str, str]:
    """A pair by what it says: two files of one name are as good as each other."""
    return pair.old.filename, pair.new.id if pair.why == "previous" else pair.new.filename, pair.why


def by_itself(files: list[File], one: File) -> list[tuple[str, str, str]]:
    """The rule in words: the same kind, a lower version; public once, the highest version, the same platform, by name."""
    others = [other for other in files if other.id != one.id and other.state is not FileState.REMOVED]
    found = []
    same = [other for other in others if is_wheel(other) == is_wheel(one)]
    lower = [other for other in same if version_order(other.version) < version_order(one.version)]
    if lower:
        best = max(lower, key=lambda f: (f.burnt, version_order(f.version), tags_of(f) == tags_of(one), f.filename))
        found.append((best.filename, one.id, "previous"))
    beside = [other for other in others if other.release_id == one.release_id and is_wheel(other) != is_wheel(one)]
    if beside:
        best = max(beside, key=lambda f: (f.holds_name, f.uploaded_at, f.filename))
        old, new = (best, one) if is_wheel(one) else (one, best)
        found.append((old.filename, new.filename, "sdist"))
    return found


def test_all_at_once_is_each_by_itself(now: datetime) -> None:
    dice = random.Random(7)
    for _ in range(300):
        files = [file_of(n, dice, now) for n in range(dice.randrange(1, 25))]
        for one in files:
            assert [told(pair) for pair in pairs_among(files, [one])] == by_itself(files, one)
        every = {told(pair) for pair in pairs_among(files, files)}
        assert every == {pair for one in files for pair in by_itself(files, one)}


def test_a_pair_that_two_files_name_is_told_once(now: datetime) -> None:
    dice = random.Random(7)
    files = [file_of(n, dice, now) for n in range(200)]
    pairs = [(pair.old.id, pair.new.id) for pair in pairs_among(files, files)]
    assert len(pairs) == len(set(pairs))
