"""Archives of elsewhere: who may submit, what they read, that nothing reaches the index and nothing is kept."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bonded.catalog.tables import file, finding, project, verdict
from bonded.checks.registry import discover
from bonded.db.jobs import job
from bonded.ops import dead_letters
from bonded.screening import service as rooms
from bonded.screening import service_job
from bonded.screening.command import scan_all
from bonded.screening.outbound import Rules
from bonded.screening.policy import Policy
from bonded.screening.report import as_object
from bonded.screening.run import Scanner
from bonded.values.who import OPERATOR
from tests.screening.conftest import HOSTILE, wheel
from tests.screening_service.conftest import Make, Receiving, Service

NAME = "sample-1.0-py3-none-any.whl"


def test_an_archive_is_judged_as_on_the_line_and_forgotten(both_services: Service, tmp_path) -> None:
    service = both_services
    token = service.token(service.house.person("ann"))
    data = wheel(HOSTILE)
    answer = service.send(token, NAME, data)
    assert answer.status_int == 202
    where = answer.headers["Location"]
    assert where == answer.json["location"] == f"http://localhost/api/screenings/{answer.json['id']}/"
    assert service.get(token, where).json["state"] == "queued"
    service.work()
    told = service.get(token, where).json
    assert (told["state"], told["verdict"], told["error"]) == ("done", "reject", None)
    path = tmp_path / NAME
    path.write_bytes(data)
    (line,) = scan_all([path], discover(), Scanner(service.sandbox), Policy(), jobs=1, now=service.house.now)
    same = as_object(line)
    assert {**told["result"], "cpu_seconds": 0, "path": ""} == {**same, "cpu_seconds": 0, "path": ""}
    assert service.kept() == []
    with service.house.db.read() as conn:
        for table in (project, file, finding, verdict):
            assert conn.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_the_same_archive_or_key_is_the_same_submission(service: Service) -> None:
    token, other = service.token(service.house.person("ann")), service.token(service.house.person("bob"))
    first = service.send(token, NAME, wheel())
    assert service.send(token, NAME, wheel()).json["id"] == first.json["id"]
    service.work()
    again = service.send(token, NAME, wheel())
    assert (again.status_int, again.json["id"], again.json["verdict"]) == (200, first.json["id"], "clear")
    assert service.send(other, NAME, wheel()).json["id"] != first.json["id"]
    keyed = service.send(token, NAME, wheel(), **{"Idempotency-Key": "k1"})
    assert keyed.json["id"] != first.json["id"]
    assert service.send(token, NAME, wheel(), **{"Idempotency-Key": "k1"}).json["id"] == keyed.json["id"]
    wrong = service.send(token, NAME, wheel(HOSTILE), **{"Idempotency-Key": "k1"})
    assert (wrong.status_int, wrong.json["code"]) == (422, "idempotency-key-reused")


def test_the_same_archive_at_the_same_moment_is_one_submission(
    both_services: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two senders of one account: neither sees the other's before both have looked."""
    service, before = both_services, rooms._take
    both_looked = threading.Barrier(2)

    def take(*about: Any) -> Any:
        both_looked.wait(20)
        return before(*about)

    monkeypatch.setattr(rooms, "_take", take)
    token = service.token(service.house.person("ann"))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: service.send(token, NAME, wheel()), range(2)))
    assert [one.status_int for one in answers] == [202, 202]
    assert answers[0].json["id"] == answers[1].json["id"]
    assert len(service.kept()) == 1, "the second copy is not left in the vault"
    service.work()
    assert service.kept() == []


@pytest.mark.parametrize(
    ("permission", "operator", "code"), [("upload", True, "token-permission"), ("screen", False, "screening-not-open")]
)
def test_tokens_without_the_permission_are_refused(
    service: Service, permission: str, operator: bool, code: str
) -> None:
    token = service.token(service.house.person("ann"), permission=permission, operator=operator)
    answer = service.send(token, NAME, wheel())
    assert (answer.status_int, answer.json["code"]) == (403, code)
    assert answer.json["help"] == f"http://localhost/help/refusals/{code}/"
    assert service.kept() == []


def test_nobody_without_a_token_and_nothing_of_others(service: Service) -> None:
    mine = service.send(service.token(service.house.person("ann")), NAME, wheel()).json["location"]
    assert service.get(service.token(service.house.person("bob")), mine).json["code"] == "no-such-submission"
    for answer in (service.house.browser().get(mine, expect_errors=True), service.send("nonsense", NAME, wheel())):
        assert answer.status_int in (401, 403)
    assert service.house.login("ann").get(mine, expect_errors=True).status_int == 401


def test_anybody_where_it_is_open(new_service: Make) -> None:
    service = new_service(open_to="users")
    token = service.token(service.house.person("ann"), operator=False)
    assert service.send(token, NAME, wheel()).status_int == 202


@pytest.mark.parametrize("name", ["", "x.txt", "../x-1.0.tar.gz", "a/b-1.0.whl", "x" * 260 + ".whl", "a\\b.whl"])
def test_names_that_are_no_archive_are_refused(service: Service, name: str) -> None:
    token = service.token(service.house.person("ann"))
    answer = service.send_json(token, {"url": "https://files.example.invalid/x", "filename": name or "x"})
    assert answer.json["code"] == "submission-form"


