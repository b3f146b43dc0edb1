"""What is signed is canonical by TUF's own definition, and bins spliced as bytes equal bins made of values."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import Metadata, SuccinctRoles

from bonded.tuf import binfile, pointer
from bonded.tuf.binfile import DamagedBin, Target
from bonded.tuf.canonical import NotCanonical, canonical, check, enclose, open_envelope
from bonded.tuf.roles import BadPath, BinSet, Layout, check_path, hash32, hashed

TEXT = st.text(
    alphabet=st.characters(exclude_characters=[chr(c) for c in (*range(32), 127)], exclude_categories=["Cs"])
)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)
WORDS = st.text("abcxyz019.-_+!", min_size=1, max_size=8).filter(lambda w: w not in (".", ".."))
PATHS = st.builds(lambda a, b: f"packages/{a}/{b}", WORDS, WORDS)
TARGETS = st.builds(
    Target, st.binary(min_size=32, max_size=32).map(bytes.hex), st.integers(min_value=0, max_value=2**40)
)


@given(VALUES)
def test_what_may_be_signed_is_written_as_tufs_canonical_json(value: object) -> None:
    check(value)
    assert canonical(value) == encode_canonical(value).encode()


@pytest.mark.parametrize(
    "value", [1.5, 1.0, None, "a\nb", "\x7f", "\ud800", 2**64, -(2**63) - 1, {"a": [0.1]}, {1: "x"}, {"\t": 1}, b"x"]
)
def test_what_would_differ_is_refused(value: object) -> None:
    with pytest.raises(NotCanonical):
        check(value)


@given(VALUES, st.lists(st.fixed_dictionaries({"keyid": TEXT, "sig": TEXT}), max_size=3))
def test_an_envelope_opens_to_the_same_bytes(value: object, signatures: list[dict[str, str]]) -> None:
    signed = canonical({"value": value})
    data = enclose(signed, signatures)
    assert open_envelope(data) == (signatures, signed)
    assert data == encode_canonical({"signed": {"value": value}, "signatures": signatures}).encode()


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"signed":{}}', b'{"signatures":{},"signed":{}}', b'{"signatures":x,"signed":1}']
)
def test_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(NotCanonical):
        open_envelope(data)


@given(st.dictionaries(PATHS, TARGETS, max_size=20), st.dictionaries(PATHS, st.none() | TARGETS, max_size=8), st.data())
def test_a_spliced_bin_is_the_bin_made_of_values(
    before: dict[str, Target], changes: dict[str, Target | None], data: st.DataObject
) -> None:
    if before:  # some of the changes are to what is there
        for path in data.draw(st.lists(st.sampled_from(sorted(before)), max_size=4, unique=True)):
            changes[path] = data.draw(st.none() | TARGETS)
    now = datetime(2026, 1, 5, tzinfo=UTC)
    old = binfile.render(binfile.body(before), 7, now)
    new = binfile.render(binfile.splice(binfile.body_of(old), "packages/", changes), 8, now)
    after = {p: t for p, t in (before | changes).items() if t is not None}
    value = {
        "_type": "targets",
        "expires": "2026-01-05T00:00:00Z",
        "spec_version": "1.0.34",
        "targets": {p: {"hashes": {"sha256": t.sha256}, "length": t.length} for p, t in after.items()},
        "version": 8,
    }
    assert new == encode_canonical(value).encode()
    assert binfile.version_of(new) == 8
    assert binfile.expires_of(new) == now
    read = Metadata.from_bytes(enclose(new, []))
    assert {p: (t.length, t.hashes["sha256"]) for p, t in read.signed.targets.items()} == {
        p: (t.length, t.sha256) for p, t in after.items()
    }
    assert orjson.loads(new) == value


@pytest.mark.parametrize("data", [b"", b"{}", b'"targets":{', b'},"version":'])
def test_a_damaged_bin_is_said_to_be_damaged(data: bytes) -> None:
    with pytest.raises(DamagedBin):
        binfile.split(data, "packages/")
    with pytest.raises(DamagedBin):
        binfile.expires_of(data)


@given(st.integers(1, 16), PATHS)
def test_bins_are_those_of_tap_15(bits: int, path: str) -> None:
    bins, theirs = BinSet("bin-1", bits, ()), SuccinctRoles([], 1, bits, "bin-1")
    role = bins.name(hash32(path))
    assert role == theirs.get_role_for_target(path)
    first, last = bins.span(role)
    assert first <= hash32(path) <= last
    assert bins.has(role)
    assert theirs.is_delegated_role(role)


def test_every_bin_has_its_name_and_the_spans_cover_everything() -> None:
    bins = BinSet("page-bin-1", 5, ())
    assert list(bins.names()) == list(SuccinctRoles([], 1, 5, "page-bin-1").get_roles())
    spans = [bins.span(role) for role in bins.names()]
    assert spans[0][0] == 0
    assert spans[-1][1] == 2**32 - 1
    assert all(one[1] + 1 == two[0] for one, two in itertools.pairwise(spans))


def test_pages_and_files_have_their_own_bins() -> None:
    layout = Layout(BinSet("page-bin-1", 1, ()), BinSet("bin-1", 1, ()))
    assert layout.role("simple/apple/index.html").startswith("page-bin-1-")
    assert layout.role("packages/apple/a.whl").startswith("bin-1-")
    assert layout.set_of("page-bin-1-0") is layout.pages
    with pytest.raises(KeyError):
        layout.set_of("bin-2-0")


@pytest.mark.parametrize(
    "path",
    ["", "simple", "other/a/b", "packages/a/b/c/d", "packages/../x", "packages/a/b c", "packages/ä/b",
     "packages/a/b\n", 'packages/a/"', "packages/a/b\\", "/packages/a/b", "packages/a/" + "x" * 520],
)  # fmt: skip
def test_paths_of_another_form_are_refused(path: str) -> None:
    with pytest.raises(BadPath):
        check_path(path)


def test_hashed_names() -> None:
    assert hashed("simple/index.html", "ab") == "simple/ab.index.html"
    assert hashed("packages/a/b.whl", "ab") == "packages/a/ab.b.whl"


def test_bins_born_together_do_not_expire_together() -> None:
    now, day = datetime(2026, 1, 5, tzinfo=UTC), timedelta(days=1)
    shares = sorted((binfile.expiry(f"bin-1-{i:02x}", now, day) - now) / day for i in range(256))
    assert shares[0] >= 0.749
    assert shares[-1] <= 1
    assert shares[-1] - shares[0] > 0.2
    assert len(set(shares)) > 200


ROLES = st.sampled_from(["targets", "pages", "bins"]) | st.builds(
    "{}-{}-{:04x}".format, st.sampled_from(["bin", "page-bin"]), st.integers(1, 12), st.integers(0, 2**16 - 1)
)


@given(st.dictionaries(ROLES, st.integers(1, 2**40), max_size=40))
def test_a_snapshot_is_the_canonical_form_of_what_it_lists(versions: dict[str, int]) -> None:
    now, extra = datetime(2026, 1, 5, tzinfo=UTC), {"publication": 7, "meta": "{}"}
    signed: list[bytes] = []
    pointer.snapshot(pointer.Listing(versions), 7, now, extra, lambda _, data: signed.append(data) or [])  # type: ignore[func-returns-value]
    value = {
        "_type": "snapshot",
        "expires": "2026-01-05T00:00:00Z",
        "meta": {f"{role}.json": {"version": version} for role, version in versions.items()},
        "spec_version": "1.0.34",
        "version": 7,
        "x-bonded": extra,
    }
    assert signed == [encode_canonical(value).encode()]


@given(st.dictionaries(ROLES, st.integers(1, 2**40), max_size=40), st.data())
def test_a_listing_with_some_other_versions_is_what_it_would_be_written_anew(
    versions: dict[str, int], data: st.DataObject
) -> None:
    known = st.sampled_from(sorted(versions)) if versions else ROLES
    changed = data.draw(st.dictionaries(known | ROLES, st.integers(1, 2**40), max_size=8))
    before = pointer.Listing({}).then(versions)
    after = before.then(changed)
    assert after.versions == versions | changed
    assert after == pointer.Listing(before.versions).then(changed)
    assert orjson.loads(after.text) == {f"{role}.json": {"version": v} for role, v in after.versions.items()}
    assert list(orjson.loads(after.text)) == sorted(orjson.loads(after.text))
