"""Receiving: any cut of the stream gives the same, caps hold while it streams, nothing is left after a refusal."""

from __future__ import annotations

import errno
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bonded.upload.limits import UploadLimits
from bonded.upload.receive import Received, Receiver, storage_refusal
from bonded.upload.spool import sweep
from bonded.values.refusals import Refusal
from tests.upload.making import body, form_fields, make_wheel

NAME, DATA = make_wheel()
FIELDS = form_fields(NAME, DATA, "sample", "1.0")


def send(spool: Path, content_type: str, raw: bytes, chunk: int = 1000, limits: UploadLimits | None = None) -> Received:
    receiver = Receiver(limits or UploadLimits(), spool, content_type)
    for at in range(0, len(raw), chunk):
        receiver.feed(raw[at : at + chunk])
    return receiver.finish()


def refused(spool: Path, content_type: str, raw: bytes, **more: object) -> str:
    with pytest.raises(Refusal) as caught:
        send(spool, content_type, raw, **more)  # type: ignore[arg-type]
    assert list(spool.iterdir()) == [], "nothing is left"
    return caught.value.code


@pytest.mark.parametrize("chunk", [1, 7, 100, 65536])
def test_however_the_stream_is_cut_the_same_arrives(folder: Path, chunk: int) -> None:
    received = send(folder, *body([*FIELDS, ("classifiers", "A"), ("classifiers", "ß")], NAME, DATA), chunk=chunk)
    assert received.path.read_bytes() == DATA
    assert received.filename == NAME
    assert received.size == len(DATA)
    assert received.sha256 == hashlib.sha256(DATA).hexdigest()
    assert received.md5 == hashlib.md5(DATA).hexdigest()
    assert received.blake2_256 == hashlib.blake2b(DATA, digest_size=32).hexdigest()
    assert received.fields["classifiers"] == ["A", "ß"]
    assert received.fields["name"] == ["sample"]
    received.discard()
    received.discard()
    assert list(folder.iterdir()) == []


def test_a_detached_signature_is_passed_over(folder: Path) -> None:
    content_type, raw = body(FIELDS, NAME, DATA)
    boundary = content_type.partition("boundary=")[2]
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="gpg_signature"; filename="x.asc"\r\n\r\nsigned\r\n'
    received = send(folder, content_type, part.encode() + raw)
    assert "gpg_signature" not in received.fields
    assert received.path.read_bytes() == DATA


@pytest.mark.parametrize("cut", [1, 50, 0.3, 0.6, 0.99])
def test_a_cut_upload_leaves_nothing(folder: Path, cut: float) -> None:
    content_type, raw = body(FIELDS, NAME, DATA)
    length = int(cut * len(raw)) if isinstance(cut, float) else cut
    assert refused(folder, content_type, raw[:length]) == "truncated-upload"


def test_a_connection_that_breaks_leaves_nothing(folder: Path) -> None:
    content_type, raw = body(FIELDS, NAME, DATA)
    receiver = Receiver(UploadLimits(), folder, content_type)
    receiver.feed(raw[:-100])
    assert len(list(folder.iterdir())) == 1
    receiver.abort()
    receiver.abort()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"])
def test_what_is_no_form_is_refused_at_once(folder: Path, content_type: str) -> None:
    assert refused(folder, content_type, b"") == "not-a-form"


def test_garbage_in_the_form_is_refused(folder: Path) -> None:
    content_type, raw = body(FIELDS, NAME, DATA)
    assert refused(folder, content_type, raw.replace(b"Content-Disposition", b"Content Disposition", 1)) == "not-a-form"
    assert refused(folder, content_type, b"x" * 100 + raw) == "not-a-form"


def test_a_part_that_is_not_utf8_is_refused_in_one_sentence(folder: Path) -> None:
    receiver = Receiver(UploadLimits(), folder, "multipart/form-data; boundary=b")
    with pytest.raises(Refusal) as caught:
        receiver.feed(b'--b\r\nContent-Disposition: form-data; name="content"; filename="\xff.whl"\r\n\r\n')
    assert caught.value.sentence == "the form cannot be read: Segment header failed to decode"


def test_caps_hold_while_the_upload_streams(folder: Path) -> None:
    form = body(FIELDS, NAME, DATA)
    assert refused(folder, *form, limits=UploadLimits(max_file_bytes=len(DATA) - 1)) == "file-too-large"
    assert refused(folder, *form, limits=UploadLimits(max_form_bytes=100)) == "form-too-large"
    assert refused(folder, *form, limits=UploadLimits(max_form_fields=5)) == "form-too-large"
    long = body([("a" * 9000, "x")], NAME, DATA)
    assert refused(folder, *long) == "form-too-large"
    assert send(folder, *form, limits=UploadLimits(max_file_bytes=len(DATA))).size == len(DATA)


def test_missing_and_doubled_content(folder: Path) -> None:
    assert refused(folder, *body(FIELDS, NAME, DATA, part="other")) == "no-content"
    content_type, raw = body(FIELDS, NAME, DATA)
    boundary = content_type.partition("boundary=")[2]
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="content"; filename="x.whl"\r\n\r\nx\r\n'.encode()
    assert refused(folder, content_type, part + raw) == "two-contents"


