"""File name, metadata and form must say the same. Pure. What differs is refused; what is served is the artifact's."""

from __future__ import annotations

from collections.abc import Callable

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from bonded.facts.archive import Kind
from bonded.upload.artifact import Artifact
from bonded.upload.filename import Named
from bonded.upload.form import Form
from bonded.upload.metadata import Core
from bonded.values.names import check_project_name
from bonded.values.refusals import Refusal, define
from bonded.values.states import PackageType

NAMES_DIFFER = define(
    "names-differ",
    400,
    "Name or version differ",
    "The file name, the metadata in the file and the upload form must name the same project and version. Do not rename files; "
    "build again after changing the name or version.",
)
REQUIREMENTS_DIFFER = define(
    "requirements-differ",
    400,
    "Form and file differ in requirements",
    "The requirements (or the needed Python version) in the upload form are not those of the metadata in the file. Upload with "
    "a tool that reads them from the file, such as twine.",
)
LICENSE_FILE = define(
    "license-file",
    400,
    "A license file is missing",
    "The metadata name a license file that is not in the archive where it belongs (PEP 639).",
)


def check_named_as_metadata(named: Named, core: Core, _form: Form) -> None:
    """Refuse files whose name and metadata differ in project or version (names-differ), and invalid names."""
    check_project_name(core.name)
    if canonicalize_name(core.name) != named.key:
        raise Refusal(NAMES_DIFFER, f"the file is named for {named.key!r}, its metadata say {core.name[:60]!r}")
    if core.version != named.version:
        raise Refusal(NAMES_DIFFER, f"the file is named for version {named.version}, its metadata say {core.version}")


def check_form_names(named: Named, _core: Core, form: Form) -> None:
    """Refuse forms that name another project or version than the file (names-differ)."""
    name, version = form.one("name"), form.one("version")
    if canonicalize_name(name) != named.key:
        raise Refusal(NAMES_DIFFER, f"the form says {name[:60]!r}, the file is of {named.key!r}")
    try:
        same = Version(version) == named.version
    except ValueError:  # InvalidVersion, or a number of more digits than Python takes
        same = False
    if not same:
        raise Refusal(NAMES_DIFFER, f"the form says version {version[:60]!r}, the file is of {named.version}")


def check_form_requirements(named: Named, core: Core, form: Form) -> None:
    """Refuse forms that state other requirements than the file (requirements-differ).

    A form that states none says nothing. An older or dynamic PKG-INFO has none to compare with.
    """
    said = [text for text in form.all("requires_dist") if text.strip()]
    if said and not _open(named, core, "requires-dist"):
        try:
            same = {_plain(Requirement(text)) for text in said} == {_plain(r) for r in core.requires_dist}
        except (ValueError, RecursionError):  # InvalidRequirement, or well-formed and past all reading
            same = False
        if not same:
            raise Refusal(REQUIREMENTS_DIFFER, "the form's requires_dist differ from the file's metadata")
    python = form.one("requires_python")
    if python and not _open(named, core, "requires-python"):
        try:
            same = SpecifierSet(python) == SpecifierSet(core.requires_python)
        except ValueError:
            same = False
        if not same:
            raise Refusal(REQUIREMENTS_DIFFER, f"the form's requires_python {python[:40]!r} is not that of the file")


def _open(named: Named, core: Core, field: str) -> bool:
    """Whether a built wheel may say something else."""
    return named.packagetype is not PackageType.WHEEL and not core.settled(field)


def _plain(requirement: Requirement) -> tuple[str, frozenset[str], SpecifierSet, str, str]:
    return (
        canonicalize_name(requirement.name),
        frozenset(canonicalize_name(extra) for extra in requirement.extras),
        requirement.specifier,
        str(requirement.marker or ""),
        requirement.url or "",
    )


def check_license_files(artifact: Artifact, core: Core, folder: str) -> None:
    """Refuse metadata that name license files which are not there (license-file)."""
    where = f"{folder}/licenses" if folder.endswith(".dist-info") else folder
    for name in core.fields.get("license_files", []):
        member = artifact.members.get(f"{where}/{name}")
        if member is None or member.kind is Kind.FOLDER:
            raise Refusal(LICENSE_FILE, f"the license file {name[:80]!r} is not in {where}")


AGREEMENT_CHECKS: tuple[Callable[[Named, Core, Form], None], ...] = (
    check_named_as_metadata,
    check_form_names,
    check_form_requirements,
)
"""In this order; each raises Refusal with its own code."""
