"""What the signer process lets through: online roles of the reserved number, that do not stay valid for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.adapters.signer_policy import Policy
from bonded.adapters.signer_scan import first
from bonded.seams import SignerRefused
from tests.seams.keys.payloads import TIME, bin_of, pointer_of

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SOON = NOW + timedelta(days=1)
POLICY = Policy(timedelta(days=2), lambda: NOW)
BIN = bin_of(7, 50, SOON)
EMPTY = bin_of(7, 0, SOON)


def timestamp(**changes: object) -> bytes:
    value = {"_type": "timestamp", "expires": SOON.strftime(TIME), "meta": {}, "spec_version": "1.0.34", "version": 7}
    return orjson.dumps(value | changes, option=orjson.OPT_SORT_KEYS)


def test_what_a_publication_writes_passes() -> None:
    for role in ("bin-1-0a", "page-bin-12-ffff"):
        POLICY.check(7, role, BIN)
        POLICY.check(7, role, EMPTY)
    for role in ("snapshot", "timestamp"):
        POLICY.check(7, role, pointer_of(role, 7, SOON))


@pytest.mark.parametrize(
    "role", ["root", "targets", "pages", "bins", "", "bin-1-0a/../x", "bin-0-0a", "bin-1-0A", "mirrors"]
)
def test_offline_roles_are_refused_by_name(role: str) -> None:
    with pytest.raises(SignerRefused, match="not an online role"):
        POLICY.check(7, role, BIN)


@pytest.mark.parametrize("kind", ["root", "targets", "snapshot", "", 7])
def test_another_type_is_refused(kind: object) -> None:
    with pytest.raises(SignerRefused, match="type"):
        POLICY.check(7, "timestamp", timestamp(_type=kind))
    with pytest.raises(SignerRefused, match="not a bin"):
        POLICY.check(
            7,
            "bin-1-0a",
            BIN.replace(b'"targets","exp', orjson.dumps(kind) + b',"exp', 1) if kind != "targets" else b"{}",
        )


@pytest.mark.parametrize("version", [6, 8, 70, "7", None])
def test_another_version_is_refused(version: object) -> None:
    with pytest.raises(SignerRefused, match="version"):
        POLICY.check(7, "timestamp", timestamp(version=version))
    with pytest.raises(SignerRefused):
        POLICY.check(7, "bin-1-0a", BIN.replace(b'"version":7', b'"version":' + orjson.dumps(version)))


@pytest.mark.parametrize("expires", ["2027-11-01T00:00:00Z", "9999-12-31T23:59:59Z", "never", ""])
def test_what_stays_valid_for_long_is_refused(expires: str) -> None:
    with pytest.raises(SignerRefused):
        POLICY.check(7, "snapshot", timestamp(_type="snapshot", expires=expires))
    with pytest.raises(SignerRefused):
        POLICY.check(7, "bin-1-0a", BIN.replace(SOON.strftime(TIME).encode(), expires.encode()))


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b"7", b'{"_type":"timestamp"}', b"\xff\xfe", timestamp() + b" "]
)
def test_what_is_no_metadata_is_refused(payload: bytes) -> None:
    for role in ("timestamp", "bin-1-0a"):
        with pytest.raises(SignerRefused):
            POLICY.check(7, role, payload)


HIDDEN = [
    b'{"_type":"timestamp","_type":"root","expires":"2026-11-02T00:00:00Z","version":7}',
    timestamp().replace(b'"version":7', b'"version":7,"version":900'),
    timestamp().replace(b'"version"', b'"\\u0076ersion":900,"version"'),
]


@pytest.mark.parametrize("payload", HIDDEN, ids=["two types", "two versions", "an escape"])
def test_a_second_meaning_cannot_hide(payload: bytes) -> None:
    with pytest.raises(SignerRefused):
        POLICY.check(7, "timestamp", payload)


EXTRAS = {
    "a second type": b'"_type":"root",',
    "a second version": b'"version":900,',
    "a second expiry": b'"expires":"2036-11-02T00:00:00Z",',
    "an escaped version": b'"\\u0076ersion":900,',
    "a space before the colon": b'"version" :900,',
    "a line end before the colon": b'"version"\n:900,',
}


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=EXTRAS)
@pytest.mark.parametrize("base", [BIN, EMPTY], ids=["full", "empty"])
def test_nothing_hides_in_a_bin(base: bytes, extra: bytes) -> None:
    """A reader takes the last of two keys: the bin would be what its ends do not say."""
    lie = base.replace(b'"version":7}', extra + b'"version":7}')
    assert orjson.loads(lie)  # a reader would take it
    with pytest.raises(SignerRefused):
        POLICY.check(7, "bin-1-0a", lie)
    inside = base.replace(b'"targets":{', b'"targets":{"a":{"b":{}}},' + extra + b'"targets":{', 1)
    with pytest.raises(SignerRefused):
        POLICY.check(7, "bin-1-0a", inside)


@given(st.binary(max_size=300), st.sampled_from([b"a", b"ab", b'"_type":', b"\0\0"]), st.integers(0, 300))
def test_scanning_is_finding(payload: bytes, word: bytes, start: int) -> None:
    start = min(start, len(payload))
    assert first(payload, word, start) == payload.find(word, start)
    assert first(payload + word, word, start) == (payload + word).find(word, start)
