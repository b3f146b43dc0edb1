"""RECORD names every file of a wheel with its digest and size, and nothing else (recording installed projects). Pure."""

from __future__ import annotations

import base64
import binascii
import csv
import io

from bonded.facts.archive import Kind, Member
from bonded.upload.artifact import Artifact
from bonded.upload.filename import Named
from bonded.upload.limits import UploadLimits
from bonded.values.refusals import Refusal, define

RECORD_FORM = define(
    "record-form",
    400,
    "RECORD cannot be read",
    "dist-info/RECORD is a CSV file in UTF-8 with three columns: path, digest, size. Each path is there once.",
)
RECORD_FILES = define(
    "record-files",
    400,
    "RECORD and the wheel's files differ",
    "Every file of a wheel is in RECORD, and every line of RECORD names a file of the wheel. Files added by hand after the "
    "build are missing there; use `wheel pack`, which writes RECORD anew.",
)
RECORD_DIGEST = define(
    "record-digest",
    400,
    "RECORD has a wrong digest or size",
    "Digest (sha256, sha384 or sha512) and size in RECORD are those of the file in the wheel. A file was changed after the "
    "build: use `wheel pack`, which writes RECORD anew.",
)

UNSIGNED = ("RECORD.jws", "RECORD.p7s")
"""Signatures of RECORD: they cannot be in what they sign."""
STRONG = {"sha256": 32, "sha384": 48, "sha512": 64}


def parse_record(data: bytes) -> dict[str, tuple[str, str]]:
    """Path -> (digest, size) as written, '\\' in paths (a RECORD written on Windows) as '/'. Raises Refusal (record-form)."""
    rows: dict[str, tuple[str, str]] = {}
    try:
        for row in csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True):
            if not row:
                continue
            if len(row) != 3:
                raise Refusal(RECORD_FORM, f"a line of RECORD has other than 3 columns ({len(row)})")
            path = row[0].replace("\\", "/")
            if path in rows:
                raise Refusal(RECORD_FORM, f"RECORD names {path[:80]!r} twice")
            rows[path] = (row[1], row[2])
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refusal(RECORD_FORM, f"RECORD cannot be read: {str(error)[:60]}") from None
    return rows


def more_algorithms(artifact: Artifact, folder: str) -> tuple[str, ...]:
    """Digests besides sha256 that RECORD asks for: the archive is then read once more for them."""
    data = artifact.data(f"{folder}/RECORD") or b""
    named = {digest.partition("=")[0] for digest, _ in parse_record(data).values()}
    return tuple(sorted((named & set(STRONG)) - {"sha256"}))


def check_record(artifact: Artifact, _named: Named, _limits: UploadLimits) -> None:
    """Refuse a wheel whose RECORD does not match its files (record-form, record-files, record-digest)."""
    folder = next(top for top in artifact.tops() if top.endswith(".dist-info"))
    own = f"{folder}/RECORD"
    rows = parse_record(artifact.data(own) or b"")
    files = {member.path: member for member in artifact.files()}
    free = {own, *(f"{folder}/{name}" for name in UNSIGNED)}
    missing = sorted(files.keys() - rows.keys() - free)
    if missing:
        raise Refusal(RECORD_FILES, f"{missing[0][:80]!r} is not in RECORD (such files: {len(missing)})")
    for path, (digest, size) in rows.items():
        member = files.get(path)
        if member is None:
            _check_absent(artifact, path)
        elif path not in free:
            _check_row(member, digest, size)


def _check_absent(artifact: Artifact, path: str) -> None:
    folder = artifact.members.get(path.rstrip("/"))
    if folder is None or folder.kind is not Kind.FOLDER:
        raise Refusal(RECORD_FILES, f"RECORD names {path[:80]!r}, which is not in the wheel")


def _check_row(member: Member, digest: str, size: str) -> None:
    algorithm, _, text = digest.partition("=")
    if algorithm not in STRONG:
        raise Refusal(RECORD_DIGEST, f"RECORD has no sha256, sha384 or sha512 of {member.path[:80]!r}")
    try:
        said = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()
    except (binascii.Error, ValueError):
        said = ""
    found = member.sha256 if algorithm == "sha256" else member.digests.get(algorithm, "")
    if not found or said != found:
        raise Refusal(RECORD_DIGEST, f"the digest of {member.path[:80]!r} in RECORD is wrong")
    if size and size != str(member.size):
        raise Refusal(RECORD_DIGEST, f"the size of {member.path[:80]!r} in RECORD is wrong")
