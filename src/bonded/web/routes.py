"""The one table of routes: each address, and the action that each of its methods is. What is not here is denied."""

from __future__ import annotations

from bonded.web import routes_people
from bonded.web.account import (
    addresses,
    confirm,
    factors,
    login,
    overview,
    password,
    profile,
    register,
    second,
    sessions,
    tokens,
    unusual,
)
from bonded.web.account import publishing as own_publishing
from bonded.web.admin import (
    case,
    checks,
    claims,
    decisions,
    differences,
    figures,
    filters,
    in_force,
    jobs,
    journal,
    people,
    queue,
    reports,
    signing,
)
from bonded.web.admin import overview as admin_overview
from bonded.web.api import leaks, legacy, oidc, screening
from bonded.web.manage import files, history, publishing, roles, status
from bonded.web.public import (
    assets,
    help_pages,
    home,
    integrity,
    language,
    osv,
    preferences,
    project,
    project_file,
    proofs,
    report,
    search,
    service,
    statistics,
    style,
    user,
    wellknown,
)
from bonded.web.public import history as public_history
from bonded.web.table import Proof, Route

SEE, OWN, MANAGE, ADMIN, REVIEW = "index.read", "account.see", "project.manage", "admin.see", "review.see"

PUBLIC = (
    Route("home", "/", {"GET": (SEE, home.show)}),
    Route("search", "/search/", {"GET": (SEE, search.show)}),
    Route("search.suggest", "/search/suggest/", {"GET": (SEE, search.suggest)}),
    Route("project", "/project/{project}/", {"GET": (SEE, project.show)}),
    Route("project.feed", "/project/{project}/atom.xml", {"GET": (SEE, public_history.project_feed)}),
    Route("project.history", "/project/{project}/history/", {"GET": (SEE, public_history.project)}),
    Route("release", "/project/{project}/{version}/", {"GET": (SEE, project.show)}),
    Route("file", "/project/{project}/{version}/{filename}/", {"GET": (SEE, project_file.show)}),
    Route("uploaded", "/legacy/{project}/{version}/", {"GET": (SEE, project.uploaded)}),
    Route(
        "integrity",
        "/integrity/{project}/{version}/{filename}/provenance",
        {"GET": (SEE, integrity.show)},
    ),
    Route("recent", "/recent/", {"GET": (SEE, public_history.recent)}),
    Route("recent.feed", "/recent/atom.xml", {"GET": (SEE, public_history.recent_feed)}),
    Route("statistics", "/statistics/", {"GET": (SEE, statistics.show)}),
    Route("status", "/status/", {"GET": (SEE, service.show)}),
    Route("user", "/user/{name}/", {"GET": (SEE, user.show)}),
    Route(
        "language",
        "/language/",
        {"GET": (SEE, language.show), "POST": (SEE, language.choose)},
        stranger_form=True,
    ),
    Route("accessibility", "/accessibility/", {"GET": (SEE, help_pages.accessibility)}),
    Route("help", "/help/", {"GET": (SEE, help_pages.show)}),
    Route("help.refusals", "/help/refusals/", {"GET": (SEE, help_pages.refusals)}),
    Route("help.refusal", "/help/refusals/{code}/", {"GET": (SEE, help_pages.refusal)}),
    Route(
        "preferences",
        "/preferences/",
        {"GET": (SEE, preferences.show), "POST": (SEE, preferences.keep)},
        stranger_form=True,
    ),
    Route("style", "/style/", {"GET": (SEE, style.show)}),
    Route("security", "/.well-known/security.txt", {"GET": (SEE, wellknown.security)}),
    Route("osv", "/osv/index.json", {"GET": ("advisory.see", osv.index)}),
    Route("osv.all", "/osv/all.zip", {"GET": ("advisory.see", osv.everything)}),
    Route("osv.advisory", "/osv/{advisory}.json", {"GET": ("advisory.see", osv.show)}),
    Route(
        "report",
        "/report/",
        {"GET": ("report.make", report.show), "POST": ("report.make", report.send)},
        stranger_form=True,
    ),
    Route("proof.head", "/journal/proof/", {"GET": (SEE, proofs.head)}),
    Route("proof.inclusion", "/journal/proof/inclusion/{row}", {"GET": (SEE, proofs.inclusion)}),
    Route("proof.rows", "/journal/proof/rows/{first}/{end}", {"GET": (SEE, proofs.rows)}),
    Route("proof.consistency", "/journal/proof/consistency/{old}/{new}", {"GET": (SEE, proofs.consistency)}),
    Route("asset", "/static/{digest}/{name}", {"GET": (SEE, assets.show)}),
)

