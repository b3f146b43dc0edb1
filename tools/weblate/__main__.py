"""One string of a page and one of a mail go through a real Weblate and back, and are then read in a browser and in a mail.

    python -m tools.weblate [LANGUAGE ...]

A released Weblate runs on loopback over a PostgreSQL and a Redis of its own, takes the components of deploy/weblate from a clone of
what is committed here, and our two strings are translated into the first LANGUAGE by its command wlc with our .weblate.ini, committed
and pushed. The clone pulls, its catalogues are judged, `python -m tools.catalogues` must leave them as Weblate wrote them, and an
index runs from it. One line for each step; everything but the programs (var/weblate) is gone at the end. It takes minutes, more
with each further LANGUAGE, which Weblate imports and examines too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tools.weblate import index, programs, servers
from tools.weblate.programs import ENVIRONMENT, ROOT, StoppedError, run

LANGUAGES = ("pt_BR", "de", "zh_Hans")
STRINGS = {
    "pages": "Every file here is screened before it is listed, and listed in signed metadata.",
    "mails": "If that was not you, do nothing: your password stays as it is.",
}
"""On every page, and in the mail about a forgotten password."""
FILES = {
    "pages": "src/bonded/web/locale/{}/LC_MESSAGES/messages.po",
    "mails": "src/bonded/mail/locale/{}/LC_MESSAGES/mail.po",
}
ADDED = " (Weblate 4711)"
HEADERS = ("PO-Revision-Date:", "Last-Translator:", "Plural-Forms:", "X-Generator:")
"""What Weblate writes into the head of a file: it leaves out the brackets around the rule for plural forms."""


@dataclass
class Trip:
    """One run: its folder, the languages, and what Weblate's programs must know."""

    folder: Path
    languages: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)
    units: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def language(self) -> str:
        """The one that is translated into."""
        return self.languages[0]

    @property
    def origin(self) -> Path:
        """The bare repository that Weblate reads and pushes to."""
        return self.folder / "origin.git"

    @property
    def clone(self) -> Path:
        """A developer's clone of it."""
        return self.folder / "clone"

    def wlc(self, *words: str) -> str:
        """What wlc prints, in JSON where it can."""
        options = (
            "--config",
            str(self.clone / ".weblate.ini"),
            "--url",
            self.env["WLC_URL"],
            "--key",
            self.env["WLC_KEY"],
        )
        return run(ENVIRONMENT / "bin" / "wlc", *options, "--format", "json", *words, cwd=self.folder)

    def git(self, *words: str) -> str:
        """What git prints in the clone."""
        return run("git", *words, cwd=self.clone)


def step(title: str, work: Callable[[], str]) -> None:
    """Do it, and say in one line what came of it and how long it took. Raises StoppedError."""
    began = time.monotonic()
    result = work()
    sys.stdout.write(f"{title}: {result} ({time.monotonic() - began:.0f} s)\n")
    sys.stdout.flush()


def clones(trip: Trip) -> str:
    """The bare repository and the clone, of what is committed here."""
    run("git", "clone", "-q", "--bare", "--single-branch", ROOT, trip.origin)
    run("git", "symbolic-ref", "HEAD", "refs/heads/main", cwd=trip.origin)
    run("git", "clone", "-q", "-b", "main", trip.origin, trip.clone)
    return trip.git("log", "-1", "--format=%h %s").strip()


def components(trip: Trip) -> str:
    """Tables, person, project, components, as the clone has them; the address of the repository is this run's."""
    every = json.loads((trip.clone / "deploy" / "weblate" / "components.json").read_text("utf-8"))
    every[0] |= {"repo": str(trip.origin), "push": str(trip.origin)}
    for one in every:
        one["language_regex"] = f"^({'|'.join(trip.languages)})$"
    ours = trip.folder / "components.json"
    ours.write_text(json.dumps(every), "utf-8")
    said = run(ENVIRONMENT / "bin" / "python", servers.INSIDE / "prepare.py", ours, env=trip.env)
    lines = [json.loads(line.removeprefix("report ")) for line in said.splitlines() if line.startswith("report ")]
    reports = [one for one in lines if one["component"] in STRINGS]  # Weblate makes a glossary for each project
    for one in reports:
        sys.stdout.write(
            f"  {one['component']} in {one['language']}: {one['translated']} of {one['strings']} strings translated, "
            f"{one['forms']} plural forms, {one['located']} with their place, {one['fuzzy']} to be edited, "
            f"failing checks {one['checks'] or 'none'}\n"
        )
    found = {(one["component"], one["language"]) for one in reports}
    if found != {(component, language) for component in STRINGS for language in trip.languages}:
        raise StoppedError(f"Weblate took {sorted(found)}")
    return f"{len(every)} components in {len(trip.languages)} languages"


