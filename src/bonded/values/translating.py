"""Translations that are safe to show: catalogues read from their .po source, judged message by message; and pseudo-languages.

What a translator sends in is not trusted. A message whose placeholders, plural forms or markup are not those of the original
is left out, so readers get it in English: a bad catalogue breaks nothing and can put nothing into a page. Pure.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from gettext import NullTranslations, c2py

from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po

from bonded.values import pieces
from bonded.values.languages import formats_of
from bonded.values.strange import strange

SENTENCES = "sentences"
"""Where a message comes from that is one of the sentences of refusals (`web.messages`)."""
_PLACE = re.compile(r"%\(([A-Za-z_][A-Za-z0-9_]*)\)([#0 +-]*[0-9.]*[a-zA-Z])|%%|%")
_MARKUP = re.compile(r'[<>"]|&#?\w+;')


Texts = str | tuple[str, ...] | list[str]
"""One message, or one with plural forms."""


def several(texts: Texts | None) -> tuple[str, ...]:
    """All forms of a message."""
    return (texts,) if isinstance(texts, str) else tuple(texts or ())


def fault(original: Texts, translated: Texts, forms: int) -> str:
    """ "" when `translated` may stand for `original` in a language with so many plural forms, else what is wrong with it."""
    originals, texts = several(original), several(translated)
    if len(originals) > 1 and len(texts) != forms:
        return f"it has {len(texts)} plural forms, the language has {forms}"
    if len(originals) == 1 and len(texts) != 1:
        return "it has plural forms, the original has none"
    for text in texts:
        wrong = _fault(originals, text)
        if wrong:
            return wrong
    return ""


def _fault(originals: tuple[str, ...], text: str) -> str:
    if not text.strip():
        return "it is empty"
    places: list[frozenset[str]] = [_places(one) for one in originals]
    own = _places(text)
    # A form for exactly one thing may leave the number out, as English does; it may name nothing that is not there.
    if len(originals) == 1 and own != places[0]:
        return f"its placeholders are {_words(own)}, those of the original {_words(places[0])}"
    if not any(own <= one for one in places) or (len(originals) > 1 and not min(places, key=len) <= own):
        return f"its placeholders are {_words(own)}, those of the original {_words(max(places, key=len))}"
    for sign in set(_MARKUP.findall(text)):
        if not any(text.count(sign) <= one.count(sign) for one in originals):
            return f"it has {sign!r}, which the original has not"
    odd = next((char for char in text if strange(char) and char not in _FINE and char not in originals[0]), "")
    return f"it has the invisible character U+{ord(odd):04X}" if odd else ""


_FINE = frozenset("\u00a0\u202f\u200e\u200f\u200c\u200d")
"""Fixed blanks, joiners and marks of direction belong to good writing; overrides and embeddings do not."""


def _places(text: str) -> frozenset[str]:
    """What is filled in: names with their kinds. "%" alone stands for a broken one."""
    return frozenset(
        f"%({found[1]}){found[2]}" if found[1] else found[0] for found in _PLACE.finditer(text) if found[0] != "%%"
    )


def _words(places: frozenset[str]) -> str:
    return ", ".join(sorted(places)) or "none"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence as a pattern for what was made of it, and its translation."""

    expression: re.Pattern[str]
    original: str
    translated: str


