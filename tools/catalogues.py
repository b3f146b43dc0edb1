"""Brings every translation up to date: `python -m tools.catalogues`.

Writes both templates anew (what pages and what mails say), merges them into the .po files of every language, and writes how much
each language has into `bonded.values.translated`. The same sources give the same bytes, so a second run changes nothing.
A translation of a message that is gone stays in the file as obsolete, and comes back with it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from bonded.mail import extract
from bonded.values.languages import DEFAULT, LANGUAGES, PSEUDO
from bonded.values.translating import Texts, fault, plural_rule, several
from bonded.web import messages

ROOT = Path(__file__).parent.parent / "src" / "bonded"
SHARES = ROOT / "values" / "translated.py"
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
DRAFT = """Bonded in {name}.
DRAFT: made without a person who speaks the language. Pages that use it say so, until somebody has reviewed it
and the language is no draft any more in values/languages.py."""
REVIEWED = "Bonded in {name}."


@dataclass(frozen=True, slots=True)
class Domain:
    """One of the two sets of messages: `name` is that of its files in `folder`."""

    name: str
    folder: Path

    @property
    def template(self) -> Path:
        return self.folder / f"{self.name}.pot"

    def source(self, language: str) -> Path:
        return self.folder / language / "LC_MESSAGES" / f"{self.name}.po"


DOMAINS = (Domain("messages", ROOT / "web" / "locale"), Domain("mail", ROOT / "mail" / "locale"))


def translated_into() -> list[str]:
    """Languages that have files of their own."""
    return sorted(code for code in LANGUAGES if code != DEFAULT and code not in PSEUDO)


def said(catalogue: Catalog) -> Iterator[Message]:
    """The messages of a catalogue, without its header."""
    return (message for message in catalogue if message.id)


def merged(template: Catalog, known: Catalog | None, language: str) -> Catalog:
    """The catalogue of a language: the messages of the template in its order, with the translations that there are."""
    made = _empty(language, known)
    held = _held(known)
    for message in said(template):
        _, texts, flags = held.pop(_key(message), ("", "", set()))
        made.add(
            message.id,
            _fitting(message, texts, plural_rule(language)[0]),
            locations=[(where, 0) for where, _ in message.locations],
            flags={*(message.flags - {"fuzzy"}), *(flags & {"fuzzy"})},
            auto_comments=message.auto_comments,
            context=message.context,
        )
    for (name, context), (whole, texts, _) in sorted(held.items(), key=lambda one: str(one[0])):
        if any(several(texts)):
            made.obsolete[(name, context) if context else name] = Message(whole, texts, context=context)
    return made


def _key(message: Message) -> tuple[str, str | None]:
    return several(message.id)[0], message.context


def _held(known: Catalog | None) -> dict[tuple[str, str | None], tuple[Texts, Texts, set[str]]]:
    """What is translated already, obsolete messages included."""
    if known is None:
        return {}
    every = [*said(known), *known.obsolete.values()]
    return {
        _key(message): (
            message.id,
            message.string if isinstance(message.string, str) else several(message.string),
            set(message.flags),
        )
        for message in every
    }


def _fitting(message: Message, texts: Texts, forms: int) -> str | tuple[str, ...]:
    """The translation in as many forms as the message needs; a message that got plural forms begins anew."""
    if isinstance(message.id, str):
        return texts if isinstance(texts, str) else ""
    return several(texts) if not isinstance(texts, str) and len(texts) == forms else ("",) * forms


def _empty(language: str, known: Catalog | None) -> Catalog:
    """A catalogue of nothing but a header. Who translated last, and when, stays as the known one says it."""
    one = LANGUAGES[language]
    last = known if known is not None and isinstance(known.revision_date, datetime) else None
    return Catalog(
        locale=language,
        header_comment="\n".join(
            f"# {line}".rstrip() for line in (DRAFT if one.draft else REVIEWED).format(name=one.name).splitlines()
        ),
        project="Bonded",
        version="0",
        msgid_bugs_address="none",
        last_translator=last.last_translator if last else "none",
        language_team=last.language_team if last else one.tag,
        creation_date=EPOCH,
        revision_date=last.revision_date if last else EPOCH,
        charset="utf-8",
        fuzzy=False,
    )


def as_bytes(catalogue: Catalog, kept: bytes = b"") -> bytes:
    """A .po file as gettext's programs and Weblate write it, so that neither undoes the other: header lines in their order, long
    lines whole (Weblate knows 77 columns or whole lines), no empty line at the end.

    `kept` are header lines that stand instead of Babel's. Its own name would change the file with every version of Babel.
    """
    out = io.BytesIO()
    write_po(out, catalogue, width=0, include_lineno=False, sort_output=False)
    head, _, rest = out.getvalue().partition(b"\n\n")
    lines = head.splitlines()
    known = {_field(line): line for line in (*lines, *kept.splitlines()) if _field(line) in ORDER}
    before = [line for line in lines if not line.startswith(b'"')]
    header = [known[name] for name in ORDER if name in known]
    return b"\n".join((*before, *header, b"", rest.rstrip(b"\n"), b""))


ORDER = (
    b"Project-Id-Version",
    b"Report-Msgid-Bugs-To",
    b"POT-Creation-Date",
    b"PO-Revision-Date",
    b"Last-Translator",
    b"Language-Team",
    b"Language",
    b"MIME-Version",
    b"Content-Type",
    b"Content-Transfer-Encoding",
    b"Plural-Forms",
    b"X-Generator",
)
"""The lines of a header, as gettext's programs order them."""
KEPT = (b"Plural-Forms", b"X-Generator")
"""Lines that translators' programs write in their own way: brackets around a rule, and the name of the program."""


