"""`upgrade` and `sbom` against an index that misbehaves: one sentence with its code, and no file half-written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Run
from tests.client.repository import Repository
from tests.client.server import Served, answer

DOCUMENT = "pypi/example/1.0/json"
VULNERABLE = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fixed_in": ["1.1"], "summary": "It reads too much"}
LATER = "example-1.1-py3-none-any.whl"


@pytest.fixture
def pinned(repository: Repository, tmp_path: Path) -> Path:
    """A file that pins a vulnerable release; the index has a later one without."""
    repository.project("example", {"example-1.0-py3-none-any.whl": b"old" * 50, LATER: b"new" * 50})
    say(repository, DOCUMENT, VULNERABLE)
    say(repository, "pypi/example/1.1/json")
    path = tmp_path / "pinned.txt"
    path.write_text("example==1.0\n")
    return path


def say(repository: Repository, document: str, *known: object) -> None:
    repository.store[document] = json.dumps({"info": {}, "vulnerabilities": known}).encode()


def test_without_attack(run: Run, pinned: Path, tmp_path: Path) -> None:
    ran = run("upgrade", "-r", pinned, "--write", tmp_path / "new.txt")
    assert (ran.status, ran.out, ran.err) == (
        0,
        "example 1.0 -> 1.1  (PYSEC-2026-1); what it needs is known only once it is built\n",
        "",
    )
    assert (tmp_path / "new.txt").read_text() == "example==1.1\n"
    bill = json.loads(run("sbom", "-r", pinned).out)
    assert [one["id"] for one in bill["vulnerabilities"]] == ["PYSEC-2026-1"]


BAD: dict[str, Any] = {
    "no JSON": b"<html>",
    "a list": b"[]",
    "nothing of vulnerabilities": b"{}",
    "an object of them": b'{"vulnerabilities": {}}',
    "deep": b"[" * 200_000,
    "no text in UTF-8": b'{"vulnerabilities": ["\xff"]}',
    "one that is a text": b'{"vulnerabilities": ["x"]}',
    "no id": b'{"vulnerabilities": [{}]}',
    "an id that is a number": b'{"vulnerabilities": [{"id": 1}]}',
    "an id with an order to the terminal": b'{"vulnerabilities": [{"id": "\\u001b[2J"}]}',
    "a long id": json.dumps({"vulnerabilities": [{"id": "x" * 201}]}).encode(),
    "a repaired version that is none": json.dumps({"vulnerabilities": [{**VULNERABLE, "fixed_in": ["!"]}]}).encode(),
    "repaired versions that are no list": json.dumps({"vulnerabilities": [{**VULNERABLE, "fixed_in": "1"}]}).encode(),
    "a summary that is a list": json.dumps({"vulnerabilities": [{**VULNERABLE, "summary": []}]}).encode(),
    "a time that is none": json.dumps({"vulnerabilities": [{**VULNERABLE, "published": "soon"}]}).encode(),
    "many": json.dumps({"vulnerabilities": [VULNERABLE] * 5_001}).encode(),
}


@pytest.mark.parametrize("what", BAD)
def test_documents_that_say_what_none_may(
    run: Run, repository: Repository, pinned: Path, tmp_path: Path, what: str
) -> None:
    repository.store[DOCUMENT] = BAD[what]
    commands = {"no JSON": ("sbom", "--output")}
    command, option = commands.get(what, ("upgrade", "--write"))
    ran = run(command, "-r", pinned, option, tmp_path / "out")
    assert (ran.status, ran.out, len(ran.err.splitlines())) == (6, "", 1), ran
    assert ran.err.endswith("[malformed]\n")
    assert ran.err[:-1].isprintable()
    assert not (tmp_path / "out").exists()


def endless(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b'{"vulnerabilities": [')
    while True:
        handler.wfile.write(b" " * 65536)


MISBEHAVIOUR: dict[str, Callable[[BaseHTTPRequestHandler, bytes], None]] = {
    "endless-data": endless,
    "index-error": lambda handler, _: answer(handler, b"", 503),
    "index-unreachable": lambda handler, _: handler.connection.close(),
    "undecodable": lambda handler, _: answer(handler, b"\x1f\x8bno", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("code", MISBEHAVIOUR)
def test_answers_that_are_none(run: Run, served: Served, pinned: Path, code: str) -> None:
    served.odd[DOCUMENT] = MISBEHAVIOUR[code]
    ran = run("upgrade", "-r", pinned)
    assert (ran.out, ran.err.endswith(f"[{code}]\n"), len(ran.err.splitlines())) == ("", True, 1), ran


def test_an_index_without_signed_metadata(run: Run, repository: Repository, pinned: Path) -> None:
    for path in [path for path in repository.store if path.startswith("metadata/")]:
        del repository.store[path]
    ran = run("upgrade", "-r", pinned)
    assert (ran.status, ran.out, ran.err.endswith("[metadata-missing]\n")) == (4, "", True), ran


def test_silence_is_told_and_is_not_health(run: Run, repository: Repository, pinned: Path) -> None:
    del repository.store[DOCUMENT]
    pinned.write_text("example==1.0\nexample-two==1.0\n")
    ran = run("upgrade", "-r", pinned)
    assert ran.status == 0
    assert "Nothing is known of example 1.0: the index publishes no document" in ran.err
    assert "Nothing is known of example-two 1.0: the index has no such project." in ran.err


def test_no_release_that_is_clean_and_of_which_something_is_known(
    run: Run, repository: Repository, pinned: Path
) -> None:
    del repository.store["pypi/example/1.1/json"]
    ran = run("upgrade", "-r", pinned, "--json")
    assert (ran.status, ran.lines[0]["upgrades"], len(ran.lines[0]["held"])) == (1, [], 1)  # type: ignore[arg-type]


def test_a_withdrawn_report_counts_for_nothing(run: Run, repository: Repository, pinned: Path) -> None:
    say(repository, DOCUMENT, {**VULNERABLE, "withdrawn": "2026-01-01T00:00:00Z"})
    ran = run("upgrade", "-r", pinned)
    assert (ran.status, ran.out) == (0, "No known vulnerabilities in 1 package.\n")


def test_misuse(run: Run, pinned: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ("upgrade", "-r", pinned, "--write", "pylock.toml"),
        ("sbom", "--timestamp", "soon"),
        ("upgrade", "--what"),
    ):
        with pytest.raises(SystemExit) as ended:
            run(*words)
        assert ended.value.code == 2
    capsys.readouterr()


def test_the_time_of_a_build_makes_the_same_bytes(run: Run, pinned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    first, second = (json.loads(run("sbom", "-r", pinned).out)["serialNumber"] for _ in range(2))
    assert first != second
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    one, two = (run("sbom", "-r", pinned).out for _ in range(2))
    assert one == two
    assert json.loads(one)["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"
    given = run("sbom", "-r", pinned, "--timestamp", "2026-01-01T01:00:00+01:00").out
    assert given == one


def shelf(repository: Repository, *files: tuple[str, dict[str, Any]], metadata: bytes = b"") -> None:
    """The page of the project with `files`, each with more fields; a clean document for each, but for 1.0 and 1.5."""
    repository.project("example", {name: name.encode() for name, _ in files})
    page = json.loads(repository.targets["simple/example/index.json"])
    more = dict(files)
    for entry in page["files"]:
        entry |= more[entry["filename"]]
        version = entry["filename"].split("-")[1]
        say(repository, f"pypi/example/{version}/json", *([VULNERABLE] if version in {"1.0", "1.5"} else []))
        if metadata:
            entry["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
            repository.store[f"packages/example/{entry['filename']}.metadata"] = metadata
    repository.publish({"simple/example/index.json": json.dumps(page).encode()})


def wheel(version: str, tag: str = "py3-none-any", **more: Any) -> tuple[str, dict[str, Any]]:
    return f"example-{version}-{tag}.whl", {name.replace("_", "-"): value for name, value in more.items()}


def test_what_cannot_be_taken_is_passed_over(run: Run, repository: Repository, pinned: Path) -> None:
    shelf(
        repository,
        wheel("0.9"),
        wheel("1.0"),
        wheel("1.1", requires_python=">=99"),
        wheel("1.2", "cp311-cp311-win_amd64"),
        wheel("1.3a1"),
        wheel("1.4", yanked="broken"),
        wheel("1.5"),
        wheel("1.6"),
        wheel("1.7"),
    )
    (told,) = run("upgrade", "-r", pinned, "--json").lines
    assert [one["to"] for one in told["upgrades"]] == ["1.6"]  # type: ignore[attr-defined]


def test_a_quarantined_project_is_told(run: Run, repository: Repository, pinned: Path) -> None:
    repository.project("example", {}, status="quarantined", reason="it may be malware")
    ran = run("upgrade", "-r", pinned)
    assert "Nothing is known of example 1.0: the index has put the project into quarantine." in ran.err


def test_requirements_are_verified_before_they_count(run: Run, repository: Repository, pinned: Path) -> None:
    other = hashlib.sha256(b"").hexdigest()
    pinned.write_text(f"example==1.0 --hash=sha256:{other}\n")
    text = b"Metadata-Version: 2.1\nName: Example\nVersion: 1.1\nRequires-Dist: elsewhere>=2\n"
    shelf(repository, wheel("1.0"), wheel("1.1"), metadata=text)
    ran = run("upgrade", "-r", pinned)
    assert (ran.status, ran.out) == (
        1,
        "example 1.0 stays  (PYSEC-2026-1): 1.1 does not fit: example needs elsewhere>=2, and elsewhere is not to be had\n",
    )
    (component,) = json.loads(run("sbom", "-r", pinned).out)["components"]
    assert component["name"] == "Example"
    assert {"name": "bonded:hashes", "value": "other"} in component["properties"]
    for name in ("1.0", "1.1"):
        repository.store[f"packages/example/example-{name}-py3-none-any.whl.metadata"] = text.replace(b">=2", b">=1")
    for command in ("upgrade", "sbom"):
        ran = run(command, "-r", pinned)
        assert (ran.status, ran.out, ran.err.endswith("[altered]\n")) == (6, "", True), ran


def test_own_targets_are_compared_when_asked_for(run: Run, repository: Repository, pinned: Path) -> None:
    repository.publish({f"packages/example/{LATER}": b"something else"})
    assert run("upgrade", "-r", pinned).status == 0
    for words in (("upgrade", "-r", pinned, "--own-targets"), ("sbom", "-r", pinned, "--own-targets")):
        ran = run(*words)
        expected = (6, "", True) if words[0] == "upgrade" else (0, ran.out, False)
        assert (ran.status, ran.out, ran.err.endswith("[mixed-versions]\n")) == expected, ran
