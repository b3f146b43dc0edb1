"""The upload address: who may, what an upload tool is told, and that refused bytes leave nothing behind."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from webtest import TestResponse

from bonded.accounts import tokens
from bonded.accounts.people import User
from bonded.upload.receive import FILE_TOO_LARGE
from bonded.values.refusals import Refusal
from bonded.values.states import Mode
from bonded.values.who import OPERATOR
from bonded.web.api import legacy
from tests.upload.making import make_wheel, receive
from tests.web.house import House


def token(house: House, user: User, *projects: str, permission: str = "upload") -> str:
    with house.db.write() as tx:
        return tokens.mint(
            tx,
            OPERATOR,
            user,
            sealer=house.context.sealer,
            name=f"t{len(tokens.of_user(tx, user.id))}",
            projects=projects,
            permissions=(permission,),
            expires_at=house.now + timedelta(days=30),
            operator=False,
            now=house.now,
        )[1]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def send(
    house: House,
    authorization: str | None,
    *,
    name: str = "sample",
    version: str = "1.0",
    received: Any = None,
    accept: str = "*/*",
    agent: str = "",
    **wheel: Any,
) -> TestResponse:
    """Upload a wheel as the server hands it over."""
    if received is None:
        filename, data = make_wheel(name, version, **wheel)
        received = receive(house.folder / "spool", filename, data, name=name, version=version)
    headers = (
        {"Accept": accept}
        | ({"User-Agent": agent} if agent else {})
        | ({"Authorization": authorization} if authorization else {})
    )
    environ = {"bonded.received": received}
    return house.browser().post("/legacy/", b"", headers=headers, extra_environ=environ, expect_errors=True)


def left_behind(house: House) -> list[str]:
    return [path.name for path in (house.folder / "spool").iterdir()]


def test_an_accepted_upload_is_told_its_state_and_the_page_to_watch(both: House) -> None:
    text = token(both, both.person("ann"))
    answer = send(both, basic("__token__", text))
    assert answer.status == "200 OK"
    assert answer.text == (
        "sample-1.0-py3-none-any.whl: received; it is being checked. Watch it at http://localhost/manage/project/sample/\n"
    )
    assert left_behind(both) == []
    again = send(both, basic("__token__", text), accept="application/json").json
    assert again["repeated"] is True
    assert again["state"] == "received"
    assert again["page"] == "http://localhost/manage/project/sample/"
    both.login("ann").get("/manage/project/sample/").mustcontain("being checked", "sample-1.0-py3-none-any.whl")


def test_in_watch_mode_it_is_public_at_once(house: House) -> None:
    from dataclasses import replace

    from bonded.web.app import make_wsgi

    house.context = replace(house.context, upload=replace(house.context.upload, mode=Mode.WATCH))
    house.wsgi = make_wsgi(house.context)
    assert ": public." in send(house, basic("__token__", token(house, house.person("ann")))).text
    house.browser().get("/project/sample/", status=200)


def test_other_bytes_under_a_name_are_refused_as_twine_expects(house: House) -> None:
    text = token(house, house.person("ann"))
    send(house, basic("__token__", text))
    answer = send(house, basic("__token__", text), files={"sample/__init__.py": b"x = 2\n"})
    assert answer.status.startswith("400 File already exists")
    assert answer.text.splitlines()[0].startswith("File already exists")
    assert answer.text.splitlines()[1].startswith("http://localhost/help/refusals/")
    house.browser().get(answer.text.splitlines()[1].removeprefix("http://localhost"), status=200)
    assert left_behind(house) == []


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer x",
        "Basic",
        "Basic ???",
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        basic("ann", "correct horse battery"),
        basic("__token__", "nonsense"),
        basic("__token__", ""),
        "Basic " + base64.b64encode(b"__token__").decode(),
    ],
)
def test_without_a_good_token_it_says_401_and_how(house: House, header: str | None) -> None:
    house.person("ann")
    answer = send(house, header)
    assert answer.status_int == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert left_behind(house) == []
    assert "correct horse battery" not in answer.text + answer.status


def test_known_and_not_allowed_is_403(house: House) -> None:
    ann, bob = house.person("ann"), house.person("bob")
    house.project("sample", ann)
    cases = {
        "no role": token(house, bob),
        "another project": token(house, ann, "eggs"),
        "another permission": token(house, ann, permission="yank"),
    }
    for why, text in cases.items():
        answer = send(house, basic("__token__", text))
        assert answer.status_int == 403, why
        assert "WWW-Authenticate" not in answer.headers
    assert left_behind(house) == []


def test_revoked_and_expired_tokens_stop_at_once(house: House) -> None:
    ann = house.person("ann")
    text = token(house, ann)
    assert send(house, basic("__token__", text)).status_int == 200
    with house.db.write() as tx:
        found = tokens.of_user(tx, ann.id)[0]
        tokens.revoke(tx, OPERATOR, found.id, user_id=ann.id, now=house.now)
    assert send(house, basic("__token__", text), version="1.1").status.startswith("401 The API token was revoked")
    other = token(house, ann)
    house.now += timedelta(days=31)
    assert send(house, basic("__token__", other), version="1.1").status.startswith("401 The API token expired")


def test_a_refusal_while_receiving_is_passed_on_to_who_has_a_token(house: House) -> None:
    refusal = Refusal(FILE_TOO_LARGE, "the file is larger than 5 bytes — é")
    with_token = send(house, basic("__token__", token(house, house.person("ann"))), received=refusal)
    assert with_token.status == "413 The file is larger than 5 bytes ? ?"
    assert "larger than 5 bytes — é" in with_token.text
    assert send(house, None, received=refusal).status_int == 401
    body = send(
        house, basic("__token__", token(house, house.person("bob"))), received=refusal, accept="application/json"
    ).json
    assert body == {
        "code": "file-too-large",
        "message": "The file is larger than 5 bytes — é",
        "help": "http://localhost/help/refusals/file-too-large/",
    }


def test_a_request_that_is_no_upload(house: House) -> None:
    text = token(house, house.person("ann"))
    answer = house.browser().post("/legacy/", b"x=1", headers={"Authorization": basic("__token__", text)}, status=400)
    assert "multipart/form-data" in answer.text
    for path in ("/legacy/", "/legacy"):
        refused = house.browser().get(path, status=405)
        assert refused.headers["Allow"] == "POST"


def test_a_reason_phrase_is_one_short_ascii_line(house: House) -> None:
    refusal = Refusal(FILE_TOO_LARGE, "x\r\nSet-Cookie: a=b " + "y" * 500)
    answer = send(house, basic("__token__", token(house, house.person("ann"))), received=refusal)
    reason = answer.status.removeprefix("413 ")
    assert len(reason) <= 150
    assert reason.isascii()
    assert "\n" not in reason
    assert "Set-Cookie" not in answer.headers


def test_a_locked_database_is_503_and_safe_to_repeat(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    text = token(house, house.person("ann"))

    def locked(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("database is locked"))

    with monkeypatch.context() as patch:
        patch.setattr(tokens, "check", locked)
        answer = send(house, basic("__token__", text))
    assert answer.status.startswith("503 The index is busy")
    assert answer.headers["Retry-After"] == "5"
    assert left_behind(house) == []
    assert send(house, basic("__token__", text)).status_int == 200


def test_cookies_do_not_count_and_no_form_secret_is_asked(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    assert browser.post("/legacy/", b"", status=401)


def test_credentials_are_read_from_the_header() -> None:
    assert legacy.credentials(basic("__token__", "bonded-abc:def ")) == "bonded-abc:def"
    assert legacy.credentials(basic("__token__", "bonded-abc").replace("Basic", "bAsIc")) == "bonded-abc"
