"""Core metadata as they stand in the artifact: parsed and validated by `packaging.metadata`, then our own rules. Pure.

What the index serves and shows comes from here, never from the upload form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any, cast
from urllib.parse import urlsplit

from packaging.metadata import InvalidMetadata, Metadata, RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.version import Version

from bonded.upload.limits import UploadLimits
from bonded.values.refusals import Refusal, define

METADATA_ENCODING = define(
    "metadata-encoding",
    400,
    "The metadata are not UTF-8",
    "METADATA and PKG-INFO are text in UTF-8.",
)
INVALID_METADATA = define(
    "invalid-metadata",
    400,
    "The metadata are not valid",
    "METADATA (wheel) or PKG-INFO (source distribution) breaks a rule of the core metadata specification; the message names "
    "the field. Change it in pyproject.toml and build again.",
)
METADATA_TEXT = define(
    "metadata-text",
    400,
    "A metadata field has control characters",
    "Fields hold printable text; only the description and long fields have lines.",
)
UNKNOWN_CLASSIFIER = define(
    "unknown-classifier",
    400,
    "A classifier is unknown",
    "Classifiers come from the list of trove classifiers; the message names one that is not in it or was replaced. Ones that "
    "begin with 'Private ::' are free.",
)
METADATA_URL = define(
    "metadata-url",
    400,
    "A URL in the metadata is not valid",
    "Home page, download URL and project URLs begin with https:// or http:// and name a host; labels have at most 32 "
    "characters.",
)
DIRECT_REFERENCE = define(
    "direct-reference",
    400,
    "A requirement names a URL",
    "This index does not take requirements of the form 'name @ URL': installers could not verify what they get (PEP 440).",
)

_UNKNOWN = "UNKNOWN"
"""What old setuptools wrote for fields without a value."""
_AGES = ["1.0", "1.1", "1.2", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6"]
_ONE_LINE = ("name", "version", "metadata_version", "summary", "requires_python", "author_email", "maintainer_email")
DIGITS = 1000
DEEPEST = 50
_LONG_NUMBER = re.compile(rf"[0-9]{{{DIGITS + 1}}}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINES = re.compile(r"[\r\n\t]")
_CHARS = re.compile(r"[\x00-\x20\x7f<>\"{}|\\^`]")


@dataclass(frozen=True, slots=True)
class Core:
    """Validated core metadata. `fields` as read (JSON-ready, by field name); the rest as values of `packaging`."""

    fields: dict[str, Any]
    age: str
    """The metadata version."""
    name: str
    version: Version
    requires_python: str
    requires_dist: list[Requirement]

    def settled(self, *fields: str) -> bool:
        """Whether every wheel built from a source distribution with these metadata has the same `fields` (lower case, PEP 643)."""
        return self.age >= "2.2" and {str(one).lower() for one in self.fields.get("dynamic", [])}.isdisjoint(fields)


def parse_metadata(data: bytes) -> Core:
    """Parse METADATA or PKG-INFO. Raises Refusal (metadata-encoding, invalid-metadata).

    Fields that the stated metadata version does not know yet are left out, as installers do (setuptools wrote License-File
    into 2.1 for years); unknown headers likewise.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal(METADATA_ENCODING, "the metadata are not text in UTF-8") from None
    raw, unparsed = parse_email(text)
    for name in sorted(set(unparsed) & _email_names()):
        raise Refusal(INVALID_METADATA, f"the metadata field {name!r} is doubled or unreadable")
    fields = _of_its_age(cast("dict[str, Any]", raw))
    try:
        _check_readable(fields)
        checked = Metadata.from_raw(cast("RawMetadata", fields | {"metadata_version": _age(fields)}), validate=True)
        requirements = list(checked.requires_dist or [])
    except (ExceptionGroup, InvalidMetadata) as error:
        raise Refusal(INVALID_METADATA, f"metadata: {_first(error)}") from None
    return Core(
        fields=fields,
        age=fields["metadata_version"],
        name=checked.name,
        version=checked.version,
        requires_python=str(fields.get("requires_python", "")),
        requires_dist=requirements,
    )


