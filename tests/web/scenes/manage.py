"""Scenes of those who keep projects."""

from __future__ import annotations

from tests.web.scenes.scene import Scene, at, sent

SPAM = "/manage/project/spam/"
ALL: tuple[Scene, ...] = (
    at("manage", "owner", "ann", SPAM),
    at("manage", "maintainer", "bob", SPAM),
    at("manage", "waiting", "ann", "/manage/project/duo/"),
    at("manage", "deleted", "ann", "/manage/project/gone/"),
    at("manage", "empty", "ann", "/manage/project/void/"),
    sent("manage", "yank-refused", "ann", SPAM + "files/unknown/yank/", {"reason": "x"}, 404),
    at("manage.delete-file", "ask", "ann", SPAM + "files/{file}/delete/"),
    sent("manage.delete-file", "refused", "ann", SPAM + "files/{file}/delete/", {"filename": "other.whl"}),
    at("manage.status", "active", "ann", SPAM + "status/"),
    at("manage.status", "archived", "ann", "/manage/project/old/status/"),
    at("manage.status", "deprecated", "bob", "/manage/project/oldthing/status/"),
    at("manage.status", "quarantined", "bob", "/manage/project/badthing/status/"),
    sent("manage.status", "delete-refused", "ann", SPAM + "delete/", {"name": "eggs"}),
    at("manage.roles", "owner", "ann", SPAM + "people/"),
    at("manage.roles", "maintainer", "bob", SPAM + "people/"),
    sent("manage.roles", "refused", "ann", SPAM + "people/invite/", {"name": "nobody-of-this", "role": "owner"}),
    sent("manage.roles", "last-owner", "ann", SPAM + "people/leave/", {"role": "owner"}, 409),
    at("manage.history", "full", "ann", SPAM + "history/"),
    at("manage.history", "none", "ann", SPAM + "history/?since=2020-01-01&until=2020-01-02"),
    at("manage.publishing", "some", "ann", SPAM + "publishing/"),
    at("manage.publishing", "none", "ann", "/manage/project/duo/publishing/"),
    sent("manage.publishing", "refused", "ann", SPAM + "publishing/", {"is-owner": "?", "is-repository": ""}),
    at("manage.approvals", "off", "ann", SPAM + "approvals/"),
    at("manage.approvals", "own", "ann", "/manage/project/duo/approvals/"),
    at("manage.approvals", "other", "bob", "/manage/project/duo/approvals/"),
)
