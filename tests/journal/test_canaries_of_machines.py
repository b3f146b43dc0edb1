"""The same sweep for secrets that devices, builds and machines hold, on a real PostgreSQL and with a real Redis as broker.

Passkeys and what they answer, recovery codes as people type them, identities of builds and the tokens that they are exchanged
for, secrets and addresses of webhooks; each is used, used again, used wrongly, and at hand while a fault of ours is logged. Looked through are,
beside what the other sweep reads: every table, what PostgreSQL writes by itself (its log, and its journal of writes), and every
message at the broker. Counters are rows of the database, so they are read with it.
"""

from __future__ import annotations

import base64
import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text as sql
from sqlalchemy import update

from bonded.accounts import passwords, recovery
from bonded.accounts.people import User
from bonded.adapters.queue_celery import CeleryBroker
from bonded.db.engine import Database
from bonded.db.jobs import job
from bonded.db.tables import whole
from bonded.db.worker import work_once
from bonded.screening import webhooks
from bonded.screening.outbound import Rules
from bonded.screening.webhooks import WebhookContext
from bonded.values.who import OPERATOR
from tests.journal.test_canaries import (
    Planted,
    exports,
    keep_cookies,
    listening,
    provoke,
    send_mails,
    spellings,
    sweep,
)
from tests.publishing.conftest import trusting
from tests.publishing.service import Service, serving
from tests.publishing.test_exchange import exchange, trust, upload
from tests.support.soft_device import SoftDevice
from tests.web.house import CHEAP, PASSWORD, House, form_to, form_with, login_form

if TYPE_CHECKING:
    from webtest import TestApp

    from tests.support.redis import RedisServer


Place = tuple[str, bytes]


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as running:
        yield running


