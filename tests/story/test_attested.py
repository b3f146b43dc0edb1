"""Files with attestations (PEP 740): twine and uv send them, the index serves them, the reference verifier reads them back.

The attestations are real ones, of a signing service on this machine that the index is told to trust. Whoever verifies them here
uses nothing of ours: they follow the link of the page that an installer reads, and have `pypi-attestations` check the bytes that
they downloaded.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pypi_attestations import Distribution, Provenance, VerificationError
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier

from bonded.accounts import oidc_mint, people, publishers
from bonded.accounts.oidc import Identity, Issuer
from bonded.accounts.oidc_shapes import GITHUB as SHAPE
from bonded.values.who import OPERATOR
from bonded.wiring import open_house
from tests.publishing.service import CLAIMS
from tests.story import clients
from tests.story.packages import Made, make
from tests.story.running import RunningIndex, running
from tests.support.sigstore_here import GITHUB, Instance, github

pytestmark = pytest.mark.slow

HERE = Instance()
BUILDS = Issuer(GITHUB, "Builds", SHAPE)


@pytest.fixture(scope="module")
def trusted_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return HERE.trusted_root(tmp_path_factory.mktemp("signing") / "trusted_root.json")


@pytest.fixture(scope="module")
def attesting(trusted_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIndex]:
    """An index that trusts the signing service of this machine, and somebody whose builds may upload."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BONDED_ATTESTATIONS__TRUSTED_ROOT", str(trusted_root))
        with running(tmp_path_factory.mktemp("attesting")) as index:
            index.token("octo")
            yield index


@pytest.fixture
def verifying(trusted_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference verifier, which would trust the public service, trusts ours; all else of it is as it came."""
    own = Verifier(trusted_root=TrustedRoot.from_file(str(trusted_root)))
    monkeypatch.setattr(Verifier, "production", lambda offline=False: own)


def build_token(index: RunningIndex, project: str) -> str:
    """What a build of octo/tool gets for its identity, for a project that its first upload makes."""
    house = open_house(index.directory)
    fields = {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": "release"}
    now = house.clock()
    with house.db.write() as tx:
        made = publishers.add_pending(
            tx, OPERATOR, SHAPE, GITHUB, project, fields, user_id=people.need(tx, "octo").id,
            lifetime=house.trusted_publishing.pending_for, now=now,
        )  # fmt: skip
        identity = Identity(BUILDS, CLAIMS, f"id-{made.id}", now)
        text, _ = oidc_mint.mint(tx, OPERATOR, identity, [made], sealer=house.sealer, now=now)
    house.db.close()
    return text


def attested(made: Made, *, of: str = "octo/tool") -> list[Path]:
    """The distributions, and beside each what its build attests, named as uploaders look for it."""
    found = []
    for path in made.dist():
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        said = HERE.attest(path.name, sha256, github(of), datetime.now(UTC))
        beside = path.with_name(f"{path.name}.publish.attestation")
        beside.write_text(json.dumps(said))
        found += [path, beside]
    return found


def by_twine(index: RunningIndex, token: str, files: list[Path], tree: Path) -> subprocess.CompletedProcess[str]:
    words = ("upload", "--attestations", "--non-interactive", "--disable-progress-bar", "--verbose")
    return clients.run(
        "twine", *words, "--repository-url", index.legacy, "-u", "__token__", "-p", token, *files, cwd=tree
    )


def by_uv(index: RunningIndex, token: str, files: list[Path], tree: Path) -> subprocess.CompletedProcess[str]:
    words = ("publish", "--trusted-publishing", "never", "--publish-url", index.legacy, "--token", token)
    return clients.run("uv", *words, *files, cwd=tree)


Upload = Callable[[RunningIndex, str, list[Path], Path], subprocess.CompletedProcess[str]]
TOOLS: dict[str, Upload] = {"twine": by_twine, "uv": by_uv}


def fetched(index: RunningIndex, url: object) -> bytes:
    """What lies at an address that a page of the index names."""
    assert str(url).startswith(index.url), url
    status, body = index.get(str(url).removeprefix(index.url))
    assert status == 200, body
    return body


def read_back(index: RunningIndex, made: Made, filename: str, folder: Path) -> tuple[Provenance, Distribution, bytes]:
    """The provenance that the page of an installer leads to, and the file as it is downloaded."""
    listed = index.files(made.name)[filename]
    data = fetched(index, listed["provenance"])
    assert str(listed["provenance"]).endswith(f"#sha256={hashlib.sha256(data).hexdigest()}"), (
        "the signed page names its digest"
    )
    status, body = index.get(f"packages/{made.name}/{filename}")
    assert status == 200
    path = folder / filename
    path.write_bytes(body)
    return Provenance.model_validate_json(data), Distribution.from_file(path), data


@pytest.mark.parametrize("tool", sorted(TOOLS))
@pytest.mark.usefixtures("verifying")
def test_what_a_tool_attests_is_verified_by_others(attesting: RunningIndex, tmp_path: Path, tool: str) -> None:
    made = make(tmp_path / "projects", f"attested-{tool}", version="1.0", backend="hatchling")
    done = TOOLS[tool](attesting, build_token(attesting, made.name), attested(made), made.tree)
    assert done.returncode == 0, done.stdout + done.stderr
    attesting.wait_listed(made.name, made.wheel, made.sdist, seconds=180)
    downloaded = tmp_path / "downloaded"
    downloaded.mkdir()
    for filename in (made.wheel, made.sdist):
        provenance, dist, data = read_back(attesting, made, filename, downloaded)
        (bundle,) = provenance.attestation_bundles
        assert bundle.publisher.repository == "octo/tool"  # type: ignore[union-attr]
        (one,) = bundle.attestations
        kind, predicate = one.verify(bundle.publisher, dist, offline=True)
        assert (urlsplit(kind).path, predicate) == ("/attestations/publish/v1", None)
        status, same = attesting.get(f"integrity/{made.name}/1.0/{filename}/provenance")
        assert (status, same) == (200, data)
    # The verifier can say no: to other bytes under the same name, and to another file.
    other = downloaded / made.sdist
    other.write_bytes(b"other bytes")
    for wrong in (other, downloaded / made.wheel):
        with pytest.raises(VerificationError):
            one.verify(bundle.publisher, Distribution.from_file(wrong), offline=True)


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_a_tool_says_why_an_attestation_is_refused(attesting: RunningIndex, tmp_path: Path, tool: str) -> None:
    made = make(tmp_path / "projects", f"not-attested-{tool}", version="1.0", backend="hatchling")
    files = attested(made, of="eve/tool")
    done = TOOLS[tool](attesting, build_token(attesting, made.name), files, made.tree)
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, shown
    assert "ttestation" in shown, shown
    assert "does not hold" in shown, shown
    assert attesting.files(made.name) == {}, "nothing of it was taken"


def test_a_token_of_a_person_attests_nothing(attesting: RunningIndex, tmp_path: Path) -> None:
    made = make(tmp_path / "projects", "attested-by-hand", version="1.0", backend="hatchling")
    done = by_twine(attesting, attesting.token("octo"), attested(made), made.tree)
    shown = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, shown
    assert "trusted publish" in shown, shown
