"""Scenes of a person's own pages, and of those that lead to an account: logging in, registering, what was lost."""

from __future__ import annotations

from webtest import TestResponse

from tests.web.house import PASSWORD, form_to, login_form
from tests.web.scenes.scene import Scene, at, sent
from tests.web.scenes.world import World


def limited(world: World) -> TestResponse:
    """Too many wrong passwords."""
    browser = world.stranger(REMOTE_ADDR="192.0.2.77")
    for number in range(100):
        form = login_form(browser.get("/account/login/"))
        form["name"], form["password"] = "gus", f"wrong {number}"
        page = form.submit(expect_errors=True)
        if page.status_int == 429:
            return page
    raise AssertionError("no limit")


def codes(world: World) -> TestResponse:
    """New recovery codes, which are shown once."""
    return form_to(world.visitor("dee").get("/account/factors/"), "/codes/").submit(status=200)


def stale(world: World) -> TestResponse:
    """A form that asks who it is, an hour after the login, with the fields that were filled in."""
    with world.later(hours=1):
        return world.post(
            "dee", "/account/tokens/", {"name": "ci", "days": "30", "scope": "all", "permission": "upload"}, 403
        )


def wrong_app(world: World) -> TestResponse:
    """The page of a picture again, after a code that is not right."""
    form = form_to(world.visitor("ann").get("/account/factors/app/"), "/account/factors/app/")
    form["label"], form["code"] = "phone", "000000"
    return form.submit(status=400)


def stale_wrong(world: World) -> TestResponse:
    with world.later(hours=1):
        fields = {"name": "ci", "confirm_password": "not this"}
        return world.post("dee", "/account/tokens/", fields, 403)


