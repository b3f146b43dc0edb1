"""Ports of this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved(port: int = 0) -> Iterator[int]:
    """A port of loopback, or this one, that nobody else is given meanwhile, also not before its server has started or while it is stopped.

    It is bound and not listened on: the kernel gives it to no other socket that asks for any free port, and who names it and sets
    SO_REUSEADDR, as servers do, may listen there.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        yield int(holder.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
