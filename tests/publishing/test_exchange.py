"""Exchanging identities for tokens, and uploading with them: who may, once each, and what ends it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from webtest import TestResponse

from bonded.accounts import oidc_mint, people, publishers
from bonded.accounts.people import User
from bonded.accounts.publisher_tables import publisher, used_identity
from bonded.accounts.publishers import Publisher
from bonded.accounts.tables import token
from bonded.catalog import change
from bonded.journal.read import Filter, of_everything, of_project, of_user
from bonded.values.states import Role
from bonded.values.who import OPERATOR
from tests.publishing.service import AUDIENCE, Service
from tests.web.house import House
from tests.web.test_upload import basic, send

FIELDS = {"owner": "octo", "repository": "tool", "workflow": "release.yml", "environment": ""}
CLAIMS = {"repository", "repository_owner", "job_workflow_ref", "environment"}


def trust(house: House, service: Service, person: User, project: str = "tool", **fields: str) -> Publisher:
    """A publisher of a project that is there."""
    with house.db.write() as tx:
        return publishers.add(
            tx, OPERATOR, service.shape, service.url, project, FIELDS | fields, user_id=person.id, now=house.now
        )


def wait(house: House, service: Service, person: User, project: str = "tool", **fields: str) -> Publisher:
    """A publisher for a project to be."""
    with house.db.write() as tx:
        return publishers.add_pending(
            tx,
            OPERATOR,
            service.shape,
            service.url,
            project,
            FIELDS | fields,
            user_id=person.id,
            lifetime=timedelta(days=30),
            now=house.now,
        )


def exchange(house: House, text: object, path: str = "/_/oidc/mint-token", **more: object) -> TestResponse:
    body = orjson.dumps({"token": text} | more)
    return house.browser().post(path, body, content_type="application/json", expect_errors=True)


def given(house: House, service: Service, **claims: Any) -> str:
    """A token for a build."""
    answer = exchange(house, service.identity(house.now, **claims))
    assert answer.status_int == 200, answer.text
    return str(answer.json["token"])


def upload(house: House, text: str, name: str = "tool", version: str = "1.0") -> str:
    """The code of the refusal, or the state."""
    answer = send(house, basic("__token__", text), name=name, version=version, accept="application/json")
    return str(answer.json.get("state") or answer.json["code"])


def refused(answer: TestResponse) -> tuple[int, str]:
    """Status and code of a refusal, after a look at its form."""
    assert answer.content_type == "application/problem+json"
    body = answer.json
    assert body["status"] == answer.status_int
    assert body["errors"][0]["code"] == body["code"]
    assert body["help"].endswith(f"/help/refusals/{body['code']}/")
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_int, body["code"]


def actions(house: House, project: str) -> list[str]:
    with house.db.read() as conn:
        return [entry.action for entry in reversed(of_project(conn, project, Filter(), limit=200).entries)]


def test_the_way_of_an_upload_without_a_secret(both: House, service: Service) -> None:
    ann = both.person("ann")
    both.project("tool", ann)
    trust(both, service, ann)
    found = both.browser().get("/.well-known/pytp", {"discover": "/legacy/"}).json
    assert found["audience-endpoint"] == "http://localhost/_/oidc/audience"
    assert both.browser().get("/_/oidc/audience").json == {"audience": AUDIENCE}
    assert found["token-mint-endpoint"] == "http://localhost/_/oidc/mint-token"
    answer = exchange(both, service.identity(both.now))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["expires"] == int((both.now + timedelta(minutes=15)).timestamp())
    text = answer.json["token"]
    assert upload(both, text) == "received"
    assert upload(both, text, "other") == "token-project"
    assert actions(both, "tool")[-3:] == ["publisher.add", "publisher.mint", "file.upload"]
    with both.db.read() as conn:
        minted = of_everything(conn, Filter(actions=("publisher.mint",))).entries[0]
        seen = of_project(conn, "tool", Filter(actions=("publisher.mint",))).entries[0]
        rows = conn.execute(select(token)).mappings().all()
    assert "octo" not in str(minted.facts), "names of people stand beside the row"
    assert minted.private["publisher"] == f"{service.host}: octo, tool, release.yml"
    assert minted.private["sha"] == "0" * 40
    assert "octo" not in str(seen), "the view of the project has the act, not the names beside it"
    assert text not in str(rows)
    both.now += timedelta(minutes=14, seconds=59)
    assert upload(both, text, version="1.1") == "received"
    both.now += timedelta(seconds=1)
    assert upload(both, text, version="1.2") == "token-expired"


def test_each_identity_once_however_late_and_by_whichever_address(both: House, service: Service) -> None:
    ann = both.person("ann")
    both.project("tool", ann)
    trust(both, service, ann)
    text = service.identity(both.now)
    assert exchange(both, text, "/_/oidc/github/mint-token").status_int == 200
    assert refused(exchange(both, text)) == (409, "identity-used")
    # Until the last second in which a clock that is off would take it, and after house-keeping.
    both.now += timedelta(minutes=5, seconds=29)
    with both.db.write() as tx:
        oidc_mint.sweep(tx, now=both.now)
    assert refused(exchange(both, text)) == (409, "identity-used")
    both.now += timedelta(seconds=1)
    assert refused(exchange(both, text)) == (422, "identity-time")
    both.now += timedelta(days=2)
    with both.db.write() as tx:
        oidc_mint.sweep(tx, now=both.now)
        assert tx.execute(select(used_identity)).all() == []
        assert tx.execute(select(token)).all() == []


def test_fifty_requests_with_one_identity_have_one_winner(both: House, service: Service) -> None:
    ann = both.person("ann")
    both.project("tool", ann)
    trust(both, service, ann)
    text, barrier = service.identity(both.now), threading.Barrier(50)

    def ask(_: int) -> int:
        barrier.wait()
        return int(exchange(both, text).status_int)

    with ThreadPoolExecutor(50) as pool:
        said = sorted(pool.map(ask, range(50)))
    assert said == [200] + [409] * 49
    with both.db.read() as conn:
        assert len(conn.execute(select(token)).all()) == 1
    assert actions(both, "tool").count("publisher.mint") == 1


def test_the_same_number_of_another_service_is_another_identity(house: House, service: Service) -> None:
    """`jti` is unique for its issuer only: two services cannot use up each other's."""
    from tests.publishing.service import serving

    with serving() as second:
        from dataclasses import replace

        from bonded.web.app import make_wsgi

        issuers = (service.trusted().issuers[0], second.trusted().issuers[0])
        keys = {one.url: one.trusted().key_of for one in (service, second)}
        trusted = replace(
            service.trusted(), issuers=issuers, key_of=lambda issuer, kid, now: keys[issuer](issuer, kid, now)
        )
        house.context = replace(house.context, publishing=trusted)
        house.wsgi = make_wsgi(house.context)
        ann = house.person("ann")
        house.project("tool", ann)
        trust(house, service, ann)
        assert exchange(house, service.identity(house.now, jti="1")).status_int == 200
        # The same repository, by name, of another service: nobody trusts it, until somebody does.
        assert refused(exchange(house, second.identity(house.now, jti="1"))) == (403, "publisher-none")
        trust(house, second, ann)
        assert exchange(house, second.identity(house.now, jti="1")).status_int == 200


