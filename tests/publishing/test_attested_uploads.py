"""Uploads with attestations, from the build's identity to what people and tools are shown of them (PEP 740)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from bonded.accounts import oidc_mint, publishers
from bonded.accounts.oidc import Identity, Issuer
from bonded.accounts.oidc_shapes import GITHUB
from bonded.accounts.people import User
from bonded.adapters.attester_sigstore import SigstoreAttester
from bonded.adapters.storage_files import FileStorage
from bonded.catalog import change
from bonded.catalog.pages import page_state
from bonded.catalog.tables import file as file_table
from bonded.db.engine import Database
from bonded.journal.read import Filter, of_project
from bonded.ops import look_vault
from bonded.ops.ground import Ground
from bonded.tuf.pages import page_html, page_json
from bonded.values.states import FileState
from bonded.values.who import OPERATOR, POLICY
from bonded.web.app import make_wsgi
from tests.publishing.conftest import SETTINGS
from tests.publishing.service import CLAIMS
from tests.support.sigstore_here import PUBLISH, SLSA, Instance, github
from tests.upload.making import make_wheel, receive
from tests.web.house import House
from tests.web.test_upload import basic, send, token

URL = "https://token.actions.githubusercontent.com"
WAY = "/integrity/tool/1.0/tool-1.0-py3-none-any.whl/provenance"


@pytest.fixture(scope="module")
def here() -> Instance:
    return Instance()


@pytest.fixture
def house(both: House, here: Instance, tmp_path: Path) -> House:
    """An index that trusts the signing service of this machine; the test runs once on each database."""
    return taking(both, SigstoreAttester(here.trusted_root(tmp_path / "trusted_root.json")))


@pytest.fixture
def lite(sqlite_db: Database, here: Instance, tmp_path: Path, now: datetime) -> House:
    """The same on SQLite, for what no database changes."""
    return taking(
        House(sqlite_db, tmp_path, now, SETTINGS), SigstoreAttester(here.trusted_root(tmp_path / "root.json"))
    )


def taking(house: House, attester: SigstoreAttester | None) -> House:
    house.context = replace(house.context, upload=replace(house.context.upload, attester=attester))
    house.wsgi = make_wsgi(house.context)
    return house


def build_token(house: House, person: User, issuer: str = URL) -> str:
    """A short-lived token of a build of octo/tool for the project tool."""
    fields = {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": "release"}
    with house.db.write() as tx:
        made = publishers.add(tx, OPERATOR, GITHUB, issuer, "tool", fields, user_id=person.id, now=house.now)
        identity = Identity(Issuer(issuer, "Builds", GITHUB), CLAIMS, f"id-{made.id}", house.now)
        text, _ = oidc_mint.mint(tx, OPERATOR, identity, [made], sealer=house.context.sealer, now=house.now)
    return text


def wheel(name: str = "tool", version: str = "1.0") -> tuple[str, bytes, str]:
    filename, data = make_wheel(name, version)
    return filename, data, hashlib.sha256(data).hexdigest()


def upload(house: House, text: str, attestations: Any, version: str = "1.0") -> Any:
    """The answer to an upload whose form has this field."""
    filename, data, _ = wheel("tool", version)
    value = attestations if isinstance(attestations, str) else json.dumps(attestations)
    received = receive(
        house.folder / "spool", filename, data, name="tool", version=version, more=[("attestations", value)]
    )
    return send(house, basic("__token__", text), received=received, accept="application/json")


def published(house: House, here: Instance, *kinds: str) -> tuple[str, bytes]:
    """The project's wheel with an attestation of each kind, public; its id and provenance object."""
    ann = house.person("ann")
    house.project("tool", ann)
    filename, _, sha256 = wheel()
    made = [here.attest(filename, sha256, github("Octo/tool"), house.now, kind) for kind in kinds]
    answer = upload(house, build_token(house, ann), made)
    assert answer.json["state"] == "received", answer.text
    with house.db.write() as tx:
        row = tx.execute(select(file_table.c.id, file_table.c.vault_key)).one()
        change.move_file(tx, "file.publish", POLICY, row.id, FileState.PUBLIC, reason="", now=house.now)
    return row.id, house.vault.get(f"{row.vault_key}.provenance").data


