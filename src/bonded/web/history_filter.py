"""What somebody wants to see of a history: the fields of the form above it, kept in the addresses of its pages and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode

from sqlalchemy import Connection

from bonded.accounts import people
from bonded.journal.read import Filter, acted
from bonded.values.actions import ACTIONS
from bonded.values.names import normalize
from bonded.values.refusals import Refusal
from bonded.web.refusals import BAD_FORM, NOT_FOUND

EVENTS = {name: action for name, action in ACTIONS.items() if action.event}
"""What a journal can hold rows of, for the form's list."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The fields as they were typed; "" does not narrow. `since` and `until` are days in UTC, both included."""

    action: str = ""
    person: str = ""
    project: str = ""
    credential: str = ""
    since: str = ""
    until: str = ""

    @property
    def query(self) -> str:
        """The fields that narrow, for an address."""
        return urlencode(self.fields)

    @property
    def fields(self) -> dict[str, str]:
        """The fields that narrow."""
        return {name: value for name, value in asdict(self).items() if value}


def chosen_of(params: Mapping[str, object]) -> Chosen:
    """The fields of a request. Raises Refusal (bad-form) for an act or a day that does not exist."""
    chosen = Chosen(**{name: str(params.get(name, "")).strip()[:100] for name in Chosen.__dataclass_fields__})
    if chosen.action and chosen.action not in EVENTS:
        raise Refusal(BAD_FORM, f"there is no act {chosen.action[:40]!r} in the journal")
    days = [_day(text) for text in (chosen.since, chosen.until) if text]
    if len(days) == 2 and days[1] < days[0]:
        raise Refusal(BAD_FORM, "the last day is before the first")
    return chosen


def narrowed(conn: Connection, chosen: Chosen, ip: str = "") -> Filter:
    """The same for the journal. Raises Refusal (not-found) for a person who is not and never was in it."""
    return Filter(
        actions=(chosen.action,) if chosen.action else (),
        user_id=_person(conn, chosen.person) if chosen.person else None,
        project=normalize(chosen.project) if chosen.project else None,
        credential_id=chosen.credential or None,
        ip=ip or None,
        since=_day(chosen.since) if chosen.since else None,
        until=_day(chosen.until) + timedelta(days=1) if chosen.until else None,
    )


def _person(conn: Connection, text: str) -> str:
    """The id of somebody by name; of a deleted account, whose name is forgotten, by the id that its rows show."""
    known = people.by_name(conn, text)
    if known is not None:
        return known.id
    if acted(conn, text):
        return text
    raise Refusal(NOT_FOUND, "There is nobody of this name here.")


def _day(text: str) -> datetime:
    try:
        day = date.fromisoformat(text)
        if len(text) != 10 or not 2000 <= day.year <= 9000:
            raise ValueError(text)
    except ValueError as error:
        raise Refusal(BAD_FORM, f"{text[:20]!r} is not a day such as 2026-01-31") from error
    return datetime.combine(day, time(), UTC)
