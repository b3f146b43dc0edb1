"""Having and deleting one's data, choosing mails, and the policies of administrators about people."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from bonded.accounts import factor_policy, people, tokens
from bonded.accounts.people import User
from bonded.accounts.tables import factor
from bonded.accounts.tables import user as user_table
from bonded.catalog import change, critical, read
from bonded.journal import seal, verify
from bonded.journal.tables import journal, journal_private
from bonded.mail import kinds
from bonded.ops.delete_account import DELETED_NAME, LAST_MAIL_WITHIN
from bonded.values.refusals import Refusal
from bonded.values.states import AccountState, FileState, Role
from bonded.values.text import new_id
from bonded.values.who import OPERATOR
from tests.web.house import PASSWORD, House, form_to, form_with, login_form


def device(house: House, user: User, kind: str = "device") -> None:
    """A second factor, without the ceremony."""
    row = {
        "id": new_id(),
        "user_id": user.id,
        "kind": kind,
        "label": kind,
        "transports": [],
        "secret": b"sealed-secret",
    }
    with house.db.write() as tx:
        tx.execute(insert(factor).values(row | {"credential": new_id().encode(), "created_at": house.now}))


def token(house: House, user: User) -> str:
    with house.db.write() as tx:
        return tokens.mint(
            tx, OPERATOR, user, sealer=house.context.sealer, name="ci", projects=(), permissions=("upload",),
            expires_at=house.now + timedelta(days=9), operator=False, now=house.now,
        )[1]  # fmt: skip


def test_everything_about_oneself_and_no_secret(both: House) -> None:
    ann = both.person("ann")
    both.person("bob")
    both.project("spam", ann)
    both.file(ann, "spam", "1.0")
    text = token(both, ann)
    browser = both.login("ann")
    answer = form_to(browser.get("/account/data/"), "/export/").submit("format", value="json", status=200)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="account-')
    assert answer.headers["Cache-Control"] == "no-store"
    found = json.loads(answer.body)
    assert found["user_account"][0]["email"] == "ann@example.invalid"
    assert found["file"][0]["filename"] == "spam-1.0-py3-none-any.whl"
    assert found["project_role"][0]["role"] == "owner"
    assert found["token"][0]["name"] == "ci"
    assert found["session"][0]["ip"] == "198.51.100.7"
    assert {row["action"] for row in found["history"]} >= {
        "user.create",
        "user.login",
        "account.export",
        "token.create",
    }
    words = answer.text
    with both.db.read() as conn:
        row = conn.execute(select(user_table).where(user_table.c.id == ann.id)).one()
    for secret in (row.password_hash, text, browser.cookies["bonded"], "password_hash", "id_hash", '"csrf"'):
        assert secret not in words
    assert "bob" not in words


def test_the_same_as_a_zip(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    answer = form_to(browser.get("/account/data/"), "/export/").submit("format", value="zip", status=200)
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert {"README.txt", "user_account.json", "history.json", "session.json"} <= set(archive.namelist())
        assert "account ann" in archive.read("README.txt").decode()
        assert json.loads(archive.read("user_account.json"))[0]["name"] == "ann"


def test_an_export_asks_for_a_fresh_proof_and_a_known_form(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    form = form_to(browser.get("/account/data/"), "/export/")
    assert "bad-form" in browser.post(form.action, {"csrf": form["csrf"].value, "format": "exe"}, status=400)
    house.now += timedelta(hours=1)
    page = form.submit("format", value="zip", status=403)
    confirm = form_with(page, "confirm_password")
    confirm["confirm_password"] = PASSWORD
    assert confirm.submit(status=200).content_type == "application/zip"


def delete(house: House, name: str = "ann", typed: str = "ann", status: int = 303) -> str:
    browser = house.login(name)
    form = form_to(browser.get("/account/data/"), "/delete/")
    form["name"] = typed
    answer = form.submit(status=status)
    if status == 303:
        browser.get("/account/", status=303)
        return str(answer.follow().text)
    return str(answer.text)


def test_a_deleted_account_leaves_what_others_rely_on(both: House) -> None:
    ann, bob = both.person("ann"), both.person("bob")
    both.project("spam", ann)
    file_id = both.file(ann, "spam", "1.0")
    text = token(both, ann)
    device(both, bob)
    with both.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", bob.id, Role.OWNER, now=both.now)
    assert "Your account is deleted." in delete(both)
    with both.db.write() as tx:
        seal.seal(tx, now=both.now)
    with both.db.read() as conn:
        row = conn.execute(select(user_table).where(user_table.c.id == ann.id)).one()
        assert (row.name, row.email, row.password_hash, row.state) == (DELETED_NAME, "", None, AccountState.DELETED)
        assert "ann" not in str(row).replace(ann.id, "")
        assert tokens.of_user(conn, ann.id) == []
        assert read.role_in(conn, ann.id, "spam") is None
        file = read.file(conn, file_id)
        assert file
        assert file.state is FileState.PUBLIC
        mine = select(journal.c.id, journal.c.action).where(
            (journal.c.actor_id == ann.id) | (journal.c.user_id == ann.id)
        )
        rows = {row.id: row.action for row in conn.execute(mine)}
        assert len(rows) > 3, "the record stays"
        kept = select(journal_private.c.journal_id, journal_private.c.expires).where(
            journal_private.c.journal_id.in_(rows)
        )
        left = [(rows[one.journal_id], one.expires - both.now) for one in conn.execute(kept)]
        assert left == [("account.delete", LAST_MAIL_WITHIN)], "one address, for the last mail"
        assert list(verify.verify(conn)) == []
    assert both.browser().get("/user/ann/", status=404)
    with both.db.read() as conn, pytest.raises(Refusal, match=r"revoked|not valid"):
        tokens.check(conn, text, sealer=both.context.sealer, permission="upload", project=None, now=both.now, ip="")


@pytest.mark.parametrize("name", ["ann", "ANN", "a.n-n", "Ann"])
def test_nobody_gets_the_name_again(house: House, name: str) -> None:
    house.person("ann")
    delete(house)
    with pytest.raises(Refusal) as caught:
        house.person(name)
    assert caught.value.code == "user-name-taken"


def test_the_only_owner_stays(house: House) -> None:
    ann = house.person("ann")
    house.project("spam", ann)
    browser = house.login("ann")
    page = browser.get("/account/data/")
    assert "You are the only owner of these projects." in page
    assert "owns-alone" in delete(house, status=409)
    with house.db.write() as tx:
        change.delete_project(tx, OPERATOR, "spam", reason="", now=house.now)
    assert "Your account is deleted." in delete(house)


def test_the_last_administrator_stays(house: House) -> None:
    house.person("ann", admin=True)
    assert "last-administrator" in delete(house, status=409)
    house.person("abe", admin=True)
    assert "Your account is deleted." in delete(house)


def test_the_name_has_to_be_typed(house: House) -> None:
    house.person("ann")
    assert "This is not the name of your account." in delete(house, typed="bob", status=400)


def test_a_deleted_account_cannot_be_thawed(house: House) -> None:
    ann = house.person("ann")
    delete(house)
    with house.db.write() as tx, pytest.raises(Refusal) as caught:
        people.unfreeze(tx, OPERATOR, ann.id, reason="a mistake", now=house.now)
    assert caught.value.code == "same-account-state"


def test_choosing_mails(both: House) -> None:
    ann = both.person("ann")
    browser = both.login("ann")
    page = browser.get("/account/mails/")
    form = form_with(page, "kind")
    assert [box.checked for box in form.fields["kind"]] == [True] * len(kinds.OPTIONAL)
    for box in form.fields["kind"]:
        box.checked = box._value == "yank"
    page = form.submit(status=303).follow()
    assert "Your choice of mails is kept." in page
    with both.db.read() as conn:
        assert kinds.choices(conn, ann.id) == set(kinds.OPTIONAL) - {"yank"}
    secret = form["csrf"].value
    assert "bad-form" in browser.post("/account/mails/", {"csrf": secret, "kind": "role"}, status=400)
    browser.post("/account/mails/", {"csrf": secret, "kind": "release"}, status=303)
    with both.db.read() as conn:
        assert "release" not in kinds.choices(conn, ann.id)


def policy(house: House, name: str, *, status: int = 303, reason: str = "the board decided", **asked: bool) -> str:
    form = next(f for f in house.login(name).get("/admin/factors/").forms.values() if "ask" in f.fields)
    for box in form.fields["ask"]:
        box.checked = asked.get(box._value, box.checked)
    form["reason"] = reason
    answer = form.submit(status=status)
    return str((answer.follow() if status == 303 else answer).text)


def test_a_second_factor_of_everybody(house: House) -> None:
    ada = house.person("ada", admin=True)
    house.person("ann")
    assert "policy-shuts-you-out" in policy(house, "ada", everybody=True, status=409)
    device(house, ada)
    with house.db.write() as tx:
        tx.execute(factor.delete())
        factor_policy.choose(tx, OPERATOR, factor_policy.FactorPolicy(everybody=True), reason="board", now=house.now)
    browser = house.login("ann")
    assert "Your projects" in browser.get("/account/"), "their own account stays in reach"
    browser.get("/account/factors/")
    page = house.login("ada").get("/admin/", status=303)
    assert page.headers["Location"].startswith("http://localhost/account/factors/?next=")
    assert "needs a second factor" in page.follow()


def test_changing_the_policy(house: House) -> None:
    house.person("ada", admin=True)
    assert "same-policy" in policy(house, "ada", status=409)
    assert "account-reason-needed" in policy(house, "ada", critical_devices=False, reason="", status=400)
    assert "The policy is changed." in policy(house, "ada", critical_devices=False)
    with house.db.read() as conn:
        assert factor_policy.current(conn) == factor_policy.FactorPolicy(everybody=False, critical_devices=False)


def test_people_of_critical_projects_need_a_security_device(house: House) -> None:
    house.settings = replace(house.settings, second_factor=True)
    house.__post_init__()
    ann = house.person("ann")
    house.project("spam", ann)
    browser = house.login("ann")
    device(house, ann, kind="app")  # after the login, which would ask for it
    browser.get("/manage/project/spam/", status=200)
    with house.db.write() as tx:
        critical.mark(tx, OPERATOR, "spam", critical=True, reason="much depends on it", now=house.now)
    page = browser.get("/manage/project/spam/", status=303).follow()
    assert "needs a security device or passkey" in page
    device(house, ann)
    browser.get("/manage/project/spam/", status=200)


def test_people_of_critical_projects_log_in_with_the_device(both: House) -> None:
    """Not only before they act: who has a device logs in with it, who has none is sent to add one."""
    ann, bob = both.person("ann"), both.person("bob")
    both.project("spam", ann)
    with both.db.write() as tx:
        change.add_role(tx, OPERATOR, "spam", bob.id, Role.MAINTAINER, now=both.now)
        critical.mark(tx, OPERATOR, "spam", critical=True, reason="much depends on it", now=both.now)
    form = login_form(both.browser().get("/account/login/?next=/account/tokens/"))
    form["name"], form["password"] = "bob", PASSWORD
    sent = form.submit(status=303)
    assert sent.location.endswith("/account/factors/?next=%2Faccount%2Ftokens%2F")
    assert "add a security device or passkey here" in sent.follow()
    device(both, ann, kind="app")
    device(both, ann)
    browser = both.browser()
    form = login_form(browser.get("/account/login/"))
    form["name"], form["password"] = "ann", PASSWORD
    page = form.submit(status=303).follow()
    assert "the code of an app is not enough" in page
    assert not [one for one in page.forms.values() if "code" in one.fields]
    fields = {"csrf": next(f["csrf"].value for f in page.forms.values() if "csrf" in f.fields), "how": "code"}
    refused = browser.post("/account/login/second/", fields | {"code": "123456"}, status=403)
    assert "Log in with your security device" in refused
    with both.db.write() as tx:
        critical.mark(tx, OPERATOR, "spam", critical=False, reason="no more", now=both.now)
    assert [one for one in browser.get("/account/login/second/").forms.values() if "code" in one.fields]


def test_marking_projects_as_critical(house: House) -> None:
    ann = house.person("ann")
    house.person("ada", admin=True)
    house.project("spam", ann)
    browser = house.login("ada")

    def mark(name: str, reason: str, act: str = "critical") -> str:
        form = form_with(browser.get("/admin/factors/"), "name")
        form["name"], form["reason"] = name, reason
        fields = dict(form.submit_fields())
        return str(browser.post(f"/admin/factors/{act}/", fields, expect_errors=True).text)

    assert "no-such-project" in mark("eggs", "because")
    assert "reason-needed" in mark("spam", "")
    mark("Spam", "much depends on it")
    assert "spam" in browser.get("/admin/factors/").html.main.find("ul", class_="plain").text
    assert "wrong-state" in mark("spam", "again")
    mark("spam", "no more", "uncritical")
    assert "none" in browser.get("/admin/factors/").html.main.find("ul", class_="plain").text


def test_all_mails_are_listed_and_shown(house: House) -> None:
    house.person("ada", admin=True)
    browser = house.login("ada")
    page = browser.get("/admin/mails/?language=de")
    links = [a["href"] for a in page.html.main.select("th a")]
    assert len(links) >= 45
    one = browser.get("/admin/mails/role.invite/?language=de")
    assert "Sie sind in das Projekt sample-project eingeladen" in one
    html = browser.get("/admin/mails/role.invite/?language=de&part=html")
    assert html.headers["Content-Security-Policy"].startswith("sandbox;")
    assert "Sie sind in das Projekt" in html
    assert "You are invited" in browser.get("/admin/mails/role.invite/?language=../../etc")
    browser.get("/admin/mails/no.such/", status=404)
