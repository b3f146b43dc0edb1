"""The one table of actions: everything that changes state, or that a permission guards.

Permission checks, journal kinds, metric labels, admin labels, notifications and the documentation page come from here.
The expected answers of the authorisation tests are written separately, by hand, in `tests/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Who(StrEnum):
    """The least role that may do an action."""

    ANYONE = "anyone"
    USER = "user"
    """Any signed-in person, on what is their own."""
    MAINTAINER = "maintainer"
    OWNER = "owner"
    ADMIN = "admin"
    SYSTEM = "system"
    """Policy, publisher or the operator's command line only."""


class Notify(StrEnum):
    """Who is told by mail."""

    NOBODY = "nobody"
    SUBJECT = "subject"
    """The person concerned."""
    OWNERS = "owners"
    """All owners of the project."""
    ADMINS = "admins"


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    `scope` is the token permission that suffices, None when a token never does. `factor` asks for a fresh step-up
    authentication, `reason` for words from the person, `changes_index` for a publication. `event`: doing it writes a row
    of this name into the journal; what only guards reading writes none.
    """

    name: str
    who: Who
    label: str
    scope: str | None = None
    factor: bool = False
    reason: bool = False
    changes_index: bool = False
    notify: Notify = Notify.NOBODY
    event: bool = True

    @property
    def about_project(self) -> bool:
        """Whether its row names a project, so that it is in that project's history."""
        return self.event and self.name.partition(".")[0] in _OF_PROJECTS


_OF_PROJECTS = frozenset({"file", "project", "publisher", "release", "report", "review", "role"})


def _table(*actions: Action) -> dict[str, Action]:
    table = {a.name: a for a in actions}
    assert len(table) == len(actions), "an action is listed twice"
    return table


A, W, N = Action, Who, Notify

