"""The words of `bonded-client proxy`, and what they start."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from bonded_client import proxy
from bonded_client.cache import DEFAULT_LIMIT
from bonded_client.fetcher import Fetcher
from bonded_client.index import Index
from bonded_client.proxy_watch import Timing
from bonded_client.trust import read_root

PORT = 8458
TIMEOUT = 8.0
"""Seconds without a byte before the index is slow. pip waits 15 for us, and must hear the reason before."""
_SIZES = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    one = commands.add_parser("proxy", help="serve a verified local index to unmodified pip, uv and poetry")
    one.add_argument("--port", type=_port, default=PORT, metavar="P", help=f"port to listen on, 0 for any: {PORT}")
    one.add_argument("--host", default="127.0.0.1", metavar="H", help="address to listen on: 127.0.0.1")
    one.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="answer to this name too")
    grace = "how long what was verified last is used when the index is out of reach, unless it expires: 1h"
    one.add_argument("--offline-grace", type=_duration, default=3600.0, metavar="TIME", help=grace)
    one.add_argument(
        "--cache-size", type=_size, default=DEFAULT_LIMIT, metavar="SIZE", help="most that cached files may take: 5G"
    )
    one.add_argument("words", nargs="*", metavar="-- COMMAND", help="run this with the proxy as its index, then stop")
    one.set_defaults(start=start)


def start(
    options: argparse.Namespace, cache: Path, fetcher: Callable[[int], Fetcher], note: Callable[[str], None]
) -> int:
    """Serve until stopped, or until the command that was given ends; then with its exit status. Raises Failure."""
    index: Index = options.index
    chosen = proxy.Options(
        host=options.host,
        port=options.port,
        cache=cache,
        limit=options.cache_size,
        names=options.allow_host,
        timing=Timing(grace=options.offline_grace),
    )
    root = read_root(options.root)
    with proxy.serving(index, root, fetcher(proxy.CONNECTIONS), chosen, note) as url:
        if options.words:
            return proxy.command(options.words, url, cache, note)
        proxy.say_ready(url)
        proxy.until_stopped()
    return 0


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError("between 0 and 65535")
    return port


def _size(text: str) -> int:
    return int(_measured(text.upper().removesuffix("B").removesuffix("I"), _SIZES, "a size such as 500M or 5G"))


def _duration(text: str) -> float:
    return _measured(text.lower(), _TIMES, "a time such as 30m, 12h or 1d")


def _measured(text: str, units: dict[str, int], what: str) -> float:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z]?)", text)
    if found is None or found[2] not in units:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return float(found[1]) * units[found[2]]
