"""Attestations (PEP 740) checked with Sigstore's verifier, against a trusted root that lies on this machine.

Nothing is asked of the network: the root of trust is a file of the operator's, or the copy that the library brings. The
libraries take a second to import, so that is done when the first attestation comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from bonded.seams import Attested, Build, NotAttested

if TYPE_CHECKING:
    from sigstore.verify import Verifier

GITHUB, GITLAB, GOOGLE = (
    "https://token.actions.githubusercontent.com",
    "https://gitlab.com",
    "https://accounts.google.com",
)
CIRCLECI = "https://oidc.circleci.com/"
REPOSITORY = "1.3.6.1.4.1.57264.1.12"
"""Claim of a signing certificate: address of the source repository."""

log = structlog.get_logger("bonded.attestations")


class SigstoreAttester:
    """Checks against the trusted root at `root` (Sigstore's JSON form); None: the one that the library brings."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    def publisher(self, build: Build) -> dict[str, Any] | None:
        """See seams.Attester."""
        given = build.fields
        if build.issuer == GITHUB and {"owner", "repository", "workflow"} <= given.keys():
            named = {"repository": f"{given['owner']}/{given['repository']}", "workflow": given["workflow"]}
            return {"kind": "GitHub", **named, "environment": given.get("environment") or None}
        if build.issuer == GITLAB and {"namespace", "project", "workflow"} <= given.keys():
            named = {"repository": f"{given['namespace']}/{given['project']}", "workflow_filepath": given["workflow"]}
            return {"kind": "GitLab", **named, "environment": given.get("environment") or None}
        if build.issuer == GOOGLE and "email" in given:
            return {"kind": "Google", "email": given["email"]}
        if build.issuer.startswith(CIRCLECI) and {"project", "pipeline"} <= given.keys():
            return {"kind": "CircleCI", "project_id": given["project"], "pipeline_definition_id": given["pipeline"]}
        return None

    def verify(self, attestation: Any, publisher: Mapping[str, Any], filename: str, sha256: str) -> Attested:
        """See seams.Attester."""
        from pydantic import ValidationError
        from pypi_attestations import Attestation, AttestationError
        from sigstore.errors import Error

        try:
            read = Attestation.model_validate(attestation)
        except ValidationError as error:
            place = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise NotAttested(f"has no valid {place or 'form'} (PEP 740)") from None
        try:
            named = _as_spelled(publisher, read.certificate_claims)
            kind = self._verify(read, named, filename, sha256)
        except (NotAttested, MemoryError):
            raise
        except (AttestationError, Error) as error:
            raise NotAttested(f"does not hold: {_clause(error)}") from None
        except Exception as error:  # hostile certificates and entries make the libraries stumble in many ways
            log.warning("an attestation could not be read", exc_info=error)
            raise NotAttested("cannot be read: its certificate or log entry is damaged") from None
        return Attested(kind, named, _plain(attestation))

    def _verify(self, read: Any, publisher: dict[str, Any], filename: str, sha256: str) -> str:
        from pydantic import TypeAdapter
        from pypi_attestations import Publisher

        # The one thing that the library keeps to itself: which certificates fit a publisher.
        policy = TypeAdapter(Publisher).validate_python(publisher)._as_policy()
        form, payload = self._verifier.verify_dsse(read.to_bundle(), policy)
        if form != "application/vnd.in-toto+json":
            raise NotAttested("is not an in-toto statement")
        return _check_statement(payload, filename, sha256)

    @cached_property
    def _verifier(self) -> Verifier:
        from sigstore.models import TrustedRoot
        from sigstore.verify import Verifier

        return Verifier(trusted_root=TrustedRoot.from_file(str(self._root or brought())))


def brought() -> Path:
    """The trusted root of the public service that the library brings."""
    import sigstore

    assert sigstore.__file__
    return next((Path(sigstore.__file__).parent / "_store").glob("*tuf-repo-cdn.sigstore.dev/trusted_root.json"))


def _plain(attestation: dict[str, Any]) -> dict[str, Any]:
    """What PEP 740 knows of an attestation object that was read, and nothing else that came with it."""
    material, envelope = attestation["verification_material"], attestation["envelope"]
    return {
        "version": 1,
        "verification_material": {name: material[name] for name in ("certificate", "transparency_entries")},
        "envelope": {name: envelope[name] for name in ("statement", "signature")},
    }


def _as_spelled(publisher: Mapping[str, Any], claims: Mapping[str, str]) -> dict[str, Any]:
    """The publisher, its repository spelled as the certificate has it: names of repositories have no case, certificates do."""
    named = dict(publisher)
    found = re.fullmatch(r"https://[^/]+/(.+)", claims.get(REPOSITORY, ""))
    if found and "repository" in named and found[1].casefold() == named["repository"].casefold():
        named["repository"] = found[1]
    return named


def _check_statement(payload: bytes, filename: str, sha256: str) -> str:
    """Its predicate type. Raises NotAttested unless it is about exactly this file, pydantic's ValidationError."""
    from pydantic import BaseModel, Field
    from pypi_attestations import AttestationType

    class Subject(BaseModel):
        name: str
        digest: dict[str, str]

    class Statement(BaseModel):
        type: str = Field(alias="_type", pattern=r"https://in-toto\.io/Statement/v1")
        subject: list[Subject]
        predicate_type: str = Field(alias="predicateType")

    said = Statement.model_validate_json(payload)
    if len(said.subject) != 1:
        raise NotAttested(f"is about {len(said.subject)} files, not about one")
    one = said.subject[0]
    if _parsed(one.name) != _parsed(filename):
        raise NotAttested(f"is about a file named {one.name[:60]!r}")
    if one.digest.get("sha256") != sha256:
        raise NotAttested("is about other bytes: its sha256 is not that of the file")
    # Those that an index serves: published by this build, and built by it (SLSA).
    if said.predicate_type not in {kind.value for kind in AttestationType}:
        raise NotAttested(f"is of an unknown kind: {said.predicate_type[:80]!r}")
    return said.predicate_type


def _parsed(filename: str) -> object:
    """What a file name means: two spellings of one name are equal. Raises NotAttested."""
    try:
        return parse_wheel_filename(filename) if filename.endswith(".whl") else parse_sdist_filename(filename)
    except ValueError:
        raise NotAttested(f"is about a file named {filename[:60]!r}") from None


def _clause(error: Exception) -> str:
    """What a library says, on one line."""
    return " ".join(str(error).split())[:200]