def test_what_a_build_attested_is_served_as_the_integrity_api_has_it(house: House, here: Instance) -> None:
    _, stored = published(house, here, PUBLISH, SLSA)
    answer = house.browser().get(WAY, headers={"Accept": "application/vnd.pypi.integrity.v1+json"})
    assert answer.content_type == "application/vnd.pypi.integrity.v1+json"
    assert answer.body == stored
    assert house.browser().get(WAY, headers={"Accept": "application/json"}).content_type == "application/json"
    found = answer.json
    assert found["version"] == 1
    [bundle] = found["attestation_bundles"]
    assert bundle["publisher"] == {
        "kind": "GitHub",
        "repository": "Octo/tool",
        "workflow": "release.yml",
        "environment": "release",
    }
    assert len(bundle["attestations"]) == 2
    # The reference implementation reads it, and its attestations hold for whoever verifies them again.
    from pypi_attestations import Provenance

    read = Provenance.model_validate_json(answer.body)
    assert [one.statement["predicateType"] for one in read.attestation_bundles[0].attestations] == [PUBLISH, SLSA]
    moved = house.browser().get(WAY.replace("/tool/", "/Tool/"), status=301)
    assert moved.location.endswith(WAY)


def test_pages_name_the_provenance_with_its_digest(house: House, here: Instance) -> None:
    _, stored = published(house, here, PUBLISH)
    address = f"https://index.example.invalid{WAY}#sha256={hashlib.sha256(stored).hexdigest()}"
    with house.db.read() as conn:
        page = page_state(conn, "tool")
    assert page is not None
    [file] = json.loads(page_json(page, 7, "https://index.example.invalid/"))["files"]
    assert file["provenance"] == address
    assert f' data-provenance="{address}"' in page_html(page, 7, "https://index.example.invalid/").decode()


def test_the_journal_and_the_vault_keep_it(house: House, here: Instance) -> None:
    _, stored = published(house, here, PUBLISH)
    digest = hashlib.sha256(stored).hexdigest()
    with house.db.read() as conn:
        uploaded = of_project(conn, "tool", Filter(actions=("file.upload",))).entries[0]
        key = conn.execute(select(file_table.c.vault_key)).scalar_one()
    assert uploaded.facts["provenance"] == digest
    assert json.loads(house.vault.get(f"{key}.facts.json").data)["provenance_sha256"] == digest


def test_people_read_it_on_the_page_of_the_file(house: House, here: Instance) -> None:
    published(house, here, PUBLISH)
    page = house.browser().get("/project/tool/1.0/tool-1.0-py3-none-any.whl/")
    section = page.html.find(id="provenance").find_parent()
    words = " ".join(section.get_text(" ").split())
    assert "Published by this build" in words
    assert f"Commit {'a' * 40} refs/tags/v1" in words
    assert "Workflow release.yml in the environment release" in words
    assert section.find("a", href="https://github.com/Octo/tool").get_text() == "Octo/tool"
    assert page.html.find("a", href=WAY)
    listed = house.browser().get("/project/tool/").html
    assert listed.find("a", href="/project/tool/1.0/tool-1.0-py3-none-any.whl/#provenance")


def test_a_file_without_says_so(house: House) -> None:
    ann = house.person("ann")
    house.project("plain", ann)
    house.file(ann, "plain", "1.0")
    page = house.browser().get("/project/plain/1.0/plain-1.0-py3-none-any.whl/")
    assert "No build service attested where this file comes from" in page.text
    way = "/integrity/plain/1.0/plain-1.0-py3-none-any.whl/provenance"
    answer = house.browser().get(way, headers={"Accept": "application/json"}, status=404)
    assert answer.json["code"] == "not-found"
    assert "Provenance" not in house.browser().get("/project/plain/").text


@pytest.mark.parametrize("action", ["file.withdraw", "review.remove"])
def test_it_goes_with_the_file(house: House, here: Instance, action: str) -> None:
    file_id, _ = published(house, here, PUBLISH)
    state = FileState.QUARANTINED if action == "file.withdraw" else FileState.REMOVED
    with house.db.write() as tx:
        change.move_file(tx, action, POLICY, file_id, state, reason="by the test", now=house.now)
    assert house.browser().get(WAY, status=404)


def test_one_that_was_damaged_in_the_vault_is_not_shown(house: House, here: Instance) -> None:
    published(house, here, PUBLISH)
    with house.db.write() as tx:
        tx.execute(update(file_table).values(provenance_sha256="0" * 64))
    answer = house.browser().get(WAY, headers={"Accept": "application/json"}, status=503)
    assert answer.json["code"] == "provenance-damaged"
    page = house.browser().get("/project/tool/1.0/tool-1.0-py3-none-any.whl/")
    assert "cannot be shown now" in page.text


