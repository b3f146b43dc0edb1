"""The operator's lists of names: what they say, and how mistakes in them are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonded.checks.popular import popular
from bonded.screening.name_lists import BadNames, NameLists, load_names
from bonded.settings import SettingsError, load
from bonded.wiring import House


def test_the_built_in_list() -> None:
    names = load_names((), None)
    assert names.popular == popular()
    near = names.nearest("reqeusts")
    assert near is not None
    assert near.name == "requests"
    assert names.private_pattern("requests") == ""


def test_a_file_adds_names(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("# ours\nWord.Counter word_counter\n\nline_counter # with a remark\n")
    names = load_names((), path)
    assert names.popular - popular() == {"word-counter", "line-counter"}
    near = names.nearest("word-cuonter")
    assert near is not None
    assert near.name == "word-counter"
    assert names.nearest("requests") is None


def test_private_names_are_patterns_and_popular_too() -> None:
    names = load_names(("Acme_*", "billing"), None)
    assert names.private_pattern("acme-words") == "acme-*"
    assert names.private_pattern("billing") == "billing"
    assert names.private_pattern("billing-words") == ""
    near = names.nearest("biling")
    assert near is not None
    assert near.name == "billing"
    assert NameLists().private == ()


def test_other_names_are_other_rules() -> None:
    assert NameLists().fingerprint() == load_names((), None).fingerprint() == ""
    one, other = NameLists(private=("acme-*",)), NameLists(popular=popular() | {"word-counter"})
    assert len({one.fingerprint(), other.fingerprint(), ""}) == 3


@pytest.mark.parametrize("name", ["", "a b", "-x", "ü"])
def test_what_is_no_private_name(name: str) -> None:
    with pytest.raises(BadNames, match=r"setting `screening\.private_names`"):
        load_names((name,), None)


@pytest.mark.parametrize("text", ["fine\n-bad\n", "ü\n", b"\xff\xfe"])
def test_what_is_no_list_of_names(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(BadNames, match=r"screening\.popular_names"):
        load_names((), path)


def test_a_list_of_an_editor_of_windows(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(b"\xef\xbb\xbfword-counter\r\n")
    assert "word-counter" in load_names((), path).popular


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadNames, match="cannot be read"):
        load_names((), tmp_path / "nothing.txt")


def test_settings_reach_screening(tmp_path: Path) -> None:
    (tmp_path / "bonded.toml").write_text('[screening]\nprivate_names = ["acme-*"]\npopular_names = "names.txt"\n')
    house = House(tmp_path, load(tmp_path))
    with pytest.raises(SettingsError, match="cannot be read"):
        _ = house.names
    (tmp_path / "names.txt").write_text("word-counter\n")
    names = house.screening_settings.names
    assert names.private == ("acme-*",)
    assert "word-counter" in names.popular
