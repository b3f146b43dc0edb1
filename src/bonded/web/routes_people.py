"""Routes of invitations, approvals by a second owner, lost factors, personal data, and the policies about people."""

from __future__ import annotations

from bonded.web.account import data, invitations, recovery
from bonded.web.admin import factor_policy, mails
from bonded.web.admin import recovery as admin_recovery
from bonded.web.api import recovery as api_recovery
from bonded.web.manage import approvals
from bonded.web.manage import invitations as inviting
from bonded.web.table import Proof, Route

OWN, MANAGE, ADMIN, ASKED = "account.see", "project.manage", "admin.see", "recovery.see"
PROJECT = "/manage/project/{project}"
REQUEST = "/account/recovery/request/{secret}"

ACCOUNT = (
    Route("invitations", "/account/invitations/", {"GET": (OWN, invitations.show)}),
    Route(
        "invitation.link",
        "/account/invitations/link/{secret}/",
        {"GET": ("role.decline", invitations.show_link), "POST": ("role.decline", invitations.decline_link)},
        stranger_form=True,
    ),
    Route(
        "invitation.accept",
        "/account/invitations/{invitation}/accept/",
        {"POST": ("role.accept", invitations.accept)},
    ),
    Route(
        "invitation.decline",
        "/account/invitations/{invitation}/decline/",
        {"POST": ("role.decline", invitations.decline)},
        stranger_form=True,
    ),
    Route("data", "/account/data/", {"GET": (OWN, data.show)}),
    Route("data.export", "/account/data/export/", {"POST": ("account.export", data.export)}),
    Route("data.delete", "/account/data/delete/", {"POST": ("account.delete", data.delete)}),
    Route(
        "mails", "/account/mails/", {"GET": (OWN, data.show_mails), "POST": ("account.set-mails", data.choose_mails)}
    ),
    Route(
        "recovery",
        "/account/recovery/",
        {"GET": ("recovery.ask", recovery.show), "POST": ("recovery.ask", recovery.ask)},
        stranger_form=True,
    ),
    Route(
        "recovery.token",
        "/account/recovery/token/",
        {"POST": ("recovery.prove-token", api_recovery.prove)},
        proof=Proof.TOKEN,
    ),
    Route("recovery.request", f"{REQUEST}/", {"GET": (ASKED, recovery.show_request)}, stranger_form=True),
    Route(
        "recovery.repository",
        f"{REQUEST}/repository/",
        {"POST": ("recovery.name-repository", recovery.name_repository)},
        stranger_form=True,
    ),
    Route("recovery.begin", f"{REQUEST}/begin/", {"POST": ("recovery.begin", recovery.begin)}, stranger_form=True),
    Route("recovery.give-up", f"{REQUEST}/stop/", {"POST": ("recovery.stop", recovery.give_up)}, stranger_form=True),
    Route(
        "recovery.stop",
        "/account/recovery/stop/{secret}/",
        {"GET": (ASKED, recovery.show_stop), "POST": ("recovery.stop", recovery.stop)},
        stranger_form=True,
    ),
    Route(
        "recovery.stop-own",
        "/account/recovery/stop-own/",
        {"POST": ("recovery.stop", recovery.stop_own)},
        stranger_form=True,
    ),
)

MANAGE_ROUTES = (
    Route("manage.invite", f"{PROJECT}/people/invite/", {"POST": ("role.invite", inviting.invite)}),
    Route("manage.leave", f"{PROJECT}/people/leave/", {"POST": ("role.leave", inviting.leave)}),
    Route(
        "manage.invitation-revoke",
        f"{PROJECT}/people/invitations/{{invitation}}/revoke/",
        {"POST": ("role.revoke-invitation", inviting.revoke)},
    ),
    Route("manage.approvals", f"{PROJECT}/approvals/", {"GET": (MANAGE, approvals.show)}),
    Route("manage.approve", f"{PROJECT}/files/{{file}}/approve/", {"POST": ("file.approve", approvals.approve)}),
    Route("manage.decline", f"{PROJECT}/files/{{file}}/decline/", {"POST": ("file.decline", approvals.decline)}),
    Route("manage.dual-start", f"{PROJECT}/approvals/start/", {"POST": ("project.start-dual", approvals.start)}),
    Route("manage.dual-ask", f"{PROJECT}/approvals/ask-end/", {"POST": ("project.ask-end-dual", approvals.ask_end)}),
    Route("manage.dual-keep", f"{PROJECT}/approvals/keep/", {"POST": ("project.keep-dual", approvals.keep)}),
    Route("manage.dual-end", f"{PROJECT}/approvals/end/", {"POST": ("project.end-dual", approvals.end)}),
)

ADMIN_ROUTES = (
    Route("admin.recoveries", "/admin/recovery/", {"GET": (ADMIN, admin_recovery.show)}),
    Route("admin.recovery", "/admin/recovery/{request}/", {"GET": (ADMIN, admin_recovery.show_one)}),
    Route(
        "admin.recovery-agree", "/admin/recovery/{request}/agree/", {"POST": ("recovery.agree", admin_recovery.agree)}
    ),
    Route(
        "admin.recovery-refuse",
        "/admin/recovery/{request}/refuse/",
        {"POST": ("recovery.refuse", admin_recovery.refuse)},
    ),
    Route(
        "admin.factors",
        "/admin/factors/",
        {"GET": (ADMIN, factor_policy.show), "POST": ("policy.set-factors", factor_policy.choose)},
    ),
    Route("admin.critical", "/admin/factors/critical/", {"POST": ("project.mark-critical", factor_policy.mark)}),
    Route(
        "admin.uncritical", "/admin/factors/uncritical/", {"POST": ("project.unmark-critical", factor_policy.unmark)}
    ),
    Route("admin.mails", "/admin/mails/", {"GET": (ADMIN, mails.show)}),
    Route("admin.mail", "/admin/mails/{kind}/", {"GET": (ADMIN, mails.show_one)}),
)

ROUTES = (*ACCOUNT, *MANAGE_ROUTES, *ADMIN_ROUTES)
