"""Conditional and range requests (RFC 9110, sections 13 and 14): headers and a validator in, an outcome out. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_RANGE = re.compile(r"bytes=\s*([0-9]*)-([0-9]*)\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The headers that matter, "" where absent."""

    if_match: str = ""
    if_none_match: str = ""
    if_modified_since: str = ""
    if_unmodified_since: str = ""
    if_range: str = ""
    range: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a body: `count` bytes from `offset`."""

    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status` is 200, 206, 304, 412 or 416; `span` is set with 206."""

    status: int
    span: Span | None = None


NONE = Conditions()
WHOLE = Outcome(200)


def _names(header: str, tag: str, *, weak: bool) -> bool:
    """True when the list in `header` names `tag` (which is strong), by weak or strong comparison."""
    if header.strip() == "*":
        return True
    return any(value == tag and (weak or not mark) for mark, value in _TAG.findall(header))


def _seconds(date: str) -> float | None:
    """Seconds since 1970 of an HTTP date, None when it is not one."""
    try:
        when = parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def outcome(asked: Conditions, *, tag: str, modified: int, size: int) -> Outcome:
    """What to answer to GET or HEAD for an object with the strong entity tag `tag`, changed at `modified` (seconds since
    1970, 0 when unknown), of `size` bytes. Several ranges at once are answered by the whole, as the RFC allows.
    """
    if asked.if_match and not _names(asked.if_match, tag, weak=False):
        return Outcome(412)
    if not asked.if_match and asked.if_unmodified_since and modified:
        since = _seconds(asked.if_unmodified_since)
        if since is not None and modified > since:
            return Outcome(412)
    if asked.if_none_match:
        if _names(asked.if_none_match, tag, weak=True):
            return Outcome(304)
    elif asked.if_modified_since and modified:
        since = _seconds(asked.if_modified_since)
        if since is not None and modified <= since:
            return Outcome(304)
    if asked.range and _range_holds(asked.if_range, tag, modified):
        return _ranged(asked.range, size)
    return WHOLE


def _range_holds(if_range: str, tag: str, modified: int) -> bool:
    """True unless If-Range names another version: a strong tag, or the exact date (RFC 9110, section 13.1.5)."""
    if not if_range:
        return True
    if if_range.lstrip().startswith(('"', "W/")):
        return if_range.strip() == tag
    return bool(modified) and _seconds(if_range) == modified


def _ranged(header: str, size: int) -> Outcome:
    found = _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]) or len(header) > 64:
        return WHOLE  # other units, several ranges, nonsense: ignored, as the RFC asks
    if not found[1]:
        count = min(int(found[2]), size)
        return Outcome(206, Span(size - count, count)) if count else Outcome(416)
    first = int(found[1])
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < first:
        return WHOLE
    return Outcome(206, Span(first, last - first + 1)) if first < size else Outcome(416)