SECOND = "/account/login/second/"
NEW = {"name": "ci", "days": "30", "permission": "upload"}
ALL: tuple[Scene, ...] = (
    at("login", "form", "", "/account/login/"),
    sent("login", "wrong", "", "/account/login/", {"name": "ann", "password": "wrong"}, 401),
    sent("login", "blank", "", "/account/login/", {"name": "", "password": ""}),
    Scene("login", "limited", limited, 429),
    at("login.second", "choice", "nobody-dee", SECOND),
    sent("login.second", "wrong", "nobody-dee", SECOND, {"how": "code", "code": "000000"}, 403),
    sent(
        "login.second", "wrong-recovery", "nobody-dee", SECOND, {"how": "recovery", "recovery": "aaaa-bbbb-cccc"}, 403
    ),
    at("login.second", "over", "", SECOND, 401),
    at("login.unusual", "sent", "nobody-far", "/account/login/unusual/"),
    at("login.unusual", "over", "", "/account/login/unusual/", 401),
    at("login.confirm", "ask", "nobody-far", "{confirm}"),
    at("login.confirm", "elsewhere", "", "{confirm}", 403),
    at("password.link", "form", "", "/account/set-password/{set}/"),
    sent("password.link", "refused", "", "/account/set-password/{set}/", {"password": "short", "again": "other"}),
    at("password.link", "unknown", "", "/account/set-password/unknown/", 404),
    at("password", "form", "ann", "/account/password/"),
    sent("password", "refused", "ann", "/account/password/", {"old": "x", "password": "y", "again": "z"}),
    at("confirm", "form", "ann", "/account/confirm/"),
    at("confirm", "all-ways", "dee", "/account/confirm/"),
    sent("confirm", "wrong", "dee", "/account/confirm/", {"confirm_password": "x"}, 403),
    Scene("tokens", "step-up", stale, 403),
    Scene("tokens", "step-up-wrong", stale_wrong, 403),
    at("profile", "form", "ann", "/account/profile/"),
    at("addresses", "one", "ann", "/account/addresses/"),
    at("addresses", "several", "max", "/account/addresses/"),
    sent("addresses", "refused", "ann", "/account/addresses/", {"email": "no address"}),
    at("email.link", "ask", "", "{email}"),
    at("email.link", "unknown", "", "/account/email/unknown/", 404),
    at("email.undo", "ask", "", "{undo}"),
    at("email.undo", "unknown", "", "/account/undo-email/unknown/", 404),
    at("register", "form", "", "/account/register/"),
    sent("register", "refused", "", "/account/register/", {"name": "admin", "email": "no", "password": "short"}),
    at("register.sent", "waits", "nobody-new", "{sent}"),
    at("register.link", "form", "", "{verify}"),
    sent("register.link", "wrong", "", "{verify}", {"password": "not this one"}, 403),
    at("register.link", "unknown", "", "/account/verify/unknown/", 404),
    at("factors", "none", "ann", "/account/factors/"),
    at("factors", "some", "dee", "/account/factors/"),
    Scene("factors", "codes", codes),
    sent("factors", "codes-wrong", "dee", "/account/factors/codes/prove/", {"code": "wrong"}),
    at("factors.app", "picture", "ann", "/account/factors/app/"),
    Scene("factors.app", "wrong", wrong_app, 400),
    at("factors.device", "form", "ann", "/account/factors/device/"),
    sent("factors.device", "refused", "ann", "/account/factors/device/", {"label": "", "answer": "{{}}"}),
    at("account", "full", "ann", "/account/"),
    at("account", "empty", "cy", "/account/"),
    at("account", "invited", "gus", "/account/"),
    at("account", "losing", "lou", "/account/"),
    at("account", "administrator", "root", "/account/"),
    at("forgotten", "form", "", "/account/forgotten/"),
    sent("forgotten", "blank", "", "/account/forgotten/", {"name": ""}),
    sent("forgotten", "asked", "", "/account/forgotten/", {"name": "nobody-of-this"}, 200),
    at("account.history", "full", "ann", "/account/history/"),
    at("account.history", "none", "ann", "/account/history/?since=2020-01-01&until=2020-01-02"),
    at("tokens", "some", "ann", "/account/tokens/"),
    at("tokens", "none", "cy", "/account/tokens/"),
    sent("tokens", "refused", "ann", "/account/tokens/", {}),
    sent("tokens", "refused-choice", "ann", "/account/tokens/", NEW | {"scope": "some"}),
    sent("tokens", "made", "cy", "/account/tokens/", NEW | {"scope": "all"}, 200),
    at("sessions", "some", "ann", "/account/sessions/"),
    at("sessions", "one", "cy", "/account/sessions/"),
    at("publishing", "some", "ann", "/account/publishing/"),
    at("publishing", "none", "cy", "/account/publishing/"),
    sent("publishing", "refused", "ann", "/account/publishing/", {"name": "", "is-owner": "?", "is-repository": ""}),
    at("invitations", "some", "gus", "/account/invitations/"),
    at("invitations", "none", "cy", "/account/invitations/"),
    at("invitation.link", "stranger", "", "/account/invitations/link/{invited}/"),
    at("invitation.link", "other", "ann", "/account/invitations/link/{invited}/"),
    at("invitation.link", "own", "gus", "/account/invitations/link/{invited}/"),
    at("invitation.link", "unknown", "", "/account/invitations/link/unknown/", 404),
    at("data", "owner", "ann", "/account/data/"),
    at("data", "free", "cy", "/account/data/"),
    sent("data", "refused", "cy", "/account/data/delete/", {"name": "not-cy"}),
    at("mails", "choice", "ann", "/account/mails/"),
    at("recovery", "form", "", "/account/recovery/"),
    sent("recovery", "blank", "", "/account/recovery/", {"name": ""}),
    sent("recovery", "asked", "", "/account/recovery/", {"name": "nobody-of-this"}, 200),
    at("recovery.request", "new", "", "{lost-gus}"),
    at("recovery.request", "begun", "", "{lost-lou}"),
    sent("recovery.request", "refused", "", "{lost-gus}repository/", {"address": "https://code.example/eve/spam"}),
    at("recovery.request", "unknown", "", "/account/recovery/request/unknown/", 404),
    at("recovery.stop", "ask", "", "{stop}"),
    at("recovery.stop", "unknown", "", "/account/recovery/stop/unknown/", 404),
)
assert PASSWORD
