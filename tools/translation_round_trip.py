"""One string goes out to translators and comes back, through programs that translators use.

    python -m tools.translation_round_trip FOLDER LANGUAGE MESSAGE TRANSLATION

FOLDER is empty or new. The catalogues of LANGUAGE are put into a git repository there, turned into XLIFF by the translate-toolkit,
MESSAGE gets its TRANSLATION in the XLIFF, as an editor for translators would write it, and the result is turned back, read by
polib, brought up to date, judged, and committed. Prints the paths of the catalogues that changed.

The translate-toolkit is a program of its own with an environment of its own (var/translating): nothing of it is imported here.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import polib

from tools import catalogues, check_catalogues

ROOT = Path(__file__).parent.parent
ENVIRONMENT = ROOT / "var" / "translating"
REQUIREMENTS = ROOT / "requirements" / "translating.txt"
XLIFF = "{urn:oasis:names:tc:xliff:document:1.1}"


def main(arguments: list[str]) -> int:
    """See the module. Returns the exit status."""
    if len(arguments) != 4:
        sys.stderr.write(f"{(__doc__ or '').splitlines()[2].strip()}\n")
        return 2
    folder, language, message, translation = Path(arguments[0]), *arguments[1:]
    changed = travel(folder, language, message, translation)
    for path in changed:
        sys.stdout.write(f"{path}\n")
    return 0 if changed else 1


def travel(folder: Path, language: str, message: str, translation: str) -> list[Path]:
    """Translate one message on the way through the programs; gives the catalogues that have it now. Raises ValueError."""
    programs = prepare()
    repository(folder, language)
    changed = []
    for domain in catalogues.DOMAINS:
        source = folder / domain.name / language / f"{domain.name}.po"
        sent, back = source.with_suffix(".xlf"), source.with_suffix(".back.po")
        run(programs / "po2xliff", "--progress=none", str(source), str(sent))
        if not translate(sent, message, translation):
            continue
        run(programs / "xliff2po", "--progress=none", str(sent), str(back))
        take_back(domain, language, source, back, message, translation)
        changed.append(source)
    run(shutil.which("git") or "git", "commit", "-q", "-a", "-m", f"Translation into {language}", cwd=folder)
    return changed


def prepare() -> Path:
    """The folder of the translate-toolkit's programs; made when it is missing."""
    programs = ENVIRONMENT / "bin"
    stamp = ENVIRONMENT / "made"
    wanted = REQUIREMENTS.read_text("utf-8")
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        run(sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT))
        pip = (str(programs / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "-r", str(REQUIREMENTS))
        stamp.write_text(wanted, "utf-8")
    return programs


def repository(folder: Path, language: str) -> None:
    """A git repository with the catalogues of one language, as a translation platform keeps one."""
    folder.mkdir(parents=True, exist_ok=True)
    git = shutil.which("git") or "git"
    run(git, "init", "-q", str(folder))
    for domain in catalogues.DOMAINS:
        target = folder / domain.name / language
        target.mkdir(parents=True)
        shutil.copy(domain.source(language), target / f"{domain.name}.po")
    for name, value in (("user.name", "Translator"), ("user.email", "translator@example.invalid")):
        run(git, "config", name, value, cwd=folder)
    run(git, "add", ".", cwd=folder)
    run(git, "commit", "-q", "-m", "As it was", cwd=folder)


def translate(path: Path, message: str, translation: str) -> bool:
    """Write the translation into the XLIFF file. False when the message is not in it."""
    ET.register_namespace("", XLIFF.strip("{}"))
    tree = ET.parse(path)
    found = False
    for unit in tree.iter(f"{XLIFF}trans-unit"):
        source = unit.find(f"{XLIFF}source")
        if source is not None and source.text == message:
            target = unit.find(f"{XLIFF}target")
            if target is None:
                target = ET.SubElement(unit, f"{XLIFF}target")
            target.text, found = translation, True
            target.set("state", "translated")
            unit.set("approved", "yes")
    tree.write(path, encoding="utf-8", xml_declaration=True)
    return found


def take_back(
    domain: catalogues.Domain, language: str, source: Path, back: Path, message: str, translation: str
) -> None:
    """Judge what came back and merge it as `python -m tools.catalogues` does. Raises ValueError."""
    entry = polib.pofile(str(back)).find(message)
    if entry is None or entry.msgstr != translation:
        raise ValueError(f"{message!r} came back as {entry.msgstr if entry else None!r}")
    template = catalogues.read(domain.template)
    assert template is not None, "templates are in the repository"
    source.write_bytes(catalogues.as_bytes(catalogues.merged(template, catalogues.read(back, language), language)))
    wrong = check_catalogues.faults(source, language)
    if wrong:
        raise ValueError("; ".join(wrong))


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a program. Raises CalledProcessError."""
    subprocess.run([str(part) for part in command], check=True, cwd=cwd, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
