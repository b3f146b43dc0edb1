"""Small pure rules of the catalogue, each with its refusal: reasons, project status, the last owner."""

from __future__ import annotations

from bonded.catalog.states import WRONG_STATE
from bonded.values.actions import ACTIONS
from bonded.values.pieces import project_status
from bonded.values.refusals import Refusal, define
from bonded.values.states import ProjectStatus, Role
from bonded.values.text import clean

LONGEST_REASON = 1000

REASON_NEEDED = define(
    "reason-needed",
    400,
    "A reason is needed",
    "This act is written into the journal with a reason, which the people concerned can read. Say in a sentence why.",
)
REASON_TOO_LONG = define(
    "reason-too-long",
    400,
    "The reason is too long",
    f"A reason has at most {LONGEST_REASON} characters.",
)
NO_SUCH_PROJECT = define(
    "no-such-project",
    404,
    "No such project",
    "There is no project of this name here. Check the spelling; upper and lower case, '-', '_' and '.' make no difference.",
)
NO_SUCH_FILE = define(
    "no-such-file",
    404,
    "No such file",
    "There is no file of this name here. It may have been removed; the project's page lists what is there.",
)
SOLE_OWNER = define(
    "sole-owner",
    409,
    "The project would have no owner",
    "Every project keeps at least one owner. Make somebody else an owner first.",
)
NO_SUCH_ROLE = define(
    "no-such-role",
    404,
    "No such role",
    "This person has no role in the project, so there is nothing to take away.",
)

S = ProjectStatus

STATUS_MOVES: dict[str, tuple[frozenset[ProjectStatus], frozenset[ProjectStatus]]] = {
    "project.archive": (frozenset({S.ACTIVE, S.DEPRECATED}), frozenset({S.ARCHIVED})),
    "project.unarchive": (frozenset({S.ARCHIVED}), frozenset({S.ACTIVE})),
    "project.deprecate": (frozenset({S.ACTIVE, S.ARCHIVED}), frozenset({S.DEPRECATED})),
    "project.undeprecate": (frozenset({S.DEPRECATED}), frozenset({S.ACTIVE})),
    "review.quarantine-project": (frozenset({S.ACTIVE, S.ARCHIVED, S.DEPRECATED}), frozenset({S.QUARANTINED})),
    "review.release-project": (frozenset({S.QUARANTINED}), frozenset({S.ACTIVE, S.ARCHIVED, S.DEPRECATED})),
}
"""Action -> (from any of these, to any of these). Owners cannot lift a quarantine."""


def check_reason(action: str, reason: str) -> str:
    """`reason` fit for pages and journal. Raises Refusal (reason-needed, reason-too-long)."""
    text = clean(reason).strip()
    if not text and ACTIONS[action].reason:
        raise Refusal(REASON_NEEDED, "give a reason")
    if len(text) > LONGEST_REASON:
        raise Refusal(REASON_TOO_LONG, f"the reason is too long (characters: {len(text)}, allowed: {LONGEST_REASON})")
    return text


def check_status(action: str, old: ProjectStatus, new: ProjectStatus) -> None:
    """Raise Refusal (wrong-state) unless `action` may turn `old` into `new`. Raises KeyError for another action."""
    before, after = STATUS_MOVES[action]
    if old not in before or new not in after:
        raise Refusal(
            WRONG_STATE, f"a project that is {project_status(old)} cannot become {project_status(new)} this way"
        )


def check_owner_left(roles: list[tuple[str, Role]], user_id: str, new: Role | None) -> None:
    """Raise Refusal (sole-owner) when the project would have no owner once `user_id` has role `new` (None: no role)."""
    if new is not Role.OWNER and not any(role is Role.OWNER and user != user_id for user, role in roles):
        raise Refusal(SOLE_OWNER, "the project would have no owner left")
