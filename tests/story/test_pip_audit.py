"""The real pip-audit finds out from this index what is vulnerable, and stops when the feed takes it back."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.story import clients
from tests.story.packages import Made
from tests.story.running import RunningIndex, bonded
from tests.story.test_trust import publish

# pip-audit asks one index for vulnerabilities, whatever index packages come from: its requests are sent to ours.
DRIVER = """
import sys
from urllib.parse import urlsplit, urlunsplit
import requests

index, *sys.argv[1:] = sys.argv[1:]
plain = requests.Session.request

def request(self, method, url, **more):
    return plain(self, method, urlunsplit(urlsplit(index)[:2] + urlsplit(url)[2:]), **more)

requests.Session.request = request
from pip_audit._cli import audit
audit()
"""


def asked(index: RunningIndex, folder: Path, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit status of pip-audit with these words, and what it says of each package; it asks only this index."""
    program = clients.environment("pip-audit") / "bin/python"
    more = ["--format", "json", "--progress-spinner", "off", "--cache-dir", str(folder / "audits")]
    done = subprocess.run(
        [str(program), "-c", DRIVER, index.url, *words, *more],
        cwd=folder,
        env=clients.bare(folder / "home"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout, done.stderr
    shutil.rmtree(folder / "audits", ignore_errors=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    return done.returncode, found


def audited(index: RunningIndex, project: str, folder: Path) -> list[dict[str, Any]]:
    """What pip-audit says of version 1.0 of the project."""
    (folder / "requirements.txt").write_text(f"{project}==1.0\n")
    status, (found,) = asked(index, folder, "-r", "requirements.txt", "--no-deps", "--disable-pip", "--aliases", "on")
    assert (found["name"], found["version"]) == (project, "1.0"), found
    assert status == (1 if found["vulns"] else 0)
    vulns: list[dict[str, Any]] = found["vulns"]
    return vulns


def test_pip_audit_reads_what_the_feed_says(
    index: RunningIndex, token: str, made: Callable[..., Made], tmp_path: Path
) -> None:
    project = publish(index, token, made())
    path = f"pypi/{project.name}/1.0/json"
    index.wait_until(lambda: index.get(path)[0] == 200)
    assert audited(index, project.name, tmp_path) == []
    feed = tmp_path / "feed"
    feed.mkdir()
    events = [{"introduced": "0"}, {"fixed": "1.10"}, {"introduced": "2"}, {"fixed": "2.1"}]
    package = {"ecosystem": "PyPI", "name": project.name}
    told = {
        "id": "PYSEC-2026-1",
        "modified": "2026-01-05T12:00:00Z",
        "published": "2026-01-04T12:00:00Z",
        "aliases": ["CVE-2026-1"],
        "summary": "It reads too much",
        "affected": [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}],
    }
    taken_back = told | {"id": "PYSEC-2026-2", "withdrawn": "2026-01-05T00:00:00Z"}
    for one in (taken_back, told):
        (feed / f"{one['id']}.json").write_text(json.dumps(one))
        # With the first goes what another story's feed said: the index is shared.
        said = bonded("vulnerability", "import", feed, "--dir", index.directory)
    assert said == "2 records: 1 new, 0 changed, 0 gone; 1 projects touched\n"
    index.wait_until(lambda: b"PYSEC-2026-1" in index.get(path)[1])
    assert audited(index, project.name, tmp_path) == [
        {
            "id": "PYSEC-2026-1",
            "fix_versions": ["1.10", "2.1"],
            "aliases": ["CVE-2026-1"],
            "description": "It reads too much",
        }
    ]
    index.wait_until(lambda: b"PYSEC-2026-1" in index.get(f"pypi/{project.name}/json")[1])  # written beside the other
    listed = json.loads(bonded("vulnerability", "list", project.name, "1.0", "--json", "--dir", index.directory))
    assert {one["id"]: bool(one["withdrawn"]) for one in listed} == {"PYSEC-2026-1": False, "PYSEC-2026-2": True}
    (feed / "PYSEC-2026-1.json").unlink()
    bonded("vulnerability", "import", feed, "--dir", index.directory)
    index.wait_until(lambda: b"PYSEC-2026-1" not in index.get(path)[1])
    assert audited(index, project.name, tmp_path) == []
