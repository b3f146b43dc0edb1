"""The serial of a document of the JSON API: the publication that it shows, in its first bytes, so that a server may tell it in a header.

Mirrors that know PyPI (bandersnatch) compare the header `X-PyPI-Last-Serial` with the serial in the project list, and take
nothing that is older.
"""

from __future__ import annotations

import re

HEADER = "X-PyPI-Last-Serial"
LONGEST = 40
"""Bytes at the beginning of a document that hold its serial."""
_FIRST = b'{"last_serial":'
_SERIAL = re.compile(rb'\{"last_serial":([0-9]{1,20}),')


def with_serial(document: bytes, serial: int) -> bytes:
    """`document`, a JSON object that is not empty, with the serial as its first member."""
    return b"%s%d,%s" % (_FIRST, serial, document[1:])


def serial_of(document: bytes) -> str:
    """The serial in the first bytes of a document, as it is written; "" where there is none."""
    found = _SERIAL.match(document[:LONGEST])
    return found[1].decode("ascii") if found else ""


def without_serial(document: bytes) -> bytes:
    """The document without its serial."""
    found = _SERIAL.match(document[:LONGEST])
    return b"{" + document[found.end() :] if found else document
