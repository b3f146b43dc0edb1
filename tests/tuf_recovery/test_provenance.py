"""Provenance survives: after a recovery from the public record it is served again, and the signed page names it as before."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson
import pytest
from pypi_attestations import Attestation, Distribution, Provenance
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier
from sqlalchemy import select, update

from bonded.adapters.attester_sigstore import SigstoreAttester
from bonded.catalog.pages import PageFile, page_state
from bonded.catalog.tables import file
from bonded.seams import Build
from bonded.upload import attestations
from bonded.values.text import new_id
from bonded.web.public import integrity
from tests.support.sigstore_here import GITHUB, Instance, github
from tests.tuf_recovery.conftest import Databases
from tests.tuf_recovery.house import House

WHEEL = "alpha-1.0-py3-none-any.whl"
FIELDS = {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": ""}


@pytest.fixture(scope="module")
def here() -> Instance:
    return Instance()


@pytest.fixture
def root(here: Instance, tmp_path: Path) -> Path:
    return here.trusted_root(tmp_path / "trusted_root.json")


def attest(house: House, file_id: str, here: Instance, root: Path) -> bytes:
    """Give a file the provenance that its upload would have left: in its row, in the accepted facts, and beside its bytes."""
    with house.db.read() as conn:
        row = conn.execute(select(file).where(file.c.id == file_id)).one()
    said = here.attest(row.filename, row.sha256, github("octo/tool"), house.now)
    builds = [Build(GITHUB, FIELDS)]
    made = attestations.verify(SigstoreAttester(root), [said], builds, row.filename, row.sha256)
    with house.db.write() as tx:
        tx.execute(update(file).where(file.c.id == file_id).values(provenance_sha256=made.sha256))
    house.vault.create(f"{row.vault_key}.provenance", made.data)
    beside = house.folder / "vault" / f"{row.vault_key}.facts.json"
    facts = orjson.loads(beside.read_bytes()) | {"provenance_sha256": made.sha256}
    beside.unlink()
    house.vault.create(f"{row.vault_key}.facts.json", orjson.dumps(facts))
    return made.data


def listed(house: House) -> PageFile:
    with house.db.read() as conn:
        page = page_state(conn, "alpha")
    assert page is not None
    return next(one for one in page.files if one.filename == WHEEL)


def signed(house: House) -> str:
    """What the page that clients verify says of the provenance."""
    page = house.client(new_id()).get("simple/alpha/index.json")
    assert page is not None
    return str(next(one for one in orjson.loads(page)["files"] if one["filename"] == WHEEL).get("provenance", ""))


def lose(house: House, databases: Databases) -> House:
    lost = house.on(databases.empty(house.db))
    lost.recover()
    return lost


def test_it_is_served_and_signed_after_a_recovery(
    house: House, databases: Databases, here: Instance, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = attest(house, house.upload("alpha"), here, root)
    house.settle_everything()
    before, link = listed(house), signed(house)
    assert link.endswith(f"#sha256={hashlib.sha256(data).hexdigest()}")
    lost = lose(house, databases)
    assert listed(lost).provenance_sha256 == before.provenance_sha256
    assert integrity.stored(lost.vault, listed(lost)) == data
    assert signed(lost) == link
    assert lost.findings() == []
    # And it holds for whoever verifies it again, against the bytes that a client gets.
    bytes_of = lost.client().get(f"packages/alpha/{WHEEL}")
    assert bytes_of is not None
    monkeypatch.setattr(Verifier, "production", lambda offline: Verifier(trusted_root=TrustedRoot.from_file(str(root))))
    (bundle,) = Provenance.model_validate_json(data).attestation_bundles
    (one,) = bundle.attestations
    assert isinstance(one, Attestation)
    dist = Distribution(name=WHEEL, digest=hashlib.sha256(bytes_of).hexdigest())
    assert one.verify(bundle.publisher, dist, offline=True)[1] is None


def test_it_stays_when_the_page_is_made_anew(house: House, databases: Databases, here: Instance, root: Path) -> None:
    data = attest(house, house.upload("alpha"), here, root)
    house.settle_everything()
    link = signed(house)
    lost = lose(house, databases)
    lost.owner = new_id()
    lost.add_owner()
    lost.upload("alpha", "2.0")
    lost.settle_everything()
    assert lost.client().get("packages/alpha/alpha-2.0-py3-none-any.whl")
    assert (signed(lost), integrity.stored(lost.vault, listed(lost))) == (link, data)
    assert lost.findings() == []


@pytest.mark.parametrize("number", ["0", "z"], ids=["a twin before it", "a twin after it"])
def test_an_upload_of_the_same_bytes_without_provenance_is_not_taken_for_it(
    house: House, databases: Databases, here: Instance, root: Path, number: str
) -> None:
    """What a try that died left in the vault, such as the one before the attestations were made."""
    data = attest(house, house.upload("alpha"), here, root)
    house.settle_everything()
    link = signed(house)
    with house.db.read() as conn:
        row = conn.execute(select(file)).one()
    twin = f"{row.sha256}.{number * len(new_id())}"
    facts = orjson.loads(house.vault.get(f"{row.vault_key}.facts.json").data)
    del facts["provenance_sha256"]
    for suffix in ("", ".metadata"):
        house.vault.create(twin + suffix, house.vault.get(row.vault_key + suffix).data)
    house.vault.create(f"{twin}.facts.json", orjson.dumps(facts | {"upload_id": twin.partition(".")[2]}))
    lost = lose(house, databases)
    assert integrity.stored(lost.vault, listed(lost)) == data
    assert listed(lost).vault_key == row.vault_key
    assert signed(lost) == link
    assert lost.findings() == []


def test_bytes_that_the_vault_lost_come_back_to_their_provenance(
    house: House, databases: Databases, here: Instance, root: Path
) -> None:
    data = attest(house, house.upload("alpha"), here, root)
    house.settle_everything()
    link, key = signed(house), listed(house).vault_key
    for suffix in ("", ".facts.json", ".metadata"):
        (house.folder / "vault" / f"{key}{suffix}").unlink()
    lost = lose(house, databases)
    assert integrity.stored(lost.vault, listed(lost)) == data
    assert signed(lost) == link
    assert [one for one in lost.findings() if "provenance" in one] == []
