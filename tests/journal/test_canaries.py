"""A thousand secrets go through the flows of people, and are then looked for everywhere that they must not be.

Looked through are, byte by byte: the database with its journal of writes, the vault, the public store and everything else in
the index's folder; everything that was logged, tracebacks of provoked faults included; every mail; the exports; the metrics; every
answer to somebody else. Each secret is looked for as it is, and in the other spellings in which it could be written.

Legitimate, and therefore not looked for: the page that shows a new secret once, to the person whose it is; the cookie that
the browser gets; and the one-time link in the mail whose purpose it is to carry it.
"""

from __future__ import annotations

import base64
import io
import logging
import random
import secrets
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from sqlalchemy import text

from bonded.accounts import factors, passwords, recovery, tokens, totp
from bonded.accounts.links import Purpose, make_link
from bonded.accounts.people import User
from bonded.db.engine import Database
from bonded.db.jobs import Job
from bonded.journal.tables import journal
from bonded.mail.compose import MailSettings
from bonded.mail.job import MailContext, handle
from bonded.screening import webhooks
from bonded.screening.outbound import Rules
from bonded.telemetry import logs, metrics
from bonded.values.refusals import Refusal
from bonded.values.who import OPERATOR
from bonded.web.account import overview
from bonded.web.context import WebSettings
from tests.web.house import CHEAP, House, form_with, login_form

if TYPE_CHECKING:
    from webtest import TestApp

SETTINGS = WebSettings(name="Bonded", url="http://localhost/", contact="mailto:s@example.invalid", second_factor=False)


@dataclass
class Planted:
    """Every secret by a name that says what it is."""

    secrets: dict[str, str] = field(default_factory=dict)
    mailed: set[str] = field(default_factory=set)

    def keep(self, name: str, secret: str) -> str:
        assert len(secret) >= 8, name
        self.secrets[name] = secret
        return secret


