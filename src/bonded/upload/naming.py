"""Who may have a new project's name: rules for names that are not taken yet. Pure."""

from __future__ import annotations

import sys

from bonded.upload.limits import UploadLimits
from bonded.values.names import normalize
from bonded.values.refusals import Refusal, define

STANDARD_LIBRARY = define(
    "standard-library",
    403,
    "The name belongs to the standard library",
    "A project named like a module of Python's standard library would be installed by mistake. Choose another name.",
)
PROHIBITED_NAME = define(
    "prohibited-name",
    403,
    "The name is not available",
    "The operator of this index has set the name aside. Choose another one, or ask the operator.",
)
CONFUSABLE_NAME = define(
    "confusable-name",
    403,
    "The name is too much like another one",
    "A project exists whose name differs only in '.', '_', '-', or in characters that look alike (1, l and i; 0 and o). Choose "
    "another name.",
)

GONE = frozenset(
    {
        *("aifc", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr"),
        *("imp", "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd"),
        *("sunau", "telnetlib", "uu", "xdrlib"),
    }
)
"""Modules that newer Pythons dropped and older ones still have."""

MODULES = frozenset(normalize(name) for name in sys.stdlib_module_names | GONE if not name.startswith("_"))


def check_new_name(name: str, twins: list[str], limits: UploadLimits) -> None:
    """Refuse names for a new project (standard-library, prohibited-name, confusable-name)."""
    key = normalize(name)
    if key in limits.prohibited:
        raise Refusal(PROHIBITED_NAME, f"the name {name} is not available on this index")
    if key in MODULES:
        raise Refusal(STANDARD_LIBRARY, f"{name} is a module of Python's standard library")
    if twins:
        raise Refusal(CONFUSABLE_NAME, f"the name {name} is too much like the project {twins[0]}")