ACCOUNT = (
    Route(
        "login",
        "/account/login/",
        {"GET": ("user.login", login.show), "POST": ("user.login", login.enter)},
        stranger_form=True,
    ),
    Route(
        "login.second",
        "/account/login/second/",
        {"GET": ("user.second-step", second.show), "POST": ("user.second-step", second.enter)},
        stranger_form=True,
    ),
    Route("login.passkey", "/account/login/passkey/", {"POST": ("user.login", second.passkey)}, stranger_form=True),
    Route(
        "login.unusual",
        "/account/login/unusual/",
        {"GET": ("user.resend-login", unusual.show), "POST": ("user.resend-login", unusual.send_again)},
        stranger_form=True,
    ),
    Route(
        "login.confirm",
        "/account/login/confirm/{secret}/",
        {"GET": ("user.confirm-login", unusual.show_link), "POST": ("user.confirm-login", unusual.use_link)},
        stranger_form=True,
    ),
    Route("logout", "/account/logout/", {"POST": ("user.logout", login.leave)}),
    Route(
        "password.link",
        "/account/set-password/{secret}/",
        {"GET": ("user.set-password", password.show_link), "POST": ("user.set-password", password.use_link)},
        stranger_form=True,
    ),
    Route(
        "password",
        "/account/password/",
        {"GET": (OWN, password.show_change), "POST": ("user.change-password", password.change)},
    ),
    Route("confirm", "/account/confirm/", {"GET": (OWN, confirm.show), "POST": ("user.confirm", confirm.enter)}),
    Route("profile", "/account/profile/", {"GET": (OWN, profile.show)}),
    Route("profile.language", "/account/profile/language/", {"POST": ("user.set-language", profile.set_language)}),
    Route(
        "addresses", "/account/addresses/", {"GET": (OWN, addresses.show), "POST": ("user.ask-email", addresses.add)}
    ),
    Route(
        "address.again", "/account/addresses/{address}/again/", {"POST": ("user.resend-email", addresses.send_again)}
    ),
    Route(
        "address.primary",
        "/account/addresses/{address}/primary/",
        {"POST": ("user.change-email", addresses.make_primary)},
    ),
    Route("address.remove", "/account/addresses/{address}/remove/", {"POST": ("user.remove-email", addresses.remove)}),
    Route(
        "email.link",
        "/account/email/{secret}/",
        {"GET": ("user.confirm-email", addresses.show_link), "POST": ("user.confirm-email", addresses.use_link)},
        stranger_form=True,
    ),
    Route(
        "email.undo",
        "/account/undo-email/{secret}/",
        {"GET": ("user.undo-email", addresses.show_undo), "POST": ("user.undo-email", addresses.use_undo)},
        stranger_form=True,
    ),
    Route(
        "register",
        "/account/register/",
        {"GET": ("user.register", register.show), "POST": ("user.register", register.enter)},
        stranger_form=True,
    ),
    Route(
        "register.sent",
        "/account/register/{registration}/",
        {"GET": ("user.register", register.show_sent)},
        stranger_form=True,
    ),
    Route(
        "register.again",
        "/account/register/{registration}/again/",
        {"POST": ("user.register-again", register.send_again)},
        stranger_form=True,
    ),
    Route(
        "register.link",
        "/account/verify/{secret}/",
        {"GET": ("user.verify", register.show_link), "POST": ("user.verify", register.use_link)},
        stranger_form=True,
    ),
    Route("device.forget", "/account/devices/{device}/forget/", {"POST": ("user.forget-browser", sessions.forget)}),
    Route("factors", "/account/factors/", {"GET": (OWN, factors.show)}),
    Route(
        "factors.app",
        "/account/factors/app/",
        {"GET": ("factor.add", factors.show_app), "POST": ("factor.add", factors.add_app)},
    ),
    Route(
        "factors.device",
        "/account/factors/device/",
        {"GET": ("factor.add", factors.show_device), "POST": ("factor.add", factors.add_device)},
    ),
    Route("factors.codes", "/account/factors/codes/", {"POST": ("factor.make-codes", factors.make_codes)}),
    Route("factors.prove", "/account/factors/codes/prove/", {"POST": ("factor.prove-codes", factors.prove_codes)}),
    Route("factors.rename", "/account/factors/{factor}/rename/", {"POST": ("factor.rename", factors.rename)}),
    Route("factors.remove", "/account/factors/{factor}/remove/", {"POST": ("factor.remove", factors.remove)}),
    Route("account", "/account/", {"GET": (OWN, overview.show)}),
    Route(
        "forgotten",
        "/account/forgotten/",
        {"GET": ("user.ask-reset", password.show_forgotten), "POST": ("user.ask-reset", password.forgotten)},
        stranger_form=True,
    ),
    Route("not-me", "/account/not-me/", {"POST": ("user.not-me", overview.not_me)}),
    Route("account.export", "/account/history/export/", {"GET": (OWN, overview.export)}),
    Route("account.history", "/account/history/", {"GET": (OWN, overview.history)}),
    Route("tokens", "/account/tokens/", {"GET": (OWN, tokens.show), "POST": ("token.create", tokens.create)}),
    Route("token.revoke", "/account/tokens/{token}/revoke/", {"POST": ("token.revoke", tokens.revoke)}),
    Route("token.rotate", "/account/tokens/{token}/rotate/", {"POST": ("token.rotate", tokens.rotate)}),
    Route("sessions.end", "/account/sessions/end-others/", {"POST": ("session.end-others", sessions.end_others)}),
    Route("sessions", "/account/sessions/", {"GET": (OWN, sessions.show)}),
    Route("session.end", "/account/sessions/{session}/end/", {"POST": ("session.end", sessions.end)}),
)

