"""Webhooks: signed, tried again, told in order of what an index decides."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from bonded.db.jobs import job
from bonded.db.worker import work_once
from bonded.journal.seal import seal
from bonded.review import decide
from bonded.screening import webhooks
from bonded.screening.outbound import Rules
from bonded.screening.service_tables import delivery
from bonded.values.refusals import Refusal
from bonded.values.states import FileState
from bonded.values.who import OPERATOR
from tests.screening.conftest import HOSTILE, wheel
from tests.screening_service.conftest import Make, Receiving, Service
from tests.screening_service.test_submissions import NAME


def local(new_service: Make, receiving: Receiving) -> Service:
    receiving.answers["/hook"] = (204, {}, b"")
    entry = (f"127.0.0.1:{receiving.port}",)
    return new_service(fetch=Rules((), entry))


def add(service: Service, receiving: Receiving, *events: str) -> tuple[str, str]:
    rules = Rules(None, service.limits.fetch.private_hosts)
    with service.house.db.write() as tx:
        return webhooks.add(
            tx,
            OPERATOR,
            receiving.url("/hook"),
            events,
            rules,
            sealer=service.house.context.sealer,
            reason="the team's chat",
            now=service.house.now,
        )


def genuine(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """What a receiver does, written from the documentation and not from the code."""
    key = base64.b64decode(secret.split("_", 1)[1])
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    want = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return any(hmac.compare_digest(one, f"v1,{want}") for one in headers["webhook-signature"].split())


def test_the_verdict_of_a_submission_is_told_and_signed(new_service: Make, receiving: Receiving) -> None:
    service = local(new_service, receiving)
    _, secret = add(service, receiving)
    sent = service.send(service.token(service.house.person("ann")), NAME, wheel(HOSTILE)).json
    before = service.house.now
    service.work()
    ((headers, body),) = receiving.got
    assert genuine(headers, body, secret)
    assert not genuine(headers, body + b" ", secret)
    assert not genuine(headers | {"webhook-timestamp": "1"}, body, secret)
    assert int(headers["webhook-timestamp"]) == int(before.timestamp())
    told = json.loads(body)
    assert (told["type"], told["data"]["id"], told["data"]["verdict"]) == ("submission.judged", sent["id"], "reject")
    assert told["data"]["result"]["findings"]
    assert told["id"] == headers["webhook-id"]


def test_a_receiver_that_fails_is_asked_again_with_the_same_id(new_service: Make, receiving: Receiving) -> None:
    service = local(new_service, receiving)
    number, secret = add(service, receiving)
    receiving.answers["/hook"] = (500, {}, b"")
    with service.house.db.write() as tx:
        webhooks.test(tx, number, now=service.house.now)
    service.work()
    receiving.answers["/hook"] = (200, {}, b"")
    service.work()
    first, second = receiving.got
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    assert int(second[0]["webhook-timestamp"]) > int(first[0]["webhook-timestamp"])
    assert all(genuine(*one, secret) for one in receiving.got)
    service.work()
    assert len(receiving.got) == 2


def test_a_receiver_that_stays_away_ends_as_a_dead_letter(
    new_service: Make, receiving: Receiving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "ATTEMPTS", 3)
    service = local(new_service, receiving)
    number, _ = add(service, receiving)
    receiving.answers["/hook"] = (500, {}, b"")
    with service.house.db.write() as tx:
        webhooks.test(tx, number, now=service.house.now)
    service.work(moments=5)
    with service.house.db.read() as conn:
        row = conn.execute(select(job.c.state, job.c.last_error).where(job.c.queue == "webhook")).one()
    assert (row.state, row.last_error) == ("dead", "Unreachable: 127.0.0.1 answered 500")
    assert len(receiving.got) == 3


def test_a_receiver_that_says_nothing_holds_up_nobody_else(service: Service) -> None:
    """What waits for a slow receiver is put off after one try, and tried again later; none of it is lost."""
    house = service.house
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        entry = f"127.0.0.1:{silent.getsockname()[1]}"
        rules = Rules(None, (entry,))
        with house.db.write() as tx:
            sealer = house.context.sealer
            number, _ = webhooks.add(
                tx, OPERATOR, f"http://{entry}/", ["test"], rules, sealer=sealer, reason="slow", now=house.now
            )
            for _ in range(5):
                webhooks.test(tx, number, now=house.now)
        context = webhooks.WebhookContext(house.db, sealer, rules, timeout=0.2)
        asked = []
        for _ in range(3):
            while work_once(house.db, {"webhook": partial(webhooks.handle, context)}, lambda: house.now):
                pass
            asked.append(connections(silent))
            house.now += webhooks.REST + timedelta(seconds=1)
            if len(asked) == 2:
                context.resting[number] = house.now + timedelta(days=365)  # as where the clock was ahead
        assert asked == [1, 1, 1]
    with house.db.read() as conn:
        assert [one.waiting for one in webhooks.hooks(conn)] == [5]
        assert {row.attempt for row in conn.execute(select(job.c.attempt))} == {3}


def connections(server: socket.socket) -> int:
    """How many were made to a listening socket since it was asked last."""
    found = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            found += 1
    return found


def test_both_secrets_sign_for_a_day_after_a_rotation(new_service: Make, receiving: Receiving) -> None:
    service = local(new_service, receiving)
    number, old = add(service, receiving)
    with service.house.db.write() as tx:
        sealer = service.house.context.sealer
        new = webhooks.rotate(tx, OPERATOR, number, sealer=sealer, reason="it leaked", now=service.house.now)
        webhooks.test(tx, number, now=service.house.now)
    service.work()
    service.house.now += timedelta(days=1)
    with service.house.db.write() as tx:
        webhooks.test(tx, number, now=service.house.now)
    service.work()
    overlap, later = receiving.got
    assert genuine(*overlap, old)
    assert genuine(*overlap, new)
    assert genuine(*later, new)
    assert not genuine(*later, old)


def test_decisions_of_the_index_are_told_in_their_order(new_service: Make, receiving: Receiving) -> None:
    service = local(new_service, receiving)
    house = service.house
    ann = house.person("ann")
    house.project("spam", ann)
    house.file(ann, "spam", "0.9")
    with house.db.write() as tx:
        seal(tx, now=house.now)
    add(service, receiving)  # what was before is not told
    held = house.file(ann, "spam", "1.0", state=FileState.HELD)
    with house.db.write() as tx:
        decide.reject(tx, OPERATOR, [held], reason="malware", now=house.now)
        decide.reopen(tx, OPERATOR, [held], reason="a mistake", now=house.now)
        decide.release(tx, OPERATOR, [held], reason="fine", now=house.now)
    webhooks.follow(house.db, house.now)
    assert receiving.got == []
    with house.db.write() as tx:
        seal(tx, now=house.now)
    for _ in range(2):
        webhooks.follow(house.db, house.now)
    service.work()
    told = sorted((json.loads(body) for _, body in receiving.got), key=lambda one: one["data"]["journal"])
    assert [one["type"] for one in told] == ["file.held", "review.rejected", "review.reopened", "review.released"]
    assert told[1]["data"]["filename"] == "spam-1.0-py3-none-any.whl" or told[1]["data"]["filename"].startswith(
        "spam-1.0"
    )
    assert "reason" not in told[1]["data"]
    assert "malware" not in json.dumps(told)


def test_what_is_told_nobody_of_is_not_sent(new_service: Make, receiving: Receiving) -> None:
    service = local(new_service, receiving)
    number, _ = add(service, receiving, "review.removed")
    service.send(service.token(service.house.person("ann")), NAME, wheel())
    service.work()
    assert receiving.got == []
    with service.house.db.write() as tx:
        webhooks.test(tx, number, now=service.house.now)
        webhooks.remove(tx, OPERATOR, number, reason="over", now=service.house.now)
    service.work()
    assert receiving.got == []
    with service.house.db.read() as conn:
        assert conn.execute(select(delivery)).all() == []


@pytest.mark.parametrize("url", ["http://hooks.example/", "https://10.0.0.1/", "https://user:pw@hooks.example/", "x"])
def test_receivers_that_may_not_be_spoken_to(service: Service, url: str) -> None:
    with pytest.raises(Refusal), service.house.db.write() as tx:
        made, _ = webhooks.add(
            tx,
            OPERATOR,
            url,
            (),
            Rules(None),
            sealer=service.house.context.sealer,
            reason="chat",
            now=service.house.now,
        )
        webhooks.test(tx, made, now=service.house.now)
        Rules(None).check_addresses(webhooks.outbound.parse(url), ["10.0.0.1"])


def test_events_that_do_not_exist_are_refused(service: Service) -> None:
    with pytest.raises(Refusal) as caught, service.house.db.write() as tx:
        webhooks.add(
            tx,
            OPERATOR,
            "https://hooks.example/",
            ("file.eaten",),
            Rules(None),
            sealer=service.house.context.sealer,
            reason="the team's chat",
            now=service.house.now,
        )
    assert caught.value.code == "webhook-events"


def test_the_commands(tmp_path) -> None:
    from bonded.cli import bonded

    def run(*words: str) -> str:
        done = CliRunner().invoke(bonded, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    where = str(tmp_path / "data")
    run("init", where, "--dev-keys", "--admin", "admin")
    new = (
        "webhook",
        "add",
        "https://hooks.example/services/T0/s3cr3t-of-the-path?key=k3y-of-the-query",
        "--event",
        "review.removed",
        "--dir",
        where,
    )
    secret = run(*new, "--reason", "the chat of the reviewers")
    assert secret.startswith("whsec_")
    (row,) = json.loads(run("webhook", "list", "--json", "--dir", where))
    assert (row["origin"], row["events"], row["waiting"]) == ("https://hooks.example", ["review.removed"], 0)
    assert "s3cr3t-of-the-path" not in run("webhook", "list", "--dir", where)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*.db*"))
    assert b"hooks.example" in kept
    assert b"s3cr3t-of-the-path" not in kept
    assert b"k3y-of-the-query" not in kept  # long: three letters are in any random text now and then
    assert run("webhook", "rotate", row["id"], "--reason", "it was in a log", "--dir", where) != secret
    run("webhook", "test", row["id"], "--dir", where)
    assert json.loads(run("webhook", "list", "--json", "--dir", where))[0]["waiting"] == 1
    run("webhook", "remove", row["id"], "--reason", "over", "--dir", where)
    assert json.loads(run("webhook", "list", "--json", "--dir", where)) == []
