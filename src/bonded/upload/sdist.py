"""Checks of what a source distribution holds: one folder, named like the file, with PKG-INFO in it. Pure (PEP 625, 721)."""

from __future__ import annotations

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bonded.facts.archive import Kind
from bonded.upload.artifact import Artifact
from bonded.upload.filename import Named
from bonded.upload.limits import UploadLimits
from bonded.values.refusals import Refusal, define

SDIST_FOLDER = define(
    "sdist-folder",
    400,
    "The source distribution's folder is not right",
    "A source distribution has exactly one folder at its top, {name}-{version} as in the file name, and everything is in it "
    "(PEP 625).",
)
NO_PKG_INFO = define(
    "no-pkg-info",
    400,
    "The source distribution has no PKG-INFO",
    "The file {name}-{version}/PKG-INFO holds the metadata of a source distribution. Build it with a current tool; an archive "
    "of a repository is no source distribution.",
)


def sdist_folder(artifact: Artifact, named: Named, limits: UploadLimits) -> str:
    """The one top folder. Raises Refusal (sdist-folder, no-pkg-info)."""
    tops = sorted(artifact.tops())
    if len(tops) != 1 or artifact.members.get(tops[0]) not in (None, *_folders(artifact, tops[0])):
        raise Refusal(SDIST_FOLDER, f"a source distribution has one folder at its top, this one has names: {len(tops)}")
    if tops[0] != named.stem and (limits.exact_names or not _same(tops[0], named)):
        raise Refusal(SDIST_FOLDER, f"the folder is {tops[0][:80]!r}, not {named.stem!r}")
    if artifact.data(f"{tops[0]}/PKG-INFO") is None:
        raise Refusal(NO_PKG_INFO, f"there is no file {tops[0]}/PKG-INFO")
    return tops[0]


def _folders(artifact: Artifact, top: str) -> list[object]:
    member = artifact.members.get(top)
    return [member] if member is not None and member.kind is Kind.FOLDER else []


def _same(folder: str, named: Named) -> bool:
    name, _, version = folder.rpartition("-")
    try:
        return canonicalize_name(name) == named.key and Version(version) == named.version
    except InvalidVersion:
        return False
