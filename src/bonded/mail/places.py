"""Where something happened, with what, and where to look: in words.

Only links with a secret are links. A link to a page behind the login would ask for a password, and whoever is used to that
types it on a copy of this site as well; so mails say the way instead.
"""

from __future__ import annotations

from collections.abc import Callable

from bonded.journal.read import Entry
from bonded.values.actions import ACTIONS, Notify
from bonded.values.states import SubjectKind
from bonded.values.who import ActorKind

Translate = Callable[[str], str]


def place(entry: Entry, reader: str, gettext: Translate) -> str:
    """The network address, for the person whose act it was; for others, why it is not told."""
    if entry.actor_kind in (ActorKind.POLICY, ActorKind.PUBLISHER, ActorKind.OPERATOR):
        return gettext("the index itself")
    return (
        (entry.private.get("ip") or gettext("unknown")) if own(entry, reader) else gettext("not told: another person's")
    )


def device(entry: Entry, reader: str, gettext: Translate) -> str:
    """Browser or program, likewise."""
    if entry.actor_kind in (ActorKind.POLICY, ActorKind.PUBLISHER):
        return gettext("none: it happened by itself")
    if entry.actor_kind == ActorKind.OPERATOR:
        return gettext("the operator's command line")
    if not own(entry, reader):
        return gettext("not told: another person's")
    return entry.private.get("agent") or gettext("unknown")


def own(entry: Entry, reader: str) -> bool:
    """Whether the reader did it, or somebody who acted on their account without being known."""
    about_them = ACTIONS[entry.action].notify is Notify.SUBJECT and entry.actor_id == ""
    return entry.actor_id == reader or about_them


def where(entry: Entry, case_id: int | None, to_admin: bool, gettext: Translate) -> str:
    """The way to the page that shows it."""
    if ACTIONS[entry.action].notify is Notify.ADMINS and to_admin:
        return _administration(entry, case_id, gettext)
    if entry.project_key:
        return gettext("Log in as you always do, then: Projects › %(project)s › History") % {
            "project": entry.project_key
        }
    return gettext("Log in as you always do, then: your account › History")


def _administration(entry: Entry, case_id: int | None, gettext: Translate) -> str:
    if entry.subject_kind is SubjectKind.FILE and case_id:
        return gettext("Log in as you always do, then: Administration › Review › case %(case)s") % {"case": case_id}
    if entry.subject_kind is SubjectKind.FILE:
        return gettext("Log in as you always do, then: Administration › Review")
    if entry.action.startswith("recovery."):
        return gettext("Log in as you always do, then: Administration › Recovery")
    if entry.action.startswith(("publication.", "keys.", "index.")):
        return gettext("Log in as you always do, then: Administration › Signing")
    return gettext("Log in as you always do, then: Administration › Journal")
