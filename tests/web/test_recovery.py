"""Lost second factors as people see them: the page of the request, evidence, the stop, and the administrators."""

from __future__ import annotations

import base64
import re

import pytest
from sqlalchemy import insert, select

from bonded.accounts import factors, recovery_deciding, recovery_request, tokens
from bonded.accounts.people import User
from bonded.accounts.recovery_request import Purpose
from bonded.accounts.recovery_tables import recovery_request as table
from bonded.accounts.tables import factor
from bonded.journal.tables import journal
from bonded.values.text import new_id
from bonded.values.who import OPERATOR
from tests.web.house import House, form_to, form_with

DAYS = recovery_request.WAITS


def ann_of(house: House) -> User:
    """Ann, who has a device that she lost, and a project that links to a repository."""
    ann = house.person("ann")
    house.project("spam", ann)
    urls = {"project_urls": ["Source, https://code.example/ann/spam", "Chat, https://chat.example/"]}
    house.file(ann, "spam", "1.0", metadata=urls)
    row = {"id": new_id(), "user_id": ann.id, "kind": "device", "label": "key", "transports": []}
    with house.db.write() as tx:
        tx.execute(insert(factor).values(row | {"credential": b"c", "public_key": b"p", "created_at": house.now}))
    return ann


def ask(house: House, typed: str = "ann") -> str:
    """Ask on the page; returns what it answers."""
    form = form_with(house.browser().get("/account/recovery/"), "name")
    form["name"] = typed
    page = form.submit(status=200)
    return re.sub(r"\s+", " ", page.html.main.text)


def link(house: House, purpose: Purpose = Purpose.OWN) -> str:
    """The address in the mail."""
    with house.db.write() as tx:
        one = tx.execute(select(table.c.id).order_by(table.c.id.desc()).limit(1)).scalar_one()
        secret = recovery_request.make_link(tx, one, purpose, now=house.now)
    assert secret
    return f"/account/recovery/{'request' if purpose is Purpose.OWN else 'stop'}/{secret}/"


def hand_in(house: House) -> str:
    """Evidence by repository, then the waiting time; returns the address of the request."""
    ask(house)
    address = link(house)
    browser = house.browser()
    form = form_with(browser.get(address), "address")
    form["address"] = "https://code.example/ann/spam/blob/main/proof.txt"
    page = form.submit(status=303).follow()
    page = form_to(page, "/begin/").submit(status=303).follow()
    assert "The waiting time has begun." in page
    return address


def to_the_end_of_waiting(house: House) -> None:
    house.now += DAYS
    with house.db.write() as tx:
        recovery_deciding.round_of(tx, now=house.now)


def agree(house: House, name: str, *, fresh: bool = True) -> str:
    page = house.login(name).get("/admin/recovery/").click("ann")
    if not fresh:
        house.now += house.settings.confirm_lifetime * 2
    form = form_to(page, "/agree/")
    form["reason"] = "the text is in the repository"
    answer = form.submit(expect_errors=True)
    return str((answer.follow() if answer.status_int == 303 else answer).text)


def test_the_whole_way(both: House) -> None:
    ann = ann_of(both)
    for name in ("ada", "abe"):
        both.person(name, admin=True)
    address = hand_in(both)
    assert "Waiting time: until" in both.browser().get(address)
    to_the_end_of_waiting(both)
    assert "Another administrator has to agree too." in agree(both, "ada")
    assert "one of two has agreed" in both.browser().get(address)
    with both.db.read() as conn:
        assert factors.has_any(conn, ann.id)
    assert "All second factors of this person are removed." in agree(both, "abe")
    with both.db.read() as conn:
        assert not factors.has_any(conn, ann.id)
    assert "Log in with your password, and add a new second factor at once." in both.browser().get(address)


def test_the_answer_is_the_same_for_everybody(house: House) -> None:
    ann_of(house)
    house.person("without-factor")
    answers = {
        ask(house, typed) for typed in ("ann", "nobody", "without-factor", "x@example.invalid", "ann@example.invalid")
    }
    assert len(answers) == 1
    form = form_with(house.browser().get("/account/recovery/"), "name")
    assert "Fill this in." in form.submit(status=400)


def test_evidence_is_needed_and_said(house: House) -> None:
    ann_of(house)
    ask(house)
    browser, address = house.browser(), link(house)
    page = browser.get(address)
    assert "https://code.example/ann/spam" in page
    assert "chat.example" not in page
    assert "One of the two proofs above is still needed." in page
    assert "evidence-missing" in form_to(page, "/begin/").submit(status=409)
    form = form_with(page, "address")
    form["address"] = "https://code.example/eve/spam/"
    assert "No project of yours links to this repository" in form.submit(status=400)


