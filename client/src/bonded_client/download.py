"""Download files: page through TUF, bytes by the page's sha256, and under their name only once they are right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from tuf.api import exceptions

from bonded_client.failures import Failure
from bonded_client.page import File, Page, parse
from bonded_client.trust import Trust
from bonded_client.whole import whole


def project_page(trust: Trust, project: str) -> Page:
    """The verified page of `project` (normalized). Raises Failure (project-unknown, malformed), or python-tuf's errors."""
    data = trust.read(f"simple/{project}/index.json")
    if data is None:
        raise Failure("project-unknown", f"The index has no project {project}.")
    return parse(data, project, trust.index.page(project))


def files_of(
    trust: Trust, project: str, pick: Callable[[Page], list[File]], folder: Path, *, own_target: bool
) -> list[tuple[File, Path]]:
    """Download the files that `pick` chooses from the page of `project` into `folder`.

    With `own_target`, each file's own TUF target must say the same as the page. Begins again when the index withdrew
    something meanwhile. Raises Failure, OSError, or python-tuf's errors.
    """

    def ask() -> list[tuple[File, Path]]:
        page = project_page(trust, project)
        return [(file, _one(trust, page.project, file, folder, own_target=own_target)) for file in pick(page)]

    try:
        return trust.steadily(ask)
    except exceptions.DownloadHTTPError as error:
        if error.status_code in {404, 410} and "/packages/" in trust.fetcher.last_url:
            name = trust.fetcher.last_url.rpartition("/")[2]
            raise Failure(
                "file-withdrawn", f"{name} is on the page of {project}, but the index serves it no more."
            ) from error
        raise


def _one(trust: Trust, project: str, file: File, folder: Path, *, own_target: bool) -> Path:
    if own_target:
        check_own_target(trust, project, file)
    path = folder / file.filename
    if not (path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256):
        _fetch(trust, file, path)
    return path


def check_own_target(trust: Trust, project: str, file: File) -> None:
    """Compare what the page says of `file` with the file's own target. Raises Failure (mixed-versions)."""
    info = trust.target(f"packages/{project}/{file.filename}")
    if info != (file.size, file.sha256):
        said = "is not a target of its own" if info is None else "has another length or sha256 as a target of its own"
        raise Failure("mixed-versions", f"{file.filename} is on the signed page of {project}, but {said}.")


def _fetch(trust: Trust, file: File, path: Path) -> None:
    """Stream `file` into `path`: there is never a wrong file by its name."""
    digest, count = hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as out:
        for piece in trust.fetcher.stream(file.url, file.size, "identity"):
            digest.update(piece)
            count += len(piece)
            out.write(piece)
        if count != file.size or digest.hexdigest() != file.sha256:
            raise exceptions.LengthOrHashMismatchError(f"{count} bytes, sha256 {digest.hexdigest()}")


def sha256_of(path: Path) -> str:
    """The sha256 of a local file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
