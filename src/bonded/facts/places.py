"""Kinds of places: which service an address belongs to, and which secrets a path leads to (`places.toml`)."""

from __future__ import annotations

import re
import tomllib
from functools import cache, lru_cache
from importlib import resources
from typing import Final

REQUEST_BIN: Final = "request bin"
CALL_BACK: Final = "call-back host"
TUNNEL: Final = "tunnel"
HOOK: Final = "messenger hook"
PASTE: Final = "paste"
DROP: Final = "file drop"
SHORT: Final = "short address"
FREE: Final = "free host"
LOOK_UP: Final = "address look-up"
METADATA: Final = "cloud metadata"
RESOLVER: Final = "public resolver"
RAW: Final = "bare IP address"
LOCAL: Final = "this machine"
ORDINARY: Final = "host"

_GAP = "…"
_ODD_URL = re.compile(r"\.\.|%2e|@|\\|^[^/]*…")
"""Ways by which another place is reached than the text begins with."""
_HOST = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,15}://)?(?:[^\s/@\"'<>]{0,80}@)?([a-z0-9_…%.-]+|\[[0-9a-f:]+\])(:\d+)?(/[^\s\"'<>]*)?",
    re.IGNORECASE,
)
_URL = re.compile(r"\b(?:https?|wss?|ftp|tcp)://[^\s\"'<>]+", re.IGNORECASE)
_PUBLIC = re.compile(r"[^\s\"']*\.pub(?![\w./])")
"""The public half of a key, which is there to be handed on."""
_IP = re.compile(r"^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$")
_DOMAIN = re.compile(r"^(?:[a-z0-9_…%-]+\.)+[a-z][a-z0-9-]{1,24}$", re.IGNORECASE)


@cache
def table(section: str) -> dict[str, tuple[str, ...]]:
    """One section of the file: kind -> its entries, in lower case."""
    text = resources.files(__package__).joinpath("places.toml").read_text("utf-8")
    return {kind: tuple(one.lower() for one in entries) for kind, entries in tomllib.loads(text)[section].items()}


@cache
def _hosts() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for kind, entries in table("hosts").items():
        for one in entries:
            host, slash, path = one.partition("/")
            found.setdefault(host, []).append((slash + path, kind))
    return found


@lru_cache(maxsize=4096)
def kind_of_address(text: str) -> str:
    """The kind of the first address in `text` (a URL, a host, or "host port"); "" when there is none.

    "…" stands for what is not known of it.
    """
    found = _URL.search(text)
    match = _HOST.match(found.group() if found else text.strip())
    if match is None:
        return ""
    host, path = match.group(1).lower().strip("."), (match.group(3) or "").lower()
    address = _IP.match(host)
    if address is not None:
        return _of_number(host, int(address.group(1)), int(address.group(2)))
    if host in ("localhost", "[::1]", "0"):
        return LOCAL
    known = _of_name(host, path)
    return known or (ORDINARY if _DOMAIN.match(host) and (found or not _is_word(host)) else "")


def is_of(kind: str, address: str) -> bool:
    """Whether a URL is one of those under `kind` in `[makers]`, safe from whoever is between."""
    scheme, _, rest = address.lower().partition("://")
    place = re.split(r"[?#]", rest)[0]
    place = place if "/" in place else f"{place}/"
    here = rest.startswith(("localhost:", "127.0.0.1:"))
    if (scheme != "https" and not here) or _ODD_URL.search(place):
        return False
    return any(place.startswith(one) if one.endswith("/") else place == one for one in table("makers")[kind])


def _of_number(host: str, first: int, second: int) -> str:
    known = _hosts().get(host)
    if known is not None:
        return known[0][1]
    private = first in (0, 10, 127) or (first == 192 and second == 168) or (first == 172 and 16 <= second < 32)
    return LOCAL if private or first >= 224 else RAW


def _of_name(host: str, path: str) -> str:
    parts = host.split(".")
    for start in range(len(parts)):
        for wanted, kind in _hosts().get(".".join(parts[start:]), ()):
            if path.startswith(wanted):
                return kind
    return ""


def _is_word(host: str) -> bool:
    """Whether a dotted text without a scheme is likelier a file or a module than a host."""
    return host.rpartition(".")[2] in (
        "py",
        "txt",
        "json",
        "html",
        "exe",
        "dll",
        "zip",
        "cfg",
        "md",
        "toml",
        "log",
        "dat",
        "db",
        "bat",
        "vbs",
    )


@lru_cache(maxsize=4096)
def kind_of_file(path: str) -> str:
    """The kind of secrets that a path leads to; "" for any other path. "…" stands for what is not known of it."""
    plain = _PUBLIC.sub("", re.sub(r"[/\\]+", "/", path.lower()))
    for kind, parts in table("files").items():
        if any(part in plain for part in parts):
            return kind
    return ""


@lru_cache(maxsize=1024)
def tells(command: str) -> str:
    """What the output of a command says: "credentials", "environment", "host", or ""."""
    words = " ".join(command.split()).lower()
    words = re.sub(r"^(?:sudo |cmd(?:\.exe)? /c |(?:\S*/)?(?:ba|z)?sh -c ['\"]?)", "", words)
    words = re.sub(r"^(?:/\S*/)", "", words)
    if _secret_output().match(words):
        return "credentials"
    for what in ("environment", "host"):
        if any(
            words == one or words.startswith((f"{one} ", f"{one}|", f"{one};", f"{one}.exe"))
            for one in table("commands")[what]
        ):
            return what
    return ""


@cache
def _secret_output() -> re.Pattern[str]:
    entries = (re.escape(one).replace("\\ …\\ ", " .*").replace("…", ".*") for one in table("commands")["credentials"])
    return re.compile("|".join(entries))


@cache
def _services() -> dict[str, str]:
    return {name.upper(): service for service, names in table("variables").items() for name in names}


def service_of(variable: str) -> str:
    """The service that a variable of the environment holds the key to; "" for none that is known."""
    return _services().get(variable.upper(), "")


def is_settings(path: str) -> bool:
    """Whether a file holds variables of the environment: ".env", ".env.local"; not an example of one."""
    last = re.split(r"[/\\]", path.lower())[-1]
    return (last == ".env" or last.startswith(".env.")) and not last.endswith(("example", "sample", "template", "dist"))
