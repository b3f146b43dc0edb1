"""Every check of an upload: one upload that breaks it alone, and what must be accepted."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bonded.facts import archive as archive_package
from bonded.upload import framing
from bonded.upload.examine import Examined, examine
from bonded.upload.limits import UploadLimits
from bonded.upload.metadata import DEEPEST
from bonded.values.refusals import CATALOGUE, Refusal
from tests.upload.making import (
    make_sdist,
    make_wheel,
    metadata,
    receive,
    record,
    sdist_files,
    tarred,
    wheel_files,
    zipped,
)

LIMITS = UploadLimits()
WHEEL = "sample-1.0-py3-none-any.whl"
INFO = "sample-1.0.dist-info"
MANY_PLATFORMS = ".".join(f"manylinux_2_{minor}_x86_64" for minor in range(10, 18))


def judge(folder: Path, filename: str, data: bytes, limits: UploadLimits = LIMITS, **more: Any) -> Examined | str:
    """What passed, or the code of the refusal."""
    received = receive(folder, filename, data, **more)
    try:
        return examine(received, limits)
    except Refusal as refusal:
        return refusal.code if refusal.reason().isprintable() else refusal.reason()
    finally:
        received.discard()


def wheel(**more: Any) -> tuple[str, bytes]:
    return make_wheel(**more)


def meta(*lines: str, **more: Any) -> tuple[str, bytes]:
    return make_wheel(meta=metadata("sample", "1.0", *lines, **more))


def changed(path: str, data: bytes | None) -> tuple[str, bytes]:
    """A wheel with one member exchanged after RECORD was made, and RECORD made right again but for `RECORD` itself."""
    files = dict(wheel_files())
    if data is None:
        del files[path]
    else:
        files[path] = data
    if path != f"{INFO}/RECORD":
        files.pop(f"{INFO}/RECORD", None)
        files[f"{INFO}/RECORD"] = record(list(files.items()), f"{INFO}/RECORD")
    return WHEEL, zipped(files.items())


def with_record(text: str) -> tuple[str, bytes]:
    return changed(f"{INFO}/RECORD", text.encode())


def true_record() -> str:
    return dict(wheel_files())[f"{INFO}/RECORD"].decode()


def sdist(members: list[Any], filename: str = "sample-1.0.tar.gz") -> tuple[str, bytes]:
    return filename, tarred(members)


def entry_points(text: str) -> tuple[str, bytes]:
    return changed(f"{INFO}/entry_points.txt", text.encode())


def link(path: str, target: str) -> tarfile.TarInfo:
    made = tarfile.TarInfo(path)
    made.type, made.linkname = tarfile.SYMTYPE, target
    return made


def deep(levels: int) -> str:
    """A requirement with a marker in so many parentheses."""
    return "x; " + "(" * levels + "python_version > '3'" + ")" * levels


SHA = "sha256_digest"
PURE = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
MANY_TAGS = b".".join(b"a%d" % n for n in range(230))
REFUSED: list[tuple[str, str, tuple[str, bytes], dict[str, Any]]] = [
    # form
    ("form-action", "another action", wheel(), {"change": {":action": "submit"}}),
    ("form-action", "another protocol", wheel(), {"change": {"protocol_version": "2"}}),
    ("form-field", "no name", wheel(), {"change": {"name": None}}),
    ("form-field", "an empty version", wheel(), {"change": {"version": " "}}),
    ("form-field", "two names", wheel(), {"more": [("name", "other")]}),
    ("form-field", "two digests of a kind", wheel(), {"more": [(SHA, "0" * 64)]}),
    ("no-digest", "no digest", wheel(), {"change": dict.fromkeys((SHA, "md5_digest", "blake2_256_digest"))}),
    ("wrong-digest", "a wrong sha256", wheel(), {"change": {SHA: "0" * 64}}),
    ("wrong-digest", "a wrong md5", wheel(), {"change": {"md5_digest": "0" * 32}}),
    ("wrong-digest", "a wrong blake2", wheel(), {"change": {"blake2_256_digest": "ä"}}),
    ("file-type", "an egg", wheel(), {"change": {"filetype": "bdist_egg"}}),
    ("file-type", "a wheel called an sdist", wheel(), {"change": {"filetype": "sdist"}}),
    ("file-type", "a zip sdist", ("sample-1.0.zip", b"PK"), {}),
    # file name
    ("filename-characters", "a slash", ("a/" + WHEEL, wheel()[1]), {}),
    ("filename-characters", "a leading dot", ("." + WHEEL, wheel()[1]), {}),
    ("filename-characters", "too long", ("a" * 250 + "-1.0-py3-none-any.whl", wheel()[1]), {}),
    ("filename-characters", "too long with its digest", make_wheel(tag=f"py3-none-{MANY_PLATFORMS}"), {}),
    ("filename-characters", "not ASCII", ("sämple-1.0-py3-none-any.whl", wheel()[1]), {}),
    ("invalid-filename", "too few parts", ("sample-1.0.whl", wheel()[1]), {}),
    ("invalid-filename", "no version", ("sample-x-py3-none-any.whl", wheel()[1]), {}),
    ("invalid-filename", "an sdist without version", ("sample.tar.gz", make_sdist()[1]), {}),
    ("filename-form", "upper case", ("Sample-1.0-py3-none-any.whl", wheel()[1]), {}),
    ("filename-form", "a dot in the name", ("sam.ple-1.0-py3-none-any.whl", wheel()[1]), {}),
    ("filename-form", "a version that is not normal", ("sample-1.0.0a-py3-none-any.whl", wheel()[1]), {}),
    ("filename-form", "an sdist with a dash", ("sam-ple-1.0.tar.gz", make_sdist("sam-ple")[1]), {"name": "sam-ple"}),
    ("platform-tag", "an unknown platform", wheel(tag="py3-none-amiga"), {}),
    ("platform-tag", "linux where it is not allowed", wheel(tag="py3-none-linux_x86_64"), {"limits": replace(LIMITS, linux_tags=False)}),
    ("local-version", "a local version", wheel(version="1.0+x"), {"version": "1.0+x", "limits": replace(LIMITS, local_versions=False)}),
    # framing: one of each kind of archive; the others are the archive reader's tests
    ("zip-no-end", "no zip", (WHEEL, b"MZ" * 100), {}),
    ("zip-trailing-data", "bytes after the zip", (WHEEL, wheel()[1] + b"x"), {}),
    ("zip-method", "bzip2", (WHEEL, zipped(wheel_files(), method=zipfile.ZIP_BZIP2)), {}),
    ("name-traversal", "a path that leads out", (WHEEL, zipped([*wheel_files(), ("../x", b"")])), {}),
    ("tar-gzip", "no gzip", ("sample-1.0.tar.gz", b"PK\3\4" * 10), {}),
    ("link-outside", "a link that leads out", sdist([*sdist_files(), link("sample-1.0/l", "../../etc/passwd")]), {}),
    # dist-info
    ("dist-info", "none", (WHEEL, zipped([("sample/__init__.py", b"")])), {}),
    ("dist-info", "two", (WHEEL, zipped([*wheel_files(), ("other-1.0.dist-info/METADATA", b"")])), {}),
    ("dist-info", "of another version", (WHEEL, zipped(wheel_files(version="2.0"))), {}),
    ("dist-info", "without WHEEL", changed(f"{INFO}/WHEEL", None), {}),
    ("dist-info", "without METADATA", changed(f"{INFO}/METADATA", None), {}),
    ("dist-info", "without RECORD", (WHEEL, zipped([f for f in wheel_files() if not f[0].endswith("RECORD")])), {}),
    ("data-folder", "of another project", changed("other-1.0.data/scripts/x", b""), {}),
    ("data-folder", "an unknown scheme", changed("sample-1.0.data/etc/passwd", b""), {}),
    # WHEEL
    ("wheel-file", "version 2", wheel(wheel=b"Wheel-Version: 2.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"), {}),
    ("wheel-file", "no purelib", wheel(wheel=b"Wheel-Version: 1.0\nTag: py3-none-any\n"), {}),
    ("wheel-file", "other tags", wheel(wheel=b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\n"), {}),
    ("wheel-file", "a tag that is none", wheel(wheel=PURE + b"Tag: py3-none-any\nTag: py3\n"), {}),
    ("wheel-file", "an empty tag", wheel(wheel=PURE + b"Tag: py3-none-any\nTag:\n"), {}),
    ("wheel-file", "millions of tags in a line", wheel(wheel=PURE + b"Tag: py3-none-any\nTag: " + b"-".join([MANY_TAGS] * 3) + b"\n"), {}),
    ("wheel-file", "a build number", wheel(wheel=b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\nBuild: 1\n"), {}),
    # RECORD
    ("record-form", "two columns", with_record(true_record() + "x,y\n"), {}),
    ("record-form", "a line twice", with_record(true_record() + true_record()), {}),
    ("record-form", "not UTF-8", changed(f"{INFO}/RECORD", b"\xff\xfe"), {}),
    ("record-form", "an open quote", with_record(true_record() + '"x,y,z\n'), {}),
    ("record-files", "a file that is not in RECORD", (WHEEL, zipped([*wheel_files(), ("sample/extra.py", b"")])), {}),
    ("record-files", "a line for no file", with_record(true_record() + "sample/none.py,sha256=x,0\n"), {}),
    ("record-digest", "another digest", (WHEEL, zipped(wheel_files(replace={"sample/__init__.py": b"x = 2\n"}))), {}),
    ("record-digest", "no digest", with_record(re.sub(r"__init__.py,.*", "__init__.py,,", true_record())), {}),
    ("record-digest", "md5", with_record(re.sub(r"(__init__.py),sha256=", r"\1,md5=", true_record())), {}),
    ("record-digest", "another size", with_record(re.sub(r"(__init__.py,.*,)\d+", r"\g<1>9", true_record())), {}),
    # entry points
    ("entry-points", "unreadable", entry_points("no section = here\n"), {}),
    ("entry-points", "a name twice", entry_points("[console_scripts]\na = b:c\na = b:d\n"), {}),
    ("entry-points", "a script elsewhere", entry_points("[console_scripts]\n../../bin/sh = sample:main\n"), {}),
    ("entry-points", "no reference", entry_points("[console_scripts]\nx = import os; os.system\n"), {}),
    # metadata
    ("metadata-encoding", "Latin-1", wheel(meta=metadata("sample", "1.0") + b"\xe9"), {}),
    ("invalid-metadata", "no version", wheel(meta=b"Metadata-Version: 2.1\nName: sample\n\n"), {}),
    ("invalid-metadata", "an unknown metadata version", meta(age="9.9"), {}),
    ("invalid-metadata", "two names", meta("Name: other"), {}),
    ("invalid-metadata", "a bad requirement", meta("Requires-Dist: ~~~"), {}),
    ("invalid-metadata", "a requirement past all depth", meta("Requires-Dist: " + deep(3000)), {}),
    ("invalid-metadata", "a requirement that is too deep", meta("Requires-Dist: " + deep(DEEPEST + 1)), {}),
    ("invalid-metadata", "a requirement of too many digits", meta("Requires-Dist: x>=" + "9" * 6000), {}),
    ("invalid-metadata", "a requires-python of too many digits", meta("Requires-Python: >=" + "9" * 6000), {}),
    ("invalid-metadata", "a version of too many digits", wheel(meta=metadata("sample", "9" * 6000)), {}),
    ("invalid-metadata", "a bad requires-python", meta("Requires-Python: yes"), {}),
    ("invalid-metadata", "a bad content type", meta("Description-Content-Type: text/html"), {}),
    ("invalid-metadata", "a bad license", meta("License-Expression: Mine"), {}),
    ("invalid-metadata", "the name is dynamic", meta("Dynamic: Name"), {}),
    ("metadata-text", "an escape sequence", meta("Author: \x1b[31mred"), {}),
    ("unknown-classifier", "an unknown one", meta("Classifier: Made :: Up"), {}),
    ("unknown-classifier", "a deprecated one", meta("Classifier: License :: OSI Approved :: X.Net License"), {}),
    ("metadata-url", "a script", meta("Home-page: javascript:alert(1)"), {}),
    ("metadata-url", "a quote", meta('Project-URL: Docs, https://example.invalid/"onclick='), {}),
    ("metadata-url", "no host", meta("Project-URL: Docs, https:///x"), {}),
    ("metadata-url", "a long label", meta(f"Project-URL: {'x' * 33}, https://example.invalid/"), {}),
    ("direct-reference", "a requirement with a URL", meta("Requires-Dist: x @ https://example.invalid/x.whl"), {}),
    # agreement
    ("names-differ", "form and file differ in name", wheel(), {"change": {"name": "other"}}),
    ("names-differ", "form and file differ in version", wheel(), {"change": {"version": "2.0"}}),
    ("names-differ", "the form's version is none", wheel(), {"change": {"version": "x"}}),
    ("names-differ", "the form's version has too many digits", wheel(), {"change": {"version": "9" * 6000}}),
    ("names-differ", "metadata of another project", wheel(meta=metadata("other", "1.0")), {}),
    ("names-differ", "metadata of another version", wheel(meta=metadata("sample", "1.1")), {}),
    ("requirements-differ", "a requirement that the file lacks", wheel(), {"more": [("requires_dist", "evil")]}),
    ("requirements-differ", "a requirement past all depth in the form", wheel(), {"more": [("requires_dist", deep(3000))]}),
    ("requirements-differ", "another Python of too many digits", wheel(), {"change": {"requires_python": ">=" + "9" * 6000}}),
    ("requirements-differ", "another bound", meta("Requires-Dist: x>1"), {"more": [("requires_dist", "x>2")]}),
    ("requirements-differ", "another Python", meta("Requires-Python: >=3.9"), {"change": {"requires_python": ">=3.8"}}),
    ("license-file", "a license that is not there", meta("License-File: LICENSE"), {}),
    # source distributions
    ("sdist-folder", "two folders", sdist([*sdist_files(), ("other/x", b"")]), {}),
    ("sdist-folder", "a file at the top", sdist([("sample-1.0", b"")]), {}),
    ("sdist-folder", "another folder", sdist(sdist_files(version="2.0")), {}),
    ("no-pkg-info", "no PKG-INFO", sdist([f for f in sdist_files() if "PKG-INFO" not in f[0]]), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "upload", "more"),
    [pytest.param(code, upload, more, id=f"{code}: {what}") for code, what, upload, more in REFUSED],
)
def test_refused(folder: Path, code: str, upload: tuple[str, bytes], more: dict[str, Any]) -> None:
    assert judge(folder, *upload, **more) == code
    assert list(folder.iterdir()) == []


MANY = {f"sample/m{n}.py": b"x = %d\n" % n for n in range(300)}
ACCEPTED: list[tuple[str, tuple[str, bytes], dict[str, Any]]] = [
    ("a plain wheel", wheel(), {}),
    ("a plain sdist", make_sdist(), {}),
    ("300 members with zip64 fields", (WHEEL, zipped(wheel_files(files=MANY), force_zip64=True)), {}),
    ("stored members", (WHEEL, zipped(wheel_files(), method=zipfile.ZIP_STORED)), {}),
    ("Unicode names", wheel(files={"sample/日本語.py": b"", "sample/naïve.py": b""}), {}),
    ("no code at all", wheel(files={}), {}),
    ("folder entries", wheel(files={"sample/": b"", "sample/__init__.py": b""}), {}),
    ("CRLF metadata", wheel(meta=metadata("sample", "1.0").replace(b"\n", b"\r\n")), {}),
    ("metadata with a byte order mark", wheel(meta=b"\xef\xbb\xbf" + metadata("sample", "1.0")), {}),
    ("a description of 10 MB", wheel(meta=metadata("sample", "1.0", description="words " * 1_700_000)), {}),
    ("RECORD.jws", (WHEEL, zipped([*wheel_files(), (f"{INFO}/RECORD.jws", b"{}")])), {}),
    ("SBOMs", changed(f"{INFO}/sboms/sbom.json", b"{}"), {}),
    ("RECORD written on Windows", with_record(true_record().replace("sample/", "sample\\").replace("\n", "\r\n")), {}),
    ("sha512 in RECORD", (WHEEL, zipped(
        [*(files := [f for f in wheel_files() if not f[0].endswith("RECORD")]), (f"{INFO}/RECORD", record(files, f"{INFO}/RECORD", "sha512"))]
    )), {}),
    ("a build number", ("sample-1.0-2x-py3-none-any.whl", wheel(
        wheel=b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\nBuild: 2x\n")[1]), {}),
    ("several tags", wheel(tag="py2.py3-none-any"), {}),
    ("linux", wheel(tag="cp311-cp311-linux_x86_64"), {}),
    ("manylinux", wheel(tag="cp311-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64"), {}),
    ("pyemscripten", wheel(tag="cp314-cp314-pyemscripten_2026_0_wasm32"), {}),
    ("pyodide", wheel(tag="cp312-cp312-pyodide_2024_0_wasm32"), {}),
    ("scripts and data", changed("sample-1.0.data/scripts/run", b"#!python\n"), {}),
    ("entry points", entry_points("[console_scripts]\nsample = sample.cli:main [extra]\n\n[other.group]\nany = thing()\n"), {}),
    ("old metadata with License-File", wheel(meta=metadata("sample", "1.0", "License-File: LICENSE", "Home-page: UNKNOWN", age="2.1")), {}),
    ("metadata 2.0", wheel(meta=metadata("sample", "1.0", age="2.0")), {}),
    ("a private classifier", meta("Classifier: Private :: Do Not Upload"), {}),
    ("the name in another form", wheel(meta=metadata("Sample", "1.0")), {"change": {"name": "SAMPLE", "version": "1.0.0"}}),
    ("the requirement in another form", meta("Requires-Dist: Foo.Bar[b,a]<3,>=2; python_version < '3'"),
     {"more": [("requires_dist", 'foo-bar[a,b] (>=2, <3); python_version < "3"')]}),
    ("an sdist whose requirements are dynamic", make_sdist(meta=metadata("sample", "1.0", "Dynamic: Requires-Dist")),
     {"more": [("requires_dist", "x")]}),
    ("a link inside an sdist", sdist([*sdist_files(), link("sample-1.0/l", "sample.py")]), {}),
    ("a requirement in many parentheses", meta("Requires-Dist: " + deep(DEEPEST)), {}),
    ("a version with an epoch", wheel(version="1!2.0"), {"version": "1!2.0"}),
]  # fmt: skip


@pytest.mark.parametrize(("upload", "more"), [pytest.param(u, m, id=what) for what, u, m in ACCEPTED])
def test_accepted(folder: Path, upload: tuple[str, bytes], more: dict[str, Any]) -> None:
    found = judge(folder, *upload, **more)
    assert isinstance(found, Examined), found
    assert found.filename == upload[0]
    assert found.metadata_sha256


def test_old_names_are_accepted_where_the_policy_says_so(folder: Path) -> None:
    loose = replace(LIMITS, exact_names=False)
    for filename, data in (
        ("Sam.Ple-1.0-py3-none-any.whl", zipped(wheel_files("Sam.Ple"))),
        ("Sam.Ple-1.0.0.tar.gz", tarred([("Sam.Ple-1.0.0/PKG-INFO", metadata("Sam.Ple", "1.0"))])),
    ):
        assert judge(folder, filename, data, name="Sam.Ple") == "filename-form"
        found = judge(folder, filename, data, loose, name="Sam.Ple")
        assert isinstance(found, Examined)
        assert found.key == "sam-ple"


def test_what_is_served_is_what_the_artifact_says_not_the_form(folder: Path) -> None:
    found = judge(folder, *meta("Requires-Python: >=3.9", "Author: Ann"), change={"summary": "lies", "author": "Bob"})
    assert isinstance(found, Examined)
    assert found.requires_python == ">=3.9"
    assert found.metadata["author"] == "Ann"
    assert found.metadata["summary"] == "a test"
    assert found.metadata_bytes == metadata("sample", "1.0", "Requires-Python: >=3.9", "Author: Ann")


@pytest.mark.parametrize(
    ("age", "dynamic", "served"),
    [
        ("2.1", "", False),
        ("2.2", "", True),
        ("2.4", "", True),
        ("2.4", "License-File", True),
        ("2.2", "Requires-Dist", False),
        ("2.4", "requires-python", False),
        ("2.4", "Provides-Extra", False),
    ],
)
def test_pkg_info_is_served_beside_an_sdist_only_when_it_can_be_relied_on(
    folder: Path, age: str, dynamic: str, served: bool
) -> None:
    lines = [f"Dynamic: {dynamic}"] if dynamic else []
    found = judge(folder, *make_sdist(meta=metadata("sample", "1.0", *lines, age=age)))
    assert isinstance(found, Examined)
    assert found.has_metadata_file is served


def test_every_problem_of_the_reader_has_a_refusal_and_every_refusal_a_problem() -> None:
    where = Path(str(archive_package.__file__)).parent
    text = "".join(path.read_text() for path in where.glob("archive*.py"))
    used = set(
        re.findall(
            r'"((?:zip|tar|name|link)-[a-z0-9-]+|bomb|setuid|too-[a-z]+-?[a-z]*|[a-z]+-member|unknown-archive)"', text
        )
    )
    assert used == set(framing.PROBLEMS)
    assert used <= set(CATALOGUE)


def test_every_check_of_the_room_has_an_upload_that_breaks_it() -> None:
    source = Path(str(framing.__file__)).parent
    modules = ("form", "filename", "wheel", "record", "metadata", "agreement", "sdist")
    text = "".join((source / f"{name}.py").read_text() for name in modules)
    defined = set(re.findall(r'define\(\s*"([a-z0-9-]+)"', text))
    assert defined <= {code for code, *_ in REFUSED}


def test_a_large_stored_wheel_is_examined_in_constant_memory(folder: Path) -> None:
    import tracemalloc

    files = wheel_files(files={"sample/data.bin": bytes(range(256)) * 200_000})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, data in files:
            archive.writestr(path, data)
    received = receive(folder, WHEEL, buffer.getvalue())
    del buffer, files
    tracemalloc.start()
    examine(received, LIMITS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