def _check_readable(raw: dict[str, Any]) -> None:
    """Raise InvalidMetadata for what is well-formed and yet nobody can read: Python makes no number of thousands of digits,
    and markers are parsed by recursion, here and by everybody who reads the file's metadata."""
    for field in ("version", "requires_python", "requires_dist"):
        for text in _as_list(raw.get(field, "")):
            if _LONG_NUMBER.search(text):
                raise InvalidMetadata(field, f"{field!r} has a number of more than {DIGITS} digits")
            if field == "requires_dist" and text.count("(") > DEEPEST and _depth(text) > DEEPEST:
                raise InvalidMetadata(field, f"{field!r} has more than {DEEPEST} parentheses in one another")


def _depth(text: str) -> int:
    return max(accumulate((char == "(") - (char == ")") for char in text))


def _age(fields: dict[str, Any]) -> str:
    """The metadata version to go by. 2.0 was a draft that `wheel` wrote until 2018; its fields are those of 2.1."""
    said = str(fields.get("metadata_version", ""))
    return "2.1" if said == "2.0" else said


def _of_its_age(raw: dict[str, Any]) -> dict[str, Any]:
    age = _age(raw)
    known = _AGES.index(age) if age in _AGES else len(_AGES)
    return {
        name: value
        for name, value in raw.items()
        if value != _UNKNOWN and value != [_UNKNOWN] and _AGES.index(_added(name)) <= known
    }


@cache
def _added(name: str) -> str:
    return str(Metadata.__dict__[name].added) if name in Metadata.__dict__ else "1.0"


@cache
def _email_names() -> frozenset[str]:
    validators = (value for value in Metadata.__dict__.values() if hasattr(value, "raw_name"))
    return frozenset(validator.raw_name for validator in validators)


def _first(error: BaseException) -> str:
    inner: Any = error
    while isinstance(inner, ExceptionGroup):
        inner = inner.exceptions[0]
    return re.sub(r"\s+", " ", str(inner))[:120]


def check_text(core: Core, _limits: UploadLimits) -> None:
    """Refuse control characters in fields (metadata-text); the description may hold anything that is UTF-8 but NUL."""
    for name, value in core.fields.items():
        texts = value.items() if isinstance(value, dict) else [(item,) for item in _as_list(value)]
        for text in (part for texts_ in texts for part in texts_):
            if name == "description":
                bad = "\0" in text
            else:
                bad = bool(_CONTROL.search(text)) or (name in _ONE_LINE and bool(_LINES.search(text)))
            if bad:
                raise Refusal(METADATA_TEXT, f"the metadata field {name!r} has control characters")


def _as_list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [str(value)]


def check_classifiers(core: Core, _limits: UploadLimits) -> None:
    """Refuse classifiers that are unknown or were replaced (unknown-classifier)."""
    import trove_classifiers  # 1 MB of names: only where something is uploaded

    for classifier in core.fields.get("classifiers", []):
        if classifier in trove_classifiers.deprecated_classifiers:
            raise Refusal(UNKNOWN_CLASSIFIER, f"the classifier {classifier[:80]!r} was replaced by others")
        if classifier not in trove_classifiers.classifiers and not classifier.startswith("Private ::"):
            raise Refusal(UNKNOWN_CLASSIFIER, f"the classifier {classifier[:80]!r} is unknown")


def check_urls(core: Core, _limits: UploadLimits) -> None:
    """Refuse URLs that no browser should be sent to (metadata-url)."""
    for name in ("home_page", "download_url"):
        value = str(core.fields.get(name, ""))
        if value and not _web_url(value):
            raise Refusal(METADATA_URL, f"{name} is not a web address: {value[:80]!r}")
    for label, url in core.fields.get("project_urls", {}).items():
        if not label or len(label) > 32:
            raise Refusal(METADATA_URL, f"the label of a project URL has no or more than 32 characters: {label[:40]!r}")
        if not _web_url(url):
            raise Refusal(METADATA_URL, f"the project URL {label!r} is not a web address: {url[:80]!r}")


def _web_url(url: str) -> bool:
    if _CHARS.search(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def check_requirements(core: Core, limits: UploadLimits) -> None:
    """Refuse requirements that name a URL where the policy says so (direct-reference)."""
    for requirement in core.requires_dist:
        if requirement.url and not limits.direct_references:
            raise Refusal(DIRECT_REFERENCE, f"the requirement {str(requirement)[:80]!r} names a URL")


METADATA_CHECKS: tuple[Callable[[Core, UploadLimits], None], ...] = (
    check_text,
    check_classifiers,
    check_urls,
    check_requirements,
)
"""In this order; each raises Refusal with its own code."""
