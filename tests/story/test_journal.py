"""An outside auditor and a real server: every row is read and proven, again and again while the index works."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.story.packages import Made
from tests.story.running import BIN, RunningIndex
from tests.story.test_publish import by_twine


def verify(index: RunningIndex, cache: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    base = ["--index", index.url, "--root", index.root, "--cache", cache]
    command = [BIN / "bonded-client", *base, "verify-journal", *words]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)


def test_an_auditor_follows_the_journal_of_a_running_index(
    index: RunningIndex, token: str, made: Callable[..., Made], tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    sizes = []
    for version in ("1.0", "2.0"):
        package = made("story-audited", version=version)
        assert by_twine(index, token, package).returncode == 0
        index.wait_listed("story-audited", package.wheel)
        done = verify(index, tmp_path / "cache", "--read", "new", "--out", rows, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        sizes.append(json.loads(done.stdout)["size"])
        assert len(rows.read_text().splitlines()) == sizes[-1]
    assert sizes[1] > sizes[0]
    said = [json.loads(line) for line in rows.read_text().splitlines()]
    uploads = [row for row in said if row["action"] == "file.upload" and row["project_key"] == "story-audited"]
    assert len(uploads) >= 2
    assert not any("127.0.0.1" in json.dumps(row) or "example.invalid" in json.dumps(row["facts"]) for row in said)
    shown = verify(index, tmp_path / "cache", "--row", str(uploads[0]["id"]), "--json")
    assert json.loads(shown.stdout.splitlines()[1])["says"] == uploads[0]
    whole = verify(index, tmp_path / "cache", "--read", "all")
    assert whole.stdout.rstrip().endswith("every row is what was signed")
    status, body = index.get("journal/proof/rows/0/99999999", "application/json")
    assert (status, json.loads(body)["code"]) == (404, "no-proof")
