"""Who must have a second factor, and which projects count as critical."""

from __future__ import annotations

from pyramid.response import Response

from bonded.accounts import factor_policy
from bonded.accounts.factor_policy import FactorPolicy
from bonded.catalog import critical
from bonded.values.names import normalize
from bonded.web.forms import Form
from bonded.web.identity import actor
from bonded.web.notices import go
from bonded.web.request import Request

CHOICES = ("everybody", "critical_devices")
ADDRESS = "/admin/factors/"


def show(request: Request) -> Response:
    """The policy in force, how people stand, and the critical projects."""
    with request.db.read() as conn:
        policy, standing = factor_policy.current(conn), factor_policy.standing(conn)
        keys = critical.critical_keys(conn)
    return request.page("admin/factor-policy.html", policy=policy, standing=standing, keys=keys)


def choose(request: Request) -> Response:
    """Change it. Raises Refusal (same-policy, policy-shuts-you-out, account-reason-needed)."""
    form = Form(request)
    asked = form.choices("ask", CHOICES)
    wanted = FactorPolicy(everybody="everybody" in asked, critical_devices="critical_devices" in asked)
    reason = form.words("reason", most=2000)
    with request.db.write() as tx:
        factor_policy.choose(tx, actor(request), wanted, reason=reason, now=request.now)
    return go(request, ADDRESS, "policy-set")


def mark(request: Request) -> Response:
    """Count a project as critical. Raises Refusal (no-such-project, wrong-state, reason-needed)."""
    return _mark(request, True)


def unmark(request: Request) -> Response:
    """Count it so no more. Raises Refusal (no-such-project, wrong-state, reason-needed)."""
    return _mark(request, False)


def _mark(request: Request, wanted: bool) -> Response:
    form = Form(request)
    key = normalize(form.text("name", most=100))
    with request.db.write() as tx:
        critical.mark(tx, actor(request), key, critical=wanted, reason=form.words("reason"), now=request.now)
    return go(request, ADDRESS, "critical-set")
