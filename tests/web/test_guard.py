"""Who may do what by which address: every route and method against a table written by hand, with planted faults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pyramid.response import Response
from webtest import TestApp

from bonded.values.states import Role
from bonded.web import app, guard
from bonded.web.routes import ROUTES
from bonded.web.table import Route
from tests.web.house import House, login_form

LEAST = {
    # public
    "home": {"GET": "anyone"},
    "search": {"GET": "anyone"},
    "project": {"GET": "anyone"},
    "release": {"GET": "anyone"},
    "user": {"GET": "anyone"},
    "help": {"GET": "anyone"},
    "accessibility": {"GET": "anyone"},
    "help.refusals": {"GET": "anyone"},
    "help.refusal": {"GET": "anyone"},
    "search.suggest": {"GET": "anyone"},
    "project.feed": {"GET": "anyone"},
    "project.history": {"GET": "anyone"},
    "file": {"GET": "anyone"},
    "uploaded": {"GET": "anyone"},
    "integrity": {"GET": "anyone"},
    "recent": {"GET": "anyone"},
    "recent.feed": {"GET": "anyone"},
    "statistics": {"GET": "anyone"},
    "status": {"GET": "anyone"},
    "preferences": {"GET": "anyone", "POST": "anyone"},
    "language": {"GET": "anyone", "POST": "anyone"},
    "style": {"GET": "anyone"},
    "security": {"GET": "anyone"},
    "osv": {"GET": "anyone"},
    "osv.all": {"GET": "anyone"},
    "osv.advisory": {"GET": "anyone"},
    "report": {"GET": "anyone", "POST": "anyone"},
    "proof.head": {"GET": "anyone"},
    "proof.inclusion": {"GET": "anyone"},
    "proof.rows": {"GET": "anyone"},
    "proof.consistency": {"GET": "anyone"},
    "asset": {"GET": "anyone"},
    # account
    "login": {"GET": "anyone", "POST": "anyone"},
    "login.second": {"GET": "anyone", "POST": "anyone"},
    "login.passkey": {"POST": "anyone"},
    "forgotten": {"GET": "anyone", "POST": "anyone"},
    "logout": {"POST": "user"},
    "password.link": {"GET": "anyone", "POST": "anyone"},
    "password": {"GET": "user", "POST": "user+"},
    "confirm": {"GET": "user", "POST": "user"},
    "profile": {"GET": "user"},
    "profile.language": {"POST": "user"},
    "addresses": {"GET": "user", "POST": "user+"},
    "address.again": {"POST": "user"},
    "address.primary": {"POST": "user+"},
    "address.remove": {"POST": "user+"},
    "email.link": {"GET": "anyone", "POST": "anyone"},
    "email.undo": {"GET": "anyone", "POST": "anyone"},
    "register": {"GET": "anyone", "POST": "anyone"},
    "register.sent": {"GET": "anyone"},
    "register.again": {"POST": "anyone"},
    "register.link": {"GET": "anyone", "POST": "anyone"},
    "login.unusual": {"GET": "anyone", "POST": "anyone"},
    "login.confirm": {"GET": "anyone", "POST": "anyone"},
    "device.forget": {"POST": "user"},
    "account": {"GET": "user"},
    "account.history": {"GET": "user"},
    "account.export": {"GET": "user"},
    "not-me": {"POST": "user"},
    "factors": {"GET": "user"},
    "factors.app": {"GET": "user+", "POST": "user+"},
    "factors.device": {"GET": "user+", "POST": "user+"},
    "factors.codes": {"POST": "user+"},
    "factors.prove": {"POST": "user"},
    "factors.rename": {"POST": "user"},
    "factors.remove": {"POST": "user+"},
    "tokens": {"GET": "user", "POST": "user+"},
    "token.revoke": {"POST": "user"},
    "token.rotate": {"POST": "user+"},
    "publishing": {"GET": "user", "POST": "user+"},
    "publishing.remove": {"POST": "user"},
    "manage.publishing": {"GET": "maintainer", "POST": "owner+"},
    "manage.publisher-adopt": {"POST": "owner+"},
    "manage.publisher-remove": {"POST": "owner+"},
    "oidc.discover": {"GET": "token"},
    "oidc.audience": {"GET": "token"},
    "oidc.mint": {"POST": "token"},
    "oidc.mint-old": {"POST": "token"},
    "sessions.end": {"POST": "user"},
    "sessions": {"GET": "user"},
    "session.end": {"POST": "user"},
    "invitations": {"GET": "user"},
    "invitation.link": {"GET": "anyone", "POST": "anyone"},
    "invitation.accept": {"POST": "user"},
    "invitation.decline": {"POST": "anyone"},
    "data": {"GET": "user"},
    "data.export": {"POST": "user+"},
    "data.delete": {"POST": "user+"},
    "mails": {"GET": "user", "POST": "user"},
    "recovery": {"GET": "anyone", "POST": "anyone"},
    "recovery.token": {"POST": "token"},
    "recovery.request": {"GET": "anyone"},
    "recovery.repository": {"POST": "anyone"},
    "recovery.begin": {"POST": "anyone"},
    "recovery.give-up": {"POST": "anyone"},
    "recovery.stop": {"GET": "anyone", "POST": "anyone"},
    "recovery.stop-own": {"POST": "anyone"},
    # manage
    "manage.invite": {"POST": "owner+"},
    "manage.leave": {"POST": "maintainer+"},
    "manage.invitation-revoke": {"POST": "owner"},
    "manage.approvals": {"GET": "maintainer"},
    "manage.approve": {"POST": "owner+"},
    "manage.decline": {"POST": "owner"},
    "manage.dual-start": {"POST": "owner+"},
    "manage.dual-ask": {"POST": "owner+"},
    "manage.dual-keep": {"POST": "owner"},
    "manage.dual-end": {"POST": "owner+"},
    "manage": {"GET": "maintainer"},
    "manage.yank": {"POST": "maintainer"},
    "manage.unyank": {"POST": "maintainer"},
    "manage.delete-file": {"GET": "maintainer", "POST": "owner+"},
    "manage.status": {"GET": "maintainer"},
    "manage.archive": {"POST": "owner"},
    "manage.unarchive": {"POST": "owner"},
    "manage.deprecate": {"POST": "owner"},
    "manage.undeprecate": {"POST": "owner"},
    "manage.delete": {"POST": "owner+"},
    "manage.roles": {"GET": "maintainer", "POST": "owner+"},
    "manage.role-remove": {"POST": "owner+"},
    "manage.history": {"GET": "maintainer"},
    "manage.export": {"GET": "maintainer"},
    # admin
    "admin.recoveries": {"GET": "admin"},
    "admin.recovery": {"GET": "admin"},
    "admin.recovery-agree": {"POST": "admin+"},
    "admin.recovery-refuse": {"POST": "admin"},
    "admin.factors": {"GET": "admin", "POST": "admin+"},
    "admin.critical": {"POST": "admin"},
    "admin.uncritical": {"POST": "admin"},
    "admin.mails": {"GET": "admin"},
    "admin.mail": {"GET": "admin"},
    "admin": {"GET": "admin"},
    "admin.queue": {"GET": "admin"},
    "admin.count": {"GET": "admin"},
    "admin.figures": {"GET": "admin"},
    "admin.settings": {"GET": "admin"},
    "admin.filter-save": {"POST": "admin"},
    "admin.filter-forget": {"POST": "admin"},
    "admin.claim": {"POST": "admin"},
    "admin.let-go": {"POST": "admin"},
    "admin.next": {"GET": "admin"},
    "admin.case": {"GET": "admin"},
    "admin.release": {"POST": "admin"},
    "admin.quarantine": {"POST": "admin"},
    "admin.reject": {"POST": "admin"},
    "admin.remove": {"POST": "admin"},
    "admin.reopen": {"POST": "admin"},
    "admin.ask": {"POST": "admin"},
    "admin.evidence": {"GET": "admin"},
    "admin.differences": {"GET": "admin", "POST": "admin"},
    "admin.related": {"GET": "admin"},
    "admin.suppress": {"POST": "admin"},
    "admin.cases-release": {"POST": "admin"},
    "admin.cases-quarantine": {"POST": "admin"},
    "admin.cases-reject": {"POST": "admin"},
    "admin.cases-remove": {"POST": "admin"},
    "admin.cases-ask": {"POST": "admin"},
    "admin.undo": {"POST": "admin"},
    "admin.checks": {"GET": "admin"},
    "admin.check": {"GET": "admin"},
    "admin.check-state": {"POST": "admin"},
    "admin.check-backfill": {"POST": "admin"},
    "admin.backfill-pause": {"POST": "admin"},
    "admin.backfill-resume": {"POST": "admin"},
    "admin.backfill-cancel": {"POST": "admin"},
    "admin.suppressions": {"GET": "admin"},
    "admin.suppression-end": {"POST": "admin"},
    "admin.projects": {"GET": "admin"},
    "admin.quarantine-project": {"POST": "admin"},
    "admin.release-project": {"POST": "admin"},
    "admin.signing": {"GET": "admin"},
    "admin.jobs": {"GET": "admin"},
    "admin.job-retry": {"POST": "admin"},
    "admin.job-discard": {"POST": "admin"},
    "admin.reports": {"GET": "admin"},
    "admin.report-link": {"POST": "admin"},
    "admin.report-dismiss": {"POST": "admin"},
    "admin.people": {"GET": "admin"},
    "admin.freeze": {"POST": "admin"},
    "admin.unfreeze": {"POST": "admin"},
    "admin.journal": {"GET": "admin"},
    "admin.journal-export": {"GET": "admin"},
    "admin.addresses": {"POST": "admin"},
    # api
    "upload": {"POST": "token"},
    "upload.bare": {"POST": "token"},
    "api.reports": {"POST": "token"},
    "token.leaked": {"POST": "token"},
    "api.screenings": {"POST": "token"},
    "api.screening": {"GET": "token"},
}
"""Route -> method -> who at least. A "+" asks for a recent step-up as well."""

MAY = {
    "nobody": {"anyone"},
    "user": {"anyone", "user"},
    "maintainer": {"anyone", "user", "maintainer"},
    "owner": {"anyone", "user", "maintainer", "owner"},
    "admin": {"anyone", "user", "admin"},
}
METHODS = ("GET", "POST")
OTHER_METHODS = ("PUT", "DELETE", "PATCH")
"""Tried by one visitor only, who may do the most."""


def ran(_request: Any) -> Response:
    return Response("the view ran", content_type="text/plain")


@contextmanager
def routes_as(monkeypatch: pytest.MonkeyPatch, changed: dict[str, dict[str, str]]) -> Iterator[None]:
    """Real routes and gate, but each view only says that it ran; `changed` plants other actions."""
    planted = []
    for route in ROUTES:
        actions = {method: action for method, (action, _) in route.methods.items()} | changed.get(route.name, {})
        planted.append(replace(route, methods={method: (action, ran) for method, action in actions.items()}))
    with monkeypatch.context() as patch:
        patch.setattr(app, "ROUTES", tuple(planted))
        yield


def people(house: House) -> dict[str, TestApp]:
    """One browser for each kind of visitor; the project is `spam`."""
    from bonded.catalog.change import add_role
    from bonded.values.who import OPERATOR

    owner = house.person("owner")
    house.person("user")
    house.person("admin", admin=True)
    maintainer = house.person("maintainer")
    key = house.project("spam", owner)
    with house.db.write() as tx:
        add_role(tx, OPERATOR, key, maintainer.id, Role.MAINTAINER, now=house.now)
    return {"nobody": house.browser()} | {name: house.login(name) for name in ("user", "maintainer", "owner", "admin")}


def address(route: Route) -> str:
    return re.sub(r"\{(\w+)\}", lambda part: "spam" if part[1] == "project" else "1", route.pattern)


def csrf(house: House, browser: TestApp) -> str:
    """The form secret of the browser's session."""
    from bonded.accounts import sessions

    with house.db.read() as conn:
        session = sessions.read(conn, browser.cookies.get("bonded", ""), now=house.now)
    return session.csrf if session else browser.cookies.get("bonded-form", "none")


