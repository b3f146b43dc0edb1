"""The languages of pages and mails: their own names, which way they are written, and which are offered. Pure.

A language is offered when at least `ENOUGH` of what pages and of what mails say is translated (`values.translated`, written by
`python -m tools.catalogues`). Translations that no person has reviewed yet are drafts, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from babel.core import get_global

from bonded.values.translated import TRANSLATED

DEFAULT = "en"
ENOUGH = 0.95
PSEUDO = ("en_XA", "ar_XB")
"""Made from English for tests: accents, brackets and longer words; the second is written from right to left."""

_TAG = re.compile(
    "(?P<language>[A-Za-z]{2,3})(_(?P<script>[A-Za-z]{4}))?(_(?P<territory>[A-Za-z]{2}|[0-9]{3}))?(_[A-Za-z0-9]{1,8}){0,4}"
)


@dataclass(frozen=True, slots=True)
class Language:
    """A language. `draft`: its translation was made by a machine or unreviewed; a reviewer sets it to False here."""

    code: str
    name: str
    rtl: bool = False
    draft: bool = True

    @property
    def tag(self) -> str:
        """As HTML and HTTP write it (BCP 47)."""
        return self.code.replace("_", "-")


LANGUAGES: dict[str, Language] = {
    one.code: one
    for one in (
        Language("en", "English", draft=False),
        Language("ar", "العربية", rtl=True),
        Language("de", "Deutsch"),
        Language("el", "Ελληνικά"),
        Language("eo", "Esperanto"),
        Language("es", "Español"),
        Language("fa", "فارسی", rtl=True),
        Language("fr", "Français"),
        Language("he", "עברית", rtl=True),
        Language("ja", "日本語"),
        Language("ko", "한국어"),
        Language("pl", "Polski"),
        Language("pt_BR", "Português (Brasil)"),
        Language("ru", "Русский"),
        Language("uk", "Українська"),
        Language("zh_Hans", "简体中文"),
        Language("zh_Hant", "繁體中文"),
        Language("en_XA", "[Ƥšéûðö Ŀöñĝ]"),
        Language("ar_XB", "[Ƥšéûðö ŔŦĿ]", rtl=True),
    )
}


def offered(*, drafts: bool, pseudo: bool = False, only: Iterable[str] = ()) -> tuple[str, ...]:
    """Codes of the languages that visitors can choose, English first. `only`: none but these, unless it is empty."""
    chosen = set(only) or set(LANGUAGES)
    ready = [
        code
        for code, one in LANGUAGES.items()
        if code not in PSEUDO
        and code in chosen
        and min(TRANSLATED.get(code, (0.0, 0.0))) >= ENOUGH
        and (drafts or not one.draft)
    ]
    return (DEFAULT, *(code for code in ready if code != DEFAULT), *(PSEUDO if pseudo else ()))


def is_rtl(code: str) -> bool:
    """Whether the language is written from right to left."""
    return code in LANGUAGES and LANGUAGES[code].rtl


def formats_of(code: str) -> str:
    """The locale by which dates, numbers and plurals of a language are written; that of the pseudo-languages is English."""
    return DEFAULT if code in PSEUDO else code


@lru_cache(maxsize=1024)
def closest(tag: str, available: tuple[str, ...]) -> str | None:
    """The one of `available` that a reader of `tag` (BCP 47 or ours, from anywhere) understands; None when there is none.

    "pt-PT" finds pt_BR, "zh-TW" finds zh_Hant and never zh_Hans: a language with two scripts is two languages to its readers.
    """
    wanted = tag.replace("-", "_")
    exact = {code.lower(): code for code in available}.get(wanted.lower())
    if exact is not None:
        return exact
    script = _script(wanted)
    if script is None:
        return None
    same = [code for code in available if code not in PSEUDO and code.partition("_")[0] == script[0]]
    return next((code for code in same if _script(code) == script), None)


@lru_cache(maxsize=1024)
def _script(code: str) -> tuple[str, str] | None:
    """Language and the script it is written in, by CLDR's likely subtags; None for what is no language."""
    parts = _TAG.fullmatch(code)
    if parts is None:
        return None
    likely, aliases = get_global("likely_subtags"), get_global("language_aliases")
    language = parts["language"].lower()
    language = str(aliases.get(language, language))
    if parts["script"]:
        return language, parts["script"].title()
    territory = (parts["territory"] or "").upper()
    found = likely.get(f"{language}_{territory}") or likely.get(language)
    return (language, str(found).split("_")[1]) if found else None
