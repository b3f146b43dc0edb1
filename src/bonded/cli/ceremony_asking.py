"""What the commands of ceremonies share: sentences instead of tracebacks, passphrases, and questions to a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)


def passphrase_option(command: F) -> F:
    """`--passphrase-file FILE`, for scripts; without it a person is asked."""
    words = "File that holds the passphrase of the private key; without it you are asked."
    return click.option("--passphrase-file", type=FILE, help=words)(command)


@contextmanager
def plainly() -> Iterator[None]:
    """What a ceremony refuses becomes one sentence and exit status 1."""
    from bonded.seams import SignerRefused, SignerUnusable
    from bonded.tuf.steps import BadSteps
    from bonded.tuf.transcript import CeremonyRefused
    from bonded.tuf.trust import Untrusted

    try:
        yield
    except (BadSteps, CeremonyRefused, SignerRefused, SignerUnusable, Untrusted) as error:
        raise click.ClickException(str(error)) from error


def passphrase(given: Path | None, what: str, *, new: bool = False) -> bytes:
    """The passphrase from the file, or from a person, who types a new one twice."""
    from bonded.tuf.ceremony_keys import read_file

    if given is not None:
        return read_file(given).strip()
    return str(click.prompt(f"Passphrase of {what}", hide_input=True, confirmation_prompt=new, err=True)).encode()


def show(lines: Iterable[str]) -> None:
    """Lines on standard output."""
    for line in lines:
        click.echo(line)
