"""A letter: subject and paragraphs of one action in one language, as text and as HTML with the same content.

Each notifying action has one template in `letters/`: a subject, a line `---`, then paragraphs. Both parts are laid out
from the same paragraphs, so they cannot differ. What packages and people contribute is cleaned first: no control
characters reach a header, and everything is escaped in HTML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from bonded.mail.catalogues import translations
from bonded.values.text import clean

MAX_VALUE = 2000


@dataclass(frozen=True, slots=True)
class Letter:
    """What to send, in one language."""

    language: str
    subject: str
    text: str
    html: str


def write(action: str, language: str, values: Mapping[str, str], details: list[tuple[str, str]]) -> Letter:
    """The letter about `action`; `language` is one from `catalogues.choose`.

    `values` are the words that templates may use; `details` are lines below the paragraphs: a label from `LABELS` and a
    value. Raises jinja2.TemplateError for an action without a template.
    """
    env, translate = _environment(language), translations(language).gettext
    safe = {key: clean(value)[:MAX_VALUE] for key, value in values.items()}
    raw = env.get_template(f"letters/{action}.txt").render(safe)
    subject, _, body = raw.partition("\n---\n")
    shared = safe | {
        "language": language,
        "subject": " ".join(subject.split())[:200],
        "paragraphs": [" ".join(p.split()) for p in body.split("\n\n") if p.strip()],
        "details": [(translate(LABELS[label]), clean(value)[:MAX_VALUE]) for label, value in details],
    }
    text = env.get_template("layout.txt").render(shared)
    return Letter(language, str(shared["subject"]), text, env.get_template("layout.html").render(shared))


def _(text: str) -> str:
    """Marks a string for translation."""
    return text


LABELS = {
    "time": _("Time"),
    "by": _("By"),
    "address": _("Network address"),
    "agent": _("Program or browser"),
    "project": _("Project"),
    "file": _("File"),
    "reason": _("Reason"),
    "where": _("Look here"),
}


@cache
def _environment(language: str) -> Environment:
    env = Environment(
        loader=PackageLoader("bonded.mail", "."),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        extensions=["jinja2.ext.i18n"],
        keep_trailing_newline=False,
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    return env
