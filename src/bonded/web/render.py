"""Templates to answers: one Jinja environment for each language, autoescaped, where an unknown name is an error."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape
from pyramid.response import Response

from bonded.values import translating
from bonded.values.languages import DEFAULT, LANGUAGES, PSEUDO, formats_of, is_rtl
from bonded.values.lists import between
from bonded.values.spans import span
from bonded.values.text import clean, iso
from bonded.web import appearance, notices, words

if TYPE_CHECKING:
    from bonded.web.request import Request


Spoken = translating.English | translating.Pseudo | translating.Spoken


class Unindented(Extension):
    """Templates without their lines' indentation, which is for who writes them: a quarter of a page's bytes. No template has
    lines of its own in a `<pre>` or a `<textarea>`: a test looks."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        # A block eats the end of its line: then the indentation was the space between two words.
        source = re.sub(r"(?<=[%#]\}\n)[ \t]+(?!\{[%#])", " ", source)
        return re.sub(r"(?<![%#]\}\n)^[ \t]+", "", source, flags=re.MULTILINE)


class Pages:
    """Makes answers of templates. One for the application; safe for threads."""

    def __init__(self) -> None:
        self.translations = lru_cache(maxsize=64)(_translations)
        self._environment = lru_cache(maxsize=64)(self._make)

    def _make(self, language: str) -> Environment:
        environment = Environment(
            loader=PackageLoader("bonded.web"),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n", Unindented],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.policies["ext.i18n.trimmed"] = True
        spoken = self.translations(language)
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            _escaping(spoken.gettext),
            _escaping(spoken.ngettext),
            newstyle=True,
            pgettext=_escaping(spoken.pgettext),
            npgettext=_escaping(spoken.npgettext),
        )
        written = formats_of(language)
        environment.filters.update(
            # Texts from tables go past Jinja's gettext, which reads every % in them as a place to fill in.
            translated=lambda text: self.translations(language).gettext(text),
            # In its own direction: "12 kB" between Arabic words would be read from its unit on.
            size=lambda count: Markup("<bdi>{}</bdi>").format(words.size(count, written)),
            span=lambda time: span(time, written),
            number=lambda count: words.number(count, written),
            listed=lambda parts: words.listed(parts, language),
            # Of a loop whose parts are markup: what follows this one.
            glue=lambda loop: "" if loop.last else between(loop.length, language)[loop.index0],
            clean=clean,
            visible=words.visible,
            named=words.named,
            coded=words.coded,
            paragraphs=words.paragraphs,
            short=words.short,
            iso=iso,
        )
        return environment

    def text(self, request: Request, template: str, values: dict[str, Any]) -> str:
        """`template` with `values` and what every page may use."""
        return self._environment(request.language).get_template(template).render(_common(request) | values)

    def response(self, request: Request, template: str, values: dict[str, Any], status: int) -> Response:
        """The answer of one page, with the notice that was waiting for it."""
        response = Response(status=status, content_type="text/html", charset="utf-8")
        response.headers["Content-Language"] = request.language.replace("_", "-")
        response.text = self.text(request, template, {"notice": notices.take(request, response)} | values)
        return response


def _translations(language: str) -> Spoken:
    """The catalogue of a language: read from its source when it is first asked for, and judged message by message."""
    folder = files("bonded.web") / "locale"
    if language in PSEUDO:
        return translating.Pseudo(translating.known_sentences((folder / "messages.pot").read_bytes()))
    source = folder / language / "LC_MESSAGES" / "messages.po"
    if language == DEFAULT or not source.is_file():
        return translating.English()
    return translating.read(source.read_bytes(), language)


def _escaping(say: Callable[..., str]) -> Callable[..., str]:
    """`say`, whose words are text and never markup, whatever a translator wrote. Our own words are as they are."""

    def said(*words: Any) -> str:
        text = say(*words)
        return text if text in words else Markup(escape(text))  # noqa: S704 - escaped

    return said


def _common(request: Request) -> dict[str, Any]:
    language = request.language
    return {
        "site": request.settings,
        "visitor": request.visitor,
        "language": language,
        "direction": "rtl" if is_rtl(language) else "ltr",
        "language_name": LANGUAGES[language].name,
        "language_draft": LANGUAGES[language].draft and language not in PSEUDO,
        "path": request.shown_path,
        "way_back": request.way_back,
        "static": static_path,
        "look": appearance.of(request),
        "when": lambda at: words.time_tag(at, formats_of(language), request.now),
    }


@lru_cache(maxsize=16)
def static_path(name: str) -> str:
    """The address of one file of `static/`; it changes with its bytes, so that caches may keep it for ever."""
    return f"/static/{static_digest(name)}/{name}"


@lru_cache(maxsize=16)
def static_digest(name: str) -> str:
    """The first 12 hex digits of the sha256 of one static file."""
    return hashlib.sha256((files("bonded.web") / "static" / name).read_bytes()).hexdigest()[:12]
