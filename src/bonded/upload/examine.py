"""From what was received to accepted facts, or one clear refusal: the checks of INDEX in their order. Reads, never writes.

Each group is a tuple of small pure functions in a file of its own; a new rule is one function there and one test.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from bonded.upload.agreement import AGREEMENT_CHECKS, check_license_files
from bonded.upload.artifact import Artifact, read_artifact
from bonded.upload.filename import FILENAME_CHECKS, Named, parse_filename
from bonded.upload.form import FORM_CHECKS, Form
from bonded.upload.framing import check_framing
from bonded.upload.limits import UploadLimits
from bonded.upload.metadata import METADATA_CHECKS, Core, parse_metadata
from bonded.upload.receive import Received, storage_refusal
from bonded.upload.record import more_algorithms
from bonded.upload.sdist import sdist_folder
from bonded.upload.wheel import WHEEL_CHECKS, dist_info
from bonded.values.states import PackageType

RESOLVED_BY = ("requires-dist", "requires-python", "provides-extra")
"""Fields that installers choose by."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that passed every check that needs no database. `metadata_bytes` as they stand in the archive.

    `has_metadata_file`: they are served beside the file (PEP 658): of wheels, and of source distributions whose PKG-INFO
    has all that installers resolve by (PEP 643). pip takes what is served for the truth and builds afterwards: where the
    requirements are dynamic, it would install without them.
    """

    filename: str
    packagetype: PackageType
    name: str
    key: str
    version: str
    python_version: str
    requires_python: str
    metadata: dict[str, Any]
    metadata_bytes: bytes
    metadata_sha256: str
    has_metadata_file: bool


def examine(received: Received, limits: UploadLimits) -> Examined:
    """Run all checks. Raises Refusal."""
    form = Form(received.fields)
    for check_form in FORM_CHECKS:
        check_form(form, received)
    named = parse_filename(received.filename)
    for check_name in FILENAME_CHECKS:
        check_name(named, limits)
    try:
        artifact = read_artifact(received.path, named, limits)
        check_framing(artifact.problems)
        folder, artifact = _contents(received, artifact, named, limits)
    except OSError as error:
        raise storage_refusal(error) from error
    return _agreed(artifact, named, form, folder, limits)


def _contents(received: Received, artifact: Artifact, named: Named, limits: UploadLimits) -> tuple[str, Artifact]:
    """The folder with the metadata, and the artifact with every digest that RECORD asks for."""
    if named.packagetype is PackageType.SDIST:
        return sdist_folder(artifact, named, limits), artifact
    folder = dist_info(artifact, named)
    more = more_algorithms(artifact, folder)
    if more:
        artifact = read_artifact(received.path, named, limits, more)
    for check in WHEEL_CHECKS:
        check(artifact, named, limits)
    return folder, artifact


def _agreed(artifact: Artifact, named: Named, form: Form, folder: str, limits: UploadLimits) -> Examined:
    wheel = named.packagetype is PackageType.WHEEL
    data = artifact.data(f"{folder}/{'METADATA' if wheel else 'PKG-INFO'}") or b""
    core = parse_metadata(data)
    for check in METADATA_CHECKS:
        check(core, limits)
    for agree in AGREEMENT_CHECKS:
        agree(named, core, form)
    check_license_files(artifact, core, folder)
    return _examined(named, core, data, wheel)


def _examined(named: Named, core: Core, data: bytes, wheel: bool) -> Examined:
    return Examined(
        filename=named.filename,
        packagetype=named.packagetype,
        name=core.name,
        key=named.key,
        version=str(named.version),
        python_version=named.python_version,
        requires_python=core.requires_python,
        metadata=core.fields,
        metadata_bytes=data,
        metadata_sha256=hashlib.sha256(data).hexdigest(),
        has_metadata_file=wheel or core.settled(*RESOLVED_BY),
    )
