"""Caveats: each kind, and that whatever is not understood refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.accounts import caveats
from bonded.accounts.caveats import Narrowed, Use, apply
from bonded.values.refusals import Refusal

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
USE = Use("alice-id", "upload", "alpha", NOW, "192.0.2.7")


def code(text: str, use: Use = USE) -> str:
    with pytest.raises(Refusal) as caught:
        apply([text], use)
    return caught.value.code


def test_no_caveats_narrow_nothing() -> None:
    assert apply([], USE) == Narrowed(None, None)


def test_projects_and_permissions_intersect() -> None:
    left = apply(['[1, ["Alpha", "b.e_ta"]]', '[1, ["alpha"]]', '[100, ["upload", "yank"]]', '[100, ["yank"]]'], USE)
    assert left == Narrowed(frozenset({"alpha"}), frozenset({"yank"}))


def test_time_is_from_inclusive_until_exclusive() -> None:
    limit = caveats.until(NOW + timedelta(hours=1), NOW)
    assert apply([limit], USE) == Narrowed()
    assert code(limit, replace(USE, now=NOW + timedelta(hours=1))) == "token-expired"
    assert code(limit, replace(USE, now=NOW - timedelta(seconds=1))) == "token-not-yet-valid"


def test_networks() -> None:
    limit = caveats.from_networks(["192.0.2.0/24", "2001:db8::/32"])
    for good in ("192.0.2.0", "192.0.2.255", "2001:db8::1", "::ffff:192.0.2.7"):
        assert apply([limit], replace(USE, ip=good)) == Narrowed()
    for bad in ("192.0.3.0", "2001:db9::1", "", "unix:", "192.0.2.7, 10.0.0.1"):
        assert code(limit, replace(USE, ip=bad)) == "token-address"
    with pytest.raises(ValueError):
        caveats.from_networks(["192.0.2.1/24"])


def test_another_user() -> None:
    assert apply(['[3, "alice-id"]'], USE) == Narrowed()
    assert code('[3, "bob-id"]') == "token-caveat"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time < 2030",
        "{}",
        "null",
        "[]",
        "[true, 1, 2]",
        "[0]",
        "[0, 1]",
        "[0, true, true]",
        '[0, "1", 2]',
        "[0, 1.5, 2]",
        "[0, 99999999999, 0, 1]",
        "[1]",
        '[1, "alpha"]',
        "[1, [1]]",
        '[2, ["some-id"]]',
        "[3, 7]",
        '[4, "x", "y"]',
        "[99]",
        '[101, ["not a network"]]',
        "[101, [7]]",
        '{"version": 1, "permissions": "user"}',
        "[" * 5000,
        "[0, Infinity, 0]",
        "[1, [" + ",".join(['"a"'] * 1001) + "]]",
    ],
)
def test_what_is_not_understood_refuses(text: str) -> None:
    assert code(text) == "token-caveat"


@given(st.text(max_size=60))
def test_any_text_is_an_answer_or_a_refusal(text: str) -> None:
    try:
        apply([text], USE)
    except Refusal as refusal:
        assert refusal.status in (401, 403)  # noqa: PT017
