"""The one table of allowed moves between file states, and what each state means for bytes and names. Pure."""

from bonded.values.pieces import file_state
from bonded.values.refusals import Refusal, define
from bonded.values.states import FileState

S = FileState

MOVES: dict[FileState, frozenset[FileState]] = {
    S.RECEIVED: frozenset({S.PUBLIC, S.HELD, S.REJECTED, S.REMOVED}),  # removed: only with its whole project
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

EVIDENCE = define(
    "file-is-evidence",
    409,
    "A quarantined file cannot be deleted by its owners",
    "The file was withdrawn because it may do harm, and it is kept as evidence. It is served to nobody. Administrators alone "
    "release it or remove it for good: ask them if you think that it is harmless, or want it gone.",
)

OWNERS_DELETE = frozenset({S.PUBLIC, S.HELD, S.REJECTED})
"""States from which owners may remove a file. Out of quarantine, administrators alone do."""


def check_owner_delete(state: FileState) -> None:
    """Raise Refusal unless an owner may remove a file in `state`: file-is-evidence, else wrong-state."""
    if state is S.QUARANTINED:
        raise Refusal(EVIDENCE, "the file is quarantined and kept as evidence: only an administrator can remove it")
    if state not in OWNERS_DELETE:
        raise Refusal(WRONG_STATE, f"a file that is {file_state(state)} cannot become {file_state(S.REMOVED)}")


def check_move(old: FileState, new: FileState) -> None:
    """Raise Refusal (wrong-state) unless a file in `old` may become `new`."""
    if new not in MOVES[old]:
        raise Refusal(WRONG_STATE, f"a file that is {file_state(old)} cannot become {file_state(new)}")


def listed(state: FileState) -> bool:
    """Whether project pages name the file and its bytes are served."""
    return state is FileState.PUBLIC


def holds_name(state: FileState, burnt: bool) -> bool:
    """Whether other bytes are refused under the file's name: pending, public, or ever public."""
    return burnt or state in (S.RECEIVED, S.HELD, S.PUBLIC, S.QUARANTINED)
