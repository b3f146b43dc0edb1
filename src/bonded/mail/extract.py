"""Collects what mails say, for translators: `python -m bonded.mail.extract` rewrites locale/mail.pot."""

from __future__ import annotations

import io
from importlib.resources import files
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from bonded.values import pieces
from bonded.values.alarms import KINDS

_METHODS = [("letters/**.txt", "jinja2"), ("layout.*", "jinja2"), ("**.py", "python")]
_OPTIONS = {"letters/**.txt": {"trimmed": "true"}, "layout.*": {"trimmed": "true"}}


def template() -> Catalog:
    """Every translatable string of the room, with where it is."""
    root = Path(str(files("bonded.mail")))
    made = Catalog(project="bonded mails", charset="utf-8", fuzzy=False)
    found = extract_from_dir(str(root), _METHODS, _OPTIONS, comment_tags=("Translators:",))
    for name, _, message, comments, context in sorted(found, key=lambda f: (f[0], f[1])):
        made.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    for kind in sorted(KINDS.values(), key=lambda kind: kind.name):
        for words in (kind.sentence, kind.advice):
            made.add(words, locations=[("alarms", 0)])
    for piece in (pieces.project_role, pieces.token_may):
        for word in piece.words.values():
            made.add(word, locations=[("pieces", 0)], context=piece.context)
    return made


def text() -> bytes:
    """The .pot file, the same bytes each time."""
    out = io.BytesIO()
    write_po(out, template(), omit_header=True, sort_output=True, width=100, include_lineno=False)
    return b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n\n' + out.getvalue()


def main() -> None:
    """Write the file."""
    (Path(str(files("bonded.mail"))) / "locale" / "mail.pot").write_bytes(text())


if __name__ == "__main__":
    main()