ACTIONS: dict[str, Action] = _table(
    # files
    A("file.upload", W.MAINTAINER, "Upload a file", scope="upload"),
    A("file.publish", W.SYSTEM, "Make a cleared file public", changes_index=True, notify=N.OWNERS),
    A("file.hold", W.SYSTEM, "Hold a file for review", notify=N.ADMINS),
    A("file.refuse", W.SYSTEM, "Reject a file by policy", notify=N.ADMINS),
    A("file.withdraw", W.SYSTEM, "Quarantine a public file by policy", changes_index=True, notify=N.ADMINS),
    A("file.yank", W.MAINTAINER, "Yank a file", scope="yank", changes_index=True, notify=N.OWNERS),
    A("file.unyank", W.MAINTAINER, "Take back a yank", scope="yank", changes_index=True, notify=N.OWNERS),
    A("file.delete", W.OWNER, "Delete a file", factor=True, changes_index=True, notify=N.OWNERS),
    A("file.stage", W.SYSTEM, "Hold a file until a second owner approves it", notify=N.OWNERS),
    A("file.approve", W.OWNER, "Approve a file as second owner", factor=True, notify=N.OWNERS),
    A("file.decline", W.OWNER, "Decline a file as second owner", reason=True, notify=N.OWNERS),
    # projects
    A("project.create", W.USER, "Create a project", scope="upload", changes_index=True),
    A("project.archive", W.OWNER, "Archive a project", changes_index=True, notify=N.OWNERS),
    A("project.unarchive", W.OWNER, "Take a project out of the archive", changes_index=True, notify=N.OWNERS),
    A("project.deprecate", W.OWNER, "Mark a project deprecated", changes_index=True, notify=N.OWNERS),
    A("project.undeprecate", W.OWNER, "Take back a deprecation", changes_index=True, notify=N.OWNERS),
    A(
        "project.delete",
        W.OWNER,
        "Delete a project with all its files",
        factor=True,
        changes_index=True,
        notify=N.OWNERS,
    ),
    A("project.manage", W.MAINTAINER, "See the manage pages of a project", event=False),
    A("project.start-dual", W.OWNER, "Have each release approved by a second owner", factor=True, notify=N.OWNERS),
    A("project.ask-end-dual", W.OWNER, "Ask to end approvals by a second owner", factor=True, notify=N.OWNERS),
    A("project.keep-dual", W.OWNER, "Keep approvals by a second owner", notify=N.OWNERS),
    A("project.end-dual", W.OWNER, "Agree to end approvals by a second owner", factor=True, notify=N.OWNERS),
    A("project.mark-critical", W.ADMIN, "Count a project as critical", reason=True, notify=N.OWNERS),
    A("project.unmark-critical", W.ADMIN, "Count a project as critical no more", reason=True, notify=N.OWNERS),
    A("role.add", W.OWNER, "Give somebody a role", factor=True, notify=N.OWNERS),
    A("role.remove", W.OWNER, "Take a role away", factor=True, notify=N.OWNERS),
    A("role.leave", W.MAINTAINER, "Leave a project", factor=True, notify=N.OWNERS),
    A("role.invite", W.OWNER, "Invite somebody to a role", factor=True, notify=N.OWNERS),
    A("role.accept", W.USER, "Accept an invitation to a project", notify=N.OWNERS),
    A("role.decline", W.ANYONE, "Decline an invitation to a project", notify=N.OWNERS),
    A("role.revoke-invitation", W.OWNER, "Take an invitation back", notify=N.OWNERS),
    A("role.expire-invitation", W.SYSTEM, "End an invitation that nobody answered", notify=N.OWNERS),
    # review
    A("review.see", W.ADMIN, "See the review queue, cases and evidence", event=False),
    A("review.release", W.ADMIN, "Release a file", reason=True, changes_index=True, notify=N.OWNERS),
    A("review.quarantine", W.ADMIN, "Quarantine a file", reason=True, changes_index=True, notify=N.OWNERS),
    A("review.reject", W.ADMIN, "Reject a file", reason=True, notify=N.OWNERS),
    A("review.remove", W.ADMIN, "Remove a file", reason=True, changes_index=True, notify=N.OWNERS),
    A("review.confirm", W.ADMIN, "Confirm the state that policy gave a file", reason=True),
    A("review.reopen", W.ADMIN, "Put a rejected file back under review", reason=True),
    A("review.ask-owner", W.ADMIN, "Ask the owners about a file", reason=True, notify=N.OWNERS),
    A("review.claim", W.ADMIN, "Claim a case"),
    A("review.let-go", W.ADMIN, "Give up the claim on a case"),
    A(
        "review.propose-removal",
        W.ADMIN,
        "Propose to remove a file that others need",
        reason=True,
        notify=N.ADMINS,
    ),
    A("filter.save", W.ADMIN, "Save a filter of the review queue"),
    A("filter.forget", W.ADMIN, "Forget a saved filter"),
    A("review.compare", W.ADMIN, "Have two files compared"),
    A("review.undo", W.ADMIN, "Take back one's last decision", event=False),
    A("review.quarantine-project", W.ADMIN, "Quarantine a project", reason=True, changes_index=True, notify=N.OWNERS),
    A("review.release-project", W.ADMIN, "Release a project", reason=True, changes_index=True, notify=N.OWNERS),
    # screening beside another index
    A("screening.submit", W.USER, "Have an archive screened", scope="screen"),
    A("screening.read", W.USER, "Read the verdict of an archive that one had screened", scope="screen", event=False),
    A("webhook.add", W.ADMIN, "Add a webhook", factor=True, reason=True),
    A("webhook.rotate", W.ADMIN, "Give a webhook another secret", factor=True, reason=True),
    A("webhook.remove", W.ADMIN, "Remove a webhook", reason=True),
    A("report.make", W.ANYONE, "Report a project"),
    A("report.see", W.ADMIN, "See the queue of reports", event=False),
    A("report.link", W.ADMIN, "Link a report to a case"),
    A("report.dismiss", W.ADMIN, "Dismiss a report", reason=True),
    A("advisory.see", W.ANYONE, "Read the advisories on confirmed malware", event=False),
    # people
    A("user.create", W.SYSTEM, "Create a person", notify=N.SUBJECT),
    A("user.login", W.ANYONE, "Log in"),
    A("user.login-failed", W.ANYONE, "Fail to log in"),
    A("user.second-step", W.ANYONE, "Take the second step of a login", event=False),
    A("user.second-step-failed", W.ANYONE, "Fail the second step of a login"),
    A("user.logout", W.USER, "Log out"),
    A("user.confirm", W.USER, "Confirm that it is you (step-up)"),
    A("user.set-password", W.ANYONE, "Set a password by a one-time link", notify=N.SUBJECT),
    A("user.ask-reset", W.ANYONE, "Ask for a link to set a new password"),
    A("user.reset-link", W.SYSTEM, "Send a link to set a new password", notify=N.SUBJECT),
    A("user.not-me", W.USER, "Shut out whoever else uses the account", notify=N.SUBJECT),
    A("user.change-password", W.USER, "Change a password", factor=True, notify=N.SUBJECT),
    A("user.set-language", W.USER, "Choose a language"),
    A("user.register", W.ANYONE, "Ask for an account"),
    A("user.register-again", W.ANYONE, "Ask again for the link of a registration"),
    A("user.register-link", W.SYSTEM, "Send a link that confirms a registration", notify=N.SUBJECT),
    A("user.verify", W.ANYONE, "Confirm a registration", notify=N.SUBJECT),
    A("user.invite", W.SYSTEM, "Invite somebody to register"),
    A("user.resend-login", W.ANYONE, "Ask again for the link of an unusual login"),
    A("user.login-link", W.SYSTEM, "Send a link that confirms an unusual login", notify=N.SUBJECT),
    A("user.confirm-login", W.ANYONE, "Confirm an unusual login"),
    A("user.void-password", W.SYSTEM, "Void a password that is known from leaks", notify=N.SUBJECT),
    A("user.ask-email", W.USER, "Add an e-mail address", factor=True, notify=N.SUBJECT),
    A("user.resend-email", W.USER, "Ask again for the link of an e-mail address"),
    A("user.email-link", W.SYSTEM, "Send a link that confirms an e-mail address", notify=N.SUBJECT),
    A("user.confirm-email", W.ANYONE, "Confirm an e-mail address", notify=N.SUBJECT),
    A("user.change-email", W.USER, "Choose where mails go", factor=True, notify=N.SUBJECT),
    A("user.remove-email", W.USER, "Remove an e-mail address", factor=True, notify=N.SUBJECT),
    A("user.undo-link", W.SYSTEM, "Send a link that takes a change of address back", notify=N.SUBJECT),
    A("user.undo-email", W.ANYONE, "Take a change of address back", notify=N.SUBJECT),
    A("user.lost-domain", W.SYSTEM, "Take an address out of use whose mail domain is gone", notify=N.SUBJECT),
    A("user.forget-browser", W.USER, "Forget a browser"),
    A("user.freeze", W.ADMIN, "Freeze an account", reason=True, notify=N.SUBJECT),
    A("user.unfreeze", W.ADMIN, "Unfreeze an account", reason=True, notify=N.SUBJECT),
    A("factor.add", W.USER, "Add a second factor", factor=True, notify=N.SUBJECT),
    A("factor.rename", W.USER, "Rename a second factor"),
    A("factor.remove", W.USER, "Remove a second factor", factor=True, notify=N.SUBJECT),
    A("factor.make-codes", W.USER, "Make new recovery codes", factor=True, notify=N.SUBJECT),
    A("factor.prove-codes", W.USER, "Show that the recovery codes are kept"),
    A("factor.use-code", W.ANYONE, "Log in with a recovery code", notify=N.SUBJECT),
    A("account.see", W.USER, "See one's own account", event=False),
    A("account.export", W.USER, "Export everything that is stored about oneself", factor=True, notify=N.SUBJECT),
    A("account.delete", W.USER, "Delete one's account", factor=True, notify=N.SUBJECT),
    A("account.set-mails", W.USER, "Choose which mails one gets"),
    # people who lost all their second factors
    A("recovery.ask", W.ANYONE, "Ask for help after losing all second factors"),
    A("recovery.link", W.SYSTEM, "Send a link to a request for recovery", notify=N.SUBJECT),
    A("recovery.see", W.ANYONE, "See a request for recovery by its link", event=False),
    A("recovery.prove-token", W.ANYONE, "Give an API token as proof for a recovery", notify=N.SUBJECT),
    A("recovery.name-repository", W.ANYONE, "Name a repository as proof for a recovery", notify=N.SUBJECT),
    A("recovery.begin", W.ANYONE, "Begin the waiting time of a recovery", notify=N.SUBJECT),
    A("recovery.notice", W.SYSTEM, "Remind the owner of an account of a recovery", notify=N.SUBJECT),
    A("recovery.stop", W.ANYONE, "Stop a recovery", notify=N.SUBJECT),
    A("recovery.ready", W.SYSTEM, "Ask administrators to decide about a recovery", notify=N.ADMINS),
    A("recovery.overdue", W.SYSTEM, "Remind administrators of a recovery", notify=N.ADMINS),
    A("recovery.agree", W.ADMIN, "Agree to a recovery", factor=True, reason=True, notify=N.ADMINS),
    A("recovery.refuse", W.ADMIN, "Refuse a recovery", reason=True, notify=N.SUBJECT),
    A("recovery.reset", W.SYSTEM, "Remove all second factors of a person", notify=N.SUBJECT),
    A("recovery.expire", W.SYSTEM, "End a request for recovery without evidence", notify=N.SUBJECT),
    A("policy.set-factors", W.ADMIN, "Change who must have a second factor", factor=True, reason=True, notify=N.ADMINS),
    A("session.end", W.USER, "End a session"),
    A("session.end-others", W.USER, "End all other sessions"),
    A("token.create", W.USER, "Create an API token", factor=True, notify=N.SUBJECT),
    A("token.revoke", W.USER, "Revoke an API token", notify=N.SUBJECT),
    A("token.rotate", W.USER, "Replace an API token by a new one", factor=True, notify=N.SUBJECT),
    A("token.leaked", W.ANYONE, "Report an API token that leaked", notify=N.SUBJECT),
    A("token.bind", W.SYSTEM, "Limit a token to the project that its first upload made"),
    A("token.remind", W.SYSTEM, "Remind of a token that ends", notify=N.SUBJECT),
    A("project.token", W.SYSTEM, "Note a token for several projects with each of them"),
    # trusted publishing
    A("publisher.add", W.OWNER, "Add a trusted publisher", factor=True, notify=N.OWNERS),
    A("publisher.remove", W.OWNER, "Remove a trusted publisher", factor=True, notify=N.OWNERS),
    A("publisher.adopt", W.OWNER, "Take over a trusted publisher", factor=True, notify=N.OWNERS),
    A("publisher.mint", W.ANYONE, "Exchange the identity of a build for a short-lived token"),
    A("pending-publisher.add", W.USER, "Add a trusted publisher for a new project", factor=True, notify=N.SUBJECT),
    A("pending-publisher.remove", W.USER, "Remove a trusted publisher for a new project"),
    A("pending-publisher.bind", W.SYSTEM, "Make a trusted publisher that of the project it made", notify=N.SUBJECT),
    A("pending-publisher.expire", W.SYSTEM, "End a trusted publisher that made no project in time", notify=N.SUBJECT),
    A("pending-publisher.taken", W.SYSTEM, "End a trusted publisher whose name somebody else took", notify=N.SUBJECT),
    # index
    A("admin.see", W.ADMIN, "See administration pages", event=False),
    A("admin.journal", W.ADMIN, "Read the journal", event=False),
    A("admin.read-private", W.ADMIN, "Read addresses in the journal", reason=True),
    A("job.retry", W.ADMIN, "Retry a dead job"),
    A("job.discard", W.ADMIN, "Discard a dead job", reason=True),
    A("check.set-state", W.ADMIN, "Change the state of a check", reason=True),
    A("check.suppress", W.ADMIN, "Suppress a finding in one content", reason=True),
    A("check.unsuppress", W.ADMIN, "End a suppression", reason=True),
    A("check.backfill", W.ADMIN, "Run checks over files that are here already"),
    A("check.schedule", W.ADMIN, "Change what checks run by the clock"),
    A("campaign.regroup", W.ADMIN, "Group open cases anew"),
    A("vulnerability.import", W.SYSTEM, "Import known vulnerabilities"),
    A("publication.flip", W.SYSTEM, "Publish"),
    A("publication.park", W.SYSTEM, "Park a row that cannot be published", notify=N.ADMINS),
    A("publication.recover", W.SYSTEM, "Recover from the public record", notify=N.ADMINS),
    A("project.recover", W.SYSTEM, "Bring a project back from the public record"),
    A("project.render", W.SYSTEM, "Render the page of a project again", changes_index=True),
    A("file.recover", W.SYSTEM, "Bring a file back from the public record, or from the vault"),
    A("keys.replace", W.SYSTEM, "Replace keys that an intruder may hold", notify=N.ADMINS),
    A("keys.accounts", W.SYSTEM, "Accept another key for sealed secrets", reason=True),
    A("keys.ceremony", W.SYSTEM, "Import keys and offline metadata"),
    A("keys.begin", W.SYSTEM, "Begin a change of keys or bins"),
    A("keys.step", W.SYSTEM, "Release a step of a change of keys or bins"),
    A("keys.end", W.SYSTEM, "End a change of keys or bins"),
    A("keys.cancel", W.SYSTEM, "Give up a change of keys or bins"),
    A("index.alarm", W.SYSTEM, "Raise an alarm", notify=N.ADMINS),
    A("index.alarm-over", W.SYSTEM, "End an alarm"),
    A("index.init", W.SYSTEM, "Create the index"),
    A("index.read", W.ANYONE, "Read public pages", event=False),
)
