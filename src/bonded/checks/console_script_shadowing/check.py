"""The package installs a command under the name of a tool that everybody uses.

**What it looks for.** Entry points and scripts of a wheel that are called as commands of the system (`ls`, `sudo`, `ssh`, `git`),
of Python itself (`python`, `pip`), or as a popular project, in an archive of another project.

**Why it matters.** In an active virtual environment such a command comes before the system's own, also for root's scripts.

**What is not flagged.** Projects that own their command: its name is part of theirs, or they are popular themselves.

**When it is a false alert.** Projects that package a tool for pip (`cmake`, `ninja`) install it under its name on purpose; their
own name says so, and then nothing is flagged.
"""

from __future__ import annotations

from collections.abc import Iterator

from bonded.checks.claims import own_name
from bonded.checks.context import Context
from bonded.checks.kit import Hit, check, word_set
from bonded.checks.popular import popular
from bonded.facts.model import Facts
from bonded.values.finding import Severity

_SYSTEM = word_set(
    "ls cat cp mv rm ps ssh scp sftp sudo su git curl wget bash sh zsh env which whoami passwd login systemctl service apt "
    "apt-get yum dnf brew npm node yarn java javac docker kubectl helm terraform gpg openssl nc netstat ifconfig ip ping kill "
    "chmod chown mount tar gzip find grep sed awk vim vi nano less more top make gcc cc g++ ld echo cd pwd man cron crontab "
    "powershell cmd explorer taskmgr"
)
_PYTHON = word_set("python python2 python3 pip pip3 pipx uv poetry conda virtualenv pytest twine easy_install idle")


@check(
    name="console-script-shadowing",
    version=1,
    severity=Severity.MEDIUM,
    sentence="The package installs a command under the name of a tool that everybody uses.",
    uses_context=True,
)
def script_shadowing(facts: Facts, context: Context | None) -> Iterator[Hit]:
    """One hit for each command that belongs to somebody else."""
    name = own_name(facts, context)
    if name in popular():
        return
    words = set(name.split("-"))
    for script in facts.naming.scripts:
        plain = script.removesuffix(".exe").removesuffix(".py").lower()
        if plain.rstrip("0123456789") in words or plain in words or plain == name:
            continue
        if plain in _SYSTEM or plain in _PYTHON:
            owner = "Python" if plain in _PYTHON else "the system"
            yield Hit(f"it installs a command {script!r}, which is one of {owner}", 0.5, path=script)
        elif plain in popular() and len(plain) >= 4:
            yield Hit(f"it installs a command {script!r}, as the project of that name does", 0.2, severity=Severity.LOW)
