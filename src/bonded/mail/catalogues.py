"""Translations of mails: gettext catalogues beside this file, read from their .po source. No Pyramid, no compiled files."""

from __future__ import annotations

import gettext
from collections.abc import Collection
from functools import cache
from importlib.resources import files

from bonded.values.languages import DEFAULT, ENOUGH, PSEUDO, closest
from bonded.values.translated import TRANSLATED
from bonded.values.translating import English, Pseudo, read

DOMAIN = "mail"


@cache
def available() -> frozenset[str]:
    """Names of the languages that enough of the mails is translated into, English included."""
    return frozenset({DEFAULT} | {code for code, (_pages, mails) in TRANSLATED.items() if mails >= ENOUGH})


def choose(language: str | None, offered: Collection[str] = ()) -> str:
    """The best language there is for a stored choice such as "pt_BR" or "de-AT"; English for an unknown or hostile one.

    `offered` are the codes that this index offers; empty: all that are translated. What is not offered any more is not written
    either, as a person may have chosen it before.
    """
    if language in PSEUDO:
        return language if not offered or language in offered else DEFAULT
    known = available() & set(offered) if offered else available()
    return closest((language or DEFAULT)[:40], tuple(sorted(known))) or DEFAULT


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language from `choose`. What is missing, fuzzy or unsound is in English."""
    if language in PSEUDO:
        return Pseudo()
    if language == DEFAULT:
        return English()
    source = files("bonded.mail") / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    return read(source.read_bytes(), language)
