"""A failure as an HTTP answer that installers show to the person.

uv and poetry show the body or the reason phrase of a 4xx or 5xx answer, for pages and files; pip shows the reason phrase
for files only. For a page pip says nothing of any error status, and goes on as if the project did not exist; it does show a
Content-Type that it cannot read. So pip, and only pip, is told there (`tests/client_proxy/test_messages.py` holds them to it).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from bonded_client.failures import CATALOGUE, Exit, Failure

_STATUS = {
    Exit.NOT_FOUND: 404,
    Exit.UNREACHABLE: 504,
    Exit.SLOW: 504,
    Exit.UNTRUSTED: 409,
    Exit.EXPIRED: 409,
    Exit.LOCAL: 507,
}
"""uv tries again after 5xx. That does not help against what was signed wrongly, which is 409. Not 502 or 503: pip says only
"too many 502 error responses" when it has tried those for long enough."""
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Refusal:
    """`reason` is the reason phrase: ASCII, one line."""

    status: int
    reason: str
    type: str
    body: bytes


def refusal(failure: Failure, base: str, *, page: bool, agent: str) -> Refusal:
    """The answer for `failure`. `base` is our address as the client knows it; `agent` is its User-Agent header."""
    text = line(f"bonded-client: {failure} {base}help/{failure.code}")
    status = _STATUS[failure.exit]
    if page and status != 404 and agent.startswith("pip/"):
        quoted = text.replace("\\", "/").replace('"', "'")
        return Refusal(200, "OK", f'text/plain; refused="{quoted}"', f"{text}\n".encode())
    problem = {
        "type": f"{base}help/{failure.code}",
        "title": "Refused by bonded-client" if failure.kind.attack else "bonded-client",
        "status": status,
        "detail": str(failure),
        "code": failure.code,
    }
    return Refusal(status, text, "application/problem+json", json.dumps(problem).encode())


def line(text: str) -> str:
    """`text` as printable ASCII on one line."""
    shown = "".join(c if " " <= c <= "~" else "?" for c in text)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."


def help_text(code: str) -> str | None:
    """What the failure `code` means, for a person who follows the link in a message; None for an unknown code."""
    kind = CATALOGUE.get(code)
    if kind is None:
        return None
    attack = (
        "This is what an attack between you and the index looks like; a broken proxy or disk can cause it too.\n"
        "Nothing of it was handed to your installer. Do not install it from elsewhere meanwhile.\n"
        if kind.attack
        else ""
    )
    return f"{code}\n\n{kind.meaning}\n{attack}What to do: {kind.advice}\n"