@pytest.mark.parametrize(
    ("claims", "named"),
    [
        ({"repository": "octo/other"}, ""),
        ({"repository": None}, ""),
        ({"repository_owner": "someone"}, "repository_owner"),
        ({"job_workflow_ref": "octo/tool/.github/workflows/test.yml@refs/tags/v1"}, "job_workflow_ref"),
        ({"job_workflow_ref": "octo/tool/.github/workflows/release.yml@refs/heads/x"}, "job_workflow_ref"),
        ({"job_workflow_ref": "evil/tool/.github/workflows/release.yml@refs/tags/v1"}, "job_workflow_ref"),
        ({"job_workflow_ref": None}, "job_workflow_ref"),
        ({"ref": None, "sha": None}, "job_workflow_ref"),
        ({"environment": None}, "environment"),
        ({"environment": "staging"}, "environment"),
    ],
)
def test_a_build_that_is_not_the_one(house: House, service: Service, claims: dict[str, Any], named: str) -> None:
    ann = house.person("ann")
    house.project("tool", ann)
    trust(house, service, ann, environment="release")
    answer = exchange(house, service.identity(house.now, **claims))
    assert refused(answer) == (403, "publisher-none")
    assert [
        claim for claim in CLAIMS if claim in answer.json["detail"].split(": the claims")[0].replace(",", " ").split()
    ] == ([named] if named else [])
    with house.db.read() as conn:
        assert conn.execute(select(used_identity)).all() == [], "it may be tried again once the publisher is right"


def test_names_at_the_service_are_the_same_in_any_case(house: House, service: Service) -> None:
    ann = house.person("ann")
    house.project("tool", ann)
    trust(house, service, ann, owner="Octo", repository="Tool", environment="Release")
    assert given(house, service)