def named(folder: Path, disposition: str, part: str = "content") -> Received:
    """What is received where the file's part says `disposition` after its name."""
    content_type, raw = body(FIELDS, NAME, DATA, part=part)
    before, after = f'name="{part}"; filename="{NAME}"', f'name="{part}"{disposition}'
    assert before.encode() in raw
    return send(folder, content_type, raw.replace(before.encode(), after.encode()))


@pytest.mark.parametrize(
    "disposition",
    [
        f"; filename*=utf-8''{NAME}",
        f"; FileName* = UTF-8'en'{NAME.replace('-', '%2D')}",
        f"; filename*=iso-8859-1''{NAME}",
        f"; filename=\"{NAME}\"; filename*=utf-8''other.whl",
        f"; filename*=utf-8''other.whl; filename={NAME}",
    ],
)
def test_a_file_may_be_named_as_rfc_8187_has_it(folder: Path, disposition: str) -> None:
    received = named(folder, disposition)
    assert received.filename == NAME
    assert received.path.read_bytes() == DATA


def test_an_extended_name_is_decoded(folder: Path) -> None:
    assert named(folder, "; filename*=UTF-8''s%C3%A4mple-1.0.tar.gz").filename == "sämple-1.0.tar.gz"
    content_type, raw = body(FIELDS, NAME, DATA)
    boundary = content_type.partition("boundary=")[2]
    part = f"--{boundary}\r\nContent-Disposition: form-data; name=\"gpg_signature\"; filename*=utf-8''ä.asc\r\n\r\n"
    assert "gpg_signature" not in send(folder, content_type, part.encode() + b"\xff\r\n" + raw).fields


@pytest.mark.parametrize("value", ["", NAME, "utf-8'x.whl", "utf-8''%ff.whl", "idna''x.whl", f"\"utf-8''{NAME}\""])
def test_an_extended_name_that_cannot_be_read_is_refused_in_one_sentence(folder: Path, value: str) -> None:
    with pytest.raises(Refusal, match="is not as in RFC 8187") as caught:
        named(folder, f"; filename*={value}")
    assert caught.value.code == "not-a-form"


def test_content_without_a_file_name_is_no_file(folder: Path) -> None:
    with pytest.raises(Refusal, match="no part named 'content' with a file") as caught:
        named(folder, "")
    assert caught.value.code == "no-content"
    assert list(folder.iterdir()) == []
    content_type, raw = body([("x; filename*=utf-8''y", "a field")], NAME, DATA)
    assert send(folder, content_type, raw).fields == {"x; filename*=utf-8''y": ["a field"]}


def test_a_field_that_is_not_utf8_is_refused(folder: Path) -> None:
    content_type, raw = body([("summary", "MARK")], NAME, DATA)
    assert refused(folder, content_type, raw.replace(b"MARK", b"\xff\xfe")) == "form-encoding"


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [
        (errno.ENOSPC, "storage-full", 507),
        (errno.EDQUOT, "storage-full", 507),
        (errno.EROFS, "storage-unavailable", 503),
        (errno.EIO, "storage-unavailable", 503),
    ],
)
def test_what_the_disk_says_becomes_one_clear_refusal(number: int, code: str, status: int) -> None:
    outer = RuntimeError("the store")
    outer.__cause__ = OSError(number, os.strerror(number))
    refusal = storage_refusal(outer)
    assert (refusal.code, refusal.status) == (code, status)
    assert refusal.retry_after


def test_a_spool_that_is_not_there_is_a_refusal(folder: Path) -> None:
    content_type, raw = body(FIELDS, NAME, DATA)
    with pytest.raises(Refusal) as caught:
        send(folder / "missing", content_type, raw)
    assert caught.value.code == "storage-unavailable"


def test_what_a_crash_left_is_swept_by_age(folder: Path) -> None:
    old, young, other = folder / "a.upload", folder / "b.upload", folder / "c.txt"
    for path in (old, young, other):
        path.write_bytes(b"x")
    now = datetime.now(UTC)
    os.utime(old, (now.timestamp() - 7300,) * 2)
    os.utime(other, (now.timestamp() - 7300,) * 2)
    assert sweep(folder, older_than=timedelta(hours=2), now=now) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["b.upload", "c.txt"]


def test_memory_stays_flat_for_a_large_file(folder: Path) -> None:
    import tracemalloc

    receiver = Receiver(UploadLimits(), folder, "multipart/form-data; boundary=b")
    receiver.feed(b'--b\r\nContent-Disposition: form-data; name="content"; filename="x.whl"\r\n\r\n')
    block = os.urandom(65536)
    receiver.feed(block)
    tracemalloc.start()
    for _ in range(400):
        receiver.feed(block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    receiver.feed(b"\r\n--b--\r\n")
    received = receiver.finish()
    assert received.size == 401 * 65536
    assert peak < 2_000_000
