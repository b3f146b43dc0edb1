"""What a build attests about the file that it uploads (PEP 740): read from the form, verified, and kept as provenance.

All or nothing: an attestation that does not hold refuses the upload. Whoever sends one believes that people will see it; a file
that silently went without would look like one whose provenance was lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from bonded.accounts import publishers
from bonded.accounts.tokens import Bearer
from bonded.seams import Attested, Attester, Build, NotAttested
from bonded.values.refusals import Refusal, define

FIELD = "attestations"
MOST, MOST_BYTES = 2, 1024 * 1024

NOT_TAKEN = define(
    "attestations-off",
    400,
    "Attestations are not taken here",
    "This index does not verify attestations, so it takes none. Upload without them: twine without --attestations, uv with "
    "--no-attestations.",
)
NO_BUILD = define(
    "attestations-publisher",
    400,
    "Attestations need a trusted publisher",
    "An attestation says which build made a file. It is taken from uploads by trusted publishing only, from a build service whose "
    "signatures the index can verify: there the index knows which build it must be. Upload without attestations, or set up a trusted "
    "publisher for the project.",
)
BAD_FORM = define(
    "attestations-form",
    400,
    "The attestations cannot be read",
    "The form field 'attestations' is a JSON list of one or two attestation objects, as PEP 740 has them, each of another kind.",
)
DOES_NOT_HOLD = define(
    "attestation-invalid",
    400,
    "An attestation does not hold",
    "Each attestation is verified before the file is taken: it must be about exactly this file (name and sha256), be signed by the "
    "build that uploads it, and be in the log of signatures. The message says which of these is not so. Make the attestations in the "
    "same run that uploads, after the files have their final names and bytes.",
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """A provenance object (PEP 740) as it is stored and served: its bytes."""

    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def given(fields: dict[str, list[str]]) -> list[Any]:
    """The attestation objects of an upload form, [] without any. Raises Refusal (attestations-form)."""
    values = [value for value in fields.get(FIELD, []) if value.strip()]
    if not values:
        return []
    if len(values) > 1:
        raise Refusal(BAD_FORM, "the form has the field 'attestations' more than once")
    if len(values[0]) > MOST_BYTES:
        raise Refusal(BAD_FORM, f"the attestations are larger than {MOST_BYTES} bytes")
    try:
        found = orjson.loads(values[0])
    except orjson.JSONDecodeError:
        raise Refusal(BAD_FORM, "the form field 'attestations' is not JSON") from None
    if not isinstance(found, list) or not found:
        raise Refusal(BAD_FORM, "the form field 'attestations' is not a list of attestations")
    if len(found) > MOST:
        raise Refusal(BAD_FORM, f"a file takes one attestation of each kind, at most {MOST}: here are {len(found)}")
    return found


def builds(conn: Connection, bearer: Bearer, project: str) -> list[Build]:
    """The builds in whose name the bearer uploads to `project` (normalized)."""
    found = publishers.by_ids(conn, bearer.publishers)
    return [Build(one.issuer, one.fields) for one in found if one.project_key == project]


def verify(
    attester: Attester | None, attestations: Sequence[Any], builds: Sequence[Build], filename: str, sha256: str
) -> Provenance:
    """The provenance of a file whose attestations all hold.

    Raises Refusal (attestations-off, attestations-publisher, attestations-form, attestation-invalid).
    """
    if attester is None:
        raise Refusal(NOT_TAKEN, "this index takes no attestations: upload without them")
    if not builds:
        raise Refusal(NO_BUILD, "attestations are taken from trusted publishing only: upload without them")
    publishers = [named for build in builds if (named := attester.publisher(build)) is not None]
    if not publishers:
        raise Refusal(NO_BUILD, "attestations of this build service cannot be verified here: upload without them")
    held = [_one(attester, n, one, publishers, filename, sha256) for n, one in enumerate(attestations, start=1)]
    if len({one.kind for one in held}) < len(held):
        raise Refusal(BAD_FORM, "two attestations are of one kind; a file takes one of each")
    if any(one.publisher != held[0].publisher for one in held):
        raise Refusal(DOES_NOT_HOLD, "the attestations are of different publishers")
    bundle = {"publisher": dict(held[0].publisher), "attestations": [one.attestation for one in held]}
    document = {"version": 1, "attestation_bundles": [bundle]}
    return Provenance(orjson.dumps(document, option=orjson.OPT_SORT_KEYS))


def _one(
    attester: Attester, number: int, attestation: Any, publishers: list[dict[str, Any]], filename: str, sha256: str
) -> Attested:
    """By the first publisher whose it is: a build may be known by two (with and without its environment)."""
    reasons = []
    for publisher in publishers:
        try:
            return attester.verify(attestation, publisher, filename, sha256)
        except NotAttested as error:
            reasons.append(str(error))
    raise Refusal(DOES_NOT_HOLD, f"attestation {number} {reasons[-1]}")
