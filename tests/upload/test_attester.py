"""Attestations as the index verifies them: real ones hold, and each way to be wrong is told apart. No network."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bonded.adapters.attester_sigstore import SigstoreAttester, brought
from bonded.seams import Attested, Build, NotAttested
from tests.support.sigstore_here import (
    BUILD_CONFIG,
    GITHUB,
    ISSUER,
    PUBLISH,
    REPOSITORY,
    SLSA,
    Instance,
    b64,
    github,
    statement,
)

NAME, SHA256 = "tool-1.0-py3-none-any.whl", "b" * 64
AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
BUILD = Build(GITHUB, {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": "release"})
GITLAB = Build(
    "https://gitlab.com", {"namespace": "octo/team", "project": "tool", "workflow": ".gitlab-ci.yml", "environment": ""}
)
CIRCLE = "https://oidc.circleci.com/org/8a5e4c3e-1111-4222-8333-444455556666"


@pytest.fixture(scope="module")
def here() -> Instance:
    return Instance()


@pytest.fixture(scope="module")
def attester(here: Instance, tmp_path_factory: pytest.TempPathFactory) -> SigstoreAttester:
    return SigstoreAttester(here.trusted_root(tmp_path_factory.mktemp("root") / "root.json"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("verifying asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def check(attester: SigstoreAttester, attestation: Any, build: Build = BUILD, name: str = NAME) -> Attested:
    publisher = attester.publisher(build)
    assert publisher is not None
    return attester.verify(attestation, publisher, name, SHA256)


def reason(attester: SigstoreAttester, attestation: Any, build: Build = BUILD, name: str = NAME) -> str:
    with pytest.raises(NotAttested) as caught:
        check(attester, attestation, build, name)
    return str(caught.value)


@pytest.mark.parametrize("kind", [PUBLISH, SLSA])
def test_an_attestation_of_the_build_about_the_file_holds(
    here: Instance, attester: SigstoreAttester, kind: str
) -> None:
    made = here.attest(NAME, SHA256, github("octo/tool"), AT, kind)
    held = check(attester, made | {"extra": "not of PEP 740"})
    assert held.kind == kind
    assert held.attestation == made
    assert held.publisher == {
        "kind": "GitHub",
        "repository": "octo/tool",
        "workflow": "release.yml",
        "environment": "release",
    }


def test_names_of_repositories_have_no_case(here: Instance, attester: SigstoreAttester) -> None:
    held = check(attester, here.attest(NAME, SHA256, github("Octo/Tool"), AT))
    assert held.publisher["repository"] == "Octo/Tool", "spelled as the certificate has it, so that others can verify"


def test_another_spelling_of_the_file_name_is_the_same_name(here: Instance, attester: SigstoreAttester) -> None:
    made = here.attest("Tool-1.0.0-py3-none-any.whl", SHA256, github("octo/tool"), AT)
    assert check(attester, made).kind == PUBLISH


def test_a_build_at_gitlab(here: Instance, attester: SigstoreAttester) -> None:
    home = "https://gitlab.com/octo/team/tool"
    claims = github("octo/tool") | {
        ISSUER: "https://gitlab.com",
        REPOSITORY: home,
        BUILD_CONFIG: f"{home}//.gitlab-ci.yml@refs/tags/v1",
    }
    assert check(attester, here.attest(NAME, SHA256, claims, AT), GITLAB).publisher["kind"] == "GitLab"
    assert "does not hold" in reason(attester, here.attest(NAME, SHA256, github("octo/tool"), AT), GITLAB)


def test_publishers_of_pep_740_and_services_that_cannot_be_verified(attester: SigstoreAttester) -> None:
    google = attester.publisher(Build("https://accounts.google.com", {"email": "ci@example.invalid", "subject": ""}))
    assert google == {"kind": "Google", "email": "ci@example.invalid"}
    circle = attester.publisher(Build(CIRCLE, {"project": "p", "pipeline": "d", "context": ""}))
    assert circle == {"kind": "CircleCI", "project_id": "p", "pipeline_definition_id": "d"}
    assert attester.publisher(Build("https://ci.example.invalid", BUILD.fields)) is None
    assert attester.publisher(Build("https://agent.buildkite.com", {"organization": "o", "pipeline": "p"})) is None


WRONG_FILE: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "another file": (lambda s: s["subject"][0].update(name="other-1.0-py3-none-any.whl"), "is about a file named"),
    "another version": (lambda s: s["subject"][0].update(name="tool-1.1-py3-none-any.whl"), "is about a file named"),
    "no distribution": (lambda s: s["subject"][0].update(name="tool.exe"), "is about a file named"),
    "other bytes": (lambda s: s["subject"][0]["digest"].update(sha256="c" * 64), "is about other bytes"),
    "no sha256": (lambda s: s["subject"][0].update(digest={"sha512": "c" * 128}), "is about other bytes"),
    "two files": (lambda s: s["subject"].append(s["subject"][0]), "is about 2 files"),
    "no file": (lambda s: s["subject"].clear(), "is about 0 files"),
    "unknown kind": (lambda s: s.update(predicateType="https://example.invalid/v1"), "is of an unknown kind"),
    "no statement": (lambda s: s.update(_type="https://example.invalid/"), "cannot be read"),
}


@pytest.mark.parametrize("name", WRONG_FILE)
def test_a_signed_statement_about_something_else(here: Instance, attester: SigstoreAttester, name: str) -> None:
    change, words = WRONG_FILE[name]
    said = statement(NAME, SHA256)
    change(said)
    assert words in reason(attester, here.attest_statement(said, github("octo/tool"), AT))


WRONG_BUILD = {
    "another repository": github("octo/other"),
    "another owner": github("evil/tool"),
    "another workflow": github("octo/tool", "test.yml"),
    "another issuer": github("octo/tool") | {ISSUER: "https://ci.example.invalid"},
    "a fork in the workflow": github("octo/tool")
    | {BUILD_CONFIG: "https://github.com/evil/tool/.github/workflows/release.yml@refs/tags/v1"},
    "no claims": {},
}


@pytest.mark.parametrize("name", WRONG_BUILD)
def test_a_signature_of_another_build(here: Instance, attester: SigstoreAttester, name: str) -> None:
    said = reason(attester, here.attest(NAME, SHA256, WRONG_BUILD[name], AT))
    assert "does not hold" in said


def _entry(made: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = made["verification_material"]["transparency_entries"][0]
    return entry


def _changed_statement(made: dict[str, Any]) -> None:
    said = json.loads(base64.b64decode(made["envelope"]["statement"]))
    said["subject"][0]["digest"]["sha256"] = SHA256
    made["envelope"]["statement"] = b64(json.dumps(said, indent=1).encode())


DAMAGED: dict[str, Callable[[dict[str, Any]], None]] = {
    "a changed statement": _changed_statement,
    "a changed signature": lambda a: a["envelope"].update(signature=b64(b"0" * 70)),
    "no signature": lambda a: a["envelope"].pop("signature"),
    "no envelope": lambda a: a.pop("envelope"),
    "another version": lambda a: a.update(version=2),
    "no log entry": lambda a: a["verification_material"].update(transparency_entries=[]),
    "a log entry that is none": lambda a: a["verification_material"].update(transparency_entries=[{"a": 1}]),
    "a certificate that is none": lambda a: a["verification_material"].update(certificate=b64(b"no certificate")),
    "a changed promise": lambda a: _entry(a)["inclusionPromise"].update(signedEntryTimestamp=b64(b"1" * 70)),
    "another time": lambda a: _entry(a).update(integratedTime="1700000000"),
    "a changed proof": lambda a: _entry(a)["inclusionProof"].update(hashes=[b64(b"2" * 32)]),
    "a longer proof": lambda a: _entry(a)["inclusionProof"]["hashes"].append(b64(b"2" * 32)),
    "a head of nobody": lambda a: _entry(a)["inclusionProof"].update(checkpoint={"envelope": "log\n2\nAAAA\n\n"}),
    "no head": lambda a: _entry(a)["inclusionProof"].pop("checkpoint"),
    "another entry": lambda a: _entry(a).update(canonicalizedBody=b64(b'{"kind": "dsse"}')),
    "another kind of entry": lambda a: _entry(a).update(kindVersion={"kind": "rpm", "version": "0.0.1"}),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_is_found(here: Instance, attester: SigstoreAttester, name: str) -> None:
    made = here.attest(NAME, SHA256, github("octo/tool"), AT)
    assert check(attester, made).kind == PUBLISH
    DAMAGED[name](made)
    said = reason(attester, made)
    assert "\n" not in said
    assert len(said) < 260


@pytest.mark.parametrize("value", [None, 1, "text", [], {}, {"version": 1}, [[[]]], {"envelope": None}])
def test_what_is_no_attestation(attester: SigstoreAttester, value: Any) -> None:
    assert "PEP 740" in reason(attester, value)


def test_a_signature_made_after_the_certificate_ended(here: Instance, attester: SigstoreAttester) -> None:
    said = statement(NAME, SHA256)
    late = here.attest_statement(said, github("octo/tool"), AT, logged=AT + timedelta(hours=1))
    assert "does not hold" in reason(attester, late)


def test_a_log_entry_of_another_attestation(here: Instance, attester: SigstoreAttester) -> None:
    made = here.attest(NAME, SHA256, github("octo/tool"), AT)
    other = here.attest(NAME, SHA256, github("octo/tool"), AT)
    made["verification_material"]["transparency_entries"] = other["verification_material"]["transparency_entries"]
    assert "does not hold" in reason(attester, made)


@pytest.mark.parametrize("part", ["authority", "certificates", "signatures"])
def test_each_key_of_the_trusted_root_counts(here: Instance, attester: SigstoreAttester, part: str) -> None:
    """A service that has two of the three keys cannot make an attestation that holds."""
    forged = Instance(
        **{name: getattr(here, name) for name in ("authority", "certificates", "signatures") if name != part}
    )
    if part != "authority":
        forged.root = here.root
    made = forged.attest(NAME, SHA256, github("octo/tool"), AT)
    assert "does not hold" in reason(attester, made)


def test_by_the_public_root_ours_does_not_hold(here: Instance) -> None:
    """What is used where the operator names no root: the library brings it, and nothing is fetched."""
    assert json.loads(brought().read_text())["certificateAuthorities"]
    made = here.attest(NAME, SHA256, github("octo/tool"), AT)
    assert "does not hold" in reason(SigstoreAttester(), made)


def test_a_hostile_name_is_shortened(here: Instance, attester: SigstoreAttester) -> None:
    said = statement("x" * 10_000 + "-1.0.tar.gz", SHA256)
    assert len(reason(attester, here.attest_statement(said, github("octo/tool"), AT))) < 120


def test_the_trusted_root_must_be_there(tmp_path: Path, here: Instance) -> None:
    made = here.attest(NAME, SHA256, github("octo/tool"), AT)
    assert "cannot be read" in reason(SigstoreAttester(tmp_path / "nothing.json"), made)
