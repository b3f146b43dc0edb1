"""A thousand secrets go through the pages of accounts; none is left in the database, logs, answers, mails or on disk in clear."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from bonded.accounts.login_limits import LoginLimits
from bonded.accounts.registration_rules import Mode, RegistrationRules
from tests.web.house import House, form_with, login_form
from tests.web.post import Post, link_in

MANY = 100
"""Of each kind; there are six that people type, and four that the index makes: a thousand."""


def canary(kind: str, number: int) -> str:
    return f"canary-{kind}-{number:04d}-Kx7Qz9"


def everything_stored(house: House) -> str:
    raw = house.db.engine.raw_connection()
    try:
        return "\n".join(raw.driver_connection.iterdump())  # type: ignore[union-attr]
    finally:
        raw.close()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_thousand_secrets_leave_no_trace(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(house, tmp_path, caplog, capsys, MANY)


def test_some_secrets_leave_no_trace(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(house, tmp_path, caplog, capsys, 3)


def sweep(
    house: House, folder: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], many: int
) -> None:
    caplog.set_level(logging.DEBUG)
    limits = LoginLimits(10**6, 10**6, 10**6, account=10**6, known=10**6, known_a_day=10**6)
    rules = RegistrationRules(Mode.OPEN, per_hour=10**6)
    house.settings = replace(house.settings, registration=rules, login_limits=limits)
    house.__post_init__()
    post, typed, made, said = Post(house), [], [], []
    with structlog.testing.capture_logs() as events:
        for number in range(many):
            # The limit of everybody is for an hour; so is that of links.
            house.now += timedelta(minutes=1)
            typed += [canary(kind, number) for kind in ("password", "guess", "again", "old", "name", "new")]
            password, guess, again, old, as_name, new = typed[-6:]
            browser, name = house.browser(), f"n{number}"
            form = form_with(browser.get("/account/register/"), "email")
            form["name"], form["email"], form["password"] = name, f"{name}@example.net", password
            said.append(form.submit(status=303).follow().text)
            address = link_in(post.deliver()[f"{name}@example.net"], "verify")
            made.append(address.split("/")[3])
            form = form_with(browser.get(address), "password")
            form["password"] = guess
            said.append(form.submit(status=403).text)
            form["password"] = password
            form.submit(status=303)
            made += [browser.cookies["bonded"], browser.cookies["bonded-known"]]
            for field, value in (("password", again), ("name", as_name)):  # people type passwords as names
                stranger = house.browser()
                form = login_form(stranger.get("/account/login/"))
                form["name"], form["password"] = name, again
                form[field] = value
                said.append(form.submit(status=401).text.replace(f'value="{as_name}"', ""))
            form = form_with(browser.get("/account/password/"), "old")
            form["old"], form["password"], form["again"] = old, new, new
            said.append(form.submit(status=400).text)
            form["old"], form["password"], form["again"] = password, new, new
            said.append(form.submit(status=303).follow().text)
            form = form_with(house.browser().get("/account/forgotten/"), "name")
            form["name"] = name
            form.submit(status=200)
            made.append(link_in(post.deliver()[f"{name}@example.net"], "set-password").split("/")[3])
    logged = "\n".join([repr(events), *(record.getMessage() for record in caplog.records), *capsys.readouterr()])
    files = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()).decode("latin-1")
    mails = "\n".join(str(mail) for mail in post.sent)
    places: dict[str, Any] = {
        "database": everything_stored(house),
        "logs": logged,
        "pages": "\n".join(said),
        "files": files,
    }
    cookies = [one for number, one in enumerate(made) if number % 4 in (1, 2)]
    for place, text in places.items():
        assert not re.findall(r"canary-\w+-\d+", text), place
        # The page behind a link may repeat its own address.
        assert [secret for secret in (cookies if place == "pages" else made) if secret in text] == [], place
    assert not re.findall(r"canary-\w+-\d+", mails), "and no mail repeats what somebody typed"
    assert not [one for one in cookies if one in mails]
    assert (len(typed), len(made)) == (6 * many, 4 * many)
