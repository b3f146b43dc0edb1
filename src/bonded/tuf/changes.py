"""`publications/<n>.json`: what one publication changed, for mirrors, auditors and recovery. Pure.

It names the publication before it with its digest, so the files form a chain; numbers have gaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bonded.tuf.binfile import Target
from bonded.tuf.plan import PageFileLike, PageLike, ProjectLike
from bonded.values.text import iso


def target_change(old: Target | None, new: Target | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Old and new facts of one target; `facts` are added to what it is now, or say why it is gone."""
    return {"old": _target(old), "new": _target(new), **facts}


def file_facts(file: PageFileLike) -> dict[str, Any]:
    """Public facts of a file that pages and bins do not hold, or that a lost database would need again."""
    return {
        "version": file.version,
        "packagetype": str(file.packagetype),
        "python_version": file.python_version,
        "requires_python": file.requires_python,
        "md5": file.md5,
        "blake2_256": file.blake2_256,
        "metadata_sha256": file.metadata_sha256,
        "metadata_size": file.metadata_size,
        "uploaded_at": iso(file.uploaded_at),
        **({"provenance_sha256": file.provenance_sha256} if file.provenance_sha256 else {}),
    }


def page_facts(page: PageLike | None) -> dict[str, Any] | None:
    """Public facts of a project; None: it has no page any more. `yanked` maps file names to reasons."""
    if page is None:
        return None
    return project_facts(page, {f.filename: f.yanked_reason for f in page.files if f.yanked})


def project_facts(project: ProjectLike, yanked: Mapping[str, str]) -> dict[str, Any]:
    """The same of a project that has a page; `yanked` maps the names of all its yanked files to reasons."""
    return {
        "name": project.name,
        "status": str(project.status),
        "reason": project.status_reason,
        "yanked": dict(yanked),
    }


def _target(target: Target | None) -> dict[str, Any] | None:
    return None if target is None else {"sha256": target.sha256, "length": target.length}