def test_each_token_has_a_quota(new_service: Make) -> None:
    service = new_service(per_hour=2, max_waiting=10)
    token = service.token(service.house.person("ann"))
    for n in range(2):
        assert service.send(token, NAME, wheel(f"X = {n}\n")).status_int == 202
    answer = service.send(token, NAME, wheel("X = 3\n"))
    assert (answer.status_int, answer.json["code"]) == (429, "too-many-submissions")
    assert int(answer.headers["Retry-After"]) > 3000
    service.house.now += timedelta(hours=1, seconds=1)
    assert service.send(token, NAME, wheel("X = 3\n")).status_int == 202


def test_waiting_submissions_are_bounded(new_service: Make) -> None:
    service = new_service(max_waiting=1)
    token = service.token(service.house.person("ann"))
    assert service.send(token, NAME, wheel("X = 1\n")).status_int == 202
    assert service.send(token, NAME, wheel("X = 2\n")).json["code"] == "too-many-submissions"
    service.work()
    assert service.send(token, NAME, wheel("X = 2\n")).status_int == 202


def test_a_submission_whose_job_was_discarded_has_failed_and_may_be_made_again(both_services: Service) -> None:
    service, house = both_services, both_services.house
    token = service.token(house.person("ann"))
    where = service.send(token, NAME, wheel()).json["location"]
    with house.db.write() as tx:
        service_job.give_up(tx, now=house.now)
        number = tx.execute(
            update(job).where(job.c.queue == "submission").values(state="dead").returning(job.c.id)
        ).scalar_one()
        service_job.give_up(tx, now=house.now)
    assert service.get(token, where).json["state"] == "queued", "a dead job may be tried again"
    with house.db.write() as tx:
        dead_letters.discard(tx, OPERATOR, number, reason="the disk was full", now=house.now)
        service_job.give_up(tx, now=house.now)
    told = service.get(token, where).json
    assert (told["state"], told["error"]["code"]) == ("failed", "not-judged")
    service.work()
    assert service.kept() == [], "its archive is let go"
    assert service.send(token, NAME, wheel()).json["location"] != where
    service.work()


def test_verdicts_go_after_their_time(service: Service) -> None:
    token = service.token(service.house.person("ann"))
    where = service.send(token, NAME, wheel()).json["location"]
    service.work()
    with service.house.db.write() as tx:
        rooms.expire(tx, service.limits, now=service.house.now + timedelta(days=31))
    assert service.get(token, where).status_int == 404


def fetching(new_service: Make, receiving: Receiving, **limits: object) -> tuple[Service, str]:
    hosts = (f"127.0.0.1:{receiving.port}",)
    service = new_service(fetch=Rules(hosts, hosts), **limits)
    return service, service.token(service.house.person("ann"))


def ended(service: Service, token: str, body: dict[str, str], moments: int = 1) -> dict[str, object]:
    answer = service.send_json(token, body)
    assert answer.status_int == 202, answer.text
    service.work(moments=moments)
    return dict(service.get(token, answer.json["location"]).json)


def test_an_address_is_fetched_judged_and_not_kept(new_service: Make, receiving: Receiving) -> None:
    service, token = fetching(new_service, receiving)
    receiving.answers[f"/files/{NAME}"] = (302, {"Location": "/elsewhere"}, b"")
    receiving.answers["/elsewhere"] = (200, {}, wheel(HOSTILE))
    told = ended(service, token, {"url": receiving.url(f"/files/{NAME}")})
    assert (told["state"], told["verdict"], told["filename"]) == ("done", "reject", NAME)
    assert service.kept() == []


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((302, {"Location": "http://127.0.0.1:1/x"}, b""), "address-refused"),
        ((302, {"Location": "http://localhost/x"}, b""), "address-refused"),
        ((302, {"Location": "file:///etc/hostname"}, b""), "address-refused"),
        ((302, {"Location": "http://[::1"}, b""), "address-refused"),
        ((302, {"Location": f"/{NAME}"}, b""), "not-fetched"),
        ((404, {}, b""), "not-fetched"),
        ((503, {}, b""), "not-fetched"),
        ((200, {}, b"x" * 5000), "not-fetched"),
        ((200, {"Content-Length": "50"}, b"short"), "not-fetched"),
    ],
)
def test_what_cannot_be_fetched_fails_in_words(new_service: Make, receiving: Receiving, answer, code: str) -> None:
    service, token = fetching(new_service, receiving, max_file_bytes=4000)
    receiving.answers[f"/{NAME}"] = answer
    told = ended(service, token, {"url": receiving.url(f"/{NAME}")}, moments=5)
    assert told["state"] == "failed"
    assert told["error"]["code"] == code  # type: ignore[index]
    assert service.kept() == []


def test_other_bytes_than_were_announced_are_not_judged(new_service: Make, receiving: Receiving) -> None:
    service, token = fetching(new_service, receiving)
    receiving.answers[f"/{NAME}"] = (200, {}, wheel())
    told = ended(service, token, {"url": receiving.url(f"/{NAME}"), "sha256": "0" * 64})
    assert told["error"]["code"] == "other-bytes"  # type: ignore[index]


def test_hosts_that_are_not_listed_are_refused_at_once(new_service: Make, receiving: Receiving) -> None:
    service, token = fetching(new_service, receiving)
    for url in (
        "https://example.invalid/x-1.0.whl",
        "http://127.0.0.1:9/x-1.0.whl",
        "ftp://127.0.0.1/x-1.0.whl",
        "http://[::1",
    ):
        answer = service.send_json(token, {"url": url})
        assert (answer.status_int, answer.json["code"]) == (400, "address-refused")
    assert receiving.asked == []