@pytest.fixture
def house(
    postgres_db: Database,
    broker: RedisServer,
    tmp_path: Path,
    now: datetime,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    monkeypatch.setattr(passwords, "default_hasher", lambda: CHEAP)
    postgres_db.on_commit(CeleryBroker(broker.url).send)
    return trusting(postgres_db, tmp_path, now, service)


def options(page: object) -> str:
    """What the page gives to the browser for the device."""
    return html.unescape(re.findall(r'data-options="([^"]+)"', str(page))[0])


def registered(house: House, planted: Planted, person: User) -> tuple[SoftDevice, TestApp]:
    """A passkey, and the browser that made it; first with an answer to a challenge that is not ours, which is refused."""
    browser = house.login(person.name)
    device = SoftDevice("http://localhost", "localhost")
    planted.keep(f"private key of {person.name}", base64.b64encode(device.secret).decode())
    foreign = device.create('{"challenge": "AAAA"}')
    for answer, status in ((foreign, 400), ("", 303)):
        page = browser.get("/account/factors/device/")
        form = form_to(page, "/factors/device/")
        form["label"], form["answer"] = "laptop", answer or device.create(options(page))
        form.submit(status=status)
    keep_cookies(planted, browser, f"login with password of {person.name}")
    return device, browser


def by_passkey(house: House, planted: Planted, person: User, device: SoftDevice, n: int) -> None:
    """Signed in with it alone; the same answer again, from there and elsewhere, opens nothing."""
    browser = house.browser()
    page = browser.get("/account/login/")
    answer = device.get(options(page))
    planted.keep(f"answer {n} of the passkey of {person.name}", device.answer)
    form = form_to(page, "/login/passkey/")
    form["answer"] = answer
    csrf = form["csrf"].value
    form.submit(status=303)
    keep_cookies(planted, browser, f"passkey {n} of {person.name}")
    for visitor in (browser, house.browser()):
        again = visitor.post("/account/login/passkey/", {"csrf": csrf, "answer": answer}, expect_errors=True)
        assert again.status_int >= 400
        assert device.answer not in again


def by_code(house: House, planted: Planted, person: User, browser: TestApp) -> None:
    """Recovery codes shown once, proved, used, used again, mistyped and typed into the wrong field."""
    page = form_to(browser.get("/account/factors/"), "/account/factors/codes/").submit()
    codes = re.findall(r"<li>([a-z2-9]{4}(?:-[a-z2-9]{4}){3})</li>", page.text)
    assert len(codes) == recovery.MANY
    for k, code in enumerate(codes):
        planted.keep(f"recovery code {k} of {person.name}", code)
        planted.keep(f"recovery code {k} of {person.name} without hyphens", code.replace("-", ""))
    form = form_with(page, "code")
    form["code"] = codes[0]
    form.submit(status=303)
    for code, status in ((codes[1], 303), (codes[1], 403), (codes[0].replace("-", ""), 403)):
        visitor = house.browser()
        form = login_form(visitor.get("/account/login/"))
        form["name"], form["password"] = person.name, PASSWORD
        form = form_with(form.submit(status=303).follow(), "recovery")
        form["recovery"] = code
        answer = form.submit(status=status)
        assert code not in answer, "what was typed is not sent back"
        house.now += timedelta(minutes=6)
    form = login_form(house.browser().get("/account/login/"))
    form["name"], form["password"] = person.name, codes[2]
    form.submit(status=401)


def by_build(house: House, planted: Planted, service: Service, person: User) -> None:
    """An identity exchanged, sent twice, changed, late, and where a token belongs; and the token that it was exchanged for."""
    project = f"tool-{person.name}"
    house.project(project, person)
    trust(house, service, person, project, repository=project)
    repository = {
        "repository": f"octo/{project}",
        "job_workflow_ref": f"octo/{project}/.github/workflows/release.yml@refs/tags/v1",
    }

    def identity(**more: object) -> str:
        made = service.identity(house.now, **(repository | more))
        planted.keep(f"identity {len(planted.secrets)} of a build of {project}", made.rpartition(".")[2])
        return made

    first = identity()
    answer = exchange(house, first)
    assert answer.status_int == 200, answer.text
    token = str(answer.json["token"])
    planted.keep(f"short-lived token of {project}", token[-40:-6])
    assert upload(house, token, project) == "received"
    assert upload(house, token, f"{project}-other") == "token-project"
    late = identity(exp=int(house.now.timestamp()) - 3600)
    for wrong in (first, identity()[:-4] + "AAAA", late, identity(aud="elsewhere"), [identity()], f"x{identity()}"):
        refused = exchange(house, wrong)
        assert refused.status_int >= 400
        assert first not in refused
    header = {"Authorization": f"Bearer {identity()}"}
    assert house.browser().post("/legacy/", headers=header, expect_errors=True).status_int >= 400
    broken(house, identity())
    house.now += timedelta(hours=1)
    assert upload(house, token, project) == "token-expired"


def broken(house: House, identity: str) -> None:
    """A fault of ours while the identity is at hand, in a statement of the database that names it."""

    def fail(*_: object, **__: object) -> object:
        with house.db.write() as tx:
            return tx.execute(sql("INSERT INTO used_identity (nothing) VALUES (:secret)"), {"secret": identity})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bonded.accounts.oidc_mint.mint", fail)
        assert exchange(house, identity).status_int >= 500


def by_hook(house: House, planted: Planted, n: int) -> None:
    """Secrets of a webhook whose receiver does not answer: a delivery fails until it is given up."""
    rules, sealer = Rules(None, ("127.0.0.1:9",)), house.context.sealer
    with house.db.write() as tx:
        path, key = (planted.keep(f"{part} of webhook {n}", token_hex(16)) for part in ("path", "query"))
        url = f"http://127.0.0.1:9/services/{path}?key={key}"
        number, first = webhooks.add(tx, OPERATOR, url, ("test",), rules, sealer=sealer, reason="chat", now=house.now)
        second = webhooks.rotate(tx, OPERATOR, number, sealer=sealer, reason="it leaked", now=house.now)
        webhooks.test(tx, number, now=house.now)
    for k, secret in enumerate((first, second)):
        planted.keep(f"secret {k} of webhook {n}", secret.removeprefix("whsec_"))
        planted.keep(f"key {k} of webhook {n}", base64.b64decode(secret.removeprefix("whsec_")).hex())
    context = WebhookContext(house.db, sealer, rules, 1.0)
    with house.db.write() as tx:
        tx.execute(update(job).where(job.c.queue == webhooks.QUEUE).values(max_attempts=2))
    for _ in range(3):
        while work_once(house.db, {"webhook": lambda one, at: webhooks.handle(context, one, at)}, lambda: house.now):
            pass
        house.now += timedelta(minutes=2)
    with house.db.read() as conn:
        assert conn.execute(job.select().where(job.c.queue == webhooks.QUEUE, job.c.state == "dead")).all()


def rows(db: Database) -> Iterator[Place]:
    """Every table of PostgreSQL as text; bytes are in hexadecimal digits there."""
    raw = db.engine.raw_connection()
    try:
        for table in whole().sorted_tables:
            with raw.cursor() as cursor, cursor.copy(f'COPY "{table.name}" TO STDOUT') as copy:  # type: ignore[attr-defined]
                yield f"the table {table.name}", b"".join(bytes(part) for part in copy)
    finally:
        raw.close()


def data_folder(db: Database) -> Path:
    with db.read() as conn:
        conn.execute(sql("SELECT pg_switch_wal()"))
        return Path(str(conn.execute(sql("SHOW data_directory")).scalar_one()))


def messages(broker: RedisServer) -> Iterator[Place]:
    """Everything at the broker, by key; bodies of messages are base64 of JSON."""
    client = broker.client()
    readers = {
        b"string": client.get,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    for key in client.scan_iter():
        said = repr(readers[client.type(key)](key))
        bodies = re.findall(r'"body": "([A-Za-z0-9+/=]+)"', said)
        yield f"the broker's {key!r}", (said + "".join(base64.b64decode(one).decode() for one in bodies)).encode()


def in_journal_of_writes(folder: Path, planted: Planted, known: str, tmp_path: Path) -> list[str]:
    """Secrets in what PostgreSQL wrote before it wrote tables: a value that stood in a row for a moment is still there."""
    needles = tmp_path / "needles"

    def files(words: list[bytes]) -> list[str]:
        needles.write_bytes(b"\n".join(words) + b"\n")
        command = ["grep", "-rlaF", "-f", str(needles), str(folder / "pg_wal")]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()

    assert files([known.encode()]), "a name that was written is found there"
    wanted = [one for secret in planted.secrets.values() for one in set(spellings(secret))]
    found = files(wanted)
    needles.unlink()
    if not found:
        return []
    return [name for name, secret in planted.secrets.items() if files(list(spellings(secret)))]


def run(house: House, service: Service, broker: RedisServer, people: int, tmp_path: Path) -> tuple[Planted, list[str]]:
    planted = Planted()
    house.person("root", admin=True)
    with listening() as (heard, written):
        persons = []
        for n in range(people):
            person = house.person(f"keeper{n}")
            persons.append(person)
            device, browser = registered(house, planted, person)
            provoke(
                house,
                browser,
                planted.keep(f"a secret at hand of {person.name}", device.create('{"challenge": "x"}')[-60:]),
            )
            by_code(house, planted, person, browser)
            for k in range(3):
                by_passkey(house, planted, person, device, k)
                house.now += timedelta(minutes=6)
            by_build(house, planted, service, person)
            by_hook(house, planted, n)
        box = send_mails(house, planted)
        taken = list(exports(house, persons))
    folder = data_folder(house.db)
    said = (folder / "log").read_bytes()
    assert b"used_identity" in said, "PostgreSQL noted the statement that failed"
    carried = list(messages(broker))
    assert any("bonded.webhook" in name for name, _ in carried), "jobs went to the broker"
    places: list[Place] = [
        ("the log", written.getvalue().encode()),
        ("the log's records", "\n".join(heard.words).encode()),
        ("the log of PostgreSQL", said),
        *((f"mail {n}", mail) for n, mail in enumerate(box.mails)),
        *taken,
        *rows(house.db),
        *carried,
        *((f"the file {path.name}", path.read_bytes()) for path in sorted(house.folder.rglob("*")) if path.is_file()),
    ]
    assert written.getvalue().count("Traceback") >= 2 * people, "provoked faults are logged, with their tracebacks"
    assert b"whsec" not in dict(places)["the table webhook"]
    found = sweep(planted, iter(places)) + in_journal_of_writes(folder, planted, persons[0].name, tmp_path)
    return planted, found


def test_secrets_of_devices_builds_and_webhooks_are_nowhere_in_clear(tmp_path: Path) -> None:
    """In a process of its own, as it configures the logs of a whole process."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", f"--basetemp={tmp_path}/own"]
    inner = f"{Path(__file__)}::test_secrets_of_one_person_are_nowhere_in_clear"
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run([*command, inner], capture_output=True, text=True, check=False, env=own)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "1 passed" in done.stdout


@pytest.mark.slow
def test_secrets_of_one_person_are_nowhere_in_clear(
    house: House, service: Service, broker: RedisServer, tmp_path: Path
) -> None:
    planted, found = run(house, service, broker, 1, tmp_path)
    assert found == []
    assert len(planted.secrets) > 30


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_secrets_of_devices_builds_and_webhooks_are_nowhere_in_clear(
    house: House, service: Service, broker: RedisServer, tmp_path: Path
) -> None:
    planted, found = run(house, service, broker, 27, tmp_path)
    assert found == []
    assert len(planted.secrets) >= 1000


def test_the_sweep_finds_what_PostgreSQL_and_Redis_hold(house: House, broker: RedisServer, tmp_path: Path) -> None:
    planted = Planted()
    secret = planted.keep("a secret", "Kx7Qz9-nothing-keeps-this")
    person = house.person("keeper")
    with house.db.write() as tx:
        tx.execute(sql("UPDATE user_account SET language = :secret"), {"secret": secret})
    assert {one.rpartition(" ")[2] for one in sweep(planted, rows(house.db))} == {"user_account"}
    with house.db.write() as tx:
        tx.execute(sql("UPDATE user_account SET language = NULL"))
    assert sweep(planted, rows(house.db)) == []
    assert in_journal_of_writes(data_folder(house.db), planted, person.name, tmp_path) == ["a secret"]
    broker.client().rpush("bonded.mail", f'{{"body": "{base64.b64encode(secret.encode()).decode()}"}}')
    assert {one.partition("the broker's ")[2] for one in sweep(planted, messages(broker))} == {"b'bonded.mail'"}
