"""`./dev demo`: real packages from upload to verified install, on one machine, with a hostile upload held back.

`--once` ends the server afterwards and exits 0 only if every step was right. Without it the server stays up until Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.story import clients

from tools import demo_packages
from tools.demo_tuf import flipped_byte_is_refused, targets_of

ROOT = Path(__file__).parent.parent
REAL = ("six==1.17.0:wheel", "markupsafe==3.0.3:wheel", "iniconfig==2.1.0:sdist", "wcwidth==0.2.13:wheel")
KINDS = ("pure wheel", "binary wheel", "sdist", "Unicode metadata")
MANY_FILES = 1000


class WrongError(Exception):
    """A step did not end as it must; the message is for a person."""


@dataclass
class Demo:
    """One run: where it lives, and what was measured."""

    place: Path
    url: str = ""
    server: subprocess.Popen[str] | None = None
    token: str = ""
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    link: str = ""
    steps: list[tuple[str, float, str]] = field(default_factory=list)

    def step(self, title: str, work: Callable[[], str]) -> None:
        """Run one step, keep its time and result. Raises WrongError."""
        print(f"  {title} ...", file=sys.stderr, flush=True)
        began = time.perf_counter()
        result = work()
        self.steps.append((title, time.perf_counter() - began, result))


def run(
    *words: str | Path, env: dict[str, str] | None = None, check: bool = True, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; its output is shown only when it fails. Raises WrongError."""
    # What pip, uv and twine were told elsewhere must not reach them: they are to see our index only.
    quiet = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "TWINE_", "BONDED_"))}
    quiet |= {
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "UV_PYTHON_DOWNLOADS": "never",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        [str(w) for w in words], env=quiet | (env or {}), capture_output=True, text=True, check=False, input=stdin
    )
    if check and done.returncode:
        raise WrongError(f"{Path(words[0]).name} {words[1]} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done


def bonded(*words: str | Path) -> str:
    """Run the `bonded` command; its standard output."""
    return run(Path(sys.executable).parent / "bonded", *words).stdout


def get(url: str, accept: str = "*/*") -> tuple[int, bytes]:
    """Status and body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=30) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def initialise(demo: Demo) -> str:
    """Make the data directory, an administrator and an uploader with a token."""
    shutil.rmtree(demo.place, ignore_errors=True)
    data = demo.place / "data"
    said = bonded("init", data, "--dev-keys", "--admin", "admin")
    demo.link = next(iter(re.findall(r"(/account/\S+)", said)), "")
    with (data / "bonded.toml").open("a") as settings:
        settings.write('\n[log]\nformat = "text"\n')
    bonded("user", "create", "uploader", "--email", "uploader@example.invalid", "--dir", data)
    demo.token = bonded("token", "create", "uploader", "--dir", data).strip()
    return f"{len(list((data / 'public' / 'metadata').iterdir()))} signed metadata files"


def start(demo: Demo) -> str:
    """Start `bonded serve` and wait until it is ready."""
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", 8000)) == 0
        port = 8000
        if taken:
            probe2 = socket.socket()
            probe2.bind(("127.0.0.1", 0))
            port = probe2.getsockname()[1]
            probe2.close()
    demo.url = f"http://127.0.0.1:{port}/"
    log = (demo.place / "server.log").open("w")
    demo.server = subprocess.Popen(
        [str(Path(sys.executable).parent / "bonded"), "serve", str(demo.place / "data"), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=log, text=True, env=os.environ | {"BONDED_URL": demo.url}, start_new_session=True,
    )  # fmt: skip
    assert demo.server.stdout
    line = demo.server.stdout.readline()
    if not line.startswith("ready "):
        raise WrongError(f"the server did not become ready; its log is {demo.place / 'server.log'}")
    return line.split()[1]


def twine(demo: Demo, files: list[Path], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Upload with twine."""
    env = {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": demo.token}
    return run(
        clients.environment("twine") / "bin" / "twine",
        "upload",
        "--non-interactive",
        "--disable-progress-bar",
        "--repository-url",
        demo.url + "legacy/",
        *files,
        env=env,
        check=check,
    )


def wait_listed(demo: Demo, project: str, names: set[str], seconds: float = 180) -> None:
    """Wait until the project's page lists all `names`. Raises WrongError."""
    deadline = time.monotonic() + seconds
    listed: set[str] = set()
    while time.monotonic() < deadline:
        status, body = get(f"{demo.url}simple/{project}/", "application/vnd.pypi.simple.v1+json")
        if status == 200:
            listed = {f["filename"] for f in json.loads(body)["files"]}
            if names <= listed:
                return
        time.sleep(0.1)
    raise WrongError(f"after {seconds:.0f} s the page of {project} lists {len(listed & names)} of {len(names)} files")


def fetch_real(demo: Demo) -> str:
    """Real packages of four kinds."""
    folder = ROOT / "var" / "demo-packages"
    done = subprocess.run(
        [str(ROOT / "var/boot/bin/python"), str(ROOT / "tools/fetch_packages.py"), str(folder), *REAL],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise WrongError(f"fetching packages failed: {done.stderr[-2000:]}")
    found = [Path(json.loads(line)["path"]) for line in done.stdout.splitlines()]
    (demo.place / "real.json").write_text(json.dumps([str(p) for p in found]))
    return ", ".join(KINDS)


def real_files(demo: Demo) -> list[Path]:
    """What `fetch_real` fetched."""
    return [Path(p) for p in json.loads((demo.place / "real.json").read_text())]


def project_of(path: Path) -> str:
    """The normalized project name of a distribution file."""
    return re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()


def upload_real(demo: Demo) -> str:
    """Upload them and see them listed."""
    twine(demo, real_files(demo))
    for path in real_files(demo):
        wait_listed(demo, project_of(path), {path.name})
    return f"{len(real_files(demo))} files screened, signed and listed"


def upload_many(demo: Demo) -> str:
    """A project of many files."""
    files = demo_packages.many(demo.place / "many", MANY_FILES)
    twine(demo, files)
    wait_listed(demo, demo_packages.MANY, {p.name for p in files}, 600)
    return f"{len(files)} files"


def upload_hostile(demo: Demo) -> str:
    """The hostile sdist is accepted, and then held or rejected."""
    path = demo_packages.hostile(demo.place / "hostile")
    twine(demo, [path])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        cases = json.loads(bonded("review", "list", "--json", "--dir", demo.place / "data"))
        if any(demo_packages.HOSTILE in json.dumps(case) for case in cases):
            return "in the administrators' queue"
        time.sleep(0.2)
    raise WrongError("the hostile file did not come into the queue within 60 s")


def hostile_is_absent(demo: Demo) -> str:
    """Neither page, nor direct URL, nor TUF has it."""
    name, project = demo_packages.HOSTILE.replace("-", "_") + "-1.0.tar.gz", demo_packages.HOSTILE
    for path in (f"packages/{project}/{name}", f"packages/{project}/{name}.metadata"):
        status, _ = get(demo.url + path)
        if status != 404:
            raise WrongError(f"/{path} answers {status}")
    status, body = get(f"{demo.url}simple/{project}/")
    if status == 200 and name.encode() in body:
        raise WrongError("the project page lists the hostile file")
    if found := targets_of(demo.url, root_of(demo), demo.place / "tuf-hostile", [f"packages/{project}/{name}"]):
        raise WrongError(f"TUF metadata names {found}")
    return "404 by page and URL, no TUF target"


def root_of(demo: Demo) -> Path:
    """The root of trust that a client gets out of band."""
    return demo.place / "data" / "public" / "metadata" / "1.root.json"


def pip_installs(demo: Demo) -> str:
    """Unmodified pip in a new environment."""
    env = demo.place / "pip-env"
    run(sys.executable, "-m", "venv", env)
    run(
        env / "bin/pip",
        "install",
        "-q",
        "--no-cache-dir",
        "--index-url",
        demo.url + "simple/",
        "six",
        "markupsafe",
        "wcwidth",
        demo_packages.MANY,
    )
    run(
        env / "bin/pip",
        "download",
        "-q",
        "--no-cache-dir",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        demo.place / "pip-download",
        "--index-url",
        demo.url + "simple/",
        "six",
    )
    run(env / "bin/python", "-c", "import six, markupsafe, wcwidth, bonded_demo_many")
    return "six, markupsafe, wcwidth, " + demo_packages.MANY


def uv_installs(demo: Demo) -> str:
    """Unmodified uv in a new environment."""
    env = demo.place / "uv-env"
    uv = ROOT / "var/boot/bin/uv"
    run(uv, "venv", "-q", "--python", sys.executable, env)
    run(
        uv,
        "pip",
        "install",
        "-q",
        "--no-cache",
        "--python",
        env / "bin/python",
        "--default-index",
        demo.url + "simple/",
        "six",
        "markupsafe",
        "wcwidth",
    )
    run(env / "bin/python", "-c", "import six, markupsafe, wcwidth")
    return "six, markupsafe, wcwidth"


def tuf_verifies(demo: Demo) -> str:
    """python-tuf's own client finds and verifies pages and files."""
    wanted = [f"packages/{project_of(p)}/{p.name}" for p in real_files(demo)] + [
        f"simple/{project_of(p)}/index.json" for p in real_files(demo)
    ]
    found = targets_of(demo.url, root_of(demo), demo.place / "tuf", wanted)
    if missing := set(wanted) - set(found):
        raise WrongError(f"python-tuf does not find {sorted(missing)}")
    return f"{len(found)} targets downloaded and verified"


def client_downloads(demo: Demo) -> str:
    """bonded-client takes the same way."""
    command = Path(sys.executable).parent / "bonded-client"
    run(command, "--index", demo.url, "--root", root_of(demo), "download", "--dest", demo.place / "client", "six")
    return ", ".join(p.name for p in (demo.place / "client").glob("*.whl"))


def flipped_byte(demo: Demo) -> str:
    """One byte changed on the way makes python-tuf refuse."""
    path = real_files(demo)[0]
    said = flipped_byte_is_refused(
        demo.url, root_of(demo), demo.place / "tuf-flipped", f"packages/{project_of(path)}/{path.name}"
    )
    if not said:
        raise WrongError("python-tuf accepted a changed byte")
    return said


def fsck(demo: Demo) -> str:
    """Database, vault, store, journal and metadata agree."""
    bonded("fsck", demo.place / "data")
    return "everything agrees"


STEPS: tuple[tuple[str, Callable[[Demo], str]], ...] = (
    ("bonded init --dev-keys", initialise),
    ("bonded serve: start to ready", start),
    ("fetch real packages", fetch_real),
    ("twine upload, to the last listed", upload_real),
    ("twine upload of many files", upload_many),
    ("a hostile upload", upload_hostile),
    ("the hostile file is absent", hostile_is_absent),
    ("pip install", pip_installs),
    ("uv pip install", uv_installs),
    ("python-tuf verifies", tuf_verifies),
    ("bonded-client download", client_downloads),
    ("a flipped byte is refused", flipped_byte),
    ("bonded fsck", fsck),
)


def table(demo: Demo) -> str:
    """Steps with their times."""
    width = max(len(title) for title, _, _ in demo.steps)
    return "\n".join(f"{title:<{width}}  {seconds:8.2f} s  {result}" for title, seconds, result in demo.steps)


def stop(demo: Demo) -> None:
    """End the server gracefully."""
    if demo.server and demo.server.poll() is None:
        demo.server.send_signal(signal.SIGTERM)
        try:
            demo.server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(demo.server.pid, signal.SIGKILL)


def main() -> int:
    """0 when every step was right."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the server must not outlive us
    words = argparse.ArgumentParser(prog="./dev demo", description=(__doc__ or "").split("\n")[0])
    words.add_argument("--once", action="store_true", help="end the server afterwards")
    once = words.parse_args().once
    demo = Demo(ROOT / "var" / "demo")
    wrong = ""
    try:
        clients.environment("twine")
        for title, work in STEPS:
            demo.step(title, lambda work=work: work(demo))  # type: ignore[misc]
    except WrongError as error:
        wrong = str(error)
    except BaseException:
        stop(demo)
        raise
    if wrong:
        stop(demo)
        print(f"{table(demo) if demo.steps else ''}\n\nWRONG: {wrong}", file=sys.stderr)
        return 1
    if not once:
        leave_running(demo)
    print(table(demo))
    if once:
        stop(demo)
        return 0
    assert demo.server
    try:
        return demo.server.wait()
    except (KeyboardInterrupt, SystemExit):
        stop(demo)
        return 0


def leave_running(demo: Demo) -> None:
    """Say what there is to see."""
    print(f"""
The index is at            {demo.url}
Set the admin's password   {demo.url.rstrip("/")}{demo.link}
The review queue is at     {demo.url}admin/
Install from it            pip install --index-url {demo.url}simple/ six
Data and log               {demo.place.relative_to(ROOT)}/
Ctrl-C ends it.
""")


if __name__ == "__main__":
    sys.exit(main())
