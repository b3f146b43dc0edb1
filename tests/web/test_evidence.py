"""From what the sandbox kept to the cards of a case: nothing of it is trusted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonded.review.evidence import Evidence
from bonded.values.finding import Finding, Severity
from bonded.values.states import SubjectKind
from bonded.web.admin.evidence import card


def evidence(line: int, end_line: int = 0, excerpt: str = "exec(x)") -> Evidence:
    found = Finding("c", 1, Severity.HIGH, 0.5, "m", path="a.py", line=line, end_line=end_line, excerpt=excerpt)
    return Evidence(1, SubjectKind.FILE, "f", "f", found, "sha", True, datetime(2026, 1, 1, tzinfo=UTC))


def test_the_lines_of_the_finding_are_seen_without_scrolling() -> None:
    text = "\n".join(f"line_{n}" for n in range(70, 131))
    shown = card(evidence(100, 101), {"text": text, "first_line": 70, "decoded": []})
    assert [line.number for line in shown.near] == list(range(95, 107))
    assert [line.number for line in shown.near if line.hit] == [100, 101]
    assert (shown.kept, shown.code) == (61, [])
    assert len(card(evidence(100, 101), {"text": text, "first_line": 70}, whole=True).code) == 61


def test_without_kept_text_the_excerpt_is_shown() -> None:
    shown = card(evidence(12), None)
    assert [(line.number, line.hit) for line in shown.near] == [(12, True)]
    assert card(evidence(0, excerpt=""), None).near == []


def test_a_very_long_finding_is_not_all_near() -> None:
    text = "\n".join("x" for _ in range(200))
    assert len(card(evidence(1, 200), {"text": text, "first_line": 1}).near) == 26


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"text": 1},
        {"text": "a", "first_line": "x"},
        {"text": "a", "decoded": 5},
        {"decoded": [1, None, {"how": 1}, {}]},
    ],
)
def test_kept_text_of_another_shape_is_no_fault(kept: dict[str, Any]) -> None:
    card(evidence(3), kept)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda v: st.lists(v) | st.dictionaries(st.sampled_from(["text", "first_line", "decoded", "how"]), v),
    )
)
def test_anything_can_be_kept(value: Any) -> None:
    card(evidence(3), value if isinstance(value, dict) else {"text": value})
