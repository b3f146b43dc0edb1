"""Listening sockets, bound before the group forks, so that the port is known and a child's death loses no connection.

One socket for each HTTP process, all on one port (SO_REUSEPORT): the kernel shares connections out evenly. The parent
holds them open, so what arrives while a child is being replaced waits in the queue.
"""

from __future__ import annotations

import errno
import resource
import socket
import sys

BACKLOG = 1024
AT_ONCE = 8
"""Connections that asyncio takes from the queue before it looks elsewhere. Without descriptors it tries as often for nothing, and
logs each time: a thousand tracebacks a second, were it the length of the queue."""


class ListenError(Exception):
    """The address cannot be listened on; the message says why in one sentence."""


def bind(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` sockets that listen on `host` and `port` (0: any free one). Raises ListenError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise ListenError(f"the host {host!r} is not an address of this machine") from None
    made: list[socket.socket] = []
    try:
        _refuse_taken(family, kind, protocol, address)
        for _ in range(count):
            one = socket.socket(family, kind, protocol)
            made.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(address)
            address = one.getsockname()
            one.listen(BACKLOG)
            one.setblocking(False)
    except OSError as error:
        for one in made:
            one.close()
        raise ListenError(_sentence(host, port, error)) from None
    return made


def most_connections(descriptors: int) -> int:
    """How many connections a process with so many descriptors may have: some are for itself, and an answer or an upload needs a file.
    Pure."""
    return max(2, (descriptors - 48) * 2 // 3) if descriptors >= 0 else sys.maxsize


def descriptors() -> int:
    """How many files this process may have open; negative without a limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _refuse_taken(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> None:
    """Raise OSError when somebody listens there already: SO_REUSEPORT alone would share the port with another server."""
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} needs rights that this account does not have; choose one above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"the host {host!r} is not an address of this machine"
    return f"cannot listen on {host} port {port}: {error.strerror}"


def url_of(one: socket.socket) -> str:
    """`http://H:P/` of a listening socket, as it can be typed into a browser on this machine."""
    host, port = one.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "localhost"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
