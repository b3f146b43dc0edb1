"""What commands that sign or follow signed metadata share: quiet logs, and a sentence for each way in which signing ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def told() -> Iterator[None]:
    """Warnings of the publisher go to standard error; what stops it becomes one sentence and exit status 1."""
    from bonded.seams import SignerRefused, SignerUnusable
    from bonded.telemetry import logs
    from bonded.tuf.claim import Behind, WrongClock
    from bonded.tuf.trust import Untrusted

    logs.configure("text", "warning")
    try:
        yield
    except (Behind, LookupError, SignerRefused, SignerUnusable, Untrusted, WrongClock) as error:
        raise click.ClickException(str(error)) from error