def test_a_repository_of_the_same_name_that_is_another_one(house: House, service: Service) -> None:
    """Somebody got the abandoned name of the account and made the repository again."""
    ann = house.person("ann")
    house.project("tool", ann)
    trust(house, service, ann)
    given(house, service)
    answer = exchange(house, service.identity(house.now, repository_id="2002", repository_owner_id="8"))
    assert refused(answer) == (403, "publisher-none")
    assert "repository_id" in answer.json["detail"]
    assert given(house, service)


def test_a_build_of_several_projects_gets_one_token_for_all(house: House, service: Service) -> None:
    ann, bob = house.person("ann"), house.person("bob")
    for name, owner in (("tool", ann), ("tool-extra", bob)):
        house.project(name, owner)
        trust(house, service, owner, name)
    text = given(house, service)
    assert upload(house, text) == "received"
    assert upload(house, text, "tool-extra") == "received", "each project in the name of its own owner"
    with house.db.read() as conn:
        assert of_user(conn, bob.id, Filter(actions=("file.upload",))).entries


def test_removing_the_publisher_ends_what_it_was_given(both: House, service: Service) -> None:
    ann = both.person("ann")
    both.project("tool", ann)
    one = trust(both, service, ann)
    text = given(both, service)
    with both.db.write() as tx:
        publishers.remove(tx, OPERATOR, one.id, "tool", now=both.now)
    assert upload(both, text) == "publisher-gone"
    assert refused(exchange(both, service.identity(both.now))) == (403, "publisher-none")


def test_whoever_loses_the_role_publishes_no_more_in_any_way(both: House, service: Service) -> None:
    ann, bob = both.person("ann"), both.person("bob")
    both.project("tool", ann)
    with both.db.write() as tx:
        change.add_role(tx, OPERATOR, "tool", bob.id, Role.OWNER, now=both.now)
    trust(both, service, bob)
    text = given(both, service)
    with both.db.write() as tx:
        change.remove_role(tx, OPERATOR, "tool", bob.id, Role.OWNER, now=both.now)
    assert upload(both, text) == "publisher-gone", "also with what was given before"
    assert refused(exchange(both, service.identity(both.now))) == (403, "publisher-none")


def test_a_publisher_that_another_owner_took_over_stays(house: House, service: Service) -> None:
    ann, bob = house.person("ann"), house.person("bob")
    house.project("tool", ann)
    with house.db.write() as tx:
        change.add_role(tx, OPERATOR, "tool", bob.id, Role.OWNER, now=house.now)
    one = trust(house, service, bob)
    with house.db.write() as tx:
        publishers.adopt(tx, OPERATOR, one.id, "tool", user_id=ann.id, now=house.now)
        change.remove_role(tx, OPERATOR, "tool", bob.id, Role.OWNER, now=house.now)
    assert upload(house, given(house, service)) == "received"
    with house.db.read() as conn:
        assert of_user(conn, ann.id, Filter(actions=("file.upload",))).entries


def test_a_frozen_account_publishes_nothing(house: House, service: Service) -> None:
    ann = house.person("ann")
    house.project("tool", ann)
    trust(house, service, ann)
    text = given(house, service)
    with house.db.write() as tx:
        people.freeze(tx, OPERATOR, ann.id, reason="stolen laptop", now=house.now)
    assert upload(house, text) == "account-frozen"
    assert refused(exchange(house, service.identity(house.now))) == (403, "publisher-left")


def test_a_pending_publisher_makes_its_project(both: House, service: Service) -> None:
    ann = both.person("ann")
    one = wait(both, service, ann, "To_ol")
    text = given(both, service)
    assert upload(both, text, "other") == "token-project"
    assert upload(both, text, "To-ol") == "received"
    assert upload(both, text, "to_ol", "2.0") == "received"
    with both.db.read() as conn:
        (bound,) = publishers.of_project(conn, "to-ol")
        assert publishers.pending_of(conn, ann.id) == []
    assert (bound.id, bound.pending, bound.expires_at) == (one.id, False, None)
    assert upload(both, given(both, service), "to-ol", "3.0") == "received"
    assert "pending-publisher.bind" in actions(both, "to-ol")


def test_fifty_first_uploads_of_one_pending_publisher(both: House, service: Service) -> None:
    wait(both, service, both.person("ann"))
    texts = [given(both, service) for _ in range(5)]
    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(lambda n: upload(both, texts[n % 5], version=f"1.{n}"), range(50)))
    assert said == ["received"] * 50
    assert actions(both, "tool").count("pending-publisher.bind") == 1
    assert actions(both, "tool").count("project.create") == 1