MANAGE_ROUTES = (
    Route("manage", "/manage/project/{project}/", {"GET": (MANAGE, files.show)}),
    Route("manage.yank", "/manage/project/{project}/files/{file}/yank/", {"POST": ("file.yank", files.yank)}),
    Route("manage.unyank", "/manage/project/{project}/files/{file}/unyank/", {"POST": ("file.unyank", files.unyank)}),
    Route(
        "manage.delete-file",
        "/manage/project/{project}/files/{file}/delete/",
        {"GET": (MANAGE, files.ask_delete), "POST": ("file.delete", files.delete)},
    ),
    Route("manage.status", "/manage/project/{project}/status/", {"GET": (MANAGE, status.show)}),
    Route("manage.archive", "/manage/project/{project}/archive/", {"POST": ("project.archive", status.archive)}),
    Route(
        "manage.unarchive", "/manage/project/{project}/unarchive/", {"POST": ("project.unarchive", status.unarchive)}
    ),
    Route(
        "manage.deprecate", "/manage/project/{project}/deprecate/", {"POST": ("project.deprecate", status.deprecate)}
    ),
    Route(
        "manage.undeprecate",
        "/manage/project/{project}/undeprecate/",
        {"POST": ("project.undeprecate", status.undeprecate)},
    ),
    Route("manage.delete", "/manage/project/{project}/delete/", {"POST": ("project.delete", status.delete)}),
    Route(
        "manage.roles",
        "/manage/project/{project}/people/",
        {"GET": (MANAGE, roles.show), "POST": ("role.add", roles.change_role)},
    ),
    Route("manage.role-remove", "/manage/project/{project}/people/remove/", {"POST": ("role.remove", roles.remove)}),
    Route("manage.history", "/manage/project/{project}/history/", {"GET": (MANAGE, history.show)}),
    Route("manage.export", "/manage/project/{project}/history/export/", {"GET": (MANAGE, history.export)}),
)

