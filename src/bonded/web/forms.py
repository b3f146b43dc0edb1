"""Reading posted forms: each field is read with its rule, and what is wrong is said beside it.

A view reads all fields, then looks at `errors`; a page that shows the form again shows them and what was typed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from bonded.accounts.passwords import MAX_BYTES
from bonded.values.refusals import Refusal
from bonded.values.text import has_control
from bonded.web.refusals import BAD_FORM

if TYPE_CHECKING:
    from bonded.web.request import Request

SECRET = frozenset(
    {"password", "again", "old", "confirm_password", "code", "recovery", "answer", "confirm_code", "confirm_answer"}
)
"""Fields that are never sent back to the page."""


def not_offered(name: str) -> Refusal:
    """What is said of a field with a value that the page does not offer (bad-form)."""
    return Refusal(BAD_FORM, f"the field {name} has a value that is not offered")


class Form:
    """One posted form, or an empty one before anything was posted. `errors` maps a field's name to a sentence."""

    def __init__(self, request: Request, values: dict[str, str] | None = None) -> None:
        self._request = request
        self._multi = request.POST if request.method == "POST" else None
        self._values = dict(values or {}) | (dict(self._multi.items()) if self._multi is not None else {})
        self.errors: dict[str, str] = {}

    def value(self, name: str) -> str:
        """What was typed into the field, to show it again; "" for secrets."""
        return "" if name in SECRET else self._text(name)

    def wrong(self, name: str, sentence: str) -> None:
        """Say what is wrong with a field ("" for the form as a whole); its first error stays."""
        self.errors.setdefault(name, sentence)

    def text(self, name: str, *, most: int = 200, required: bool = True) -> str:
        """A line of text without blanks around it, at most `most` characters."""
        value = self._text(name).strip()
        if not value and required:
            self.wrong(name, self._request.gettext("Fill this in."))
        elif len(value) > most:
            self.wrong(name, self._too_long(most))
        elif has_control(value):
            self.wrong(name, self._request.gettext("Control characters are not possible here."))
        return value

    def words(self, name: str, *, most: int = 1000) -> str:
        """Text of several lines, at most `most` characters; line ends become blanks."""
        value = " ".join(self._text(name).split())
        if len(value) > most:
            self.wrong(name, self._too_long(most))
        return value

    def _too_long(self, most: int) -> str:
        return self._request.ngettext("At most %(n)s character.", "At most %(n)s characters.", most)

    def secret(self, name: str) -> str:
        """A secret exactly as typed; of one too long to be a password, more than a password can have."""
        value = self._text(name)
        if not value:
            self.wrong(name, self._request.gettext("Fill this in."))
        return value[: MAX_BYTES + 1]  # no shorter: the first part of a password must not pass for all of it

    def answer(self, name: str) -> str:
        """What the browser wrote there for a security device; "" counts as missing."""
        value = self._text(name)
        if not value:
            self.wrong("", self._request.gettext("The security device gave no answer."))
        return value[:32_768]

    def choice(self, name: str, allowed: Collection[str]) -> str:
        """One of `allowed`. Raises Refusal (bad-form): a browser showing our page sends nothing else."""
        value = self._text(name)
        if value not in allowed:
            raise not_offered(name)
        return value

    def choices(self, name: str, allowed: Collection[str]) -> tuple[str, ...]:
        """Any number of `allowed`, in their order. Raises Refusal (bad-form) for anything else."""
        posted = set(self._multi.getall(name)) if self._multi is not None else set()
        if posted - set(allowed):
            raise not_offered(name)
        return tuple(value for value in allowed if value in posted)

    def _text(self, name: str) -> str:
        return self._values.get(name, "")


def whole(text: str, *, least: int = 0, most: int = 2**62) -> int:
    """A whole number from a query or path. Raises Refusal (bad-form)."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise Refusal(BAD_FORM, f"{text[:30]!r} is not a number from {least}")
    return int(text)
