"""What a package's metadata says of its licence: an SPDX expression (PEP 639), else classifiers, else a name. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

_SHORT = 120
_PREFIX = "License :: "
SPDX = {
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Eclipse Public License 1.0 (EPL-1.0)": "EPL-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "European Union Public Licence 1.1 (EUPL 1.1)": "EUPL-1.1",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "zlib/libpng License": "Zlib",
}
"""Classifiers that mean one licence and no other; "BSD License" and "Apache Software License" do not say which."""


@dataclass(frozen=True, slots=True)
class Licence:
    """An SPDX `expression`, or the `ids` and `names` of licences; all empty where the metadata says nothing."""

    expression: str = ""
    ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


NONE = Licence()


def licence(expression: str | None, classifiers: Iterable[str], text: str | None) -> Licence:
    """The licence by the fields License-Expression, Classifier and License, the better one first."""
    if expression:
        try:
            return Licence(expression=canonicalize_license_expression(expression))
        except InvalidLicenseExpression:
            return Licence(names=(expression[:_SHORT],))
    named = [
        one.rpartition(" :: ")[2] for one in classifiers if one.startswith(_PREFIX) and one != "License :: OSI Approved"
    ]
    if named:
        ids = sorted({SPDX[one] for one in named if one in SPDX})
        return Licence(ids=tuple(ids), names=tuple(sorted({one for one in named if one not in SPDX})))
    short = (text or "").strip()
    if not short or short == "UNKNOWN" or "\n" in short or len(short) > _SHORT:
        return Licence()  # a whole licence text names none
    try:
        return Licence(expression=canonicalize_license_expression(short))
    except InvalidLicenseExpression:
        return Licence(names=(short,))
