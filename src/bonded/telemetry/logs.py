"""Logs: one line per event, JSON for machines or text for people, on one stream, with the request id of the moment.

The standard library's logging goes the same way, so that what libraries say is formatted and redacted too.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Literal, TextIO

import orjson
import structlog

from bonded.telemetry import systemd
from bonded.telemetry.outlet import Outlet
from bonded.telemetry.redaction import redact_event

Format = Literal["json", "text"]


def configure(format: Format, level: str, stream: TextIO | Outlet | None = None) -> None:
    """Send all logs of the process to `stream` (standard error when None). `level`: debug, info, warning or error.

    Call once per process, before anything is logged; calling again replaces the earlier choice.
    """
    out = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared = _shared()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_finish(format, out), logger=None)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    logging.getLogger("aiohttp.server").setLevel(max(threshold, logging.ERROR))
    # python-tuf notes each key that did not sign although enough others did: at night that reads like a fault.
    logging.getLogger("tuf").setLevel(max(threshold, logging.WARNING))


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _finish(format: Format, out: TextIO | Outlet) -> list[Any]:
    last: Any = structlog.dev.ConsoleRenderer(colors=out.isatty()) if format == "text" else _json
    with suppress(OSError):  # no descriptor: a stream in memory
        last = systemd.Graded(last) if systemd.to_journal(out.fileno()) else last
    return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, last]


def _json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """One JSON object, without line breaks whatever is in it (nobody can forge a second line)."""
    return orjson.dumps(dict(event), default=str, option=orjson.OPT_NON_STR_KEYS).decode("utf-8", "replace")


def bind_request(request_id: str) -> None:
    """Put `request_id` on everything that this thread or task logs from now on."""
    structlog.contextvars.bind_contextvars(request_id=request_id)


def unbind_request() -> None:
    """Forget what `bind_request` said."""
    structlog.contextvars.unbind_contextvars("request_id")