ADMIN_ROUTES = (
    Route("admin", "/admin/", {"GET": (ADMIN, admin_overview.show)}),
    Route("admin.queue", "/admin/review/", {"GET": (REVIEW, queue.show)}),
    Route("admin.count", "/admin/review/count/", {"GET": (REVIEW, claims.count)}),
    Route("admin.figures", "/admin/figures/", {"GET": (REVIEW, figures.show)}),
    Route("admin.settings", "/admin/settings/", {"GET": (ADMIN, in_force.show)}),
    Route("admin.filter-save", "/admin/filters/save/", {"POST": ("filter.save", filters.save)}),
    Route("admin.filter-forget", "/admin/filters/forget/", {"POST": ("filter.forget", filters.forget)}),
    Route("admin.case", "/admin/review/{case}/", {"GET": (REVIEW, case.show)}),
    Route("admin.claim", "/admin/review/{case}/claim/", {"POST": ("review.claim", claims.claim)}),
    Route("admin.let-go", "/admin/review/{case}/let-go/", {"POST": ("review.let-go", claims.let_go)}),
    Route("admin.next", "/admin/review/{case}/next/", {"GET": (REVIEW, claims.next_case)}),
    Route("admin.release", "/admin/review/{case}/release/", {"POST": ("review.release", decisions.on_case("release"))}),
    Route(
        "admin.quarantine",
        "/admin/review/{case}/quarantine/",
        {"POST": ("review.quarantine", decisions.on_case("quarantine"))},
    ),
    Route("admin.reject", "/admin/review/{case}/reject/", {"POST": ("review.reject", decisions.on_case("reject"))}),
    Route("admin.remove", "/admin/review/{case}/remove/", {"POST": ("review.remove", decisions.on_case("remove"))}),
    Route("admin.reopen", "/admin/review/{case}/reopen/", {"POST": ("review.reopen", decisions.on_case("reopen"))}),
    Route(
        "admin.ask", "/admin/review/{case}/ask-owner/", {"POST": ("review.ask-owner", decisions.on_case("ask-owner"))}
    ),
    Route("admin.evidence", "/admin/review/{case}/evidence/{finding}/", {"GET": (REVIEW, case.evidence)}),
    Route(
        "admin.differences",
        "/admin/review/{case}/differences/",
        {"GET": (REVIEW, differences.show), "POST": ("review.compare", differences.ask)},
    ),
    Route("admin.related", "/admin/review/{case}/related/", {"GET": (REVIEW, differences.show_related)}),
    Route("admin.suppress", "/admin/review/{case}/suppress/", {"POST": ("check.suppress", checks.suppress)}),
    Route("admin.cases-release", "/admin/cases/release/", {"POST": ("review.release", decisions.on_cases("release"))}),
    Route(
        "admin.cases-quarantine",
        "/admin/cases/quarantine/",
        {"POST": ("review.quarantine", decisions.on_cases("quarantine"))},
    ),
    Route("admin.cases-reject", "/admin/cases/reject/", {"POST": ("review.reject", decisions.on_cases("reject"))}),
    Route("admin.cases-remove", "/admin/cases/remove/", {"POST": ("review.remove", decisions.on_cases("remove"))}),
    Route(
        "admin.cases-ask", "/admin/cases/ask-owner/", {"POST": ("review.ask-owner", decisions.on_cases("ask-owner"))}
    ),
    Route("admin.undo", "/admin/undo/", {"POST": ("review.undo", decisions.undo)}),
    Route("admin.checks", "/admin/checks/", {"GET": (REVIEW, checks.show)}),
    Route("admin.check", "/admin/checks/{check}/", {"GET": (REVIEW, checks.show_one)}),
    Route("admin.check-state", "/admin/checks/{check}/state/", {"POST": ("check.set-state", checks.set_one)}),
    Route("admin.check-backfill", "/admin/checks/{check}/backfill/", {"POST": ("check.backfill", checks.start)}),
    Route("admin.backfill-pause", "/admin/backfills/{backfill}/pause/", {"POST": ("check.backfill", checks.pause)}),
    Route("admin.backfill-resume", "/admin/backfills/{backfill}/resume/", {"POST": ("check.backfill", checks.resume)}),
    Route("admin.backfill-cancel", "/admin/backfills/{backfill}/cancel/", {"POST": ("check.backfill", checks.cancel)}),
    Route("admin.suppressions", "/admin/suppressions/", {"GET": (REVIEW, checks.show_suppressions)}),
    Route(
        "admin.suppression-end",
        "/admin/suppressions/{suppression}/end/",
        {"POST": ("check.unsuppress", checks.end_suppression)},
    ),
    Route("admin.projects", "/admin/projects/", {"GET": (REVIEW, decisions.show_projects)}),
    Route(
        "admin.quarantine-project",
        "/admin/projects/quarantine/",
        {"POST": ("review.quarantine-project", decisions.quarantine_project)},
    ),
    Route(
        "admin.release-project",
        "/admin/projects/release/",
        {"POST": ("review.release-project", decisions.release_project)},
    ),
    Route("admin.signing", "/admin/signing/", {"GET": (ADMIN, signing.show)}),
    Route("admin.jobs", "/admin/jobs/", {"GET": (ADMIN, jobs.show)}),
    Route("admin.job-retry", "/admin/jobs/{job}/retry/", {"POST": ("job.retry", jobs.retry)}),
    Route("admin.job-discard", "/admin/jobs/{job}/discard/", {"POST": ("job.discard", jobs.discard)}),
    Route("admin.reports", "/admin/reports/", {"GET": ("report.see", reports.show)}),
    Route("admin.report-link", "/admin/reports/{report}/link/", {"POST": ("report.link", reports.link)}),
    Route("admin.report-dismiss", "/admin/reports/{report}/dismiss/", {"POST": ("report.dismiss", reports.dismiss)}),
    Route("admin.people", "/admin/people/", {"GET": (ADMIN, people.show)}),
    Route("admin.freeze", "/admin/people/{user}/freeze/", {"POST": ("user.freeze", people.freeze)}),
    Route("admin.unfreeze", "/admin/people/{user}/unfreeze/", {"POST": ("user.unfreeze", people.unfreeze)}),
    Route("admin.journal", "/admin/journal/", {"GET": ("admin.journal", journal.show)}),
    Route("admin.journal-export", "/admin/journal/export/", {"GET": ("admin.journal", journal.export)}),
    Route("admin.addresses", "/admin/journal/addresses/", {"POST": ("admin.read-private", journal.show_private)}),
)

