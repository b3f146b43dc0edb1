"""What a well-behaved index gives: verified files, by few and compressed requests."""

from pathlib import Path

import pytest

from tests.client.conftest import WHEEL, Run
from tests.client.repository import Repository
from tests.client.server import Served


def test_a_wheel_is_downloaded_and_verified(run: Run, dest: Path, repository: Repository) -> None:
    ran = run("download", "example==1.0", "--dest", dest, "--json")
    assert (ran.status, ran.err) == (0, "")
    assert (dest / WHEEL).read_bytes() == repository.store[f"packages/example/{WHEEL}"]
    assert ran.lines[0]["filename"] == WHEEL
    assert [path.name for path in dest.iterdir()] == [WHEEL]


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_metadata_is_asked_for_compressed_and_packages_are_not(
    run: Run, served: Served, dest: Path, coding: str
) -> None:
    served.packed = coding
    assert run("download", "Example", "--dest", dest).status == 0
    asked = dict(served.asked)
    assert asked["metadata/timestamp.json"] == "zstd, gzip"
    assert asked[f"packages/example/{WHEEL}"] == "identity"


def test_a_new_client_fetches_one_page_bin_and_no_file_bin(run: Run, served: Served, dest: Path) -> None:
    assert run("download", "example", "--dest", dest).status == 0
    bins = [path for path, _ in served.asked if ".bin-1-" in path or ".page-bin-1-" in path]
    assert len(bins) == 1
    assert ".page-bin-1-" in bins[0]


def test_own_targets_are_compared_when_asked_for(run: Run, served: Served, dest: Path) -> None:
    assert run("download", "example", "--dest", dest, "--own-targets").status == 0
    assert any("/" in path and ".bin-1-" in path for path, _ in served.asked)


def test_a_returning_client_with_no_news_fetches_only_the_timestamp(run: Run, served: Served, dest: Path) -> None:
    assert run("download", "example", "--dest", dest).status == 0
    served.asked.clear()
    assert run("download", "example", "--dest", dest).status == 0
    assert [path for path, _ in served.asked] == ["metadata/2.root.json", "metadata/timestamp.json"]


def test_a_returning_client_sees_a_new_release(run: Run, repository: Repository, dest: Path) -> None:
    assert run("download", "example", "--dest", dest).status == 0
    repository.project("example", {WHEEL: b"one" * 9, "example-2.0.tar.gz": b"two"})
    assert run("download", "example", "--dest", dest).status == 0
    assert (dest / "example-2.0.tar.gz").read_bytes() == b"two"


def test_all_files_of_a_release(run: Run, repository: Repository, dest: Path) -> None:
    repository.project("example", {WHEEL: b"wheel", "example-1.0.tar.gz": b"sdist", "example-0.9.tar.gz": b"old"})
    ran = run("download", "example", "--all-files", "--dest", dest)
    assert ran.status == 0
    assert sorted(path.name for path in dest.iterdir()) == [WHEEL, "example-1.0.tar.gz"]


def test_root_rotation_is_followed(run: Run, repository: Repository, dest: Path) -> None:
    assert run("download", "example", "--dest", dest).status == 0
    repository.sign_root()
    repository.project("example", {"example-2.0.tar.gz": b"two"})
    assert run("download", "example==2.0", "--dest", dest).status == 0


def test_a_withdrawn_file_is_looked_up_again_and_then_named(run: Run, repository: Repository, dest: Path) -> None:
    del repository.store[f"packages/example/{WHEEL}"]
    ran = run("download", "example", "--dest", dest)
    assert ran.status == 3
    assert "[file-withdrawn]" in ran.err
    assert WHEEL in ran.err


def test_a_404_begins_again_from_the_timestamp(run: Run, repository: Repository, served: Served, dest: Path) -> None:
    """The index publishes a new state and sweeps the old one while the client is between page and file."""
    asked = f"packages/example/{WHEEL}"

    def publishes_meanwhile(handler: object, _: bytes) -> None:
        served.odd.clear()
        repository.project("example", {"example-1.1.tar.gz": b"newer"})
        del repository.store[asked]
        handler.send_error(404)  # type: ignore[attr-defined]

    served.odd[asked] = publishes_meanwhile
    assert run("download", "example", "--dest", dest).status == 0
    assert [path.name for path in dest.iterdir()] == ["example-1.1.tar.gz"]


def test_status_of_a_project_is_told(run: Run, repository: Repository, dest: Path) -> None:
    repository.project("example", {WHEEL: b"x"}, status="deprecated", reason="use \x1b[31mother")
    ran = run("download", "example", "--dest", dest)
    assert ran.status == 0
    assert "example is deprecated: use ?[31mother" in ran.err
    repository.project("example", {}, status="quarantined", reason="malware")
    ran = run("download", "example", "--dest", dest)
    assert (ran.status, "[project-quarantined]" in ran.err) == (3, True)
    assert "malware" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("download", "nowhere"), "project-unknown", 3),
        (("download", "example>2"), "version-unknown", 3),
        (("download", "not a name"), "requirement-invalid", 3),
        (("download", "example; python_version<'4'"), "requirement-invalid", 3),
        (("verify", "notes.txt"), "requirement-invalid", 3),
        (("verify", "example-1.0.tar.gz"), "disk", 8),
    ],
)
def test_what_is_not_there_is_one_sentence(run: Run, words: tuple[str, ...], code: str, status: int) -> None:
    ran = run(*words)
    assert ran.status == status
    assert ran.err.startswith("bonded-client: ")
    assert ran.err.endswith(f"[{code}]\n")
    assert ran.err.count("\n") == 1


def test_files_already_here_are_verified(run: Run, repository: Repository, tmp_path: Path) -> None:
    good, bad = tmp_path / WHEEL, tmp_path / "bad" / WHEEL
    good.write_bytes(repository.store[f"packages/example/{WHEEL}"])
    bad.parent.mkdir()
    bad.write_bytes(good.read_bytes()[:-1] + b"!")
    assert run("verify", good).status == 0
    ran = run("verify", bad, good, "--json")
    assert (ran.status, [line["path"] for line in ran.lines]) == (6, [str(good)])
    assert "[altered]" in ran.err


def test_a_file_that_the_index_does_not_list(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "example-3.0.tar.gz"
    path.write_bytes(b"")
    ran = run("verify", path)
    assert (ran.status, "[file-unknown]" in ran.err) == (3, True)


def test_what_was_downloaded_is_not_downloaded_again(run: Run, served: Served, dest: Path) -> None:
    run("download", "example", "--dest", dest)
    served.asked.clear()
    run("download", "example", "--dest", dest)
    assert not [path for path, _ in served.asked if path.startswith("packages/")]
    (dest / WHEEL).write_bytes(b"changed on disk")
    run("download", "example", "--dest", dest)
    assert [path for path, _ in served.asked if path.startswith("packages/")]
    assert (dest / WHEEL).read_bytes() != b"changed on disk"
