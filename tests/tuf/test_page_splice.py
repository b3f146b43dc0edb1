"""A page that is spliced is, byte for byte, the page that is rendered from all rows."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bonded.tuf.page_splice
import bonded.tuf.pages
from bonded.catalog.pages import PageFile, PageState
from bonded.catalog.patches import PagePatch, TouchedRelease
from bonded.tuf.page_splice import Unspliceable, splice
from bonded.tuf.pages import page_html, page_json
from bonded.values.states import FileState, PackageType, ProjectStatus
from bonded.values.versions import version_order

VERSIONS = ("0.9", "1.0", "1.0.1", "1.1rc1", "1.1", "1.10", "2.0+local.1")
NASTY = 'no: "<br />\n],"meta":{"_format":2,</a><br />\n</h1>\n{"core-metadata":'
REASONS = (None, "", "broken", NASTY)
"""None: not yanked."""

Files = dict[str, dict[str, str | None]]
"""Version -> name of each public file -> the reason why it is yanked."""


def names(version: str) -> tuple[str, ...]:
    return f"apple-{version}.tar.gz", f"apple-{version}-py3-none-any.whl", f"apple-{version}-cp39-cp39-win32.whl"


def file(version: str, name: str, reason: str | None) -> PageFile:
    wheel = name.endswith(".whl")
    digest = name.encode().hex().ljust(64, "0")[:64]
    return PageFile(
        name,
        name,
        version,
        PackageType.WHEEL if wheel else PackageType.SDIST,
        "py3",
        len(name),
        digest,
        "",
        "",
        ">=3.9, <4" if "cp39" in name else "",
        digest if wheel else None,
        7 if wheel else None,
        reason is not None,
        reason or "",
        datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "key",
        False,
        digest if "cp39" in name else None,
    )


def state(files: Files, status: ProjectStatus = ProjectStatus.ACTIVE, reason: str = "") -> PageState:
    versions = sorted((v for v in files if files[v]), key=version_order)
    listed = tuple(file(v, name, files[v][name]) for v in versions for name in sorted(files[v]))
    return PageState("apple", "Apple", status, reason, 1, tuple(versions), listed, datetime(2026, 1, 1, tzinfo=UTC), {})


def patch(before: Files, after: Files, status: ProjectStatus = ProjectStatus.ACTIVE, reason: str = "") -> PagePatch:
    touched = []
    for version in [v for v in VERSIONS if before.get(v) != after.get(v)]:
        now = after.get(version, {})
        gone = {name: FileState.REMOVED for name in before.get(version, {}) if name not in now}
        touched.append(TouchedRelease(version, tuple(file(version, n, now[n]) for n in sorted(now)), gone))
    return PagePatch("apple", "Apple", status, reason, tuple(touched))


def release(version: str) -> st.SearchStrategy[dict[str, str | None]]:
    return st.dictionaries(st.sampled_from(names(version)), st.sampled_from(REASONS))


projects = st.fixed_dictionaries({version: release(version) for version in VERSIONS})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(projects, projects, st.sets(st.sampled_from(VERSIONS)))
def test_splicing_is_rendering(one: Files, other: Files, changing: set[str]) -> None:
    after = {version: other[version] if version in changing else one[version] for version in VERSIONS}
    old, new = state(one), state(after)
    made = splice(page_html(old, 1), page_json(old, 1), patch(one, after), 2)
    assert made.json == page_json(new, 2)
    assert made.html == page_html(new, 2)
    assert made.yanked == {f.filename: f.yanked_reason for f in new.files if f.yanked}


def test_names_that_say_no_version_are_rendered() -> None:
    """A release between two others whose files do not tell where one ends."""
    old = state({"1.0": {"apple_one.egg": None}, "2.0+local.1": {"apple_two.egg": None}})
    touched = TouchedRelease("1.1", (file("1.1", "apple-1.1.tar.gz", None),), {})
    with pytest.raises(Unspliceable, match=r"no place for 1\.1"):
        splice(
            page_html(old, 1), page_json(old, 1), PagePatch("apple", "Apple", ProjectStatus.ACTIVE, "", (touched,)), 2
        )


ONE: Files = {"1.0": {"apple-1.0.tar.gz": None}}
TWO: Files = {"1.0": {"apple-1.0.tar.gz": "broken"}}


def test_another_status_is_rendered() -> None:
    old = state(ONE, ProjectStatus.ARCHIVED, "over")
    args = page_html(old, 1), page_json(old, 1)
    splice(*args, patch(ONE, TWO, ProjectStatus.ARCHIVED, "over"), 2)
    for status, reason in ((ProjectStatus.ACTIVE, ""), (ProjectStatus.ARCHIVED, "done")):
        with pytest.raises(Unspliceable, match="status"):
            splice(*args, patch(ONE, TWO, status, reason), 2)


@pytest.mark.parametrize("what", ["API", "FORMAT"])
def test_what_another_release_of_bonded_wrote_is_rendered(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    old = state(ONE)
    html, json = page_html(old, 1), page_json(old, 1)
    monkeypatch.setattr(bonded.tuf.page_splice, what, 99)
    with pytest.raises(Unspliceable, match="format"):
        splice(html, json, patch(ONE, TWO), 2)


@pytest.mark.parametrize("cut", [0, 5, 60, 200, -1, -30])
def test_a_page_that_is_cut_short(cut: int) -> None:
    old = state(ONE)
    with pytest.raises(Unspliceable):
        splice(page_html(old, 1), page_json(old, 1)[:cut], patch(ONE, TWO), 2)


def test_forms_that_list_different_files() -> None:
    one, other = state(ONE), state({"1.0": dict.fromkeys(names("1.0"))})
    with pytest.raises(Unspliceable, match="different files"):
        splice(page_html(other, 1), page_json(one, 1), patch(ONE, TWO), 2)


def test_a_release_that_is_not_listed_as_its_events_say() -> None:
    old = replace(state(ONE), versions=())
    with pytest.raises(Unspliceable, match="not in one place"):
        splice(page_html(old, 1), page_json(old, 1), patch(ONE, TWO), 2)


def test_the_format_has_a_number_of_its_own() -> None:
    """What is written changed? Then FORMAT must rise: pages in the store would be spliced from two kinds of entries."""
    page = state(
        {"1.0": dict.fromkeys(names("1.0")), "1.1": {"apple-1.1.tar.gz": NASTY}}, ProjectStatus.ARCHIVED, "over"
    )
    known = {2: "8b677779a8026c8c"}
    made = hashlib.sha256(page_html(page, 1) + page_json(page, 1)).hexdigest()[:16]
    assert known[bonded.tuf.pages.FORMAT] == made
