"""The catalogue of everything that pages say: `python -m bonded.web.messages` writes `locale/messages.pot`.

Templates and Python are read by Babel as `locale/babel.cfg` says; refusals and labels of actions come from their tables, the
sentences of refusals from the sources (`web.sentences`).
With `--check` nothing is written: exit 1 when the committed file is older than the sources.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.resources import as_file, files
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import write_po

from bonded.values.pieces import PIECES, Counted, Words
from bonded.values.translating import SENTENCES
from bonded.web.sentences import sentences

KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "trans": None,
}


def own(folder: Path) -> Catalog:
    """What templates and Python of this room say."""
    catalog = _empty()
    with (folder / "locale" / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)  # type: ignore[no-untyped-call]
    found = extract_from_dir(str(folder), methods, options, keywords=KEYWORDS)
    for name, line, message, comments, context in sorted(found, key=lambda one: (one[0], one[1])):
        catalog.add(message, None, [(name, line)], auto_comments=comments, context=context)
    return catalog


def whole(folder: Path) -> Catalog:
    """The same with the refusals and actions of all rooms that pages show."""
    import bonded.web.app  # noqa: F401 - its rooms define their refusals when they are imported
    from bonded.accounts.oidc_shapes import SHAPES
    from bonded.values.actions import ACTIONS
    from bonded.values.alarms import KINDS
    from bonded.values.refusals import CATALOGUE

    catalog = own(folder)
    kinds = sorted(CATALOGUE.values(), key=lambda kind: kind.code)
    _add(catalog, (text for kind in kinds for text in (kind.title, kind.help)), "refusals")
    _add(catalog, (action.label for action in ACTIONS.values()), "actions")
    fields = [field for shape in SHAPES.values() for field in shape.fields]
    _add(catalog, (text for field in fields for text in (field.label, field.hint) if text), "services")
    _add(catalog, sentences(folder.parent), SENTENCES)
    _add(catalog, (text for alarm in KINDS.values() for text in (alarm.sentence, alarm.advice)), "alarms")
    for piece in PIECES.values():
        add_piece(catalog, piece)
    return catalog


def add_piece(catalog: Catalog, piece: Words | Counted) -> None:
    """Have the texts of a piece of sentences translated."""
    if isinstance(piece, Counted):
        catalog.add((piece.one, piece.many), None, [("pieces", 1)])
    else:
        for text in piece.words.values():
            catalog.add(text, None, [("pieces", 1)], context=piece.context)


def as_bytes(catalog: Catalog) -> bytes:
    """The catalogue as a .pot file; equal catalogues are equal bytes."""
    out = BytesIO()
    write_po(out, catalog, width=120, sort_by_file=False, include_lineno=False)
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Write the file, or compare it (`--check`). Returns the exit status."""
    with as_file(files("bonded.web")) as folder:
        pot = folder / "locale" / "messages.pot"
        made = as_bytes(whole(folder))
        if "--check" not in arguments:
            pot.write_bytes(made)
            return 0
        if pot.read_bytes() == made:
            return 0
    sys.stderr.write("locale/messages.pot is older than the sources: run python -m bonded.web.messages\n")
    return 1


def _empty() -> Catalog:
    moment = datetime(2026, 1, 1, tzinfo=UTC)  # a date of its own would change the file with every run
    return Catalog(
        project="Bonded",
        version="0",
        copyright_holder="The Bonded developers",
        msgid_bugs_address="none",
        last_translator="none",
        language_team="none",
        creation_date=moment,
        revision_date=moment,
        charset="utf-8",
    )


def _add(catalog: Catalog, texts: Iterable[str], where: str) -> None:
    for text in texts:
        catalog.add(text, None, [(where, 1)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
