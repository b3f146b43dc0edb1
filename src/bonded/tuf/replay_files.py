"""A file's row made anew: from the public record, and from what the vault keeps beside its bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from packaging.utils import canonicalize_version
from sqlalchemy import bindparam, insert, select

from bonded.catalog import requirements
from bonded.catalog.descriptions import expect_description
from bonded.catalog.tables import file as file_table
from bonded.catalog.tables import release as release_table
from bonded.db.engine import Tx
from bonded.tuf.replay import FileAct
from bonded.tuf.replay_blobs import Blob
from bonded.values.states import FileState
from bonded.values.text import new_id

# Built once: building a statement costs several times what running it does.
_NEW_RELEASE = insert(release_table)
_RELEASE = select(release_table.c.id).where(
    release_table.c.project_id == bindparam("project"), release_table.c.canonical == bindparam("canonical")
)
_FILE = select(file_table.c.id).where(file_table.c.id == bindparam("wanted"))


def new_row(tx: Tx, act: FileAct, project_id: str, blob: Blob | None, now: datetime) -> dict[str, Any]:
    """The row of a public file, its release being there afterwards. Its id is the one it had, where the vault tells."""
    assert act.facts is not None
    told = blob.facts if blob else {}
    facts = act.facts
    file_id = free_id(tx, blob.upload_id if blob else "")
    metadata = told.get("metadata") or {
        "name": act.key,
        "version": facts.version,
        **({"requires_python": facts.requires_python} if facts.requires_python else {}),
    }
    return {
        "id": file_id,
        "project_id": project_id,
        "release_id": release(tx, project_id, facts.version, metadata, facts.uploaded_at),
        "filename": act.filename,
        "packagetype": facts.packagetype,
        "python_version": facts.python_version,
        "requires_python": facts.requires_python,
        "size": act.target.length,
        "md5": facts.md5,
        "sha256": act.target.sha256,
        "blake2_256": facts.blake2_256,
        "vault_key": blob.key if blob else f"{act.target.sha256}.{file_id}",
        "metadata_sha256": facts.metadata_sha256,
        "metadata_size": facts.metadata_size,
        "provenance_sha256": facts.provenance_sha256,
        "state": FileState.PUBLIC,
        "state_reason": "",
        "state_at": now,
        "holds_name": True,
        "burnt": True,
        "yanked": False,
        "yanked_reason": "",
        "uploaded_at": facts.uploaded_at,
        "uploader_id": str(told.get("uploader_id", "")),
        "token_id": str(told.get("token_id", "")),
        "case_id": None,
    }


def uploaded_row(blob: Blob, project_id: str, release_id: str, now: datetime) -> dict[str, Any]:
    """The row of an upload that was accepted and never public, as it was when it was accepted. Raises KeyError,
    ValueError for facts that are not whole."""
    told = blob.facts
    served = bool(told["metadata_served"])
    return {
        "id": blob.upload_id,
        "project_id": project_id,
        "release_id": release_id,
        **{
            column: told[column]
            for column in ("filename", "packagetype", "python_version", "requires_python", "md5", "blake2_256")
        },
        "size": int(told["size"]),
        "sha256": told["sha256"],
        "vault_key": blob.key,
        "metadata_sha256": told["metadata_sha256"] if served else None,
        "metadata_size": told["metadata_size"] if served else None,
        "provenance_sha256": told.get("provenance_sha256"),
        "state": FileState.RECEIVED,
        "state_reason": "",
        "state_at": now,
        "holds_name": True,
        "burnt": False,
        "yanked": False,
        "yanked_reason": "",
        "uploaded_at": datetime.fromisoformat(told["uploaded_at"]),
        "uploader_id": str(told.get("uploader_id", "")),
        "token_id": str(told.get("token_id", "")),
        "case_id": None,
    }


def release(tx: Tx, project_id: str, version: str, metadata: dict[str, Any], at: datetime) -> str:
    """The id of the release of this version, made when it is missing."""
    found = tx.execute(
        _RELEASE, {"project": project_id, "canonical": canonicalize_version(version)}
    ).scalar_one_or_none()
    if found is not None:
        return str(found)
    values = {"id": new_id(), "project_id": project_id, "version": version, "metadata": metadata, "created_at": at}
    tx.execute(_NEW_RELEASE, values)
    requirements.enter(tx, project_id, metadata)
    expect_description(
        tx, str(values["id"])
    )  # rendered in the background, as those of an earlier version of the index are
    return str(values["id"])


def free_id(tx: Tx, wanted: str) -> str:
    """`wanted`, unless it is empty or a file has it already: then a new id."""
    taken = wanted and tx.execute(_FILE, {"wanted": wanted}).first()
    return wanted if wanted and not taken else new_id()