API = (
    Route("token.leaked", "/api/tokens/leaked/", {"POST": ("token.leaked", leaks.report)}, proof=Proof.TOKEN),
    Route("upload", "/legacy/", {"POST": ("file.upload", legacy.upload)}, proof=Proof.TOKEN),
    Route("upload.bare", "/legacy", {"POST": ("file.upload", legacy.upload)}, proof=Proof.TOKEN),
    Route("api.reports", "/api/reports/", {"POST": ("report.make", report.api)}, proof=Proof.TOKEN),
    Route("api.screenings", "/api/screenings/", {"POST": ("screening.submit", screening.submit)}, proof=Proof.TOKEN),
    Route(
        "api.screening",
        "/api/screenings/{submission}/",
        {"GET": ("screening.read", screening.show)},
        proof=Proof.TOKEN,
    ),
)

# Trusted publishing, as upload tools speak it (Warehouse's addresses, and the discovery of PEP 807).
IDENTITIES = (
    Route("oidc.discover", "/.well-known/pytp", {"GET": (SEE, oidc.discover)}, proof=Proof.TOKEN),
    Route("oidc.audience", "/_/oidc/audience", {"GET": (SEE, oidc.audience)}, proof=Proof.TOKEN),
    Route("oidc.mint", "/_/oidc/mint-token", {"POST": ("publisher.mint", oidc.mint)}, proof=Proof.TOKEN),
    Route("oidc.mint-old", "/_/oidc/github/mint-token", {"POST": ("publisher.mint", oidc.mint)}, proof=Proof.TOKEN),
)

PUBLISHING = (
    Route(
        "manage.publishing",
        "/manage/project/{project}/publishing/",
        {"GET": (MANAGE, publishing.show), "POST": ("publisher.add", publishing.add)},
    ),
    Route(
        "manage.publisher-adopt",
        "/manage/project/{project}/publishing/{publisher}/adopt/",
        {"POST": ("publisher.adopt", publishing.adopt)},
    ),
    Route(
        "manage.publisher-remove",
        "/manage/project/{project}/publishing/{publisher}/remove/",
        {"POST": ("publisher.remove", publishing.remove)},
    ),
    Route(
        "publishing",
        "/account/publishing/",
        {"GET": (OWN, own_publishing.show), "POST": ("pending-publisher.add", own_publishing.add)},
    ),
    Route(
        "publishing.remove",
        "/account/publishing/{publisher}/remove/",
        {"POST": ("pending-publisher.remove", own_publishing.remove)},
    ),
)

ROUTES: tuple[Route, ...] = (
    IDENTITIES + PUBLISHING + PUBLIC + ACCOUNT + MANAGE_ROUTES + ADMIN_ROUTES + routes_people.ROUTES + API
)
