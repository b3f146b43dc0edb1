"""Every translation catalogue is sound: `msgfmt --check` passes it, and the judge that pages use finds nothing wrong with it.

The judge (`bonded.values.translating.fault`) looks for placeholders that were dropped or made up, plural forms that are not those
of the language, markup and quotes that the original has not, and invisible characters.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.pofile import PoFileError, read_po

from bonded.values.languages import LANGUAGES
from bonded.values.translating import fault, plural_rule, several

ROOT = Path(__file__).parent.parent


def main() -> int:
    """0 when all pass; what is wrong goes to standard output."""
    if shutil.which("msgfmt") is None:
        print("msgfmt is missing: run ./dev setup")
        return 1
    paths = sorted([*(ROOT / "src").rglob("*.po"), *(ROOT / "src").rglob("*.pot")])
    wrong = [(path, words) for path in paths for words in faults(path, language_of(path))]
    for path, words in wrong:
        print(f"{path.relative_to(ROOT)}: {words}")
    print(f"{len(paths)} catalogues checked")
    return 1 if wrong or not paths else 0


def language_of(path: Path) -> str | None:
    """The language that the file's place says; None for templates."""
    code = path.parent.parent.name
    return code if path.suffix == ".po" and code in LANGUAGES else None


def faults(path: Path, language: str | None) -> list[str]:
    """What is wrong with a catalogue, in sentences."""
    return [*_by_msgfmt(path), *(_by_judge(path, language) if language else [])]


def _by_msgfmt(path: Path) -> list[str]:
    command = ["msgfmt", "--check", "-o", "/dev/null", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines() if done.returncode else []


def _by_judge(path: Path, language: str) -> list[str]:
    try:
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language, abort_invalid=True)
    except (PoFileError, ValueError) as error:
        return [str(error)]
    forms, _ = plural_rule(language)
    found = []
    if catalogue.num_plurals != forms:
        found.append(f"its header says {catalogue.num_plurals} plural forms, the language has {forms}")
    for message in catalogue:
        texts = several(message.string)
        if message.id and not message.fuzzy and any(texts):
            words = fault(message.id, texts, forms)
            if words:
                found.append(f"{several(message.id)[0][:60]!r}: {words}")
    return found


if __name__ == "__main__":
    sys.exit(main())
