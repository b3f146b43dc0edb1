"""Which versions a record of the OSV schema is about, by the schema's own examples and rules, ordered by PEP 440."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bonded.catalog.osv_records import BadRecord, Record, record

MODIFIED = "2026-01-05T12:00:00Z"


def value(*affected: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "PYSEC-2026-1", "modified": MODIFIED, "affected": list(affected)} | more


def about(*events: dict[str, str], versions: tuple[str, ...] = (), name: str = "tool") -> dict[str, Any]:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    return {"package": {"ecosystem": "PyPI", "name": name}, "ranges": ranges, "versions": list(versions)}


def read(*affected: dict[str, Any], **more: Any) -> Record:
    found = record(value(*affected, **more), "PyPI")
    assert found is not None
    return found


def hits(version: str, *affected: dict[str, Any]) -> bool:
    return read(*affected).projects["tool"].hits(version)


ZERO, TWO, FIXED = {"introduced": "0"}, {"introduced": "2.0"}, {"fixed": "1.5"}


@pytest.mark.parametrize(
    ("version", "hit"),
    [
        ("0.1", True),
        ("1.4.9", True),
        ("1.5rc1", True),
        ("1.5", False),
        ("1.9", False),
        ("2.0", True),
        ("2.0rc1", False),
    ],
)
def test_ranges_begin_where_introduced_and_end_before_fixed(version: str, hit: bool) -> None:
    assert hits(version, about(ZERO, FIXED, TWO)) is hit
    assert hits(version, about(TWO, FIXED, ZERO)) is hit, "events may stand in any order"
    assert hits(version, about(ZERO, FIXED), about(TWO)) is hit, "and in several entries"


@pytest.mark.parametrize(
    ("version", "hit"), [("1.0", True), ("1.5", True), ("1.5.0", True), ("1.5.post1", False), ("1.5.1", False)]
)
def test_last_affected_is_affected_itself(version: str, hit: bool) -> None:
    assert hits(version, about(ZERO, {"last_affected": "1.5"})) is hit


@pytest.mark.parametrize(("version", "hit"), [("0.9", True), ("1.0", False), ("3.0", False)])
def test_nothing_is_said_of_versions_from_the_limit_on(version: str, hit: bool) -> None:
    assert hits(version, about(ZERO, {"limit": "1.0"})) is hit
    assert hits(version, about(ZERO, {"limit": "*"})), "a star is no limit"


def test_versions_are_named_in_any_spelling() -> None:
    entry = about(versions=("1.0.0", "1!2.0", "0.1dev-r1715"))
    assert hits("1.0", entry)
    assert hits("1!2", entry)
    assert not hits("2.0", entry)
    assert hits("0.1dev-r1715", entry), "one that PEP 440 cannot read is compared as it stands"


def test_a_version_of_more_digits_than_python_reads_is_nobodys() -> None:
    assert not hits("1.0", about(versions=("9" * 5000,)))


def test_a_range_of_commits_says_nothing_of_releases() -> None:
    git = about() | {"ranges": [{"type": "GIT", "repo": "r", "events": [{"introduced": "0"}, {"fixed": "abc"}]}]}
    assert not hits("1.0", git)


def test_versions_that_repair_it_are_in_order() -> None:
    entry = about(ZERO, {"fixed": "1.10"}, TWO, {"fixed": "2.0.1"}, {"introduced": "1.11"}, {"fixed": "1.9"})
    assert read(entry).projects["tool"].fixed == ["1.9", "1.10", "2.0.1"]


def test_names_are_normalized_and_other_ecosystems_are_left_out() -> None:
    npm = {"package": {"ecosystem": "npm", "name": "tool"}, "versions": ["9"]}
    assert set(read(about(ZERO, name="My.Tool"), npm).projects) == {"my-tool"}
    assert record(value(npm), "PyPI") is None
    assert record(value(), "PyPI") is None


def test_what_people_are_shown() -> None:
    found = read(
        about(ZERO),
        summary="Reads\x00 too much",
        aliases=["CVE-2026-1", "CVE-2026-1"],
        published="2026-01-04T13:00:00+01:00",
        withdrawn="2026-01-06T00:00:00Z",
        references=[
            {"type": "WEB", "url": "https://example.invalid/web"},
            {"type": "ADVISORY", "url": "https://example.invalid/advisory"},
        ],
    )
    assert (found.summary, found.aliases) == ("Reads too much", ("CVE-2026-1",))
    assert found.link == "https://example.invalid/advisory"
    assert str(found.published) == "2026-01-04 12:00:00+00:00"
    assert found.withdrawn is not None
    hostile = read(about(ZERO), references=[{"type": "ADVISORY", "url": "javascript:alert(1)"}])
    assert hostile.link == "https://osv.dev/vulnerability/PYSEC-2026-1"


BAD: dict[str, tuple[Any, str]] = {
    "no object": ([], "not a JSON object"),
    "no id": ({"modified": MODIFIED}, "no id"),
    "an id of control characters": ({"id": "A\nB", "modified": MODIFIED}, "no id"),
    "no time": ({"id": "A", "affected": [about(ZERO)]}, "modified"),
    "a time that is none": (value(about(ZERO), modified="yesterday"), "OSV schema"),
    "an event that cannot be placed": (value(about({"introduced": "one"})), "'one' cannot be placed"),
    "an event of too many digits": (value(about({"introduced": "9" * 5000})), "cannot be placed"),
    "affected is no list": (value() | {"affected": 7}, "OSV schema"),
    "no name": (value({"package": {"ecosystem": "PyPI"}}), "OSV schema"),
    "ranges are no objects": (value(about() | {"ranges": ["x"]}), "OSV schema"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_record_that_cannot_be_used_says_why(name: str) -> None:
    given_value, words = BAD[name]
    with pytest.raises(BadRecord, match=words) as caught:
        record(given_value, "PyPI")
    assert "\n" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"id": st.just("A"), "modified": JSON | st.just(MODIFIED), "affected": JSON}, optional={
    "aliases": JSON, "references": JSON, "published": JSON, "summary": JSON}))  # fmt: skip
def test_anything_is_read_or_refused(found: dict[str, Any]) -> None:
    with suppress(BadRecord):  # any other exception fails the test
        record(found, "PyPI")


VERSIONS = st.sampled_from(["0.9", "1.0a1", "1.0", "1.0.post1", "1.1", "2.0.dev1", "2.0", "2.1", "10.0"])


@given(VERSIONS, VERSIONS, VERSIONS)
def test_one_range_is_an_interval(version: str, begin: str, end: str) -> None:
    found = hits(version, about({"introduced": begin}, {"fixed": end}))
    inside = Version(begin) <= Version(version)
    after = Version(version) >= Version(end)
    if Version(begin) < Version(end):
        assert found is (inside and not after)
    else:
        assert found is inside, "a repair from before the beginning ends nothing"
