"""What the reader of archives finds wrong, as refusals: every code of a problem has a title and help for the uploader."""

from __future__ import annotations

from collections.abc import Sequence

from bonded.facts.archive import Problem
from bonded.values.refusals import Refusal, define

_REBUILD = "Build the file again with a current build tool and upload it unchanged."
_ONE_STORY = (
    "Every record of a zip archive must tell the same story, because installers and scanners believe different ones. "
    + _REBUILD
)
_PLAIN = "Source distributions are plain gzip-compressed tar archives of files and folders. " + _REBUILD
_NAME = (
    "Member names are relative paths in UTF-8 with '/' between their parts, and no two of them meet on any file system."
)
_LIMIT = "This index reads archives up to limits that its operator sets. Make the archive smaller, or ask the operator."

PROBLEMS: dict[str, tuple[str, str]] = {
    "unknown-archive": ("Not a known kind of archive", "Send a wheel (.whl) or a source distribution (.tar.gz)."),
    "too-many-members": ("Too many files in the archive", _LIMIT),
    "too-large": ("The archive unpacks to too much", _LIMIT),
    "bomb": ("The archive is a decompression bomb", "It unpacks to far more than any ordinary archive of its size."),
    "name-empty": ("A member has no name", _NAME),
    "name-control": ("A member name has control characters", _NAME),
    "name-backslash": ("A member name has a backslash", _NAME),
    "name-absolute": ("A member name is absolute", _NAME),
    "name-traversal": ("A member name leads out of the archive", _NAME),
    "name-odd": ("A member name has an empty or '.' part", _NAME),
    "name-deep": ("A member lies too deep", _LIMIT),
    "name-long": ("A member name is too long", _LIMIT),
    "name-collision": ("Two members meet where case is ignored", _NAME),
    "duplicate-member": ("Two members have one name", _NAME),
    "special-member": ("A device or fifo in the archive", "Distributions hold files, folders and harmless links only."),
    "setuid": ("A file would run with its owner's rights", "Clear the setuid and setgid bits and build again."),
    "link-outside": (
        "A link leads out of the archive",
        "Links in a source distribution stay inside its folder (PEP 721).",
    ),
    "link-through": ("A member lies behind a link", "No member may be reached through a symbolic link (PEP 721)."),
    "link-dangling": ("A hard link to nothing", "A hard link names a file that came before it in the archive."),
    "zip-no-end": ("Not a zip archive", "A wheel is a zip archive; this file has no end record of one. " + _REBUILD),
    "zip-trailing-data": ("Data after the zip archive", _ONE_STORY),
    "zip-comment": ("A comment in the zip archive", _ONE_STORY),
    "zip-many-disks": ("A zip archive in several parts", _ONE_STORY),
    "zip-zip64": ("Odd zip64 records", _ONE_STORY),
    "zip-gap": ("Bytes that belong to no member", _ONE_STORY),
    "zip-directory": ("The zip directory cannot be read", _ONE_STORY),
    "zip-version": ("A newer zip format than installers read", _ONE_STORY),
    "zip-count": ("The number of members is wrong", _ONE_STORY),
    "zip-extra": ("Odd extra fields", _ONE_STORY),
    "zip-name-encoding": ("A member name is not marked as UTF-8", _ONE_STORY),
    "zip-local": ("Zip headers disagree", _ONE_STORY),
    "zip-descriptor": ("A data descriptor lies", _ONE_STORY),
    "zip-contents": ("Size or checksum of a member is wrong", _ONE_STORY),
    "zip-deflate": ("A member's compressed data is damaged", _ONE_STORY),
    "zip-method": (
        "Unusual compression",
        "Members of a wheel are stored or deflated: not every installer reads the rest.",
    ),
    "zip-encrypted": ("An encrypted member", "Members of a wheel are not encrypted."),
    "zip-link": ("A symbolic link in a wheel", "Wheels hold files and folders only."),
    "zip-folder": ("A folder that is a file, or the reverse", _ONE_STORY),
    "tar-gzip": ("Not a gzip file, or damaged", _PLAIN),
    "tar-bzip2": ("Not a bzip2 file, or damaged", _PLAIN),
    "tar-xz": ("Not an xz file, or damaged", _PLAIN),
    "tar-truncated": ("The archive ends too early", _PLAIN),
    "tar-header": ("A tar header is damaged", _PLAIN),
    "tar-odd-header": ("An odd tar header", _PLAIN),
    "tar-pax": ("An odd extended tar header", _PLAIN),
    "tar-sparse": ("A sparse file in the archive", _PLAIN),
    "tar-size": ("A folder or link with contents", _PLAIN),
    "tar-folder": ("A file named like a folder", _PLAIN),
    "tar-end": ("The end mark is not whole", _PLAIN),
    "tar-trailing-data": ("Data after the archive", _PLAIN),
}

for _code, (_title, _help) in PROBLEMS.items():
    define(_code, 400, _title, _help)


def check_framing(problems: Sequence[Problem]) -> None:
    """Refuse an archive with any problem; the first one found is named, with its code."""
    if problems:
        first = problems[0]
        where = f"{first.path[:60]}: " if first.path else ""
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise Refusal(first.code, f"{where}{first.sentence}{more}")
