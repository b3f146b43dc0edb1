"""Receiving an upload: multipart form data piece by piece, hashed once while it streams into a spooled file. Sans I/O
but for that file; whoever reads the socket calls `feed`, and a slow client costs no thread.

If we die here, nothing happened: the spooled file is swept by age.
"""

from __future__ import annotations

import errno
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

import structlog
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from bonded.upload.limits import UploadLimits
from bonded.upload.spool import Received, Spool
from bonded.values.refusals import Refusal, define

NOT_A_FORM = define(
    "not-a-form",
    400,
    "Not an upload form",
    "Uploads are sent as multipart/form-data, as twine, uv, poetry, flit, hatch and pdm do. Check the address: the upload URL "
    "ends in /legacy/.",
)
TRUNCATED = define(
    "truncated-upload",
    400,
    "The upload is incomplete",
    "The connection ended before the whole form had arrived. Nothing was kept; upload the file again.",
)
FILE_TOO_LARGE = define(
    "file-too-large",
    413,
    "The file is too large",
    "This index takes files up to a size that its operator sets. Ask the operator, or make the file smaller.",
)
FORM_TOO_LARGE = define(
    "form-too-large",
    413,
    "The form is too large",
    "The fields that come with a file (metadata, description) are larger together than this index takes.",
)
FORM_ENCODING = define(
    "form-encoding",
    400,
    "A form field is not UTF-8",
    "All fields of the upload form are text in UTF-8.",
)
NO_CONTENT = define(
    "no-content",
    400,
    "The upload has no file",
    "The form needs one part named 'content' with a file name and the file's bytes.",
)
TWO_CONTENTS = define(
    "two-contents",
    400,
    "The upload has two files",
    "One form carries one file: the part 'content' came twice.",
)
STORAGE_FULL = define(
    "storage-full",
    507,
    "The index has no room left",
    "The disk of this index is full. Nothing was kept; its operator has to make room. Upload the file again later.",
)
STORAGE_UNAVAILABLE = define(
    "storage-unavailable",
    503,
    "The index cannot store files now",
    "The storage of this index cannot be written now. Nothing was kept; upload the file again later.",
)

__all__ = ["Received", "Receiver", "storage_refusal"]

CONTENT = "content"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)', re.DOTALL)
"""To the end where no quote closes it: a search that began again at each would take the square of the length."""
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*([^;\s]*)", re.IGNORECASE)
_CHARSETS = {"utf-8", "iso-8859-1", "us-ascii"}
"""Of file names: what RFC 5987 and 8187 know."""


log = structlog.get_logger("bonded.upload")


