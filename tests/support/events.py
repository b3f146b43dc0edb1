"""What requests write besides the one row that their route's action declares: by hand, each with its reason."""

from __future__ import annotations

UNTOUCHED = {
    "UPDATE session.seen_at",  # when it was last used
    "UPDATE session.data",  # what the next page says, and the secret of its forms; a proof of identity is confirmed_at
    "UPDATE token.used_at",
    "UPDATE token.used_ip",
    "UPDATE token.used_agent",
    "INSERT job",  # work that an act leaves; the act has the row
    "INSERT to_publish",  # written by record() itself, with the row
    "INSERT rate_event",  # counted for a limit
    "DELETE rate_event",  # and forgotten when its time is over
}
"""Writes that are no change of state of their own, updates by column."""

LINKS = {
    "user.reset-link",
    "user.register-link",
    "user.email-link",
    "user.undo-link",
    "recovery.link",
    "user.login-link",
}
"""Left by the system beside an act, where a mail with a secret link goes out."""

PENDING = {"project.create", "pending-publisher.bind", "file.upload"}
"""The first upload of a build whose project was only announced."""

STEP_UP = "user.confirm"
"""Also left by any act for which the password was asked in place: two acts, two rows."""

ALSO: dict[str, list[set[str]]] = {
    "login": [
        set(),
        {"user.login-failed"},
    ],  # the first of two steps; from an unknown device, before its mail was opened
    "recovery": [set()],  # it is asked for once the link in the mail is opened
    "admin.recovery-agree": [{"recovery.agree", "recovery.reset"}],  # the second of two who agree
    "login.second": [
        {"user.login"},
        {"factor.use-code", "user.login"},  # a recovery code is used up
        set(),
    ],  # from an unknown device, before its mail was opened
    "upload": [
        {"project.create", "file.upload"},
        PENDING,
        {"project.create", "file.upload", "file.publish"},
        set(),
        # A token for a first upload becomes one for its project, a publisher that waited one of it; others waited in vain.
        {"project.create", "token.bind", "file.upload"},
        {"project.create", "pending-publisher.bind", "file.upload"},
        {"project.create", "pending-publisher.bind", "pending-publisher.taken", "file.upload"},
        {"project.create", "pending-publisher.taken", "file.upload"},
    ],
    "oidc.mint": [{"pending-publisher.bind", "publisher.mint"}],  # whose project its person made by other means
    "token.leaked": [set()],  # none of the list was live
    "upload.bare": [{"project.create", "file.upload"}],  # the first file makes the project
    "language": [set(), {"user.set-language"}],  # of somebody not signed in: a cookie
    "preferences": [set()],  # how pages look: a cookie, nothing is stored
    "forgotten": [set()],  # nobody has that name: the answer is the same
    "api.screenings": [set()],  # the same archive again
    "register.link": [{"user.verify", "user.login"}],  # who verified is logged in
    "login.confirm": [{"user.confirm-login", "user.login"}],  # and so is who confirmed
    "manage.role-remove": [{"role.remove", "token.revoke"}],  # the person's token for the project ends with the role
    "manage.approve": [{"file.approve", "file.publish"}],  # policy's verdict takes effect
    "data.delete": [{"account.delete", "role.leave"}],  # whoever goes leaves their projects
    "admin.undo": [{"review.reopen"}],  # the opposite act of the one that it takes back
    "admin.remove": [{"review.propose-removal"}],  # where two administrators must agree, the first proposes
    "admin.reject": [{"review.reject", "review.confirm"}],  # one of the files was rejected already, by policy
}
"""Route -> other sets of acts that a request which succeeded may leave, each act once for each file it is about.

No more than some test needs: the slow walk (tests/journal/test_completeness.py) fails for an exception that no request used."""

MANY = {"admin.undo", "oidc.mint", "admin.reject"} | {
    f"admin.cases-{act}" for act in ("release", "quarantine", "reject", "remove", "ask")
}
"""Routes that act on several files, or projects, at once: one row for each."""
