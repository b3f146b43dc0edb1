"""What an operator writes about build services, and what it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonded.settings import SettingsError
from bonded.wiring import open_house

CUSTOM = """
[[publishing.issuers]]
preset = "custom"
issuer = "https://ci.example.org"
claims = { repository = "Repository" }
optional_claims = { stage = "Stage" }
pinned_claims = ["repository_id"]
"""


def written(folder: Path, text: str) -> Path:
    (folder / "bonded.toml").write_text('url = "https://index.example.org/"\n' + text)
    return folder


def test_presets_and_any_other_service(tmp_path: Path) -> None:
    text = '[publishing]\nissuers = [{preset = "github"}, {preset = "gitlab", issuer = "https://git.example.org", title = "Ours"}]\n'
    trusted = open_house(written(tmp_path, text)).trusted_publishing
    assert trusted.audience == "index.example.org"
    assert [(one.url, one.title, one.shape.name) for one in trusted.issuers] == [
        ("https://token.actions.githubusercontent.com", "GitHub Actions", "github"),
        ("https://git.example.org", "Ours", "gitlab"),
    ]
    (own,) = open_house(written(tmp_path, CUSTOM)).trusted_publishing.issuers
    assert [(field.name, field.label, field.required) for field in own.shape.fields] == [
        ("repository", "Repository", True),
        ("stage", "Stage", False),
    ]
    claims = {"repository": "a", "stage": "x", "repository_id": 7}
    assert own.shape.lookup_of(claims) == own.shape.lookup({"repository": "a"})
    assert own.shape.disagreeing({"repository": "a", "stage": ""}, {"repository_id": 7}, claims) == []
    assert own.shape.disagreeing({"repository": "b", "stage": "y"}, {"repository_id": 8}, claims) == [
        "repository",
        "stage",
        "repository_id",
    ]
    assert own.shape.pins_of(claims) == {"repository_id": 7}


def test_without_any_it_is_off(tmp_path: Path) -> None:
    assert open_house(written(tmp_path, "")).trusted_publishing.issuers == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('issuers = [{preset = "circleci"}]', "give its issuer"),
        ('issuers = [{preset = "custom"}]', "give its issuer"),
        ('issuers = [{preset = "custom", issuer = "https://ci.example.org"}]', "claims are named for preset custom"),
        ('issuers = [{preset = "github", claims = {a = "A"}}]', "claims are named for preset custom"),
        ('issuers = [{preset = "github", issuer = "ci.example.org"}]', "is not an address"),
        ('issuers = [{preset = "github", issuer = "https://ci.example.org/?x=1"}]', "is not an address"),
        ('issuers = [{preset = "github"}, {preset = "github"}]', "named twice"),
        ('issuers = [{preset = "gitbub"}]', "publishing.issuers"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        open_house(written(tmp_path, f"[publishing]\n{text}\n"))
