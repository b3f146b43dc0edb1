"""The programs of the round trip: Debian's headers and servers, and Weblate in an environment of its own (var/weblate)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / "var" / "weblate"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
HEADERS = {
    "cairo": "libcairo2-dev",
    "gobject-introspection-1.0": "libgirepository1.0-dev",
    "liblz4": "liblz4-dev",
    "libzstd": "libzstd-dev",
    "libxxhash": "libxxhash-dev",
    "libacl": "libacl1-dev",
    "openssl": "libssl-dev",
}
"""What pkg-config calls it: Debian's package. PyGObject, pycairo and borgbackup, which Weblate wants, are built from source."""
TYPELIBS = {"Pango-1.0": "gir1.2-pango-1.0", "Rsvg-2.0": "gir1.2-rsvg-2.0"}
SERVERS = {"redis-server": "redis-server", "git": "git", "msgfmt": "gettext", "pkg-config": "pkg-config", "cc": "gcc"}


class StoppedError(Exception):
    """The round trip cannot go on; the message is for a person."""


def run(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, feed: str | None = None
) -> str:
    """The standard output of a program. Raises StoppedError with the end of what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True, text=True, check=False, cwd=cwd, input=feed, env={**os.environ, **(env or {})},
    )  # fmt: skip
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise StoppedError(f"{Path(command[0]).name} ended with {done.returncode}:\n{said}")
    return done.stdout


def postgres() -> Path | None:
    """The folder of PostgreSQL's own programs, the newest there is. The one for tests lacks the extensions that Weblate wants."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def missing() -> list[str]:
    """Debian's packages that are not here."""
    wanted = [package for program, package in SERVERS.items() if shutil.which(program) is None]
    wanted += [] if postgres() else ["postgresql"]
    wanted += [
        package
        for name, package in TYPELIBS.items()
        if not list(Path("/usr/lib").glob(f"*/girepository-1.0/{name}.typelib"))
    ]
    if shutil.which("pkg-config"):
        known = subprocess.run(
            ["pkg-config", "--list-package-names"], capture_output=True, text=True, check=True
        ).stdout
        return wanted + [package for name, package in HEADERS.items() if name not in known.split()]
    return wanted + list(HEADERS.values())


def system() -> str:
    """Install what is missing, as root; otherwise say what to install. Raises StoppedError."""
    wanted = missing()
    if wanted and (os.geteuid() != 0 or shutil.which("apt-get") is None):
        raise StoppedError(f"please install these (names are Debian's): {' '.join(wanted)}")
    if wanted:
        quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # services of the packages do not start
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted, env=quiet)
    return f"installed {' '.join(wanted)}" if wanted else "nothing to install"


def environment() -> str:
    """Make Weblate's environment where it is not as requirements.txt beside this wants it. Takes minutes the first time."""
    stamp, wanted = ENVIRONMENT / "made", REQUIREMENTS.read_text("utf-8")
    if not stamp.is_file() or stamp.read_text("utf-8") != wanted:
        run(sys.executable, "-m", "venv", "--clear", ENVIRONMENT)
        pip = (ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check")
        # The file is whole; left to resolve, pip asks for a hash of `pyjwt[crypto]` beside that of pyjwt.
        run(*pip, "--require-hashes", "--no-deps", "-r", REQUIREMENTS)
        stamp.write_text(wanted, "utf-8")
    pins = dict(
        line.split(" ")[0].split("==") for line in wanted.splitlines() if line.startswith(("weblate==", "wlc=="))
    )
    return ", ".join(f"{name} {version}" for name, version in pins.items())
