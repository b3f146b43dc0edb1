"""From a request to the environment of PEP 3333. Pure."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from bonded.serve.peers import FORWARDED, Peer


def native(text: str) -> str:
    """Text as aiohttp decoded it, as the "native string" of PEP 3333: one character for each byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def fault_of(path: str, query: str) -> str:
    """Why the application should not see this path and query, "" when it may: bytes that are not UTF-8, or a NUL."""
    for part in (path, query):
        raw = unquote_to_bytes(part.encode("utf-8", "surrogateescape"))
        if b"\0" in raw:
            return "the address holds a NUL byte"
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return "the address is not UTF-8"
    return ""


def fold(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, repeated ones joined. Names with an underscore are dropped: in the environment they
    could not be told from names with a dash, so a client could put on a header that a proxy set."""
    found: dict[str, str] = {}
    for key, value in pairs:
        name = key.lower()
        if "_" in name:
            continue
        if name in found:
            found[name] += ("; " if name == "cookie" else ",") + value
        else:
            found[name] = value
    return found


def make(
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    peer: Peer,
    body: BinaryIO,
    length: int,
    request_id: str,
) -> dict[str, Any]:
    """The environment. `headers` come from `fold`; `length` is that of `body`, whatever the request's header said."""
    default = "443" if peer.scheme == "https" else "80"
    host, _, port = peer.host.rpartition(":") if not peer.host.endswith("]") else (peer.host, "", "")
    name, number = (host, port) if host and port.isdigit() else (peer.host, default)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path.encode("utf-8", "surrogateescape")).decode("latin-1"),
        "QUERY_STRING": native(query),
        "SERVER_NAME": native(name) or "localhost",
        "SERVER_PORT": number,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": peer.address,
        "CONTENT_LENGTH": str(length),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": peer.scheme,
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "bonded.request_id": request_id,
    }
    for key, value in headers.items():
        if key == "content-type":
            environ["CONTENT_TYPE"] = native(value)
        elif key == "host":
            environ["HTTP_HOST"] = native(peer.host)
        elif key not in _OURS:
            environ["HTTP_" + key.upper().replace("-", "_")] = native(value)
    return environ


_OURS = frozenset((*FORWARDED, "content-length", "transfer-encoding", "connection", "expect", "te", "trailer", "proxy"))
"""Not passed on: settled here, about the connection only, or (Proxy) a known way to poison programs that the app runs."""
