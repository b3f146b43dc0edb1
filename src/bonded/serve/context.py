"""What the server is given: callables and settings. It knows no database and no web framework."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from bonded.seams import Storage
from bonded.serve.caching import STALE_IF_ERROR, Times
from bonded.telemetry.metrics import Level

KIB, MIB = 1024, 1024 * 1024

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application (PEP 3333)."""


class Receiver(Protocol):
    """Takes the body of an upload in pieces. `feed` and `finish` raise Refusal; `abort` forgets what was received."""

    def feed(self, chunk: bytes) -> None: ...
    def finish(self) -> Any: ...
    def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Limits and times of the server. Sizes in bytes, times in seconds."""

    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks whose X-Forwarded-* headers are believed."""
    threads: int = 4
    """Requests that the web application works on at once, per process."""
    queue: int = 64
    """Requests that may wait for a thread; beyond, the answer is 503."""
    head_timeout: float = 10.0
    """From the first byte of a request to the end of its head."""
    idle_timeout: float = 75.0
    """How long a connection may stay open between requests."""
    request_timeout: float = 30.0
    """How long the body of a form may take."""
    send_timeout: float = 60.0
    """How long a client may take for each 256 KiB of an answer."""
    max_body: int = 2 * MIB
    """Bodies other than uploads."""
    max_upload: int = 1088 * MIB
    """A whole upload request: file, form and framing."""
    upload_idle_timeout: float = 60.0
    upload_total_timeout: float = 3600.0
    max_uploads: int = 64
    """Uploads received at once, per process."""
    most_connections: int = 0
    """Connections at once, per process; beyond, idle ones end. 0: as the limit of open files allows."""
    stop_timeout: float = 30.0
    """How long requests in flight may take after the stop was asked for."""
    page_ttl: float = 10.0
    """How long caches may keep plain pages."""
    package_bound: float = 5.0
    """How long shared caches that nothing purges may keep a file that may be withdrawn."""
    purged: bool = False
    """A purger clears the caches that heed Surrogate-Control."""
    grace: float = 86_400.0
    """How long withdrawn objects are kept; nothing may be served stale for longer."""
    cache_bytes: int = 16 * MIB
    """Memory for small files, per process."""
    cache_item: int = 256 * KIB
    access_log: Literal["json", "text", "off"] = "json"
    metrics_from: tuple[str, ...] = ("127.0.0.0/8", "::1")
    """Addresses or networks that may read /metrics."""

    @property
    def times(self) -> Times:
        """What the table of caching headers depends on."""
        return Times(self.page_ttl, self.package_bound, self.purged, min(self.grace, STALE_IF_ERROR))


def _always_ready() -> Sequence[str]:
    return ()


def _no_levels() -> Iterable[Level]:
    return ()


@dataclass(frozen=True, slots=True)
class ServeContext:
    """Everything that one HTTP process works with.

    `public` is the folder of the public store, or a Storage where it is not on this machine. `may_read` gets the request's
    headers (lower-case names) and says whether they may read; None: everybody may. `may_upload` gets the headers and the
    address of an upload before its body is received; where it says no, nothing is received and the application, which is
    asked all the same, says why. `new_submission` and `may_submit` are the same for archives that are only screened. `ready`
    names what keeps the server
    from doing its work, in one sentence each; `alarms` what needs a person although it works. `levels` reads figures for
    /metrics. All of these are called in threads.
    """

    public: Path | Storage
    application: Application
    new_receiver: Callable[[str], Receiver]
    clock: Callable[[], datetime]
    may_read: Callable[[Mapping[str, str]], bool] | None = None
    may_upload: Callable[[Mapping[str, str], str], bool] | None = None
    new_submission: Callable[[str], Receiver] | None = None
    may_submit: Callable[[Mapping[str, str], str], bool] | None = None
    ready: Callable[[], Sequence[str]] = _always_ready
    alarms: Callable[[], Sequence[str]] = _always_ready
    levels: Callable[[], Iterable[Level]] = _no_levels
    settings: ServeSettings = field(default_factory=ServeSettings)
