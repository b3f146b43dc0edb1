"""Pieces of sentences that are translated by themselves: our words for states and roles, what depends on a number, and lists.

A refusal is one English sentence. Whoever shows it fits it to the known sentences and fills its values into the translation
(`values.translating`), where a word of ours among the values would stay English, and "1 minutes" be wrong in most languages.
So such a value is put in by a piece, `f"... is {file_state(state)}"`: the piece's name becomes that of the place
(`web.sentences`), and what stands there is translated when it is one of the few texts that the piece makes. Anything else
stays as it is: a project may be called "owner". Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bonded.values.lists import listed


class Catalogue(Protocol):
    """What of a gettext catalogue is used here."""

    def pgettext(self, context: str, message: str, /) -> str: ...
    def ngettext(self, msgid1: str, msgid2: str, n: int, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Words:
    """A small set of words. `words` maps the code of each to how it is said in English; `context` tells translators of what."""

    context: str
    words: Mapping[str, str]

    def __call__(self, code: str) -> str:
        """The English word; a code that is not among them as it is."""
        return self.words.get(str(code), str(code))

    def translated(self, text: str, catalogue: Catalogue) -> str:
        """`text`, an English word of this set, in the catalogue's language; any other text as it is."""
        return catalogue.pgettext(self.context, text) if text in self.words.values() else text


@dataclass(frozen=True, slots=True)
class Counted:
    """A phrase with a number: `one` for exactly one, `many` for others. Both hold %(n)s."""

    one: str
    many: str

    def __call__(self, n: int) -> str:
        """The English phrase."""
        return (self.one if n == 1 else self.many) % {"n": n}

    def translated(self, text: str, catalogue: Catalogue) -> str:
        """`text`, made by this piece, in the catalogue's language with its plural form; any other text as it is."""
        for form in (self.one, self.many):
            before, _, after = form.partition("%(n)s")
            found = re.fullmatch(re.escape(before) + "([0-9]{1,12})" + re.escape(after), text)
            if found:
                return catalogue.ngettext(self.one, self.many, int(found[1])) % {"n": found[1]}
        return text


def names(parts: Iterable[str]) -> str:
    """Names, none with a blank or a comma, as English lists them: "a, b, and c". They stay, what is between them is translated."""
    return listed(parts, "en")


def _names_in(text: str, language: str) -> str:
    """`text`, made by `names`, as the language writes lists; any other text as it is."""
    parts = re.split(r", and | and |, ", text)
    return (
        listed(parts, language) if names(parts) == text and not any(re.search(r"[\s,]", one) for one in parts) else text
    )


def _plain(*codes: str) -> dict[str, str]:
    return {code: code.replace("_", " ") for code in codes}


file_state = Words("a file is", _plain("received", "public", "held", "rejected", "quarantined", "removed"))
project_status = Words("a project is", _plain("active", "archived", "quarantined", "deprecated"))
account_state = Words("an account is", _plain("active", "frozen", "deleted"))
check_state = Words("a check is", _plain("enabled", "disabled", "wiped_out") | {"evaluation": "in evaluation"})
backfill_state = Words("a backfill is", _plain("running", "paused", "cancelled", "done"))
report_state = Words("a report is", _plain("new", "linked", "dismissed"))
project_role = Words("role in a project", _plain("owner", "maintainer"))
token_may = Words(
    "an API token may", {"upload": "upload files", "yank": "yank files", "screen": "have archives screened"}
)

again_in_minutes = Counted("try again in %(n)s minute", "try again in %(n)s minutes")
again_in_seconds = Counted("try again in %(n)s second", "try again in %(n)s seconds")
seconds_behind = Counted("is %(n)s second behind", "is %(n)s seconds behind")
seconds_ahead = Counted("is %(n)s second ahead", "is %(n)s seconds ahead")
at_least_characters = Counted("at least %(n)s character", "at least %(n)s characters")
days_after_becoming = Counted("%(n)s day after they became one", "%(n)s days after they became one")
for_days_only = Counted("for %(n)s day only", "for %(n)s days only")

PIECES: dict[str, Words | Counted] = {
    name: piece for name, piece in list(globals().items()) if isinstance(piece, Words | Counted)
}
"""Every piece, by its name."""


def translated(place: str, value: str, catalogue: Catalogue, language: str) -> str:
    """What stands at a place of a sentence, translated if the place is a piece's ("file_state2" is `file_state`'s second)."""
    name = place.rstrip("0123456789")
    if name == names.__name__:
        return _names_in(value, language)
    piece = PIECES.get(name)
    return piece.translated(value, catalogue) if piece else value
