"""Refusals: the one exception family for bad input, each with a fixed code, a status and a sentence.

`CATALOGUE` lists every code with its HTTP status and the explanation shown at /help/refusals/<code>/; a refusal with a
code that is not in it cannot be made, so nothing undocumented reaches a user.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RefusalKind:
    """One kind of refusal. `status` is the HTTP status; `help` explains cause and cure to the person refused."""

    code: str
    status: int
    title: str
    help: str


CATALOGUE: dict[str, RefusalKind] = {}


def define(code: str, status: int, title: str, help: str) -> str:
    """Add a kind of refusal to the catalogue and return its code.

    Rooms call it at import, beside the rule that refuses. Raises ValueError when another kind has the code already.
    """
    kind = RefusalKind(code, status, title, help)
    if CATALOGUE.setdefault(code, kind) != kind:
        raise ValueError(f"two kinds of refusal share the code {code}")
    return code


class Refusal(Exception):
    """Input that is refused. Nothing was changed.

    `sentence` is for the person refused: English, printable ASCII where it can be, at most 150 characters in the HTTP
    reason phrase (`reason()`), the whole of it in the body.
    """

    def __init__(self, code: str, sentence: str, *, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.kind = CATALOGUE[code]
        self.sentence = sentence
        self.retry_after = retry_after

    @property
    def code(self) -> str:
        return self.kind.code

    @property
    def status(self) -> int:
        return self.kind.status

    def reason(self) -> str:
        """The HTTP reason phrase: ASCII, no control characters, at most 150 characters (twine prints nothing else)."""
        text = "".join(c if " " <= c <= "~" else "?" for c in self.sentence)
        return text if len(text) <= 150 else text[:147] + "..."