def spellings(secret: str) -> Iterator[bytes]:
    """The secret in clear, and what encodings make of it."""
    plain = secret.encode()
    yield plain
    yield plain.hex().encode()
    yield base64.b64encode(plain).rstrip(b"=")
    yield quote(secret, safe="").encode()
    yield plain[::-1]
    if len(secret) > 24:
        yield plain[: len(plain) // 2 + 4]  # half of it is too much, too


class Heard(logging.Handler):
    """All that is logged by the standard library, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.words: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        if record.exc_info:
            said += "".join(traceback.format_exception(*record.exc_info))
        self.words.append(said)


@contextmanager
def listening() -> Iterator[tuple[Heard, io.StringIO]]:
    """The log as production writes it, and the raw records beside it."""
    written, heard = io.StringIO(), Heard()
    logs.configure("json", "debug", written)
    root = logging.getLogger()
    root.addHandler(heard)
    try:
        yield heard, written
    finally:
        root.removeHandler(heard)


class Box:
    """A mailer that keeps the mails as they would go out."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    def send(self, message: EmailMessage) -> None:
        parts = [part.get_payload(decode=True) or b"" for part in message.walk() if not part.is_multipart()]
        self.mails.append(message.as_bytes() + b"\n" + b"\n".join(parts))


def live(house: House, planted: Planted, rng: random.Random, n: int) -> User:
    """Everything that one person does with secrets."""
    name = f"person{n}"
    person = house.person(name)
    first = planted.keep(f"first password of {name}", secrets.token_urlsafe(18))
    with house.db.write() as tx:
        passwords.rehash(tx, person.id, CHEAP.hash(first))
    browser = house.browser()
    fail(house, name, planted.keep(f"wrong password of {name}", secrets.token_urlsafe(15)))
    enter(browser, name, first)
    keep_cookies(planted, browser, f"first login of {name}")
    second = planted.keep(f"second password of {name}", secrets.token_urlsafe(18))
    change_password(browser, first, second)
    provoke(house, browser, second)
    make_tokens(house, planted, person)
    add_factors(house, planted, person)
    forget_password(house, planted, person)
    house.now += timedelta(minutes=1)
    return person


def enter(browser: TestApp, name: str, password: str, status: int = 303) -> None:
    form = login_form(browser.get("/account/login/"))
    form["name"], form["password"] = name, password
    form.submit(status=status)


def fail(house: House, name: str, wrong: str) -> None:
    form = login_form(house.browser().get("/account/login/"))
    form["name"], form["password"] = name, wrong
    page = form.submit(expect_errors=True)
    assert page.status_int >= 400
    assert wrong not in page, "a wrong password is not sent back"
    # Somebody types the password into the field of the name: that is not kept either.
    form = login_form(house.browser().get("/account/login/"))
    form["name"], form["password"] = wrong, wrong
    form.submit(expect_errors=True)


def keep_cookies(planted: Planted, browser: TestApp, where: str) -> None:
    for name, value in browser.cookies.items():
        value = value.strip('"')
        if len(value) >= 20:
            planted.keep(f"cookie {name}, {where}", value)


def change_password(browser: TestApp, old: str, new: str) -> None:
    form = form_with(browser.get("/account/password/"), "again")
    form["old"], form["password"], form["again"] = old, new, new
    form.submit(status=303)


def make_tokens(house: House, planted: Planted, person: User) -> None:
    for k in range(4):
        with house.db.write() as tx:
            made, serialized = tokens.mint(
                tx,
                OPERATOR,
                person,
                sealer=house.context.sealer,
                name=f"token {k}",
                operator=False,
                now=house.now,
                projects=(),
                permissions=("upload",),
                expires_at=house.now + timedelta(days=9),
            )
        # Its id is public (histories show it): what comes after the part that names it is the secret.
        planted.keep(f"token {made} of {person.name}", serialized[-40:-6])
        for where in ("/legacy/", "/api/screenings/"):
            house.browser().post(where, headers={"Authorization": f"Bearer {serialized}"}, expect_errors=True)
            basic = base64.b64encode(f"__token__:{serialized}x".encode()).decode()
            house.browser().post(where, headers={"Authorization": f"Basic {basic}"}, expect_errors=True)
        house.browser().get(f"/search/?q={serialized[-40:-6]}", expect_errors=True) if k == 3 else None


def add_factors(house: House, planted: Planted, person: User) -> None:
    with house.db.write() as tx:
        for k in range(2):
            key = secrets.token_bytes(20)
            planted.keep(f"key {k} of an app of {person.name}", base64.b32encode(key).decode())
            planted.keep(f"bytes of key {k} of {person.name}", key.hex())
            code = totp.code_at(key, int(house.now.timestamp()) // totp.STEP)
            factors.add_app(tx, OPERATOR, house.context.sealer, person.id, f"app {k}", key, code, now=house.now)
        codes = recovery.make(tx, OPERATOR, person.id, now=house.now)
    for k, code in enumerate(codes):
        planted.keep(f"recovery code {k} of {person.name}", code)
    with house.db.write() as tx:
        recovery.use(tx, OPERATOR, person.id, codes[0], proving=True, now=house.now)
    with pytest.raises(Refusal), house.db.write() as tx:
        recovery.use(tx, OPERATOR, person.id, codes[0], now=house.now)


def forget_password(house: House, planted: Planted, person: User) -> None:
    with house.db.write() as tx:
        link = make_link(tx, person.id, Purpose.SET_PASSWORD, now=house.now, lifetime=timedelta(hours=2))
    planted.keep(f"reset link of {person.name}", link)
    third = planted.keep(f"third password of {person.name}", secrets.token_urlsafe(18))
    browser = house.browser()
    form = form_with(browser.get(f"/account/set-password/{link}/"), "again")
    form["password"], form["again"] = third, third
    form.submit(status=303)
    house.browser().get(f"/account/set-password/{link}/", expect_errors=True)
    form = form_with(house.browser().get("/account/forgotten/"), "name")
    form["name"] = person.name
    form.submit()
    for k in range(2):
        another = house.browser()
        enter(another, person.name, third)
        keep_cookies(planted, another, f"login {k} of {person.name}")


def provoke(house: House, browser: TestApp, secret: str) -> None:
    """A fault of ours while a secret is at hand: in a local variable, in the message, in a statement of the database."""

    def broken(request: object) -> None:
        local = secret
        with house.db.write() as tx:
            tx.execute(text("INSERT INTO user_account (nothing) VALUES (:secret)"), {"secret": local})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overview, "show", broken)
        routed = [view for view in find_views(house) if view.route.name == "account"]
        for view in routed:
            methods = dict(view.route.methods) | {"GET": ("account.see", broken)}
            patch.setattr(view, "route", view.route.__class__(view.route.name, view.route.pattern, methods))
        assert browser.get("/account/", expect_errors=True).status_int >= 500


def find_views(house: House) -> list[object]:
    """The routed views of the application."""
    import gc

    from bonded.web.guard import Routed

    return [one for one in gc.get_objects() if isinstance(one, Routed)]


def send_mails(house: House, planted: Planted) -> Box:
    """Every mail about every row, and the links that went out with them."""
    box = Box()
    context = MailContext(house.db, box, MailSettings("Bonded", "http://localhost/", "b@example.invalid"))
    with house.db.read() as conn:
        ids = list(conn.execute(journal.select().with_only_columns(journal.c.id)).scalars())
    for number in ids:
        handle(context, Job(1, "mail", "", {"journal_id": number}, 1, house.now), house.now)
    return box


def hook(house: House, planted: Planted) -> None:
    with house.db.write() as tx:
        for n in range(3):
            rules = Rules(("example.invalid",))
            sealer = house.context.sealer
            url = f"https://example.invalid/{n}"
            _, secret = webhooks.add(tx, OPERATOR, url, (), rules, sealer=sealer, reason="chat", now=house.now)
            planted.keep(f"secret of webhook {n}", secret)


def stored(db: Database, folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of the index, and the database row by row as text, sealed columns included."""
    raw = db.engine.raw_connection()
    try:
        yield "the database's rows", "\n".join(raw.driver_connection.iterdump()).encode()  # type: ignore[union-attr]
    finally:
        raw.close()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"the file {path.name}", path.read_bytes()


def exports(house: House, persons: list[User]) -> Iterator[tuple[str, bytes]]:
    """What administrators and the people themselves can take away, and what the index tells monitoring."""
    root = house.login("root")
    yield "the administrators' export", root.get("/admin/journal/export/?format=csv").body
    form = form_with(root.get("/admin/journal/"), "reason")
    form["reason"] = "a look at everything"
    yield "the administrators' export with addresses", form.submit("as", value="json").body
    for person in persons[:5]:
        yield "a page about a person", root.get(f"/admin/people/?name={person.name}").body
    yield "the metrics", metrics.render()


def sweep(planted: Planted, places: Iterator[tuple[str, bytes]]) -> list[str]:
    """Every secret that is in a place, in any spelling."""
    found = []
    wanted = [(name, one) for name, secret in planted.secrets.items() for one in set(spellings(secret))]
    for place, data in places:
        found += [f"{name} is in {place}" for name, one in wanted if one in data]
    return found


def run(house: House, people: int, seed: int) -> tuple[Planted, list[str]]:
    planted, rng = Planted(), random.Random(seed)
    house.person("root", admin=True)
    with listening() as (heard, written):
        hook(house, planted)
        persons = [live(house, planted, rng, n) for n in range(people)]
        box = send_mails(house, planted)
        taken = list(exports(house, persons))
    places = [
        ("the log", written.getvalue().encode()),
        ("the log's records", "\n".join(heard.words).encode()),
        *((f"mail {n}", mail) for n, mail in enumerate(box.mails)),
        *taken,
        *stored(house.db, house.folder),
    ]
    assert written.getvalue().count("Traceback") >= people, "provoked faults are logged, with their tracebacks"
    assert box.mails
    return planted, sweep(planted, iter(places))


@pytest.fixture
def house(sqlite_db: Database, tmp_path: Path, now: object, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(passwords, "default_hasher", lambda: CHEAP)
    return House(sqlite_db, tmp_path, now, SETTINGS)  # type: ignore[arg-type]


def test_secrets_of_some_people_are_nowhere_in_clear(house: House) -> None:
    planted, found = run(house, 2, 1)
    assert found == []
    assert len(planted.secrets) > 40


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_secrets_are_nowhere_in_clear(house: House) -> None:
    planted, found = run(house, 38, 2)
    assert found == []
    assert len(planted.secrets) >= 1000


def test_the_sweep_finds_what_is_there() -> None:
    planted = Planted()
    secret = planted.keep("a password", "Tr0ub4dor&3/horse")
    for spelt in (
        secret.encode(),
        secret.encode().hex().encode(),
        base64.b64encode(secret.encode()),
        b"Tr0ub4dor%263%2Fhorse",
    ):
        assert sweep(planted, iter([("a file", b"before " + spelt + b" after")])) == ["a password is in a file"]
    assert sweep(planted, iter([("a file", b"nothing")])) == []
