"""Does a command of the documentation exist: its program, its subcommands, its options? Nothing is run here."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent

PROGRAMS = frozenset(
    """apt-get aws az bonded bonded-client cat cd chmod chown cp curl docker echo export flit gcloud git gpg grep hatch install jq
    journalctl
    ln ls mkdir mv nginx node npm openssl pdm pip pkcs11-tool podman podman-compose poetry psql python python3 rm sed sh softhsm2-util sudo systemctl
    systemd-analyze tail tar test touch
    twine useradd usermod uv uvx varnishd vault""".split()  # noqa: SIM905
)
"""Programs that pages may name without explanation."""
ENVIRONMENT = re.compile(r"^(/opt|~)/[\w-]+/bin/")
"""Where pages have somebody install this."""


def problem_of(command: str) -> str:
    """What is wrong with `command`, "" when all of it exists. Parts joined by |, && and ; are looked at one by one."""
    try:
        parts = re.split(r"\s(?:\|\||&&|\||;)\s", command)
        words = [shlex.split(part, comments=True) for part in parts]
    except ValueError as error:
        return f"not a shell command: {error}"
    return next((wrong for each in words if (wrong := _problem(each))), "")


def _problem(words: list[str]) -> str:
    words = _without_prefix(words)
    if not words:
        return ""
    program, rest = ENVIRONMENT.sub("", words[0]), words[1:]
    if program == "bonded":
        return _bonded(rest)
    if program in {"podman", "docker"} and "bonded" in rest:
        return _bonded(rest[rest.index("bonded") + 1 :])  # the image, or the program in a container
    if program == "bonded-client":
        return _client(rest)
    if program == "./dev":
        return _dev(rest)
    if program.startswith((".venv/", "$")) or program in PROGRAMS or (ROOT / program).is_file():
        return ""
    return f"nobody knows the program {program}"


def _without_prefix(words: list[str]) -> list[str]:
    """Without assignments and sudo in front."""
    while words and (words[0] == "sudo" or re.match(r"^[A-Z_]+=", words[0])):
        words = words[1:]
        while words and words[0] in {"-u", "--user"}:
            words = words[2:]
    return words


def _bonded(words: list[str]) -> str:
    from bonded.cli import bonded

    command: click.Command = bonded
    context = click.Context(command, info_name="bonded")
    names, given = iter(words), 0
    for word in names:
        if word in {">", "2>", "<", "&"}:
            break
        if word.startswith("-"):
            option, apart, _ = word.partition("=")
            named = [p for p in command.params if option in p.opts + p.secondary_opts]
            if not named and option not in {"--help", "-h"}:
                return f"`{context.command_path}` has no option {option}"
            if named and not apart and isinstance(named[0], click.Option) and not named[0].is_flag:
                next(names, None)  # its value
        elif isinstance(command, click.Group):
            found = command.get_command(context, word)
            if found is None:
                return f"`{context.command_path}` has no command {word}"
            command, context = found, click.Context(found, info_name=word, parent=context)
        else:
            given += 1
    taken = [p.nargs for p in command.params if isinstance(p, click.Argument)]
    if given > sum(taken) and -1 not in taken:
        return f"`{context.command_path}` takes {sum(taken)} words and is given {given}"
    return ""


@cache
def _client_words() -> frozenset[str]:
    from bonded_client.cli import _parser

    found: set[str] = set()
    todo = [_parser()]
    while todo:
        for action in todo.pop()._actions:
            found.update(action.option_strings)
            if isinstance(action.choices, dict):
                found.update(action.choices)
                todo.extend(action.choices.values())
    return frozenset(found)


def _client(words: list[str]) -> str:
    words = words[: words.index("--")] if "--" in words else words  # what follows is another command
    unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in _client_words()]
    return f"bonded-client has no option {unknown[0]}" if unknown else ""


def _dev(words: list[str]) -> str:
    known = set(re.findall(r"^  ([a-z-]+)(?: \| [-\w| ]+)?\)", (ROOT / "dev").read_text(), re.MULTILINE))
    return "" if not words or words[0] in known else f"./dev has no command {words[0]}"