def test_a_token_proves_without_being_shown_to_a_page(house: House) -> None:
    ann = ann_of(house)
    ask(house)
    with house.db.write() as tx:
        _, text = tokens.mint(
            tx, OPERATOR, ann, sealer=house.context.sealer, name="ci", projects=(), permissions=("upload",),
            expires_at=house.now + DAYS, operator=False, now=house.now,
        )  # fmt: skip
    browser, address = house.browser(), link(house)
    page = browser.get(address)
    challenge = re.search(r"challenge=(bonded-recovery-[0-9a-f]+)", page.text)
    assert challenge

    def send(token: str, words: str) -> tuple[int, str]:
        basic = base64.b64encode(f"__token__:{token}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Accept": "*/*"}
        answer = house.browser().post(
            "/account/recovery/token/", {"challenge": words}, headers=headers, expect_errors=True
        )
        return answer.status_int, answer.text

    assert send(text[:-1] + ("x" if text[-1] != "x" else "y"), challenge[1])[0] == 401
    assert send(text, "bonded-recovery-0")[0] == 403
    status, words = send(text, challenge[1])
    assert (status, words) == (200, "The token is noted as evidence. Go on with the page of your request.\n")
    page = browser.get(address)
    assert "API token: proved" in page
    assert text not in page
    form_to(page, "/begin/").submit(status=303)
    assert send(text, challenge[1])[0] == 409, "too late"
    answer = house.browser().post("/account/recovery/token/", {"challenge": "x"}, expect_errors=True)
    assert answer.status_int == 401


def test_one_click_stops_it_without_a_login(house: House) -> None:
    ann_of(house)
    address = hand_in(house)
    stop = link(house, Purpose.STOP)
    page = house.browser().get(stop)
    assert 'type="password"' not in page
    with house.db.read() as conn:
        assert recovery_request.open_ones(conn), "looking stops nothing: scanners of mails open links too"
    page = form_with(page, "csrf").submit(status=303).follow()
    assert "The request is stopped." in page
    assert "The request was stopped." in house.browser().get(address)
    assert "link-invalid" in house.browser().get(stop, status=404)


def test_whoever_asked_can_stop_it_too(house: House) -> None:
    ann_of(house)
    ask(house)
    page = house.browser().get(link(house))
    assert "The request was stopped." in form_to(page, "/stop/").submit(status=303).follow()


def test_who_is_logged_in_sees_it_and_stops_it(house: House) -> None:
    ann = ann_of(house)
    ask(house)
    with house.db.write() as tx:
        tx.execute(factor.delete().where(factor.c.user_id == ann.id))  # a login without the second step
    page = house.login("ann").get("/account/")
    assert "Somebody asks to remove all your second factors." in page
    assert "The request is stopped." in form_to(page, "/stop-own/").submit(status=303).follow()
    secret = form_to(page, "/logout/")["csrf"].value
    browser = house.login("ann")
    secret = form_to(browser.get("/account/"), "/logout/")["csrf"].value
    assert "recovery-over" in browser.post("/account/recovery/stop-own/", {"csrf": secret}, status=410)
    stranger = house.browser()
    secret = form_with(stranger.get("/account/recovery/"), "name")["csrf"].value
    assert "login-required" in stranger.post("/account/recovery/stop-own/", {"csrf": secret}, status=401)


@pytest.mark.parametrize("address", ["request/cut-off/", "stop/cut-off/"])
def test_links_that_are_not_ours(house: House, address: str) -> None:
    assert "link-invalid" in house.browser().get(f"/account/recovery/{address}", status=404)


def test_a_link_has_an_end(house: House) -> None:
    ann_of(house)
    ask(house)
    address = link(house)
    house.now += recovery_request.LINK_LASTS
    assert "link-expired" in house.browser().get(address, status=410)


def test_administrators_step_up_and_do_not_decide_early_or_twice(house: House) -> None:
    ann_of(house)
    house.person("ada", admin=True)
    hand_in(house)
    page = house.login("ada").get("/admin/recovery/").click("ann")
    assert "/agree/" not in page
    to_the_end_of_waiting(house)
    assert 'name="confirm_password"' in agree(house, "ada", fresh=False)
    assert "Another administrator has to agree too." in agree(house, "ada")
    assert "other-administrator" in agree(house, "ada")


def test_refusing_says_why(house: House) -> None:
    ann_of(house)
    house.person("ada", admin=True)
    address = hand_in(house)
    page = house.login("ada").get("/admin/recovery/").click("ann")
    form = form_to(page, "/refuse/")
    assert "account-reason-needed" in form.submit(status=400)
    form["reason"] = "the repository shows nothing"
    assert "The request is refused." in form.submit(status=303).follow()
    assert "An administrator refused the request." in house.browser().get(address)
    with house.db.read() as conn:
        facts = conn.execute(select(journal.c.facts).where(journal.c.action == "recovery.refuse")).scalar_one()
    assert facts["reason"] == "the repository shows nothing"


def test_the_deadline_of_administrators_is_shown(house: House) -> None:
    ann_of(house)
    house.person("ada", admin=True)
    hand_in(house)
    to_the_end_of_waiting(house)
    browser = house.login("ada")
    assert "overdue" not in browser.get("/admin/recovery/")
    house.now += recovery_request.ANSWER_WITHIN * 2
    assert "overdue" in house.login("ada").get("/admin/recovery/")
    browser.get("/admin/recovery/999/", status=404)
    browser.get("/admin/recovery/x/", status=400)
