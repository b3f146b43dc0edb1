"""Names and addresses of people: what is allowed, and when two names are too alike. Pure."""

from __future__ import annotations

import hashlib
import re
from email.errors import HeaderParseError
from email.headerregistry import Address

from bonded.values.refusals import Refusal, define
from bonded.values.text import has_control

_NAME = re.compile(r"[a-z0-9]([a-z0-9._-]{0,48}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_ID = re.compile(r"[a-z0-9_-]{1,64}", re.IGNORECASE | re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)
_ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", ".": None, "_": None, "-": None})

INVALID_USER_NAME = define(
    "invalid-user-name",
    400,
    "Invalid user name",
    "A user name has 1 to 50 ASCII letters, digits, '.', '_' and '-', and begins and ends with a letter or digit.",
)
INVALID_EMAIL = define(
    "invalid-email",
    400,
    "Invalid e-mail address",
    "Write one plain address such as name@host.example, without a display name, at most 254 characters.",
)


def plausible_id(text: str) -> bool:
    """Whether `text` can be an opaque id at all. What cannot is not looked up: PostgreSQL refuses to compare NUL."""
    return bool(_ID.fullmatch(text))


def plausible_name(text: str) -> bool:
    """Whether `text` can be the name of an account at all."""
    return bool(_NAME.fullmatch(text))


def check_user_name(name: str) -> str:
    """Return `name`; raises Refusal (invalid-user-name)."""
    if not _NAME.fullmatch(name):
        raise Refusal(INVALID_USER_NAME, f"{name[:60]!r} is not a valid user name")
    return name


def name_key(name: str) -> str:
    """The form in which two names are the same person's: case, separators, and look-alikes (0 o, 1 l i) folded."""
    return name.lower().translate(_ALIKE)


def retired(key: str) -> str:
    """What stands in place of a `name_key` whose account was deleted: nobody gets the name again, and this does not tell it."""
    return "!" + hashlib.sha256(f"retired:{key}".encode()).hexdigest()


def check_email(email: str) -> str:
    """The address with its domain in ASCII and lower case; raises Refusal (invalid-email)."""
    refused = Refusal(INVALID_EMAIL, f"{email[:80]!r} is not a valid e-mail address")
    if len(email) > 254 or has_control(email) or email.count("@") != 1:
        raise refused
    local, domain = email.split("@")
    try:
        domain = domain.encode("idna").decode("ascii").lower()
        address = Address(addr_spec=f"{local}@{domain}").addr_spec
    except (ValueError, HeaderParseError, IndexError):
        raise refused from None
    sound = 0 < len(local) <= 64 and local.isascii() and " " not in local and '"' not in local
    if not sound or not all(_LABEL.fullmatch(label) for label in domain.split(".")):
        raise refused
    return address
