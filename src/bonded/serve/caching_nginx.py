"""The part of nginx's configuration that comes from the table of caching headers. Pure.

`deploy/nginx/bonded-caching.inc` is this for the default settings; `bonded cache nginx` prints it for a data directory.
"""

from __future__ import annotations

from collections.abc import Callable

from bonded.serve.caching import NEVER, Row, Times, table

HEAD = """\
# What caches are told about each object, by its path. Written by `bonded cache nginx` from the settings `tuf.page_ttl`,
# `purge.engine` and `purge.bound`: print it anew when they change.
"""


def maps(times: Times) -> str:
    """Three maps over `$uri`: $bonded_cache_control, $bonded_surrogate_control, $bonded_surrogate_key."""
    rows = [row for row in table(times) if row.pattern]
    return HEAD + "".join(
        _map(variable, default, rows, value)
        for variable, default, value in (
            ("bonded_cache_control", NEVER, lambda row: row.cache_control),
            ("bonded_surrogate_control", "", lambda row: row.surrogate_control),
            ("bonded_surrogate_key", "", lambda row: row.keys),
        )
    )


def _map(variable: str, default: str, rows: list[Row], value: Callable[[Row], str]) -> str:
    lines = [f'    "~{row.pattern}" "{value(row)}";\n' for row in rows if value(row)]
    return f'\nmap $uri ${variable} {{\n    default "{default}";\n{"".join(lines)}}}\n'
