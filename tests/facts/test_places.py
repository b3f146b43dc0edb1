"""Kinds of addresses, of files with secrets, and of commands whose output tells."""

from __future__ import annotations

import pytest

from bonded.facts import places

ADDRESSES = {
    "https://discord.com/api/webhooks/1/x": places.HOOK,
    "https://discord.com/api/v9/users/@me": places.ORDINARY,
    "http://….oastify.com/x": places.CALL_BACK,
    "https://webhook.site/0": places.REQUEST_BIN,
    "0.tcp.ngrok.io 14137": places.TUNNEL,
    "http://user:word@203.0.113.7:80/x": places.RAW,
    "203.0.113.7 4444": places.RAW,
    "8.8.8.8 53": places.RESOLVER,
    "http://169.254.169.254/latest": places.METADATA,
    "http://metadata.google.internal/x": places.METADATA,
    "http://127.0.0.1:80/": places.LOCAL,
    "localhost 80": places.LOCAL,
    "10.0.0.1": places.LOCAL,
    "https://api.ipify.org?format=json": places.LOOK_UP,
    "https://www.duckdns.org/update?domains=sample": places.ORDINARY,
    "https://www.duckdns.org/x": places.TUNNEL,
    "https://sample.duckdns.org/update": places.TUNNEL,
    "https://pastebin.com/raw/0": places.PASTE,
    "https://not_a_name.vercel.app/api": places.FREE,
    "https://notpastebin.com/raw/0": places.ORDINARY,
    "https://example.invalid/x": places.ORDINARY,
    "example.invalid": places.ORDINARY,
    "http://…/x": "",
    "…": "",
    "": "",
    "POST": "",
    "setup.py": "",
}


@pytest.mark.parametrize("text", sorted(ADDRESSES))
def test_addresses(text: str) -> None:
    assert places.kind_of_address(text) == ADDRESSES[text]


FILES = {
    r"%LOCALAPPDATA%\Google\Chrome\User Data\Default\Login Data": "passwords of browsers",
    "%APPDATA%\\\\discord\\\\Local Storage\\\\leveldb": "tokens of messengers",
    "…/.ssh/id_rsa": "keys of shells and clouds",
    "~/.ssh/id_ed25519.pub": "",
    "cat ~/.ssh/id_rsa.pub | ssh sample": "",
    "~/.ssh/id_rsa.pub/../id_rsa": "keys of shells and clouds",
    "scp ~/.ssh/id_rsa ~/.ssh/id_rsa.pub example.invalid:": "keys of shells and clouds",
    "/etc/passwd": "accounts and history",
    "~/wallet.dat": "wallets",
    "data/logins.csv": "",
    "README.md": "",
}


@pytest.mark.parametrize("path", sorted(FILES))
def test_files(path: str) -> None:
    assert places.kind_of_file(path) == FILES[path]


COMMANDS = {
    "whoami": "host",
    "/usr/bin/id": "host",
    "env": "environment",
    "sudo ifconfig eth0": "host",
    "gh auth token": "credentials",
    "gpg --batch --export-secret-keys": "credentials",
    "gpg --verify x.asc": "",
    "gcloud auth --quiet print-access-token": "credentials",
    "gh auth status": "",
    "idle": "",
    "cc -c x.c": "",
}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_commands(command: str) -> None:
    assert places.tells(command) == COMMANDS[command]


@pytest.mark.parametrize(
    ("path", "yes"),
    [(".env", True), ("…/.env.local", True), (".env.example", False), (".venv", False), ("a.env", False)],
)
def test_settings(path: str, yes: bool) -> None:
    assert places.is_settings(path) is yes


def test_services_of_variables() -> None:
    assert places.service_of("github_token") == places.service_of("GH_TOKEN") == "github"
    assert places.service_of("SAMPLE_TOKEN") == ""


def test_kinds_of_the_file_are_those_of_the_code() -> None:
    named = {value for name, value in vars(places).items() if name.isupper() and isinstance(value, str)}
    assert set(places.table("hosts")) <= named


def test_entries_are_plain_and_stand_once() -> None:
    entries = [
        one for kinds in (places.table("hosts"), places.table("files")) for many in kinds.values() for one in many
    ]
    assert sorted({one for one in entries if entries.count(one) > 1}) == []
    assert all(one == one.strip() and "://" not in one for one in entries)


MAKERS = {
    ("tools", "https://sh.rustup.rs"): True,
    ("tools", "https://sh.rustup.rs/x86_64"): True,
    ("tools", "https://ollama.com/install.sh?x=1"): True,
    ("tools", "http://sh.rustup.rs"): False,
    ("tools", "https://sh.rustup.rs.example.invalid/"): False,
    ("tools", "https://sh.rustup.rs@example.invalid/"): False,
    ("tools", "https://ollama.com/install.sh.example"): False,
    ("tools", "https://ollama.com/download/../sample/x"): False,
    ("tools", "https://github.com/conda-forge/miniforge/files/1/x.sh"): False,
    ("tools", "https://…rustup.rs/"): False,
    ("models", "https://api.openai.com/v1/chat/completions"): True,
    ("models", "https://api.openai.com/v1/files/x/content"): False,
    ("models", "http://localhost:11434/api/generate"): True,
    ("models", "https://sh.rustup.rs"): False,
    ("models", ""): False,
}


@pytest.mark.parametrize("one", sorted(MAKERS))
def test_what_only_its_maker_can_fill(one: tuple[str, str]) -> None:
    assert places.is_of(*one) is MAKERS[one]