def outcome(house: House, browser: TestApp, route: Route, method: str, secret: str) -> str:
    """ "ran", "confirm" (asked to step up), "denied" or "no such method"."""
    fields = {"csrf": secret} if method == "POST" else None
    answer = browser.request(address(route), method=method, POST=fields, expect_errors=True)
    if answer.body == b"the view ran":
        return "ran"
    if answer.status_int == 405:
        return "no such method"
    if answer.status_int == 403 and 'name="confirm_password"' in answer.text:
        return "confirm"
    if answer.status_int == 303 and answer.headers["Location"].startswith("http://localhost/account/confirm/?next="):
        return "confirm"
    login = answer.status_int == 303 and answer.headers["Location"].startswith("http://localhost/account/login/")
    assert login or answer.status_int in (401, 403), (route.name, method, answer.status)
    return "denied"


def expected(who: str, least: str | None, fresh: bool) -> str:
    if least is None:
        return "no such method"
    if least == "token":
        return "ran"  # the view itself checks the token; see test_upload
    if least.rstrip("+") not in MAY[who]:
        return "denied"
    return "confirm" if least.endswith("+") and not fresh else "ran"


def wrong_cells(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, dict[str, str]],
    fresh: bool,
    only: frozenset[str] = frozenset(),
) -> list[str]:
    """Every cell (of the routes in `only`, if given) whose outcome is not the one in the table."""
    browsers = people(house)
    if not fresh:
        house.now += timedelta(minutes=31)
    with routes_as(monkeypatch, changed):
        house.wsgi = app.make_wsgi(house.context)
        wrong = []
        for who, browser in browsers.items():
            browser.app = house.wsgi
            if who == "nobody":
                login_cookie(browser)
            secret = csrf(house, browser)
            for route in [one for one in ROUTES if not only or one.name in only]:
                for method in METHODS + (OTHER_METHODS if who == "admin" else ()):
                    got = outcome(house, browser, route, method, secret)
                    if got != expected(who, LEAST[route.name].get(method), fresh):
                        wrong.append(f"{who} {method} {route.name}: {got}")
    return wrong


