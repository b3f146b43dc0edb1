"""Advisories: what confirms malware, what takes it back, ids that stay; each against a strict model of our own."""

from __future__ import annotations

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

import pytest
from click.testing import CliRunner
from pydantic import BaseModel, ConfigDict, Field

from bonded.accounts.people import User
from bonded.review import decide, undo
from bonded.screening.osv import Decision, OsvSettings, advisories, confirmed, sync
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from tests.screening_service.conftest import Service

SETTINGS = OsvSettings("TEST", "PyPI", "http://localhost/")
Stamp = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")]
Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Package(Strict):
    ecosystem: Literal["PyPI"]
    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    purl: Annotated[str, Field(pattern=r"^pkg:pypi/[a-z0-9-]+\?repository_url=[A-Za-z0-9%.-]+$")]


class Introduced(Strict):
    introduced: Literal["0"]


class Range(Strict):
    type: Literal["ECOSYSTEM"]
    events: Annotated[list[Introduced], Field(min_length=1, max_length=1)]


class Named(Strict):
    filename: Text
    version: Text
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Files(Strict):
    files: Annotated[list[Named], Field(min_length=1)]


class Affected(Strict):
    package: Package
    versions: Annotated[list[Text], Field(min_length=1)]
    ranges: list[Range] | None = None
    database_specific: Files


class Reference(Strict):
    type: Literal["PACKAGE"]
    url: Annotated[str, Field(pattern=r"^https?://")]


class Source(Strict):
    confirmed_by: Literal["review"]
    index: Text


class Osv(Strict):
    """What we write; narrower than what the OSV schema allows."""

    schema_version: Annotated[str, Field(pattern=r"^1\.\d+\.\d+$")]
    id: Annotated[str, Field(pattern=r"^(x_)?[A-Z][A-Z0-9]*-\d{4}-\d+$")]
    published: Stamp
    modified: Stamp
    withdrawn: Stamp | None = None
    summary: Annotated[str, Field(min_length=1, max_length=120)]
    details: Text
    affected: Annotated[list[Affected], Field(min_length=1, max_length=1)]
    references: list[Reference]
    database_specific: Source


def told(service: Service) -> list[Osv]:
    """All advisories now, each by the model."""
    sync(service.house.db, SETTINGS, service.house.now)
    with service.house.db.read() as conn:
        every = advisories(conn)
    for one in every:
        assert one["published"] <= one["modified"]
    return [Osv.model_validate_json(json.dumps(one)) for one in every]


def spam(service: Service, *versions: str, state: FileState = FileState.HELD) -> list[str]:
    house = service.house
    ann: User = house.person("ann")
    house.project("Spam_Thing", ann)
    return [house.file(ann, "Spam_Thing", version, state=state) for version in versions]


def test_what_a_reviewer_calls_malware_becomes_an_advisory(both_services: Service) -> None:
    service = both_services
    first, second = spam(service, "1.0", "1.10")
    assert told(service) == []
    with service.house.db.write() as tx:
        decide.reject(tx, OPERATOR, [first], reason="Malware: sends tokens to somebody by name", now=service.house.now)
    (one,) = told(service)
    assert one.id == "TEST-2026-1"
    assert one.affected[0].package.name == "spam-thing"
    assert one.affected[0].versions == ["1.0"]
    assert one.affected[0].ranges is None
    assert "somebody by name" not in one.model_dump_json()
    service.house.now += timedelta(hours=1)
    with service.house.db.write() as tx:
        decide.remove(tx, OPERATOR, [second], reason="malware too", now=service.house.now)
    (two,) = told(service)
    assert (two.id, two.published) == (one.id, one.published)
    assert two.modified > one.modified
    assert two.affected[0].versions == ["1.0", "1.10"]
    assert two.affected[0].ranges
    assert told(service) == [two]


def test_many_who_bring_advisories_up_to_date_at_once_make_each_once(both_services: Service) -> None:
    """Every worker does, and the export too."""
    house = both_services.house
    ann = house.person("ann")
    for number in range(6):
        house.project(f"spam-{number}", ann)
    files = [house.file(ann, f"spam-{number}", "1.0", state=FileState.HELD) for number in range(6)]
    with house.db.write() as tx:
        decide.reject(tx, OPERATOR, files, reason="malware", now=house.now)
    with ThreadPoolExecutor(6) as pool:
        for one in [pool.submit(sync, house.db, SETTINGS, house.now) for _ in range(6)]:
            one.result()
    assert [one.id for one in told(both_services)] == [f"TEST-2026-{number}" for number in range(1, 7)]


@pytest.mark.parametrize("reason", ["spam", "not malware but broken", "malwareish", "contains malware?"])
def test_other_reasons_make_no_advisory(service: Service, reason: str) -> None:
    files = spam(service, "1.0")
    with service.house.db.write() as tx:
        decide.reject(tx, OPERATOR, files, reason=reason, now=service.house.now)
    assert told(service) == []


