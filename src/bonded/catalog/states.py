"""The one table of allowed moves between file states, and what each state means for bytes and names. Pure."""

from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState

S = FileState

MOVES: dict[FileState, frozenset[FileState]] = {
    S.RECEIVED: frozenset({S.PUBLIC, S.HELD, S.REJECTED}),
    S.HELD: frozenset({S.PUBLIC, S.REJECTED, S.REMOVED}),
    S.PUBLIC: frozenset({S.QUARANTINED, S.REMOVED}),
    S.QUARANTINED: frozenset({S.PUBLIC, S.REMOVED}),
    S.REJECTED: frozenset({S.HELD, S.PUBLIC, S.REMOVED}),
    S.REMOVED: frozenset(),
}

WRONG_STATE = define(
    "wrong-state",
    409,
    "Not possible in this state",
    "What was asked for is not possible in the state that the file or project is in now. It may have changed since the page was "
    "loaded: load it again.",
)


def check_move(old: FileState, new: FileState) -> None:
    """Raise Refusal (wrong-state) unless a file in `old` may become `new`."""
    if new not in MOVES[old]:
        raise Refusal(WRONG_STATE, f"a file that is {old} cannot become {new}")


def listed(state: FileState) -> bool:
    """Whether project pages name the file and its bytes are served."""
    return state is FileState.PUBLIC


def holds_name(state: FileState, burnt: bool) -> bool:
    """Whether other bytes are refused under the file's name: pending, public, or ever public."""
    return burnt or state in (S.RECEIVED, S.HELD, S.PUBLIC, S.QUARANTINED)