def translate(trip: Trip) -> str:
    """Find each string and give it another translation, by wlc."""
    for component, source in STRINGS.items():
        listed = json.loads(trip.wlc("list-units", "-q", f'source:="{source}"', f"bonded/{component}/{trip.language}"))
        if len(listed) != 1:
            raise StoppedError(f"{len(listed)} strings of {component} are {source!r}")
        unit = listed[0]
        trip.units[component] = unit
        trip.wlc("edit-unit", str(unit["id"]), "--target", words(trip, component), "--state", "20")
    return "; ".join(words(trip, component) for component in STRINGS)


def words(trip: Trip, component: str) -> str:
    """The translation that there was, and a mark."""
    target = trip.units[component]["target"]
    return f"{target[0] if isinstance(target, list) else target}{ADDED}"


def push(trip: Trip) -> str:
    """Weblate commits, and pushes to the bare repository."""
    for component in STRINGS:
        trip.wlc("commit", f"bonded/{component}")
    trip.wlc("push", "bonded/pages")
    subjects = run(
        "git", "log", "--format=%an: %s", "HEAD", f"^{trip.git('rev-parse', 'HEAD').strip()}", cwd=trip.origin
    )
    if len(subjects.splitlines()) != len(STRINGS):
        raise StoppedError(f"Weblate pushed {subjects.splitlines()}")
    return "; ".join(subjects.splitlines())


def pull(trip: Trip) -> str:
    """The clone has the translations, and of the files nothing else changed but what names the translator."""
    before = trip.git("rev-parse", "HEAD").strip()
    trip.git("pull", "-q")
    lines = trip.git("diff", "-U0", before, "HEAD").splitlines()
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    header = tuple(f'{sign}"{name}' for sign in "+-" for name in HEADERS)
    other = [line for line in changed if not line.startswith(header)]
    if len(other) != 2 * len(STRINGS) or not all(line[1:].startswith("msgstr ") for line in other):
        raise StoppedError("Weblate changed more than two strings:\n" + "\n".join(lines[:60]))
    if trip.git("diff", "--name-only", before, "HEAD").split() != sorted(
        FILES[one].format(trip.language) for one in FILES
    ):
        raise StoppedError("Weblate changed other files")
    return f"{len(changed)} lines differ, {len(other)} of them the two strings, the others of the headers"


def judge(trip: Trip) -> str:
    """msgfmt and our own judge find nothing wrong, and bringing all catalogues up to date leaves every byte."""
    env = {"PYTHONPATH": f"{trip.clone / 'src'}{os.pathsep}{trip.clone}"}
    said = run(sys.executable, "-m", "tools.check_catalogues", cwd=trip.clone, env=env).strip().splitlines()[-1]
    run(sys.executable, "-m", "tools.catalogues", cwd=trip.clone, env=env)
    if changed := trip.git("status", "--porcelain", "--untracked-files=no"):
        raise StoppedError(f"python -m tools.catalogues changed:\n{changed}{trip.git('diff')[:3000]}")
    return f"{said}; python -m tools.catalogues changed nothing"


def look(trip: Trip) -> str:
    """The strings stand on a page in Chromium, and in a mail to a person who chose the language."""
    with index.mail_server() as (inbox, smtp), index.index(trip.clone, trip.folder, smtp) as (url, password):
        page, mail = index.read(url, password, trip.language, inbox)
    if words(trip, "pages") not in page or words(trip, "mails") not in mail:
        raise StoppedError(f"the words are missing on the page or in the mail:\n{page}\n{mail}")
    return "both are there"


def travel(trip: Trip) -> None:
    """All steps. Raises StoppedError."""
    step("Debian's packages", programs.system)
    step("Weblate's environment", programs.environment)
    step("Clones", lambda: clones(trip))
    with ExitStack() as stack:
        began = time.monotonic()
        postgres = stack.enter_context(servers.database())
        redis = stack.enter_context(servers.cache(trip.folder))
        sys.stdout.write(f"PostgreSQL and Redis: they run ({time.monotonic() - began:.0f} s)\n")
        trip.env = servers.settings(trip.folder, postgres, redis, servers.free_port())
        step("Components imported and examined", lambda: components(trip))
        stack.enter_context(servers.site(trip.folder, trip.env))
        step("Translated by wlc", lambda: translate(trip))
        step("Committed and pushed by Weblate", lambda: push(trip))
    step("Pulled", lambda: pull(trip))
    step("Judged", lambda: judge(trip))
    step("Read in a browser and a mail", lambda: look(trip))


def main(arguments: list[str]) -> int:
    """0 when every step was right."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="weblate-trip-") as folder:
        try:
            travel(Trip(Path(folder), tuple(arguments) or LANGUAGES))
        except (StoppedError, subprocess.SubprocessError, OSError) as error:
            sys.stdout.write(f"stopped: {error}\n")
            return 1
    sys.stdout.write(f"there and back in {time.monotonic() - began:.0f} s\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