def test_a_name_that_somebody_else_took(both: House, service: Service) -> None:
    ann, bob = both.person("ann"), both.person("bob")
    wait(both, service, ann)
    text = given(both, service)
    wait(both, service, bob, repository="elsewhere")
    other = given(
        both,
        service,
        repository="octo/elsewhere",
        job_workflow_ref="octo/elsewhere/.github/workflows/release.yml@refs/tags/v1",
    )
    assert upload(both, other) == "received"
    assert upload(both, text, version="2.0") == "publisher-gone"
    assert refused(exchange(both, service.identity(both.now))) == (403, "publisher-none")
    with both.db.read() as conn:
        told = of_user(conn, ann.id, Filter(actions=("pending-publisher.taken",))).entries
    assert len(told) == 1


def test_a_name_that_was_taken_in_another_way(house: House, service: Service) -> None:
    """By a command, or by another version of the index: nothing ended the publisher."""
    ann, bob = house.person("ann"), house.person("bob")
    wait(house, service, ann)
    house.project("tool", bob)
    assert refused(exchange(house, service.identity(house.now))) == (403, "publisher-name-taken")


def test_a_pending_publisher_whose_project_its_person_made_otherwise(house: House, service: Service) -> None:
    ann = house.person("ann")
    wait(house, service, ann)
    house.project("tool", ann)
    assert upload(house, given(house, service)) == "received"
    with house.db.read() as conn:
        assert len(publishers.of_project(conn, "tool")) == 1


def test_a_pending_publisher_ends_after_thirty_days(both: House, service: Service) -> None:
    ann = both.person("ann")
    wait(both, service, ann)
    both.now += timedelta(days=30)
    assert refused(exchange(both, service.identity(both.now))) == (403, "publisher-none")
    with both.db.write() as tx:
        assert oidc_mint.sweep(tx, now=both.now) == 1
        assert oidc_mint.sweep(tx, now=both.now) == 0
        assert tx.execute(select(publisher)).all() == []
    with both.db.read() as conn:
        assert of_user(conn, ann.id, Filter(actions=("pending-publisher.expire",))).entries


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (422, "identity-unreadable")),
        (b"[]", (422, "identity-unreadable")),
        (b"{}", (422, "identity-unreadable")),
        (b'{"token": 7}', (422, "identity-unreadable")),
        (b'{"token": "x"', (422, "identity-unreadable")),
        (b'{"token": "\xff"}', (422, "identity-unreadable")),
        (b'{"token": "x.y.z"}', (422, "identity-unreadable")),
        (b'{"token": "' + b"x" * 70_000 + b'"}', (422, "identity-unreadable")),
        (b'{"token": "x", "features": ["single-use-token"]}', (422, "publishing-feature")),
        (b'{"token": "x", "features": "multi-use-token"}', (422, "publishing-feature")),
    ],
)
def test_requests_that_are_none(house: House, body: bytes, expected: tuple[int, str]) -> None:
    answer = house.browser().post("/_/oidc/mint-token", body, content_type="application/json", expect_errors=True)
    assert refused(answer) == expected


def test_a_service_that_is_away(house: House, service: Service) -> None:
    service.answers.clear()
    answer = exchange(house, service.identity(house.now))
    assert refused(answer) == (503, "issuer-away")
    assert answer.headers["Retry-After"] == "60"


def test_what_discovery_says_of_other_addresses(house: House) -> None:
    for where in ("", "/", "/simple/", "legacy"):
        answer = house.browser().get("/.well-known/pytp", {"discover": where}, expect_errors=True)
        assert answer.status_int == 404
    kind = "application/vnd.pypi.pytp.v1+json"
    assert house.browser().get("/_/oidc/audience", headers={"Accept": kind}).content_type == kind


def test_without_services_there_is_nothing(sqlite_db: Any, tmp_path: Any, now: datetime) -> None:
    from tests.publishing.conftest import SETTINGS

    house = House(sqlite_db, tmp_path, now, SETTINGS)
    assert refused(house.browser().get("/_/oidc/audience", expect_errors=True)) == (404, "not-found")
    assert refused(exchange(house, "x.y.z")) == (404, "not-found")
    answer = house.browser().get("/.well-known/pytp", {"discover": "/legacy/"}, expect_errors=True)
    assert answer.status_int == 404


def test_frozen_people_and_strangers_have_no_say_in_the_oidc_tokens_list(house: House, service: Service) -> None:
    """Short-lived tokens are nobody's to list, rename or count: the list of a person holds what they made."""
    from bonded.accounts import tokens

    ann = house.person("ann")
    house.project("tool", ann)
    trust(house, service, ann)
    given(house, service)
    with house.db.read() as conn:
        assert tokens.of_user(conn, ann.id) == []
        assert len(conn.execute(select(token)).all()) == 1