def test_what_is_taken_back_is_withdrawn_and_may_come_back(service: Service) -> None:
    files, house = spam(service, "1.0"), service.house
    with house.db.write() as tx:
        decide.reject(tx, OPERATOR, files, reason="malware", now=house.now)
    (before,) = told(service)
    house.now += timedelta(minutes=5)
    with house.db.write() as tx:
        undo.undo(tx, OPERATOR, reason="my mistake", now=house.now)
    (withdrawn,) = told(service)
    assert (withdrawn.id, withdrawn.withdrawn, withdrawn.modified) == (
        before.id,
        withdrawn.modified,
        withdrawn.withdrawn,
    )
    assert withdrawn.affected == before.affected
    house.now += timedelta(hours=1)
    with house.db.write() as tx:
        decide.reject(tx, OPERATOR, files, reason="malware after all", now=house.now)
    (again,) = told(service)
    assert (again.id, again.withdrawn, again.published) == (before.id, None, before.published)
    assert again.modified > withdrawn.modified


def test_a_release_by_mistake_that_is_taken_back_withdraws_nothing_for_good(service: Service) -> None:
    files, house = spam(service, "1.0"), service.house
    with house.db.write() as tx:
        decide.reject(tx, OPERATOR, files, reason="malware", now=house.now)
    (before,) = told(service)
    house.now += timedelta(minutes=5)
    with house.db.write() as tx:
        decide.release(tx, OPERATOR, files, reason="wrong button", now=house.now)
    assert told(service)[0].withdrawn
    house.now += timedelta(minutes=5)
    with house.db.write() as tx:
        undo.undo(tx, OPERATOR, reason="", now=house.now)
    (after,) = told(service)
    assert (after.id, after.withdrawn, after.affected) == (before.id, None, before.affected), (
        "the rejection stands again"
    )


def test_a_verdict_of_policy_that_a_person_confirms(service: Service) -> None:
    files = spam(service, "1.0", state=FileState.REJECTED)
    assert told(service) == []
    with service.house.db.write() as tx:
        decide.reject(tx, OPERATOR, files, reason="malware, as policy says", now=service.house.now)
    assert len(told(service)) == 1


def test_the_newest_decision_counts() -> None:
    facts = {"filename": "a.whl", "version": "1", "sha256": "0" * 64, "reason": "malware"}
    decisions = [
        Decision("f", "review.reject", facts),
        Decision("f", "review.confirm", facts | {"reason": "spam", "state": "rejected"}),
    ]
    assert confirmed(decisions[:1])
    assert confirmed(decisions) == []
    assert confirmed([Decision("f", "review.quarantine", facts)]) == []
    assert confirmed([Decision("f", "review.confirm", facts | {"state": "public"})]) == []


def test_the_public_addresses(service: Service) -> None:
    files = spam(service, "1.0")
    with service.house.db.write() as tx:
        decide.reject(tx, OPERATOR, files, reason="malware", now=service.house.now)
    (one,) = told(service)
    browser = service.house.browser()
    (listed,) = browser.get("/osv/index.json").json
    assert listed["url"] == f"http://localhost/osv/{one.id}.json"
    assert Osv.model_validate_json(browser.get(f"/osv/{one.id}.json").body) == one
    with zipfile.ZipFile(io.BytesIO(browser.get("/osv/all.zip").body)) as archive:
        assert archive.namelist() == [f"{one.id}.json"]
        assert Osv.model_validate_json(archive.read(archive.namelist()[0])) == one
    assert browser.get("/osv/TEST-2026-9.json", expect_errors=True).status_int == 404


def test_the_command_writes_files_or_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bonded.cli import bonded
    from bonded.wiring import open_house

    where = str(tmp_path / "data")
    run = CliRunner()
    assert run.invoke(bonded, ["init", where, "--dev-keys", "--admin", "admin"]).exit_code == 0
    monkeypatch.setenv("BONDED_SERVICE__OSV_PREFIX", "")
    missing = run.invoke(bonded, ["osv", "export", str(tmp_path / "out"), "--dir", where])
    assert (missing.exit_code, "service.osv_prefix" in missing.output) == (1, True)
    monkeypatch.setenv("BONDED_SERVICE__OSV_PREFIX", "x_TEST")
    done = run.invoke(bonded, ["osv", "export", str(tmp_path / "out"), "--dir", where])
    assert done.exit_code == 0, done.output
    assert list((tmp_path / "out").iterdir()) == []
    assert open_house(Path(where)).osv_settings.prefix == "x_TEST"


def test_malformed_advisories_do_not_pass_the_model() -> None:
    with pytest.raises(ValueError):
        Osv.model_validate({"id": "x"})
