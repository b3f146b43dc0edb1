"""Translations of mails: gettext catalogues beside this file, read from their .po source. No Pyramid, no compiled files."""

from __future__ import annotations

import gettext
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


def choose(language: str | None) -> str:
    """The best language there is for a stored choice such as "pt_BR" or "de-AT"; English for an unknown or hostile one."""
    if language in PSEUDO:
        return language
    return closest((language or DEFAULT)[:40], tuple(sorted(available()))) or DEFAULT


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language from `choose`. What is missing, fuzzy or unsound is in English."""
    if language in PSEUDO:
        return Pseudo()
    if language == DEFAULT:
        return English()
    source = files("bonded.mail") / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    return read(source.read_bytes(), language)
