"""`bonded-client proxy`: a local simple index for unmodified installers, in which every byte was verified through TUF.

Parts, from a request inwards: `proxy_http` (the server), `proxy_asked` (what a request names), `proxy_refusal` (failures that
installers show), `proxy_content` (pages and files by name), `proxy_files` and `cache` (bytes), `proxy_signed`,
`proxy_outline` and `proxy_watch` (what the index signed, how fresh). Here they are put together, started and stopped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bonded_client.cache import FileCache
from bonded_client.failures import Failure
from bonded_client.fetcher import Fetcher
from bonded_client.index import Index
from bonded_client.proxy_content import Content
from bonded_client.proxy_files import Files
from bonded_client.proxy_http import Server
from bonded_client.proxy_signed import Signed
from bonded_client.proxy_watch import Timing

CONNECTIONS = 64
_LOCAL = ("127.0.0.1", "localhost", "::1")
_STOP = 10.0
_ELSEWHERE = ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
"""Where installers would look besides, unverified."""
_USUAL = "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"


@dataclass(frozen=True, slots=True)
class Options:
    """`cache` is the folder of all indexes, `limit` the bytes of files in it; `names` are hosts to answer to besides."""

    host: str
    port: int
    cache: Path
    limit: int
    names: Sequence[str]
    timing: Timing


@contextmanager
def serving(
    index: Index, root: bytes, fetcher: Fetcher, options: Options, note: Callable[[str], None]
) -> Iterator[str]:
    """Serve until the end of the block, which gets our address, ending in "/simple/".

    `root` is the root metadata trusted to begin with. Raises Failure when the index is not well, or out of reach with no
    state to go by, and for a port that is taken.
    """
    folder = index.folder(options.cache)
    folder.mkdir(parents=True, exist_ok=True)
    signed = Signed(index, root, folder, fetcher, options.timing, note)
    signed.watch.check()
    files = Files(FileCache(options.cache / "files", options.limit), fetcher)
    names = {name.lower().strip("[]") for name in (*_LOCAL, options.host, *options.names)}
    with closing(Content(signed, files, index.url)) as content, _server(options, content, names, note) as server:
        yield _address(server)


@contextmanager
def _server(options: Options, content: Content, names: set[str], note: Callable[[str], None]) -> Iterator[Server]:
    try:
        server = Server((options.host, options.port), content, "", names, note)
    except OSError as error:
        raise Failure(
            "port-taken", f"{options.host}:{options.port} cannot be listened on: {error.strerror}."
        ) from error
    server.usage = usage(_address(server))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="bonded-client-proxy")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()  # no new connections; requests in progress may end
        thread.join()
        server.busy.over(_STOP)
        server.server_close()


def _address(server: Server) -> str:
    host = server.server_name
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - all of our addresses; what is printed is for this machine
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/simple/"


def usage(url: str) -> str:
    """How to use the proxy at `url`, for a person."""
    return (
        f"Verified packages are at {url}\n"
        f"  pip install --index-url {url} PROJECT\n"
        f"  uv pip install --default-index {url} PROJECT\n"
        f"  export PIP_INDEX_URL={url} UV_DEFAULT_INDEX={url}"
    )


def surroundings(url: str, empty: Path, given: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The environment for an installer that shall use the proxy at `url` only, and the names of what was taken out.

    `empty` is a folder with nothing in it: it hides the find-links of pip's configuration files.
    """
    env = dict(given)
    removed = [name for name in _ELSEWHERE if env.pop(name, "")]
    env["PIP_FIND_LINKS"] = str(empty)
    env |= dict.fromkeys(_USUAL, url)  # an extra index that is ours hides one that pip's configuration files name
    for name in ("NO_PROXY", "no_proxy"):
        env[name] = ",".join(filter(None, (env.get(name, ""), *_LOCAL)))
    return env, removed


def command(words: Sequence[str], url: str, cache: Path, note: Callable[[str], None]) -> int:
    """Run `words` with the proxy as their only index; their exit status. Raises Failure (command-missing)."""
    empty = cache / "empty"
    empty.mkdir(exist_ok=True)
    env, removed = surroundings(url, empty, os.environ)
    if removed:
        note(f"{', '.join(removed)} not passed on to {words[0]}: what is found there is not verified.")
    try:
        child = subprocess.Popen(list(words), env=env)
    except OSError as error:
        raise Failure("command-missing", f"{words[0]} cannot be started: {error.strerror}.") from error
    passing = {number: signal.signal(number, lambda got, _: child.send_signal(got)) for number in (signal.SIGTERM,)}
    try:
        while True:
            try:
                status = child.wait()
                return status if status >= 0 else 128 - status
            except KeyboardInterrupt:
                continue  # the terminal sent it to the child too; it decides
    finally:
        for number, before in passing.items():
            signal.signal(number, before)


def until_stopped() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(3600):
        pass


def say_ready(url: str) -> None:
    """The address on standard output, for programs, and how to use it on standard error, for people."""
    print(f"ready {url}", flush=True)  # noqa: T201
    print(usage(url), file=sys.stderr, flush=True)  # noqa: T201
