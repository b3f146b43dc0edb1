"""What requests write besides the one row that their route's action declares: by hand, each with its reason."""

from __future__ import annotations

UNTOUCHED = {
    "INSERT counter",
    "UPDATE counter",
    "DELETE counter",
    "UPDATE session",  # when it was last used
    "UPDATE token",  # when it was last used
    "INSERT job",
    "INSERT to_publish",
    "INSERT rate_event",
    "DELETE rate_event",
}
"""Writes that are no change of state of their own: counters of limits, last uses, work that an act leaves."""

READS_THAT_WRITE: set[str] = set()
"""Routes whose GET writes."""

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
        {"factor.use-code", "user.login"},
        {"factor.use-code"},
        set(),
    ],  # the row says how it ended; from an unknown device, before its mail was opened
    "upload": [
        {"project.create", "file.upload"},
        PENDING,
        {"project.create", "file.upload", "file.publish"},
        set(),
        # A token for a first upload becomes one for its project, a publisher that waited one of it; others waited in vain.
        {"project.create", "token.bind", "file.upload"},
        {"project.create", "pending-publisher.bind", "file.upload"},
        {"project.create", "pending-publisher.taken", "file.upload"},
        {"project.create", "pending-publisher.bind", "pending-publisher.taken", "file.upload"},
    ],
    "oidc.mint": [{"pending-publisher.bind", "publisher.mint"}],  # whose project its person made by other means
    # A token for several projects stands in the history of each.
    "tokens": [{"token.create", "project.token"}],
    "token.rotate": [{"token.rotate", "project.token"}],
    "token.revoke": [{"token.revoke", "project.token"}],
    "token.leaked": [{"token.leaked", "project.token"}, set()],  # none of the list was live
    # the first file makes the project; in mode "watch" it is public at once; the same file again changes nothing
    "upload.bare": [{"project.create", "file.upload"}],
    "language": [set(), {"user.set-language"}],  # of somebody not signed in: a cookie
    "preferences": [set()],  # how pages look: a cookie, nothing is stored
    "forgotten": [set()],  # nobody has that name: the answer is the same
    "api.screenings": [set()],  # the same archive again
    "register.link": [{"user.verify", "user.login"}],  # who verified is logged in
    "login.confirm": [{"user.confirm-login", "user.login"}],  # and so is who confirmed
    "manage.approve": [
        {"file.approve", "file.publish"},
        {"file.approve", "file.hold"},
    ],  # policy's verdict takes effect
    "manage.dual-end": [{"project.end-dual", "file.publish"}],  # what waited for a second owner only
    "data.delete": [{"account.delete", "role.leave"}, {"account.delete", "role.leave", "token.revoke"}],
    # With a role goes what came from it.
    "manage.role-remove": [{"role.remove", "token.revoke"}, {"role.remove", "role.revoke-invitation"}],
    "manage.leave": [{"role.leave", "token.revoke"}, {"role.leave", "role.revoke-invitation"}],
    "admin.undo": [  # an opposite act of its own for each act that it takes back
        {"review.reopen"},
        {"review.quarantine"},
        {"review.release"},
        {"review.reject"},
        {"review.quarantine-project"},
        {"review.release-project"},
    ],
    # Where two administrators must agree, the first proposes.
    "admin.remove": [{"review.propose-removal"}, {"review.remove", "review.confirm"}, {"review.confirm"}],
    "admin.cases-remove": [{"review.propose-removal"}, {"review.remove", "review.confirm"}, {"review.confirm"}],
} | {
    f"admin.{page}-{act}" if page else f"admin.{act}": [
        {f"review.{act}", "review.confirm"},  # files that are in that state already
        {"review.confirm"},
    ]
    for page in ("", "cases")
    for act in ("release", "quarantine", "reject")
}
"""Route -> other sets of acts that a request which succeeded may leave, each act once for each file it is about."""

MANY = (
    {"admin.undo", "oidc.mint", "oidc.mint-old"}
    | {f"admin.{act}" for act in ("release", "quarantine", "reject", "remove", "ask", "reopen")}
    | {f"admin.cases-{act}" for act in ("release", "quarantine", "reject", "remove", "ask")}
)
"""Routes that act on several files at once: one row for each."""
