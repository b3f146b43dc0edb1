"""Translations of mails: gettext catalogues beside this file, read from their .po source. No Pyramid, no compiled files."""

from __future__ import annotations

import gettext
import io
from functools import cache
from importlib.resources import files

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

DOMAIN = "mail"
DEFAULT = "en"


@cache
def available() -> frozenset[str]:
    """Names of the languages there are, English included."""
    root = files("bonded.mail") / "locale"
    return frozenset({DEFAULT} | {d.name for d in root.iterdir() if (d / "LC_MESSAGES" / f"{DOMAIN}.po").is_file()})


def choose(language: str | None) -> str:
    """The best language there is for a stored choice such as "pt_BR" or "de-AT"; English for an unknown or hostile one."""
    try:
        locale = Locale.parse((language or DEFAULT).replace("-", "_"))
    except (ValueError, UnknownLocaleError, TypeError):
        return DEFAULT
    parts = (locale.language, locale.script, locale.territory)
    for name in ("_".join(p for p in parts if p), f"{parts[0]}_{parts[1]}", f"{parts[0]}_{parts[2]}", locale.language):
        if name in available():
            return name
    return DEFAULT


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language from `choose`. Fuzzy entries are left out; what is missing is in English."""
    if language == DEFAULT:
        return gettext.NullTranslations()
    source = files("bonded.mail") / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    catalogue = read_po(io.BytesIO(source.read_bytes()), locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