class Receiver:
    """Takes the body of one upload in pieces. Every method may raise Refusal; afterwards nothing is left behind."""

    def __init__(self, limits: UploadLimits, spool_dir: Path, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != "multipart/form-data" or not options.get("boundary"):
            raise Refusal(NOT_A_FORM, "an upload is a form of type multipart/form-data")
        try:
            self._parser = PushMultipartParser(options["boundary"], max_header_size=8192, max_header_count=16)
        except MultipartError:
            raise Refusal(NOT_A_FORM, "the form has no usable boundary") from None
        self._limits = limits
        self._spool_dir = spool_dir
        self._fields: dict[str, list[str]] = {}
        self._form_bytes = 0
        self._segment: MultipartSegment | None = None
        self._filename: str | None = None
        self._value = bytearray()
        self._spool: Spool | None = None
        self._parts = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body. Raises Refusal."""
        try:
            for event in self._parser.parse(chunk):
                self._take(event)
        except ParserLimitReached:
            self.abort()
            raise Refusal(FORM_TOO_LARGE, "a header of the form is too large") from None
        except MultipartError as caught:
            self.abort()
            error = caught.args[0]  # what follows it, if anything, is the exception behind it
            raise Refusal(NOT_A_FORM, f"the form cannot be read: {error}") from None
        except Refusal:
            self.abort()
            raise
        except OSError as error:
            self.abort()
            raise storage_refusal(error) from error

    def finish(self) -> Received:
        """The whole upload, once all bytes were fed. Raises Refusal."""
        try:
            self._parser.close()
        except MultipartError:
            self.abort()
            raise Refusal(TRUNCATED, "the upload ended before the whole form had arrived") from None
        if self._spool is None:
            raise Refusal(NO_CONTENT, "the upload has no part named 'content' with a file")
        try:
            return self._spool.finish(self._fields)
        except OSError as error:
            self.abort()
            raise storage_refusal(error) from error

    def abort(self) -> None:
        """Forget what was received; safe to call at any time and twice."""
        if self._spool is not None:
            self._spool.discard()

    def _take(self, event: MultipartSegment | bytes | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self._is_content():
            assert self._spool is not None
            if self._spool.size + len(event) > self._limits.max_file_bytes:
                raise Refusal(FILE_TOO_LARGE, f"the file is larger than {self._limits.max_file_bytes} bytes")
            self._spool.write(event)
        else:
            self._count(len(event))
            self._value += event

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment = segment
        self._filename = file_name(segment)
        self._value = bytearray()
        self._parts += 1
        self._count(len(segment.name))
        if self._parts > self._limits.max_form_fields:
            raise Refusal(FORM_TOO_LARGE, f"the form has too many fields (at most {self._limits.max_form_fields})")
        if segment.name == CONTENT:
            if self._filename is None:
                raise Refusal(NO_CONTENT, "the upload has no part named 'content' with a file")
            if self._spool is not None:
                raise Refusal(TWO_CONTENTS, "the upload has two parts named 'content'")
            self._spool = Spool(self._spool_dir, self._filename)

    def _end(self) -> None:
        assert self._segment is not None
        if self._filename is not None:
            return  # the file itself, or a detached signature, which no installer has read for years
        try:
            text = self._value.decode("utf-8")
        except UnicodeDecodeError:
            raise Refusal(FORM_ENCODING, f"the form field {self._segment.name[:40]!r} is not UTF-8") from None
        self._fields.setdefault(self._segment.name, []).append(text)

    def _is_content(self) -> bool:
        return self._segment is not None and self._segment.name == CONTENT

    def _count(self, size: int) -> None:
        self._form_bytes += size
        if self._form_bytes > self._limits.max_form_bytes:
            raise Refusal(FORM_TOO_LARGE, f"the form's fields are larger than {self._limits.max_form_bytes} bytes")


def file_name(segment: MultipartSegment) -> str | None:
    """What a part calls its file, None for a part that is a field. Raises Refusal (not-a-form).

    Some clients send names that are not plain ASCII as `filename*=` alone (RFC 8187). RFC 7578 has no such thing: where there
    is a `filename=` too, that one counts.
    """
    plain: str | None = segment.filename
    if plain is not None:
        return plain
    # Without what is in quotes: the name of a field may look like anything.
    found = _EXTENDED.search(_QUOTED.sub('""', segment.header("Content-Disposition", "")))
    if found is None:
        return None
    charset, _, rest = found[1].partition("'")
    _language, mark, value = rest.partition("'")
    try:
        if mark and charset.lower() in _CHARSETS:
            return unquote_to_bytes(value).decode(charset)
    except UnicodeDecodeError:
        pass  # said below
    error = f"the file name in filename*={found[1][:80]!r} is not as in RFC 8187"
    raise Refusal(NOT_A_FORM, f"the form cannot be read: {error}")


def storage_refusal(error: BaseException) -> Refusal:
    """The refusal for a store that cannot be written: full (507), or anything else (503)."""
    log.error("an upload could not be stored", exc_info=error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return Refusal(STORAGE_FULL, "the index has no room left; nothing was kept", retry_after=300)
        cause = cause.__cause__
    return Refusal(STORAGE_UNAVAILABLE, "the index cannot store files now; nothing was kept", retry_after=60)
