"""What the client can take: forms of the simple API (PEP 691) and compressed copies (RFC 9110, section 12.5). Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from bonded.serve.paths import HTML, SIMPLE_HTML, SIMPLE_JSON

_V = "application/vnd.pypi.simple."
_FORMS = {
    f"{_V}v1+json": ("json", SIMPLE_JSON),
    f"{_V}latest+json": ("json", SIMPLE_JSON),
    f"{_V}v1+html": ("html", SIMPLE_HTML),
    f"{_V}latest+html": ("html", SIMPLE_HTML),
    HTML: ("html", HTML),
}
_ORDER = (HTML, f"{_V}v1+html", f"{_V}latest+html", f"{_V}v1+json", f"{_V}latest+json")
"""Preference among forms that the client likes equally; old clients that take anything get plain HTML."""

_Q = re.compile(r"0?\.[0-9]{1,9}|0\.?|1(?:\.0{0,9})?", re.ASCII)
"""More than RFC 9110 has (section 12.4.2): clients write ".5", and thirds with all their digits."""

OFFER = ", ".join(_FORMS)
"""What a 406 answer says we have."""


def _weighed(header: str) -> dict[str, float]:
    """Each range or coding of a header in lower case, with its weight; what cannot be read weighs nothing."""
    found: dict[str, float] = {}
    for part in header.lower().split(","):
        value, *parameters = (piece.strip() for piece in part.split(";"))
        q = 1.0
        for parameter in parameters:
            key, _, number = parameter.partition("=")
            if key.strip() == "q":
                q = float(number) if _Q.fullmatch(number.strip()) else 0.0
        if value:
            found[value] = q
    return found


def _weight(accept: dict[str, float], form: str) -> float:
    """The weight of `form`: the most specific range decides (RFC 9110, section 12.5.1)."""
    for one in (form, form.partition("/")[0] + "/*", "*/*"):
        if one in accept:
            return accept[one]
    return 0.0


@lru_cache(maxsize=512)
def simple_form(accept: str, format: str) -> tuple[str, str] | None:
    """Which of "html" and "json" to send, and its Content-Type without charset; None for a `format` that we have not (406).

    `format` is the value of `?format=`, which wins over the header (PEP 691); "" when there is none. A client that takes none of
    our forms gets plain HTML, as PEP 691 allows and PyPI does: what it got, the Content-Type says.
    """
    if format:
        return _FORMS.get(format.replace(" ", "+"))
    weights = _weighed(accept)
    return _FORMS[max(_ORDER, key=lambda form: _weight(weights, form))]  # the first of equals


@lru_cache(maxsize=512)
def codings(accept_encoding: str) -> tuple[str, ...]:
    """Names of the compressed copies to look for, best first: of ("zst", "gz"), those the client takes."""
    if not accept_encoding:
        return ()
    weights = _weighed(accept_encoding)
    anything = weights.get("*", 0.0)
    taken = [
        (-weights.get(coding, anything), order, suffix)
        for order, (coding, suffix) in enumerate((("zstd", "zst"), ("gzip", "gz")))
        if weights.get(coding, anything) > 0
    ]
    return tuple(suffix for _, _, suffix in sorted(taken))


CODING = {"zst": "zstd", "gz": "gzip"}
"""Content-Encoding of each copy."""
