"""All failures: code, exit status, what happened, and what the person can do. `docs/client-author/failures.md` says the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit statuses of the command. 2 is left to wrong usage, as argparse has it; 1 is an answer of `upgrade`."""

    NOT_FOUND = 3
    UNREACHABLE = 4
    SLOW = 5
    UNTRUSTED = 6
    EXPIRED = 7
    LOCAL = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of failure. `meaning` says what happened, `advice` what to do: each a sentence or two.

    `attack` says that someone between index and client may have caused it.
    """

    code: str
    exit: Exit
    meaning: str
    advice: str
    attack: bool = False


CATALOGUE: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            "project-unknown",
            Exit.NOT_FOUND,
            "The signed metadata has no page for the project.",
            "Look at the spelling of the name; otherwise nothing of it was ever public.",
        ),
        Kind(
            "version-unknown",
            Exit.NOT_FOUND,
            "No release fits the requirement, or those that do are yanked.",
            "Ask for other versions; a yanked release must be pinned with ==.",
        ),
        Kind(
            "file-unknown",
            Exit.NOT_FOUND,
            "The release has no file for this machine, or the file is not on its page.",
            "Use another Python; or the file was withdrawn.",
        ),
        Kind(
            "file-withdrawn",
            Exit.NOT_FOUND,
            "The newest signed page names the file, but it is no longer served, also after beginning again.",
            "Do not look for it elsewhere: it may be malware.",
        ),
        Kind(
            "project-quarantined",
            Exit.NOT_FOUND,
            "The index withdrew the project while people look at it (PEP 792).",
            "Wait, and read the reason.",
        ),
        Kind(
            "requirement-invalid",
            Exit.NOT_FOUND,
            "The words are no requirement, or a file is not named like a distribution.",
            "Name a project and versions.",
        ),
        Kind(
            "requirements-invalid",
            Exit.LOCAL,
            "A file of requirements cannot be read, or names something else than exact versions.",
            "Pin every line, as pip freeze and pip-compile do; -e, URLs, -r and -c are not understood.",
        ),
        Kind(
            "python-unusable",
            Exit.LOCAL,
            "The Python that was named cannot be run.",
            "Look at its path; give the program, or the folder of its environment.",
        ),
        Kind(
            "index-unreachable",
            Exit.UNREACHABLE,
            "No connection, a broken one, or an answer cut short.",
            "Look at the network, and try again.",
        ),
        Kind(
            "index-error",
            Exit.UNREACHABLE,
            "The index answered with an error status.",
            "Try again later; tell the operators of the index.",
        ),
        Kind(
            "metadata-missing",
            Exit.UNREACHABLE,
            "Something that the signed state names is not there, also after beginning again.",
            "Try again later; tell the operators of the index.",
        ),
        Kind(
            "slow",
            Exit.SLOW,
            "An answer did not come in time (slow retrieval).",
            "Try again or with a longer --timeout; on a good network, be suspicious.",
            attack=True,
        ),
        Kind(
            "expired",
            Exit.EXPIRED,
            "The newest metadata that could be had has expired (freeze).",
            "Look at your clock; else the index stopped signing, or somebody holds news back: try another network.",
            attack=True,
        ),
        Kind(
            "bad-signature",
            Exit.UNTRUSTED,
            "Metadata is not signed by enough of the keys that its parent names.",
            "Somebody altered it, or your root.json is of another index: try another network, tell the operators.",
            attack=True,
        ),
        Kind(
            "rollback",
            Exit.UNTRUSTED,
            "An older state was served than this client has trusted before.",
            "Somebody replays old metadata, or the index was restored wrongly: tell the operators.",
            attack=True,
        ),
        Kind(
            "mixed-versions",
            Exit.UNTRUSTED,
            "Files of different states were served together (mix and match).",
            "Somebody combines old and new files: try again, then try another network and tell the operators.",
            attack=True,
        ),
        Kind(
            "endless-data",
            Exit.UNTRUSTED,
            "More bytes came than the signed length, or than such a file may have.",
            "Somebody feeds you data without end, or a compressed bomb: try another network, tell the operators.",
            attack=True,
        ),
        Kind(
            "altered",
            Exit.UNTRUSTED,
            "Length or hash differ from what was signed.",
            "The bytes were altered on the way or on the server's disk: try another network, tell the operators.",
            attack=True,
        ),
        Kind(
            "undecodable",
            Exit.UNTRUSTED,
            "The compressed form is broken, or of an unknown kind.",
            "A proxy in between is broken, or it is an attack: try another network.",
            attack=True,
        ),
        Kind(
            "malformed",
            Exit.UNTRUSTED,
            "It is in its place or even signed, but does not say what it must.",
            "Look at the address of the index; tell its operators.",
            attack=True,
        ),
        Kind(
            "root-unreadable",
            Exit.LOCAL,
            "The root metadata that you gave cannot be read.",
            "Look at the path and its permissions.",
        ),
        Kind(
            "root-invalid",
            Exit.LOCAL,
            "The file is no root metadata, or is not signed by its own keys.",
            "Get the root of trust again.",
        ),
        Kind("disk", Exit.LOCAL, "A local file could not be read or written.", "Look at space and permissions."),
        Kind(
            "busy",
            Exit.LOCAL,
            "Another process has been using the remembered state for a minute.",
            "Wait for it, or give each its own --cache.",
        ),
        Kind(
            "port-taken",
            Exit.LOCAL,
            "The address is not this machine's, or its port is in use.",
            "Choose another --port, or 0 for any that is free.",
        ),
        Kind(
            "command-missing",
            Exit.LOCAL,
            "The command after -- could not be started.",
            "Look at its spelling and at PATH.",
        ),
        Kind(
            "internal",
            Exit.LOCAL,
            "Something happened that nobody foresaw.",
            "Report it to the makers of bonded-client, with this message.",
        ),
    )
}
