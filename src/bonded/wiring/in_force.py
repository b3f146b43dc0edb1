"""The settings in force, as an administrator sees them: each with where it is from, and no secret in clear."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from bonded.settings import Settings
from bonded.web.context import InForce

_SECRETS = ((re.compile(r"(://)[^@/\s]+@"), r"\1…@"), (re.compile(r"(pin-value=|password=|secret=)[^;&?\s]+"), r"\1…"))


def in_force(settings: Settings, environ: Mapping[str, str]) -> tuple[InForce, ...]:
    """Every setting, section by section in the order of the reference. Pure.

    Passwords within addresses and PINs within key URIs are left out; the other secrets are files, of which this tells the path.
    """
    return tuple(_lines(settings, "", environ))


def _lines(model: BaseModel, section: str, environ: Mapping[str, str]) -> Iterator[InForce]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _lines(value, name, environ)
            continue
        variable = f"BONDED_{section}__{name}" if section else f"BONDED_{name}"
        told = "environment" if any(key.upper() == variable.upper() for key in environ) else "file"
        where = told if name in model.model_fields_set else "default"
        default = field.get_default(call_default_factory=True, validated_data={})
        yield InForce(section, name, masked(_words(value)), masked(_words(default)), where)


def masked(text: str) -> str:
    """`text` without passwords and PINs."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


def _words(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return ", ".join(_words(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_words(one)}" for key, one in value.items())
    return str(value)