class Spoken(NullTranslations):
    """The sound messages of one catalogue. What is missing, empty, fuzzy or unsound is in English."""

    def __init__(self, language: str, catalogue: Catalog) -> None:
        super().__init__()
        self.language = language
        forms, expression = plural_rule(language)
        self._form = c2py(expression)
        self._singular: dict[str, str] = {}
        self._plural: dict[str, tuple[str, ...]] = {}
        """Both by `_key`."""
        self._patterns: list[Pattern] = []
        self.refused: list[tuple[str, str]] = []
        """Messages that were left out, each with why."""
        for message in _said(catalogue):
            wrong = fault(message.id, several(message.string), forms)
            if wrong:
                self.refused.append((several(message.id)[0], wrong))
            else:
                self._add(message)

    def _add(self, message: Message) -> None:
        if isinstance(message.id, str):
            self._singular[_key(message.context, message.id)] = str(message.string)
            if any(where == SENTENCES for where, _ in message.locations):
                self._patterns.append(Pattern(pattern(message.id), message.id, str(message.string)))
        else:
            texts = several(message.string)
            key = _key(message.context, message.id[0])
            self._plural[key] = texts
            self._singular.setdefault(key, texts[self._form(1)])

    def gettext(self, message: str) -> str:
        return self._singular.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self._counted(msgid1, msgid1, msgid2, n)

    def pgettext(self, context: str, message: str) -> str:
        return self._singular.get(_key(context, message), message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self._counted(_key(context, msgid1), msgid1, msgid2, n)

    def _counted(self, key: str, one: str, many: str, n: int) -> str:
        texts = self._plural.get(key)
        return texts[self._form(n)] if texts else (one if n == 1 else many)

    def sentence(self, text: str) -> str | None:
        """The translation of a sentence that was made of one of the known ones; None when it is not known."""
        if text in self._singular:
            return self._singular[text]
        fitting = [
            (len(one.original), one, found)
            for one in self._patterns
            if (found := one.expression.fullmatch(text[:2000]))
        ]
        if not fitting:
            return None
        _, best, found = max(fitting, key=lambda one: one[0])
        values = found.groupdict()
        return filled(
            best.translated, {name: pieces.translated(name, values[name], self, self.language) for name in values}
        )


def _key(context: str | None, message: str) -> str:
    """Where a message stands in a catalogue: two meanings of one English word have two contexts. As gettext joins them."""
    return f"{context}\x04{message}" if context else message


def plural_rule(language: str) -> tuple[int, str]:
    """How many plural forms a language has, and which one a number takes, as C (CLDR by Babel). Never what a catalogue says."""
    rule = get_plural(formats_of(language))
    return rule.num_plurals, rule.plural_expr


def read(data: bytes, language: str) -> Spoken:
    """The catalogue of a language from the bytes of its .po file; without a message where they cannot be read."""
    try:
        return Spoken(language, read_po(io.BytesIO(data), locale=formats_of(language), abort_invalid=True))
    except Exception as error:  # whatever a broken file does to the parser, pages are in English then
        broken = Spoken(language, Catalog())
        broken.refused.append(("", f"the file cannot be read: {error}"))
        return broken


def _said(catalogue: Catalog) -> Iterator[Message]:
    for message in catalogue:
        if message.id and not message.fuzzy and any(several(message.string)):
            yield message


def pattern(sentence: str) -> re.Pattern[str]:
    """What matches `sentence` with anything in its places."""
    parts, place, seen = [], 0, Counter[str]()
    for found in _PLACE.finditer(sentence):
        parts.append(re.escape(sentence[place : found.start()].replace("%%", "%")))
        place = found.end()
        if found[0] == "%%":
            parts.append("%")
        elif found[1]:
            parts.append(f"(?P={found[1]})" if seen[found[1]] else f"(?P<{found[1]}>.*?)")
            seen[found[1]] += 1
        else:
            parts.append(re.escape(found[0]))
    parts.append(re.escape(sentence[place:]))
    return re.compile("".join(parts), re.DOTALL)


def filled(text: str, values: dict[str, str]) -> str:
    """`text` with its places filled in; a place without a value stays as it is."""
    return _PLACE.sub(
        lambda found: values.get(found[1], found[0]) if found[1] else ("%" if found[0] == "%%" else found[0]), text
    )


_ACCENTS = str.maketrans(
    "ABCDEFGHIJKLMNOPRSTUVWYZabcdefghijklmnoprstuvwyz", "ÅßÇÐÉƑĜĤÎĴĶĻṀÑÖÞŔŠŢÛṼŴÝŽåƀçđéƒĝĥîĵķļṁñöþŕšţûṽŵýž"
)
_FILLING = " one two three four five six seven eight nine ten eleven twelve".translate(_ACCENTS)


def pseudo(text: str) -> str:
    """`text` in brackets, with accents, and 40 % longer: what is on a page without them did not come from a catalogue."""
    parts, place = [], 0
    for found in _PLACE.finditer(text):
        parts += [text[place : found.start()].translate(_ACCENTS), found[0]]
        place = found.end()
    longer = _FILLING[: max(2, round(len(text) * 0.4))].rstrip()
    return f"⟦{''.join(parts)}{text[place:].translate(_ACCENTS)}{longer}⟧"


class English(NullTranslations):
    """The language that everything is written in."""

    def sentence(self, text: str) -> str | None:
        """`text` itself."""
        return text


class Pseudo(NullTranslations):
    """A language made from English. `known` are the sentences of refusals that translators get to see."""

    def __init__(self, known: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._known = [pattern(one) for one in known]

    def gettext(self, message: str) -> str:
        return pseudo(message) if message else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return pseudo(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:
        return self.ngettext(msgid1, msgid2, n)

    def sentence(self, text: str) -> str | None:
        """`text` in brackets, where its sentence is known."""
        if not any(one.fullmatch(text[:2000]) for one in self._known):
            return None
        return pseudo(text.replace("%", "%%")).replace("%%", "%")


def known_sentences(template: bytes) -> tuple[str, ...]:
    """The sentences of refusals in a template (.pot)."""
    found = read_po(io.BytesIO(template))
    return tuple(
        message.id
        for message in found
        if isinstance(message.id, str) and any(where == SENTENCES for where, _ in message.locations)
    )
