"""The whole service as its users meet it: a running index, an archive as a form through the real server, its verdict."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.screening.conftest import HOSTILE, wheel
from tests.story.running import RunningIndex, bonded, running

NAME = "sample-1.0-py3-none-any.whl"


def curl(*words: str) -> tuple[int, dict[str, object], str]:
    """Status, JSON body and Location of what curl asked."""
    done = subprocess.run(["curl", "-sS", "-o", "-", "-w", "\n%{http_code} %{redirect_url}%header{location}", *words], capture_output=True, text=True, timeout=300, check=True)  # fmt: skip
    body, _, last = done.stdout.rpartition("\n")
    code, _, location = last.partition(" ")
    return int(code), json.loads(body), location


@pytest.mark.slow
def test_an_archive_is_submitted_and_its_verdict_read(tmp_path: Path) -> None:
    archive = tmp_path / NAME
    archive.write_bytes(wheel(HOSTILE))
    with running(tmp_path) as index:
        token = index.token("devpi", "--permission", "screen")
        auth = ("-H", f"Authorization: Bearer {token}", "-H", "Accept: application/json")
        code, told, where = curl(*auth, "-F", f"content=@{archive}", index.url + "api/screenings/")
        assert (code, told["state"], where) == (202, "queued", told["location"])
        end = time.monotonic() + 300
        while told["state"] == "queued":
            assert time.monotonic() < end
            time.sleep(0.2)
            _, told, _ = curl(*auth, where)
        assert told["verdict"] == "reject"
        same = json.loads(bonded_scan(archive))
        assert told["result"]["findings"] == same["findings"]  # type: ignore[index]
        assert index.files("sample") == {}
        refused(index, archive)


def refused(index: RunningIndex, archive: Path) -> None:
    wrong = ("-H", "Authorization: Bearer nonsense", "-H", "Accept: application/json")
    code, said, _ = curl(*wrong, "-F", f"content=@{archive}", index.url + "api/screenings/")
    assert (code, said["code"]) in [(401, "token-invalid"), (403, "token-invalid")]
    upload = ("-H", f"Authorization: Bearer {index.token('devpi')}", "-H", "Accept: application/json")
    code, said, _ = curl(*upload, "-F", f"content=@{archive}", index.url + "api/screenings/")
    assert (code, said["code"]) == (403, "token-permission")
    good = ("-H", f"Authorization: Bearer {index.token('devpi', '--permission', 'screen')}")
    code, said, _ = curl(
        *good, "--json", '{"url": "http://169.254.169.254/x-1.0.tar.gz"}', index.url + "api/screenings/"
    )
    assert (code, said["code"]) == (400, "address-refused")


def bonded_scan(archive: Path) -> str:
    """What the command prints; exit status 0, as without --fail-on."""
    return bonded("scan", "--json", archive)