def login_cookie(browser: TestApp) -> None:
    """A form secret for somebody without a session."""
    browser.get("/account/login/")


def test_the_table_written_by_hand_knows_every_route() -> None:
    assert {route.name for route in ROUTES} == set(LEAST)


@pytest.mark.parametrize("fresh", [True, False])
def test_every_route_and_method_asks_for_what_the_table_says(
    house: House, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    assert wrong_cells(house, monkeypatch, {}, fresh) == []


PLANTED = {
    "a read permission guards a POST": {"manage.roles": {"POST": "project.manage"}},
    "a role is widened": {"manage.archive": {"POST": "file.yank"}},
    "an administrator's page for everybody": {"admin.journal": {"GET": "index.read"}},
    "a step-up is forgotten": {"tokens": {"POST": "account.see"}},
    "a method too many": {"logout": {"DELETE": "user.logout"}},
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_caught(house: House, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    assert wrong_cells(house, monkeypatch, PLANTED[fault], fresh=False, only=frozenset(PLANTED[fault])) != []


def test_allowing_by_default_is_caught(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "gate", lambda request, action: None)
    guarded = frozenset({"account", "manage.delete", "admin.case", "admin.release"})
    assert len(wrong_cells(house, monkeypatch, {}, fresh=True, only=guarded)) == 1 + 3 + 4 + 3


def test_a_view_outside_the_table_is_denied(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyramid.config import Configurator

    real = Configurator.make_wsgi_app

    def with_stray_view(config: Any) -> Any:
        config.add_route("stray", "/stray/")
        config.add_view(ran, route_name="stray")
        return real(config)

    monkeypatch.setattr(Configurator, "make_wsgi_app", with_stray_view)
    browser = TestApp(app.make_wsgi(house.context))
    assert "the view ran" not in browser.get("/stray/", status=404)


def test_a_form_without_the_secret_or_from_elsewhere_changes_nothing(house: House) -> None:
    house.person("ann")
    browser = house.login("ann")
    good = csrf(house, browser)
    for fields, headers in (
        ({}, {}),
        ({"csrf": "wrong"}, {}),
        ({"csrf": good}, {"Origin": "https://evil.invalid"}),
        ({"csrf": good}, {"Origin": "null"}),
        ({"csrf": good}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = browser.post("/account/logout/", fields, headers=headers, status=403)
        assert "form-expired" in answer
    assert browser.get("/account/").status_int == 200
    browser.post("/account/logout/", {"csrf": good}, headers={"Origin": "http://localhost"}, status=303)


def test_a_form_secret_of_one_session_is_worth_nothing_in_another(house: House) -> None:
    house.person("ann")
    one, two = house.login("ann"), house.login("ann")
    two.post("/account/logout/", {"csrf": csrf(house, one)}, status=403)


def test_a_frozen_account_is_out_at_once(house: House) -> None:
    from bonded.accounts import people as accounts
    from bonded.values.who import OPERATOR

    ann = house.person("ann")
    browser = house.login("ann")
    with house.db.write() as tx:
        accounts.freeze(tx, OPERATOR, ann.id, reason="abuse", now=house.now)
    assert browser.get("/account/", status=303).headers["Location"].startswith("http://localhost/account/login/")
    form = login_form(house.browser().get("/account/login/"))
    form["name"], form["password"] = "ann", "correct horse battery"
    assert "frozen" in form.submit(status=403)
