"""Checks of what a wheel holds besides its code: dist-info, WHEEL, data folders, entry points. Pure (PEP 427, 491)."""

from __future__ import annotations

import configparser
import email.parser
import re
from collections.abc import Callable
from math import prod

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bonded.upload.artifact import Artifact
from bonded.upload.filename import Named
from bonded.upload.limits import UploadLimits
from bonded.upload.record import check_record
from bonded.values.refusals import Refusal, define

DIST_INFO = define(
    "dist-info",
    400,
    "The wheel's dist-info folder is missing or not its own",
    "A wheel has exactly one folder {name}-{version}.dist-info, of the same name and version as the file, with the files "
    "METADATA, WHEEL and RECORD in it. Build the wheel again with a current tool; do not rename it.",
)
DATA_FOLDER = define(
    "data-folder",
    400,
    "The wheel's data folder is not its own",
    "A .data folder is named {name}-{version}.data as the file is, and holds only purelib, platlib, headers, scripts and data.",
)
WHEEL_FILE = define(
    "wheel-file",
    400,
    "The WHEEL file is not right",
    "dist-info/WHEEL says 'Wheel-Version: 1.x', 'Root-Is-Purelib' and the same tags and build number as the file name. Tools "
    "such as `wheel tags` change both together; do not rename wheels by hand.",
)
ENTRY_POINTS = define(
    "entry-points",
    400,
    "The entry points cannot be read",
    "dist-info/entry_points.txt is an INI file with one object reference per name. Names of scripts have no '/' or '\\'.",
)

SCHEMES = {"purelib", "platlib", "headers", "scripts", "data"}
_REFERENCE = re.compile(r"\s*[\w.]+\s*(:\s*[\w.]+\s*)?(\[[^\[\]]*\]\s*)?")


def dist_info(artifact: Artifact, named: Named) -> str:
    """The name of the wheel's one dist-info folder. Raises Refusal (dist-info)."""
    found = sorted(top for top in artifact.tops() if top.lower().endswith(".dist-info"))
    if len(found) != 1:
        raise Refusal(DIST_INFO, f"a wheel has one .dist-info folder, this one has {len(found)}")
    if not _same_stem(found[0].removesuffix(".dist-info"), named):
        raise Refusal(DIST_INFO, f"the folder {found[0]!r} does not belong to {named.filename}")
    for name in ("METADATA", "WHEEL", "RECORD"):
        if artifact.data(f"{found[0]}/{name}") is None:
            raise Refusal(DIST_INFO, f"the wheel has no {found[0]}/{name}")
    return found[0]


def _same_stem(stem: str, named: Named) -> bool:
    name, _, version = stem.rpartition("-")
    try:
        return canonicalize_name(name) == named.key and Version(version) == named.version
    except InvalidVersion:
        return False


def check_data_folders(artifact: Artifact, named: Named, _limits: UploadLimits) -> None:
    """Refuse .data folders of other names, and schemes that installers do not know (data-folder)."""
    for path in artifact.members:
        top, _, rest = path.partition("/")
        if not top.endswith(".data") or not rest:
            continue
        if top.count("-") == 1 and not _same_stem(top.removesuffix(".data"), named):
            raise Refusal(DATA_FOLDER, f"the folder {top!r} does not belong to {named.filename}")
        scheme = rest.partition("/")[0]
        if top.count("-") == 1 and scheme not in SCHEMES:
            raise Refusal(DATA_FOLDER, f"the folder {top}/{scheme} is for no known place of installation")


def check_wheel_file(artifact: Artifact, named: Named, _limits: UploadLimits) -> None:
    """Refuse a WHEEL file that is unreadable or differs from the file name (wheel-file)."""
    data = artifact.data(f"{dist_info(artifact, named)}/WHEEL") or b""
    message = email.parser.BytesParser().parsebytes(data, headersonly=True)
    version = str(message.get("Wheel-Version", "")).strip()
    if not re.fullmatch(r"1\.\d{1,3}", version):
        raise Refusal(WHEEL_FILE, f"the WHEEL file has the Wheel-Version {version[:20]!r}, not 1.x")
    if str(message.get("Root-Is-Purelib", "")).strip().lower() not in ("true", "false"):
        raise Refusal(WHEEL_FILE, "the WHEEL file does not say Root-Is-Purelib: true or false")
    if _tags([str(text).strip() for text in message.get_all("Tag", [])], len(named.tags)) != named.tags:
        raise Refusal(WHEEL_FILE, f"the tags in the WHEEL file are not those of {named.filename}")
    build = str(message.get("Build", "")).strip()
    if build != named.build:
        raise Refusal(WHEEL_FILE, f"the WHEEL file has the build number {build[:20]!r}, the name {named.build!r}")


def _tags(lines: list[str], most: int) -> frozenset[Tag] | None:
    """What the `Tag` lines stand for together; None where one is no tag, or stands for more than `most`.

    A line is the product of its three parts: three kilobytes of them would be twelve million tags.
    """
    if any(prod(part.count(".") + 1 for part in line.split("-")) > most for line in lines):
        return None
    try:
        return frozenset(tag for line in lines for tag in parse_tag(line))
    except ValueError:
        return None


def check_entry_points(artifact: Artifact, named: Named, _limits: UploadLimits) -> None:
    """Refuse entry points that cannot be read, and scripts that would be installed elsewhere (entry-points)."""
    data = artifact.data(f"{dist_info(artifact, named)}/entry_points.txt")
    if data is None:
        return
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(data.decode("utf-8"))
    except (UnicodeDecodeError, configparser.Error) as error:
        text = str(error).splitlines()[0][:80]
        raise Refusal(ENTRY_POINTS, f"entry_points.txt cannot be read: {text}") from None
    for group in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(group) if parser.has_section(group) else ():
            if not name or any(c in name for c in "/\\\0") or name in (".", ".."):
                raise Refusal(ENTRY_POINTS, f"the script {name[:60]!r} would be installed somewhere else")
            if not _REFERENCE.fullmatch(value):
                raise Refusal(ENTRY_POINTS, f"the script {name[:60]!r} refers to no object ({value[:60]!r})")


WHEEL_CHECKS: tuple[Callable[[Artifact, Named, UploadLimits], None], ...] = (
    check_data_folders,
    check_wheel_file,
    check_record,
    check_entry_points,
)
"""In this order, after the framing and `dist_info`; each raises Refusal with its own code."""
