"""Every installed distribution has a licence that we know and accept; a new one stops here until somebody has looked.

`python tools/licences.py` prints what is wrong and exits 1, or one line and 0; `--list` prints every licence found.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent

ACCEPTED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "CNRI-Python",
        "ISC",
        "LicenseRef-Repoze-BSD-derived",
        "MIT",
        "MIT-0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
        "ZPL-2.1",
    }
)
"""Permissive licences (SPDX ids): fine anywhere."""

BY_NAME: dict[str, tuple[str, str]] = {
    "certifi": ("MPL-2.0", "a data file, unmodified"),
    "hypothesis": ("MPL-2.0", "tests only"),
    "orjson": ("MPL-2.0 AND (Apache-2.0 OR MIT)", "copyleft by file, unmodified"),
    "pathspec": ("MPL-2.0", "development only"),
    "sigstore-models": ("MIT", "states no identifier; its licence file is the MIT one"),
    "docutils": ("LicenseRef-docutils", "public domain and BSD but for one editor mode that is not in the wheel"),
    "protobuf": ("BSD-3-Clause", "states no identifier; only in the extra `kms`"),
    "pyasn1": ("BSD-2-Clause", "states no identifier; only in the extra `kms`"),
    "psycopg": ("LGPL-3.0-only", "only in the optional extra `postgres`, loaded unmodified"),
    "psycopg-binary": ("LGPL-3.0-only", "only in the optional extra `postgres`, loaded unmodified"),
    "psycopg-pool": ("LGPL-3.0-only", "only in the optional extra `postgres`, loaded unmodified"),
    "codespell": ("GPL-2.0-only", "a development tool, run as a program, never shipped"),
    "djlint": ("GPL-3.0-or-later", "a development tool, run as a program, never shipped"),
}
"""Looked at one by one: the licence accepted for this distribution, and why."""

NEVER_SHIPPED = frozenset({"codespell", "djlint", "hypothesis", "pathspec"})

_TEXTS = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "MIT": "MIT",
    "MIT License": "MIT",
    "MIT license": "MIT",
    "MPL-2.0": "MPL-2.0",
    "PSF-2.0": "PSF-2.0",
    "Unlicense": "Unlicense",
    "ZPL 2.1": "ZPL-2.1",
    "ZPL-2.1": "ZPL-2.1",
}
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "Repoze Public License": "LicenseRef-Repoze-BSD-derived",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zope Public License": "ZPL-2.1",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A distribution (normalized name) and its licence as an SPDX expression; "" when it states none that we know."""

    name: str
    licence: str


def licence_of(distribution: Distribution) -> str:
    """The licence that the metadata states: the expression, else a classifier, else a known text."""
    metadata = distribution.metadata
    if expression := metadata.get("License-Expression"):
        return str(expression)
    stated = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or [] if c.startswith("License ::")]
    known = [_CLASSIFIERS[c] for c in stated if c in _CLASSIFIERS]
    if known:
        return " OR ".join(known)
    return _TEXTS.get(str(metadata.get("License") or "").strip(), "")


def accepted(expression: str) -> bool:
    """Whether ACCEPTED satisfies an SPDX expression of ids, AND, OR and parentheses (AND binds closer)."""
    tokens = re.findall(r"[()]|[^\s()]+", expression)

    def one() -> bool:
        token = tokens.pop(0) if tokens else ""
        if token != "(":
            return token in ACCEPTED
        inside = either()
        if tokens:
            tokens.pop(0)
        return inside

    def both() -> bool:
        value = one()
        while tokens and tokens[0].upper() == "AND":
            tokens.pop(0)
            value = one() and value
        return value

    def either() -> bool:
        value = both()
        while tokens and tokens[0].upper() == "OR":
            tokens.pop(0)
            value = both() or value
        return value

    return either() and not tokens


def installed(where: Path | None = None) -> Iterator[Found]:
    """What is installed beside us, or in the folder `where`, by name."""
    # Only what is installed here: pkg_resources puts the vendored copies inside setuptools on the path.
    here = distributions(path=[str(where or sysconfig.get_path("purelib"))])
    for distribution in sorted(here, key=lambda d: canonicalize_name(d.metadata["Name"])):
        name = canonicalize_name(distribution.metadata["Name"])
        yield Found(name, BY_NAME[name][0] if name in BY_NAME else licence_of(distribution))


def problems(found: Iterator[Found], shipped: frozenset[str]) -> Iterator[str]:
    """One sentence for each licence that may not be here. `shipped` are the names that production installs."""
    for each in found:
        if each.name in NEVER_SHIPPED and each.name in shipped:
            yield f"{each.name} ({each.licence}) is a development tool and may not be a dependency of production"
        elif each.name not in BY_NAME and not accepted(each.licence):
            yield f"{each.name} has the licence {each.licence or '(none that we know)'}, which nobody has accepted"


def shipped_names() -> frozenset[str]:
    """Names in requirements/production.txt."""
    text = (ROOT / "requirements/production.txt").read_text()
    return frozenset(
        canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==", text, re.MULTILINE)
    )


def main() -> int:
    """See the module."""
    found = list(installed())
    if "--list" in sys.argv[1:]:
        for each in found:
            print(f"{each.name}: {each.licence}")
    wrong = list(problems(iter(found), shipped_names()))
    print("\n".join(wrong) or f"{len(found)} distributions, all with licences that are accepted")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