def test_the_same_file_again_is_the_same(house: House, here: Instance) -> None:
    ann = house.person("ann")
    house.project("tool", ann)
    text = build_token(house, ann)
    filename, _, sha256 = wheel()
    made = [here.attest(filename, sha256, github("octo/tool"), house.now)]
    assert upload(house, text, made).json["repeated"] is False
    assert upload(house, text, made).json["repeated"] is True
    assert len([e for e in house.vault.entries("") if e.name.endswith(".provenance")]) == 1


def wrong(here: Instance, at: datetime) -> dict[str, tuple[Any, str]]:
    """Forms that are refused, and the code of the refusal."""
    filename, _, sha256 = wheel()
    good = here.attest(filename, sha256, github("octo/tool"), at)
    other = here.attest(filename, "c" * 64, github("octo/tool"), at)
    return {
        "no JSON": ("[", "attestations-form"),
        "no list": ({"version": 1}, "attestations-form"),
        "an empty list": ("[]", "attestations-form"),
        "not finite": ("[NaN]", "attestations-form"),
        "three": ([good, good, good], "attestations-form"),
        "two of one kind": ([good, good], "attestations-form"),
        "too large": ("[" + " " * 1_100_000 + "]", "attestations-form"),
        "too deep": ("[" * 5_000 + "]" * 5_000, "attestations-form"),
        "no attestation": ([{}], "attestation-invalid"),
        "other bytes": ([other], "attestation-invalid"),
        "one right, one wrong": (
            [good, here.attest(filename, "c" * 64, github("octo/tool"), at, SLSA)],
            "attestation-invalid",
        ),
        "another build": ([here.attest(filename, sha256, github("octo/other"), at)], "attestation-invalid"),
        "another service": ([Instance().attest(filename, sha256, github("octo/tool"), at)], "attestation-invalid"),
    }


NAMES = sorted(wrong(Instance(), datetime(2026, 1, 5, tzinfo=UTC)))


@pytest.mark.parametrize("name", NAMES)
def test_each_way_to_be_wrong_is_refused_in_one_sentence(lite: House, here: Instance, name: str) -> None:
    ann = lite.person("ann")
    lite.project("tool", ann)
    attestations, code = wrong(here, lite.now)[name]
    answer = upload(lite, build_token(lite, ann), attestations)
    assert (answer.status_int, answer.json["code"]) == (400, code), answer.text
    assert answer.status.removeprefix("400 ")[:150].isascii()
    assert "\n" not in answer.json["message"]
    assert lite.browser().get(f"/help/refusals/{code}/")
    with lite.db.read() as conn:
        assert conn.execute(select(file_table)).all() == []
    assert lite.stored == [] if hasattr(lite, "stored") else not list(lite.vault.entries(""))
    assert list((lite.folder / "spool").iterdir()) == []


def test_only_trusted_publishing_attests(house: House, here: Instance) -> None:
    ann = house.person("ann")
    filename, _, sha256 = wheel()
    made = [here.attest(filename, sha256, github("octo/tool"), house.now)]
    refused = upload(house, token(house, ann), made).json
    assert refused["code"] == "attestations-publisher"
    assert "trusted publishing only" in refused["message"]
    house.project("tool", ann)
    other = upload(house, build_token(house, ann, "https://ci.example.invalid"), made).json
    assert other["code"] == "attestations-publisher"
    assert "cannot be verified here" in other["message"]


def test_an_index_that_takes_none_says_so(house: House, here: Instance) -> None:
    taking(house, None)
    ann = house.person("ann")
    house.project("tool", ann)
    filename, _, sha256 = wheel()
    text = build_token(house, ann)
    refused = upload(house, text, [here.attest(filename, sha256, github("octo/tool"), house.now)]).json
    assert refused["code"] == "attestations-off"
    assert upload(house, text, "").json["state"] == "received", "an empty field is none"


def test_fsck_finds_one_that_is_missing_or_damaged(lite: House, here: Instance) -> None:
    published(lite, here, PUBLISH)
    ground = Ground(lite.db, lite.vault, FileStorage(lite.folder / "public"), b"", lite.now)

    def told() -> list[str]:
        return [one.code for one in look_vault.look(ground)]

    assert told() == []
    [name] = [entry.name for entry in lite.vault.entries("") if entry.name.endswith(".provenance")]
    lite.vault.delete(name)
    assert told() == ["vault-provenance"]
    lite.vault.create(name, b"{}")
    assert told() == ["vault-provenance"]
