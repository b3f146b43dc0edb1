"""Every reason for which a token does not do, read where people read it: in the output of the tool that they upload with."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bonded.accounts import caveats, macaroon, people, tokens
from bonded.values.who import OPERATOR
from bonded.wiring import open_house
from tests.story.packages import Made, make
from tests.story.running import RunningIndex, bonded
from tests.story.test_publish import UPLOADERS, by_twine
from tests.story.uploading import form

pytestmark = pytest.mark.slow
Done = subprocess.CompletedProcess[str]


def by_curl(index: RunningIndex, token: str, made: Made) -> Done:
    """What a person types who has no tool: the form by hand."""
    (wheel,) = (path for path in made.dist() if path.suffix == ".whl")
    body = wheel.with_suffix(".form")
    body.write_bytes(form(wheel))
    kind = "Content-Type: multipart/form-data; boundary=bonded-test-boundary"
    words = ["curl", "--silent", "--show-error", "--fail-with-body", "--user", f"__token__:{token}", "--header", kind]
    return subprocess.run(
        [*words, "--data-binary", f"@{body}", index.legacy], capture_output=True, text=True, timeout=60, check=False
    )


TOOLS: dict[str, tuple[Callable[[RunningIndex, str, Made], Done], str]] = {
    **{name: UPLOADERS[name] for name in ("twine", "uv", "poetry", "flit", "hatch")},
    "curl": (by_curl, "hatchling"),
}

REASONS = {
    "expired": "The API token has expired: make a new one",
    "ended": "The API token expired on",
    "revoked": "The API token was revoked: make a new one",
    "wrong": "The API token is not valid on this index",
    "other project": "is not for the project {project}",
    "permission": "The API token lacks the permission `upload`: use one that has it",
    "network": "The API token may not be used from this network",
    "frozen": "The account of this API token is frozen: ask an administrator",
    "stranger": "You have no role in the project {project}",
    "quarantined": "The project {project} is quarantined and takes no files",
    "second factor": "The account of this API token has no second factor: add one, then upload again",
    "first upload": "The API token is for a new project, and {project} exists already",
}


@dataclass(frozen=True)
class Case:
    """A token for each reason."""

    index: RunningIndex
    texts: dict[str, str]


@pytest.fixture(scope="module")
def case(index: RunningIndex, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Tokens of everybody, made by the operator's commands; what those cannot make, by the code that the web has."""
    where = ("--dir", index.directory)
    whole = index.token("maker")
    other = make(tmp_path_factory.mktemp("other"), "reasons-other", version="1.0", backend="hatchling")
    assert by_twine(index, whole, other).returncode == 0
    frozen = index.token("icy")
    bonded("user", "freeze", "icy", "--reason", "stolen laptop", *where)
    revoked = index.token("maker", "--name", "revoked")
    listed = json.loads(bonded("token", "list", "maker", "--json", *where))
    bonded("token", "revoke", next(row["id"] for row in listed if row["name"] == "revoked"), *where)
    house = open_house(index.directory)
    now = house.clock()
    with house.db.write() as tx:
        maker = people.need(tx, "maker")
        own = {
            name: tokens.mint(
                tx, OPERATOR, maker, sealer=house.sealer, name=name, projects=(), permissions=("upload",),
                expires_at=at + timedelta(days=1), operator=operator, now=at,
            )[1]
            for name, at, operator in (("second factor", now, False), ("ended", now - timedelta(days=9), True))
        }  # fmt: skip
    house.db.close()
    texts = own | {
        "expired": macaroon.narrow(whole, [caveats.until(now - timedelta(hours=1), now - timedelta(days=1))]),
        "revoked": revoked,
        "wrong": macaroon.mint("0" * 26, b"k" * 32),
        "other project": index.token("maker", "--project", "reasons-other"),
        "permission": index.token("maker", "--permission", "yank"),
        "network": index.token("maker", "--network", "192.0.2.0/24"),
        "frozen": frozen,
        "stranger": index.token("stranger"),
        "quarantined": whole,
        "first upload": index.token("maker", "--first-upload"),
    }
    return Case(index, texts)


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_each_reason_is_read_in_the_output_of_the_tool(case: Case, tmp_path: Path, tool: str) -> None:
    upload, backend = TOOLS[tool]
    name = f"reasons-{tool}"
    first = make(tmp_path / "first", name, version="1.0", backend=backend)
    done = upload(case.index, case.texts["quarantined"], first)
    assert done.returncode == 0, done.stdout + done.stderr
    next_one = make(tmp_path / "next", name, version="2.0", backend=backend)
    for reason, words in REASONS.items():
        if reason == "quarantined":
            continue
        done = upload(case.index, case.texts[reason], next_one)
        _read(done, words.format(project=name), f"{tool}: {reason}")
    bonded("project", "quarantine", name, "--reason", "being looked at", "--dir", case.index.directory)
    _read(upload(case.index, case.texts["quarantined"], next_one), REASONS["quarantined"].format(project=name), tool)


def _read(done: Done, words: str, which: str) -> None:
    """The tool failed, and a person who reads its output finds the words."""
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, which
    assert words.lower() in shown.lower(), f"{which}: {shown}"


def test_each_reason_has_its_help_page(case: Case, tmp_path: Path) -> None:
    """The body that uv and curl show names a page, and the page is there."""
    made = make(tmp_path, "reasons-help", version="1.0", backend="hatchling")
    done = by_curl(case.index, case.texts["expired"], made)
    link = done.stdout.split()[-1]
    status, page = case.index.get(link.removeprefix(case.index.url))
    assert status == 200
    assert b"Make a new token" in page
