"""Names that deceive are near a popular one; honest names are not."""

from __future__ import annotations

import pytest

from bonded.checks.near import easily_slipped, nearest, one_apart
from bonded.checks.popular import popular

DECEPTIVE = {
    "reqeusts": "requests",
    "requets": "requests",
    "requestss": "requests",
    "request5": "requests",
    "python-requests": "requests",
    "djang0": "django",
    "nurnpy": "numpy",
    "scikit_learm": "scikit-learn",
    "learn-scikit": "scikit-learn",
    "scikitlearn": "scikit-learn",
    "co1orama": "colorama",
    "pandas2": "pandas",
    "Beautiful.Soup4": "beautifulsoup4",
    "nunpy": "numpy",
    "numpi": "numpy",
    "djamgo": "django",
    "dhango": "django",
    "docked": "docker",
    "pandsa": "pandas",
    "panda": "pandas",
    "flassk": "flask",
    "tequests": "requests",
}
HONEST = [
    "requests",
    "Requests",
    "flask-login",
    "django-something",
    "sux",
    "pipx",
    "requests-mock",
    "bonded",
    "pandas-profiling",
    "tomli-w",
    "locked",
    "socket",
    "rocket",
    "pocket",
    "bumpy",
    "clicks-and-more",
]


@pytest.mark.parametrize("name", DECEPTIVE)
def test_deceptive_names(name: str) -> None:
    near = nearest(name)
    assert near is not None
    assert near.name == DECEPTIVE[name]
    assert 0 <= near.distance < 0.5
    assert near.how


@pytest.mark.parametrize("name", HONEST)
def test_honest_names(name: str) -> None:
    assert nearest(name) is None


def test_popular_names_are_not_near_themselves() -> None:
    assert len(popular()) > 500
    assert all(nearest(name) is None for name in sorted(popular())[::20])


def test_a_longer_list_may_be_given() -> None:
    assert nearest("intern4l-tool", ["internal-tool"]) is not None
    assert nearest("reqeusts", ["internal-tool"]) is None


@pytest.mark.parametrize(
    ("left", "right", "slips"),
    [
        ("locket", "locked", False),
        ("locket", "lockey", True),
        ("locket", "pocket", False),
        ("locket", "locke", True),
        ("locket", "lockett", True),
        ("locket", "locekt", True),
        ("locket", "lokket", True),
        ("locket", "lacket", True),
        ("locket", "lobket", False),
    ],
)
def test_where_a_finger_or_an_ear_slips(left: str, right: str, slips: bool) -> None:
    assert one_apart(left, right)
    assert easily_slipped(left, right) is slips
    assert easily_slipped(right, left) is slips


def test_one_letter_apart() -> None:
    assert one_apart("abc", "abd")
    assert one_apart("abc", "ab")
    assert one_apart("abc", "acb")
    assert one_apart("abc", "xabc")
    assert not one_apart("abc", "abc")
    assert not one_apart("abc", "axx")
    assert not one_apart("abc", "cab")
