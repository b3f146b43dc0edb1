"""The commands `bonded ...`, one file per group of commands; imports are lazy, so that each starts fast.

May import everything. Invariant: data goes to standard output, messages to standard error, failure is a non-zero exit.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from pathlib import Path

import click

from bonded import __version__

COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("bonded.cli.init", "init", "Make a data directory."),
    "serve": ("bonded.cli.serve", "serve", "Run everything in one process group."),
    "web": ("bonded.cli.serve", "web", "Run the web processes only."),
    "worker": ("bonded.cli.serve", "worker", "Run jobs only: screening, mail, withdrawal."),
    "publisher": ("bonded.cli.serve", "publisher", "Run the publisher only."),
    "refresher": ("bonded.cli.serve", "refresher", "Run the refresher only; needs no database."),
    "signer": ("bonded.cli.serve", "signer", "Run the signer only; holds the online keys."),
    "scan": ("bonded.cli.scan", "scan", "Screen archives with no server, no database and no network."),
    "check": ("bonded.cli.check", "check", "The malware checks."),
    "review": ("bonded.cli.review_more", "review", "Decide about held files."),
    "webhook": ("bonded.cli.service", "webhook", "Who is told of verdicts and decisions."),
    "osv": ("bonded.cli.service", "osv", "Advisories on confirmed malware."),
    "vulnerability": ("bonded.cli.vulnerabilities", "vulnerability", "Known vulnerabilities of the projects here."),
    "report": ("bonded.cli.reports", "report", "What people report."),
    "project": ("bonded.cli.index_people", "project", "Projects of the index."),
    "file": ("bonded.cli.index_people", "file", "Files of the index."),
    "user": ("bonded.cli.people_rights", "user", "People."),
    "token": ("bonded.cli.people_rights", "token", "API tokens."),
    "policy": ("bonded.cli.people_rights", "policy", "Who must have a second factor."),
    "mail": ("bonded.cli.mail", "mail", "The mails that an index sends."),
    "tuf": ("bonded.cli.tuf", "tuf", "Keys and signed metadata."),
    "cache": ("bonded.cli.caches", "cache", "Caches in front of the index: headers, purging."),
    "fsck": ("bonded.cli.operations", "fsck", "Check that database, vault, store, journal and metadata agree."),
    "metrics": ("bonded.cli.monitoring", "metrics", "Print the figures of this machine."),
    "job": ("bonded.cli.operations", "job", "Jobs and dead letters."),
    "backup": ("bonded.cli.operations", "backup", "Write a consistent backup."),
    "restore": ("bonded.cli.operations", "restore", "Restore a backup."),
    "migrate": ("bonded.cli.operations", "migrate", "Bring the database to this version's schema."),
}
"""Command -> module, attribute, one line of help; the module is imported when the command is used."""


class LazyGroup(click.Group):
    """A group that imports a command only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bonded")
def bonded() -> None:
    """A Python package index that seals what it serves and inspects what it stores."""
    from bonded.telemetry import logs

    logs.configure("text", "warning")  # standard output is for data


def open_standard_streams() -> None:
    """Have what reads and writes as usual go nowhere where the caller closed a standard stream, as some that start services do.

    Else the next file that is opened gets its number, and what a library prints lands in it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - the lowest number that is free, until the end
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


def main() -> None:
    """Entry point: refusals and wrong settings end in one sentence and exit status 1, never in a traceback."""
    open_standard_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that is not of UTF-8 gets the rest
    try:
        bonded.main(standalone_mode=True)
    except Exception as error:
        from bonded.cli.failures import sentence_of  # it loads the database's library

        words = sentence_of(error)
        if words is None:
            raise
        from bonded.telemetry.systemd import graded, to_journal

        line = f"bonded: {words}"
        click.echo(graded("error", line) if to_journal(2) else line, err=True)
        sys.exit(1)