def _field(line: bytes) -> bytes:
    return line.removeprefix(b'"').partition(b":")[0]


def kept(path: Path) -> bytes:
    """Lines of a file's header that stay as its last program wrote them."""
    head = path.read_bytes().partition(b"\n\n")[0] if path.is_file() else b""
    return b"\n".join(line for line in head.splitlines() if line.startswith(b'"') and _field(line) in KEPT)


def share(catalogue: Catalog, language: str) -> float:
    """How much of a catalogue is translated and sound, from 0 to 1."""
    every = list(said(catalogue))
    good = [one for one in every if _is_good(one, language)]
    return len(good) / len(every) if every else 1.0


def _is_good(message: Message, language: str) -> bool:
    texts = several(message.string)
    if message.fuzzy or not any(texts):
        return False
    return not fault(message.id, texts, plural_rule(language)[0])


def read(path: Path, language: str | None = None) -> Catalog | None:
    """A .po or .pot file; None where there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(domain: Domain, language: str, template: Catalog) -> float:
    """Write the file of one language anew; gives its share."""
    path = domain.source(language)
    made = merged(template, read(path, language), language)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = as_bytes(made, kept(path))
    if not path.is_file() or path.read_bytes() != data:
        path.write_bytes(data)
    return share(made, language)


def as_table(shares: dict[str, tuple[float, float]]) -> str:
    """`bonded.values.translated` as it should be."""
    rows = "".join(f'    "{code}": ({pages:.3f}, {mails:.3f}),\n' for code, (pages, mails) in sorted(shares.items()))
    words = (
        "How much of what pages and mails say each language has, as shares. Written by `python -m tools.catalogues`."
    )
    return f'"""{words}"""\n\nTRANSLATED: dict[str, tuple[float, float]] = {{\n{rows}}}\n'


def main() -> int:
    """Bring everything up to date, and say how much each language has."""
    messages.main([])
    extract.main()
    templates = {domain: read(domain.template) for domain in DOMAINS}
    shares = {DEFAULT: (1.0, 1.0)}
    for language in translated_into():
        pages, mails = (update(domain, language, templates[domain] or Catalog()) for domain in DOMAINS)
        shares[language] = (pages, mails)
        sys.stdout.write(f"{language:8} pages {pages:6.1%}  mails {mails:6.1%}\n")
    SHARES.write_text(as_table(shares), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
