"""A mirror of a running index, served by nginx with nothing of ours running: pip, uv, python-tuf and bonded-client use it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tuf.ngclient.updater import Updater

from bonded_client.mirror_check import plain
from tests.client_mirror.conftest import tree
from tests.serve.nginx import nginx
from tests.story import clients
from tests.story.packages import Made
from tests.story.running import BIN, RunningIndex
from tests.story.test_trust import publish


@pytest.fixture
def mirrored(index: RunningIndex, token: str, made: Callable[..., Made], tmp_path: Path) -> tuple[Made, Path]:
    """A public project and a mirror that has it, with the folder of the mirror."""
    project = publish(index, token, made())
    base = [BIN / "bonded-client", "--index", index.url, "--root", index.root]
    words = [*base, "mirror", tmp_path / "m", "--once", "--keep-free", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return project, tmp_path / "m"


def test_installers_and_tuf_clients_use_the_mirror(
    index: RunningIndex, mirrored: tuple[Made, Path], tmp_path: Path
) -> None:
    project, folder = mirrored
    with nginx(tmp_path / "nginx", folder, 9) as port:
        url = f"http://127.0.0.1:{port}/"
        more = ("--no-deps", "--index-url", f"{url}simple/", "--target")
        for tool, words in (("pip", ("install", "--no-cache-dir")), ("uv", ("pip", "install", "--no-cache"))):
            done = clients.run(tool, *words, *more, tmp_path / tool, project.name, cwd=tmp_path)
            assert done.returncode == 0, done.stdout + done.stderr
            assert list((tmp_path / tool).glob("*.dist-info"))
        base = [BIN / "bonded-client", "--index", url, "--root", index.root, "--cache", tmp_path / "cache"]
        words = ["download", f"{project.name}==1.0", "--own-targets", "--dest", tmp_path / "got"]
        ran = subprocess.run([*base, *words], capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stderr
        assert (tmp_path / "got" / project.wheel).read_bytes() == project.wheel_path.read_bytes()
        (tmp_path / "state").mkdir()
        updater = Updater(
            str(tmp_path / "state"), f"{url}metadata/", str(tmp_path / "state"), url, bootstrap=index.root.read_bytes()
        )
        info = updater.get_targetinfo(f"packages/{project.name}/{project.sdist}")
        assert info is not None
        assert (
            Path(updater.download_target(info)).read_bytes() == (project.wheel_path.parent / project.sdist).read_bytes()
        )


def test_plain_pages_are_those_of_the_index(index: RunningIndex, mirrored: tuple[Made, Path]) -> None:
    project, folder = mirrored
    theirs = index.directory / "public"
    names = [name for name in tree(folder) if name.startswith((f"simple/{project.name}/", f"packages/{project.name}/"))]
    originals = [name for name in names if plain(name) == name]
    assert len(originals) == 10
    ours = tree(folder)
    # Plain copies follow the signed pages by a moment.
    index.wait_until(lambda: all((theirs / name).is_file() for name in originals))
    index.wait_until(lambda: not [name for name in originals if ours[name] != (theirs / name).read_bytes()])
