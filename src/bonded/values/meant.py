"""Names that are none, and which may have been meant: of settings, of their variables, of checks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping


def meant(name: str, names: Iterable[str], *, likeness: float = 0.8) -> str:
    """The one of `names` that is most like `name`, "" where none is as alike as that (0..1, `difflib`)."""
    return next(iter(difflib.get_close_matches(name, list(names), 1, likeness)), "")


def variables(keys: Iterable[str]) -> list[str]:
    """What settings ("tuf.page_ttl", and "tuf" for the section) are called in the environment."""
    return [f"BONDED_{key.replace('.', '__').upper()}" for key in keys]


def misnamed(environment: Mapping[str, str], keys: Iterable[str]) -> str:
    """A variable that is meant as a setting and would be passed over: of no section, or with `_` in place of `__`.

    Others that begin with BONDED_ may be somebody else's, such as BONDED_MAIL_PORT=tcp://... where Kubernetes has a service
    called bonded-mail.
    """
    known = variables(keys)
    flat = {name.replace("__", "_") for name in known}
    for name, value in environment.items():
        upper = name.upper()
        if not upper.startswith("BONDED_") or upper in known or value.startswith(("tcp://", "udp://")):
            continue
        section, apart, _ = upper.removeprefix("BONDED_").partition("__")
        if (apart and f"BONDED_{section}" not in known) or upper.replace("__", "_") in flat:
            return name
    return ""
