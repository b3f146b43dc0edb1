"""The documentation names only what exists; the runner of its commands sees what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.check_docs import ROOT, blocks, commands, missing_paths, pages, paths
from docs.resolve_commands import problem_of
from docs.scratch import Scratch

from bonded_client.failures import CATALOGUE


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_on_a_page_exists(page: Path) -> None:
    assert missing_paths(page) == []


def test_the_architecture_names_many_paths() -> None:
    assert len(list(paths(ROOT / "docs/ARCHITECTURE.md"))) > 50


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page to write to."""
    monkeypatch.setattr("docs.check_docs.ROOT", tmp_path)
    return tmp_path / "page.md"


def test_a_path_that_is_not_there_is_seen(page: Path) -> None:
    page.write_text("See `src/bonded/nowhere.py`, `docs/` and `a/b`.\n```text\n`src/fenced.py`\n```\n")
    (page.parent / "docs").mkdir()
    assert missing_paths(page) == ["page.md:1: there is no src/bonded/nowhere.py"]


def test_commands_of_a_page(page: Path) -> None:
    page.write_text(
        "<!-- check: server -->\n```console\n$ one \\\n    --two\nits output\n$ three\n```\n\n"
        "```sh\n# a comment\nfour\n```\n```toml\nfive = 5\n```\n<!-- check: resolve -->\n\nwords\n```sh\nsix\n```\n"
    )
    found = [(block.mark, commands(block)) for block in blocks(page)]
    assert found == [("server", ["one --two", "three"]), ("", ["four"]), ("", []), ("", ["six"])]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("bonded scan x --format jsonl", ""),
        ("bonded scan x --wrong", "no option --wrong"),
        ("bonded nothing", "no command nothing"),
        ("bonded migrate --dir /srv/bonded --web-role bonded_web", ""),
        ("bonded migrate DIR --web-role bonded_web", "takes 0 words and is given 1"),
        ("bonded scan one.whl two.whl", ""),
        ("bonded tuf status && bonded tuf nothing", "no command nothing"),
        ("sudo -u bonded bonded fsck /srv/bonded --json", ""),
        ("BONDED_DIR=/srv/bonded bonded fsck --wrong", "no option --wrong"),
        ("bonded-client --index U --root R download x --dest d", ""),
        ("bonded-client --index U download x --wrong", "no option --wrong"),
        ("podman run --rm --volume bonded-data:/var/lib/bonded bonded init /var/lib/bonded --url U", ""),
        ("podman exec index bonded fsck --wrong", "no option --wrong"),
        ("podman build --tag=bonded --file deploy/container/Containerfile .", ""),
        ("./dev test --slow", ""),
        ("./dev nothing", "no command nothing"),
        ("frobnicate", "nobody knows the program frobnicate"),
        ("echo 'unclosed", "not a shell command"),
    ],
)
def test_commands_are_resolved(command: str, said: str) -> None:
    wrong = problem_of(command)
    assert (said in wrong) if said else wrong == ""


def test_commands_are_run_in_a_folder_of_their_page(tmp_path: Path) -> None:
    """`cd` and `export` carry over; nothing of this machine's configuration is seen."""
    with Scratch(ROOT) as scratch:
        assert scratch.run("mkdir here && cd here && export WORD=yes")[0] == 0
        assert scratch.run('test "$(basename "$PWD")$WORD" = hereyes') == (0, "")
        assert scratch.run("exit 3")[0] == 3
        assert scratch.run("echo /srv/bonded")[1].strip() != "/srv/bonded"


def test_each_failure_of_the_client_is_explained() -> None:
    """Code, exit status and whether it may be an attack: the page and the program say the same."""
    text = (ROOT / "docs/client-author/failures.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (yes)? ?\| [^|]+\. \| [^|]+\. \|$", text, re.MULTILINE)
    assert [(code, int(status), bool(attack)) for code, status, attack in rows] == [
        (kind.code, int(kind.exit), kind.attack) for kind in CATALOGUE.values()
    ]


def test_decisions_are_numbered_without_gaps() -> None:
    records = sorted((ROOT / "docs/decisions").glob("0*.md"))
    for number, path in enumerate(records, 1):
        assert path.name.startswith(f"{number:04}-")
        assert path.read_text().startswith(f"# {number}. ")
        assert {"**Decision.**", "**Why.**", "**Cost.**"} <= set(re.findall(r"\*\*\w+\.\*\*", path.read_text()))
