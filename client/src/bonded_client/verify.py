"""Verify files that are already here: are they, byte for byte, what the index has signed under their names?"""

from __future__ import annotations

from pathlib import Path

from bonded_client.download import check_own_target, project_page, sha256_of
from bonded_client.failures import Failure
from bonded_client.page import File, split_filename
from bonded_client.trust import Trust


def verify(trust: Trust, path: Path, *, own_target: bool) -> File:
    """What the index says of the file at `path`, which is the same in length and sha256.

    Raises Failure (requirement-invalid for a name that is no distribution's, project-unknown, file-unknown, altered,
    disk), or python-tuf's errors.
    """
    try:
        project, _, _ = split_filename(path.name)
    except ValueError as error:
        raise Failure("requirement-invalid", f"{error}.") from error
    if not path.is_file():
        raise Failure("disk", f"{path} is not a file.")

    def ask() -> File:
        page = project_page(trust, project)
        for file in page.files:
            if file.filename == path.name:
                if own_target:
                    check_own_target(trust, project, file)
                return file
        raise Failure("file-unknown", f"{path.name} is not on the page of {project}; it may have been withdrawn.")

    file = trust.steadily(ask)
    size = path.stat().st_size
    if size != file.size or sha256_of(path) != file.sha256:
        raise Failure("altered", f"{path} is not what the index signed: its length or sha256 differs.")
    return file
