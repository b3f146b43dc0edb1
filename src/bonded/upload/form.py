"""The upload form as twine and the others send it, and the checks of the form alone. Pure.

There is no standard for it; the clients are the specification. What is served is read from the file, never from here:
the form only has to agree with it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from bonded.upload.receive import Received
from bonded.values.refusals import Refusal, define
from bonded.values.states import PackageType

FORM_ACTION = define(
    "form-action",
    400,
    "Not an upload of a file",
    "The upload form says ':action' = 'file_upload' and 'protocol_version' = '1'. Anything else is not supported.",
)
FORM_FIELD = define(
    "form-field",
    400,
    "A form field is missing or doubled",
    "The form needs each of name, version and filetype exactly once.",
)
NO_DIGEST = define(
    "no-digest",
    400,
    "The upload has no digest",
    "Send at least one of sha256_digest, blake2_256_digest and md5_digest, so that damage on the way is found.",
)
WRONG_DIGEST = define(
    "wrong-digest",
    400,
    "The file is not the one that was sent",
    "A digest in the form differs from the digest of the bytes that arrived: the file was damaged or exchanged on the way. "
    "Upload it again.",
)
FILE_TYPE = define(
    "file-type",
    400,
    "This kind of file is not accepted",
    "Bonded takes wheels (.whl, filetype bdist_wheel) and source distributions (.tar.gz, filetype sdist), see PEP 527. The "
    "filetype must say what the file is.",
)

DIGESTS = {"md5_digest": "md5", "sha256_digest": "sha256", "blake2_256_digest": "blake2_256"}


@dataclass(frozen=True, slots=True)
class Form:
    """The form's fields. `one` raises nothing: checks have made sure that what is asked for is there once."""

    fields: dict[str, list[str]]

    def one(self, name: str) -> str:
        """The field's first value without spaces around it, "" without one."""
        return (self.fields.get(name) or [""])[0].strip()

    def all(self, name: str) -> list[str]:
        """All values of a repeated field."""
        return self.fields.get(name, [])


def check_action(form: Form, _received: Received) -> None:
    """Refuse other actions and protocol versions (form-action)."""
    if form.one(":action") != "file_upload":
        raise Refusal(FORM_ACTION, "the form's ':action' must be 'file_upload'")
    if form.one("protocol_version") not in ("", "1"):
        raise Refusal(FORM_ACTION, "the form's 'protocol_version' must be '1'")


def check_single_fields(form: Form, _received: Received) -> None:
    """Refuse forms in which a field that identifies the file is missing or doubled (form-field)."""
    for name in ("name", "version", "filetype"):
        values = form.all(name)
        if len(values) != 1 or not values[0].strip():
            raise Refusal(FORM_FIELD, f"the form needs the field {name!r} exactly once")
    for name in (*DIGESTS, "metadata_version", "requires_python", "pyversion"):
        if len(form.all(name)) > 1:
            raise Refusal(FORM_FIELD, f"the form has the field {name!r} more than once")


def check_filetype(form: Form, received: Received) -> None:
    """Refuse file types other than wheel and sdist, and ones that lie about the file name (file-type)."""
    filetype = form.one("filetype")
    endings = {PackageType.WHEEL: ".whl", PackageType.SDIST: ".tar.gz"}
    if filetype not in endings:
        raise Refusal(FILE_TYPE, f"files of type {filetype[:30]!r} are not accepted: send a wheel or an sdist")
    if not received.filename.endswith(endings[PackageType(filetype)]):
        raise Refusal(FILE_TYPE, f"a file of type {filetype} must end in {endings[PackageType(filetype)]}")


def check_digests(form: Form, received: Received) -> None:
    """Refuse uploads without a digest (no-digest) or with one that is wrong (wrong-digest)."""
    given = {field: form.one(field).lower() for field in DIGESTS if form.one(field)}
    if not given:
        raise Refusal(NO_DIGEST, "the form has no digest of the file")
    for field, value in given.items():
        if not hmac.compare_digest(value.encode(), str(getattr(received, DIGESTS[field])).encode()):
            raise Refusal(WRONG_DIGEST, f"the file that arrived differs from {field} in the form")


FORM_CHECKS: tuple[Callable[[Form, Received], None], ...] = (
    check_action,
    check_single_fields,
    check_filetype,
    check_digests,
)
"""In this order; each raises Refusal with its own code."""
