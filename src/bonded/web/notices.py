"""Short words after something was done, shown once on the next page.

The cookie holds a code from this table, never text: so nobody can make our pages say their words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response

if TYPE_CHECKING:
    from bonded.web.request import Request


def _(text: str) -> str:
    return text


NOTICES = {
    "logged-in": _("You are logged in."),
    "logged-out": _("You are logged out."),
    "password-set": _("Your password is set. Log in with it now."),
    "password-changed": _("Your password is changed. Your other sessions were ended."),
    "appearance-set": _("Your choice is kept."),
    "language-set": _("Your language is set."),
    "email-asked": _("A link was sent to the address. Open it within two days; until then nothing changes."),
    "email-changed": _("Mails go there from now on. The address before was told."),
    "email-confirmed": _("The address is confirmed."),
    "email-removed": _("The address is removed."),
    "email-undone": _("The change is taken back. Now take a new password."),
    "register-again": _("Another link was sent. Those before no longer work."),
    "registered": _("Your address is confirmed, and the account is yours. You are logged in."),
    "login-link-sent": _("Another link was sent. Those before no longer work."),
    "device-forgotten": _("The browser is forgotten."),
    "sessions-ended": _("All your other sessions have ended."),
    "shut-out": _("All tokens are revoked and all other sessions ended. Now take a new password."),
    "confirmed": _("Thank you. You can go on."),
    "second-factor-needed": _("What you wanted to do needs a second factor. Add one here, then go on."),
    "device-at-login": _(
        "You are logged in. You work on a project on which much depends: add a security device or passkey here, with which you log in "
        "from now on."
    ),
    "security-device-needed": _("What you wanted to do needs a security device or passkey. Add one here, then go on."),
    "invited": _("The invitation is on its way by mail. Nothing changes before it is accepted."),
    "invitation-revoked": _("The invitation is taken back."),
    "invitation-accepted": _("You have the role now."),
    "invitation-declined": _("You declined the invitation."),
    "left": _("You gave your role up."),
    "approved": _("You approved the file. It is public now."),
    "approved-waits": _("You approved the file. It becomes public when screening and reviewers let it."),
    "declined": _("You declined the file. It does not become public."),
    "dual-started": _("Each release needs the approval of a second owner from now on."),
    "dual-asked": _("The other owners were asked. It ends when one of them agrees."),
    "dual-kept": _("Releases go on needing a second owner."),
    "dual-ended": _("Releases need no second owner any more."),
    "repository-named": _("The repository is noted. Leave the text there until the request is decided."),
    "recovery-begun": _("The waiting time has begun. You get a mail every day."),
    "recovery-stopped": _("The request is stopped. Nothing has changed."),
    "recovery-agreed": _("Noted. Another administrator has to agree too."),
    "recovery-done": _("All second factors of this person are removed. They were told."),
    "recovery-refused": _("The request is refused. The person was told why."),
    "mails-chosen": _("Your choice of mails is kept."),
    "account-deleted": _("Your account is deleted."),
    "policy-set": _("The policy is changed."),
    "critical-set": _("Noted. The people of the project were told."),
    "factor-needs-email": _("Confirm an e-mail address here first. Then add the second factor."),
    "factor-added": _("It is added. From now on it is asked for when you log in."),
    "factor-renamed": _("The name is changed."),
    "factor-removed": _("It is removed."),
    "codes-proved": _("Your recovery codes are ready. Each works once."),
    "few-codes": _("You are logged in. You have few recovery codes left: make new ones soon."),
    "token-revoked": _("The token is revoked. It stopped working at once."),
    "session-ended": _("The session is ended."),
    "publisher-added": _("The publisher is added. Builds that fit it can upload from now on."),
    "publisher-adopted": _("The publisher acts in your name from now on."),
    "publisher-removed": _("The publisher is removed. What it was given stopped working at once."),
    "yanked": _("The file is yanked: installers skip it unless it is asked for by its exact version."),
    "unyanked": _("The yank is taken back."),
    "file-deleted": _("The file is deleted. Its name cannot be used again."),
    "status-changed": _("The project's status is changed."),
    "project-deleted": _("The project is deleted with all its files."),
    "role-added": _("The role is given."),
    "role-removed": _("The role is taken away."),
    "released": _("Released. It becomes visible with the next publication, usually within seconds."),
    "quarantined": _("Quarantined. Its bytes are no longer served."),
    "rejected": _("Rejected. It can still be released later."),
    "removed": _("Removed for good."),
    "reopened": _("Back under review."),
    "asked": _("The owners were asked by mail."),
    "removal-proposed": _("Proposed: what others require is removed when a second administrator agrees."),
    "case-claimed": _("The case is yours for 30 minutes."),
    "case-let-go": _("Your claim on the case is given up."),
    "filter-saved": _("The filter is saved."),
    "filter-unnamed": _("A filter needs a name of at most 40 characters."),
    "filter-forgotten": _("The filter is forgotten."),
    "undone": _("Taken back. It is under review again."),
    "comparing": _("The files are being compared. Load the page again in a moment."),
    "suppressed": _("Suppressed: it counts nothing in this content until its day."),
    "suppression-ended": _("The suppression is ended."),
    "check-set": _("The state of the check is changed."),
    "backfill-started": _("The backfill has begun."),
    "backfill-paused": _("The backfill is paused. What is in hand is finished first."),
    "backfill-resumed": _("The backfill goes on."),
    "backfill-cancelled": _("The backfill is cancelled. What it found stays."),
    "project-quarantined": _("The project is quarantined: nobody can install from it."),
    "project-released": _("The project is released from quarantine."),
    "report-linked": _("The report is linked to the case."),
    "report-dismissed": _("The report is dismissed."),
    "job-retried": _("The job is queued again."),
    "job-discarded": _("The job is discarded."),
    "frozen": _("The account is frozen. Its sessions and tokens no longer work."),
    "unfrozen": _("The account works again."),
}


def cookie_name(secure: bool) -> str:
    """`__Host-` keeps other hosts of the same domain from setting it."""
    return "__Host-bonded-notice" if secure else "bonded-notice"


def go(request: Request, path: str, notice: str = "") -> Response:
    """303 to `path` of this site; `notice` is a code of NOTICES shown there."""
    response = HTTPSeeOther(location=path)
    if notice:
        assert notice in NOTICES, notice
        secure = request.settings.secure
        response.set_cookie(
            cookie_name(secure), notice, max_age=60, path="/", httponly=True, secure=secure, samesite="Lax"
        )
    return response


def take(request: Request, response: Response) -> str:
    """The notice to show on this answer, in the visitor's language, or ""; it is not shown again."""
    name = cookie_name(request.settings.secure)
    text = NOTICES.get(request.cookies.get(name, ""), "")
    if name in request.cookies:
        response.delete_cookie(name, path="/")
    return request.gettext(text) if text else ""
