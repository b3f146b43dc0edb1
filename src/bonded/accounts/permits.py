"""Who may do what: one pure decision over facts that the caller fetched. Nothing else in the house decides it.

Default deny: what no rule below allows is refused. The order of the rules is the order in which a person can do
something about it: log in, thaw the account, take another token, get the role, confirm that it is you.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from bonded.values.actions import Action, Who
from bonded.values.refusals import CATALOGUE, Refusal, define
from bonded.values.states import AccountState, Role

FRESH = timedelta(minutes=30)
"""How long a step-up authentication counts, unless settings say otherwise."""
JUST_NOW = timedelta(seconds=10)
"""How long it counts before what would let somebody in for ever, who came to an open browser a moment after its owner left."""

LOGIN_REQUIRED = define(
    "login-required",
    401,
    "Log in first",
    "Only somebody who is logged in, or who sends an API token, can do this.",
)
ACCOUNT_FROZEN = define(
    "account-frozen",
    403,
    "This account is frozen",
    "An administrator froze the account, or its owner did after a sign of abuse. Its sessions and API tokens do not work "
    "until an administrator thaws it.",
)
TOKEN_PERMISSION = define(
    "token-permission",
    403,
    "The token may not do this",
    "API tokens carry permissions. Make a token that has the one named here, or do it in the browser: some acts are never "
    "open to tokens.",
)
NOT_YOUR_PROJECT = define(
    "not-your-project",
    403,
    "You have no role in this project",
    "Only owners and maintainers of the project can do this. An owner can give you a role.",
)
OWNER_ONLY = define(
    "owner-only",
    403,
    "Only owners can do this",
    "Maintainers can upload and yank; deleting, statuses and roles are for owners of the project.",
)
ADMIN_ONLY = define(
    "admin-only",
    403,
    "Only administrators can do this",
    "This page or act is for administrators of the index.",
)
SYSTEM_ONLY = define(
    "system-only",
    403,
    "Nobody can do this by hand",
    "This happens by policy, by the publisher, or by the operator's command line only.",
)
CONFIRM_REQUIRED = define(
    "confirm-required",
    403,
    "Confirm that it is you",
    "This act asks for a recent proof that it is you. Confirm with your password, then try again.",
)


SECOND_FACTOR_NEEDED = define(
    "second-factor-needed",
    403,
    "This needs a second factor",
    "Whoever makes API tokens or manages projects here needs a second factor: an authentication app or a security device. Add one on "
    "the page of your second factors, then go on.",
)


SECURITY_DEVICE_NEEDED = define(
    "security-device-needed",
    403,
    "This needs a security device",
    "You work on a project on which much depends. Whoever does needs a security device or passkey, because a copy of this site "
    "cannot deceive it. Add one on the page of your second factors, then go on. An authentication app alone is not enough.",
)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The act may go ahead (as far as permissions go: states have their own rules)."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The act is refused for the reason of this refusal code."""

    code: str


def decide(
    action: Action,
    *,
    account: AccountState | None,
    is_admin: bool,
    role: Role | None,
    scopes: frozenset[str] | None,
    factor_age: timedelta | None,
    fresh: timedelta = FRESH,
    second_factor: bool = True,
    everybody: bool = False,
    device: bool = True,
) -> Allowed | Denied:
    """Whether somebody may do `action`.

    `account` is the state of their account, None when nobody is logged in. `role` is theirs in the project that is
    touched, None without one (or without a project). `scopes` are the permissions of the API token in use, None for a
    session in the browser. `factor_age` is how long ago they last proved who they are in this session, None for never.
    `second_factor`: they have one, or nobody asks for it here; `everybody`: it is asked for whatever they do, their own safety
    aside. `device`: they have a security device, or nobody asks for one.
    """
    if action.who is Who.SYSTEM:
        return Denied(SYSTEM_ONLY)
    if action.who is Who.ANYONE:
        return Allowed()
    if account is None:
        return Denied(LOGIN_REQUIRED)
    if account is not AccountState.ACTIVE:
        return Denied(ACCOUNT_FROZEN)
    if scopes is not None and (action.scope is None or action.scope not in scopes):
        return Denied(TOKEN_PERMISSION)
    if scopes is None and not second_factor and (needs_second_factor(action) or (everybody and not own_safety(action))):
        return _standing(action, is_admin, role) or Denied(SECOND_FACTOR_NEEDED)
    if scopes is None and not device and needs_second_factor(action):
        return _standing(action, is_admin, role) or Denied(SECURITY_DEVICE_NEEDED)
    return _standing(action, is_admin, role) or _freshness(action, factor_age, fresh) or Allowed()


_MAKING_TOKENS = frozenset({"token.create", "token.rotate", "pending-publisher.add"})


def needs_second_factor(action: Action) -> bool:
    """Whether the policy, where it is on, asks for a second factor before this: managing projects, making tokens."""
    return action.who in (Who.MAINTAINER, Who.OWNER) or action.name in _MAKING_TOKENS


_OWN_SAFETY = ("user.", "factor.", "session.", "account.", "recovery.")


def own_safety(action: Action) -> bool:
    """Whether the act only concerns the safety of one's own account: nobody is kept from that for want of a second factor."""
    return action.who is Who.USER and (action.name.startswith(_OWN_SAFETY) or action.name == "token.revoke")


def require(
    action: Action,
    *,
    account: AccountState | None,
    is_admin: bool,
    role: Role | None,
    scopes: frozenset[str] | None,
    factor_age: timedelta | None,
    fresh: timedelta = FRESH,
    project: str | None = None,
) -> None:
    """Like `decide`, raising the Refusal, which names `project`."""
    decision = decide(
        action, account=account, is_admin=is_admin, role=role, scopes=scopes, factor_age=factor_age, fresh=fresh
    )
    if isinstance(decision, Denied):
        raise refusal(decision, action, project)


def refusal(denied: Denied, action: Action, project: str | None = None) -> Refusal:
    """The refusal to raise or show. `project` is the name of the one that is touched, which the sentence then names."""
    title = CATALOGUE[denied.code].title
    if denied.code == NOT_YOUR_PROJECT and project:
        title = f"You have no role in the project {project}"
    return Refusal(denied.code, f"{title} ({action.label.lower()})")


def _standing(action: Action, is_admin: bool, role: Role | None) -> Denied | None:
    if action.who is Who.USER:
        return None
    if action.who is Who.ADMIN:
        return None if is_admin else Denied(ADMIN_ONLY)
    if role is None:
        return Denied(NOT_YOUR_PROJECT)
    if action.who is Who.MAINTAINER:
        return None
    return None if role is Role.OWNER else Denied(OWNER_ONLY)


_AT_ONCE = frozenset({"factor.make-codes"})


def _freshness(action: Action, factor_age: timedelta | None, fresh: timedelta) -> Denied | None:
    if not action.factor:
        return None
    if action.name in _AT_ONCE:
        fresh = min(fresh, JUST_NOW)
    # A negative age is a clock that was set back: it proves nothing.
    if factor_age is None or not timedelta(0) <= factor_age <= fresh:
        return Denied(CONFIRM_REQUIRED)
    return None
