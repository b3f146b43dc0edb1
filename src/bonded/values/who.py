"""Who did it: the actor and the credential of an action, always passed in, never defaulted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The kinds of actors."""

    USER = "user"
    TOKEN = "token"
    POLICY = "policy"
    OPERATOR = "operator"
    PUBLISHER = "publisher"


@dataclass(frozen=True, slots=True)
class Actor:
    """An actor.

    `user_id` is the opaque id of the person behind it ("" for policy, operator and publisher); `credential_id` the
    opaque id of the token or session. `ip` and `agent` are personal data: the journal keeps them apart.
    """

    kind: ActorKind
    user_id: str = ""
    credential_id: str = ""
    ip: str = ""
    agent: str = ""


POLICY = Actor(ActorKind.POLICY)
OPERATOR = Actor(ActorKind.OPERATOR)
PUBLISHER = Actor(ActorKind.PUBLISHER)
