"""People at a ceremony: each has a machine of their own, with a home directory and no network, and runs commands there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from bonded.adapters.signer_file import FileSigner, load_key
from bonded.adapters.storage_files import FileStorage
from bonded.cli import bonded
from bonded.tuf.ceremony_folder import CeremonyFolder, open_ceremony
from bonded.tuf.ceremony_index import index_value
from bonded.tuf.ceremony_state import State
from bonded.tuf.keys import make_key

BONDED = Path(sys.executable).parent / "bonded"
SECRET = "correct horse battery staple"
URL = "https://packages.example.org/"


@cache
def without_network() -> tuple[str, ...]:
    """How to run a program without a network here; () where that is not allowed."""
    for words in (("unshare", "-n"), ("unshare", "-rn")):
        if (
            shutil.which(words[0])
            and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
        ):
            return words
    return ()


@dataclass
class Machine:
    """One person's machine. `home` holds their key and what the machine remembers."""

    name: str
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.secret.write_text(SECRET + "\n")
        self.env = {"BONDED_SIGNER_HOME": str(self.home / "signer"), "HOME": str(self.home)}

    @property
    def secret(self) -> Path:
        return self.home / "passphrase"

    @property
    def key(self) -> Path:
        return self.home / f"{self.name}.pem"

    @property
    def pub(self) -> Path:
        return self.home / f"{self.name}.pub"

    def run(self, *words: str | Path, answers: str | None = None) -> Result:
        return CliRunner().invoke(bonded, [str(word) for word in words], input=answers, env=self.env)

    def said(self, *words: str | Path, answers: str | None = None) -> str:
        """What a command printed; it must succeed."""
        result = self.run(*words, answers=answers)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def refused(self, *words: str | Path, answers: str | None = None) -> str:
        """The sentence with which a command failed; it must be one, and no traceback."""
        result = self.run(*words, answers=answers)
        assert result.exit_code == 1, (result.output, result.exception)
        assert isinstance(result.exception, SystemExit), result.exception
        sentence = result.stderr.rpartition("Error: ")[2].strip()
        assert sentence, result.output
        assert "\n" not in sentence, sentence
        return sentence

    def make_key(self) -> Path:
        """The public key file of a new key."""
        self.said("tuf", "key", self.name, "--folder", self.home, "--passphrase-file", self.secret)
        return self.pub

    def signs(self, what: Path, *words: str | Path) -> str:
        return self.said(*self.signing(what), *words)

    def signing(self, what: Path) -> tuple[str | Path, ...]:
        """The words of the command by which this person signs."""
        return ("tuf", "sign", what, "--key", self.key, "--passphrase-file", self.secret, "--yes")

    def apart(self, *words: str | Path) -> subprocess.Popen[str]:
        """A command as a process of its own, without a network where that can be had; its input stays open."""
        return subprocess.Popen(
            [*without_network(), BONDED, *map(str, words)],
            env={**os.environ, **self.env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@dataclass
class Host:
    """The host of an index, as far as a ceremony sees it: its online key, its store, and the file it writes."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.online = make_key(self.folder / "online.pem", SECRET.encode())

    @property
    def store(self) -> FileStorage:
        return FileStorage(self.folder / "public")

    @property
    def signer(self) -> FileSigner:
        key = load_key(self.folder / "online.pem", SECRET.encode())
        return FileSigner([key], self.folder / "state.json")

    def index_file(self, **more: object) -> Path:
        path = self.folder / "index.json"
        value = index_value(URL, self.signer.keys(), page_bins=4, bins=4, **more)  # type: ignore[arg-type]
        path.write_bytes(orjson.dumps(value))
        return path


@dataclass
class Meeting:
    """A ceremony with alice, bob and carol, of whom two must sign, and the index it is for."""

    place: Path

    def __post_init__(self) -> None:
        self.host = Host(self.place / "host")
        self.desk = Machine("desk", self.place / "desk")
        self.people = {name: Machine(name, self.place / name) for name in ("alice", "bob", "carol")}
        for one in self.people.values():
            one.make_key()
        self.folder = self.place / "ceremony"

    def __getattr__(self, name: str) -> Machine:
        try:
            return self.__dict__["people"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(name) from None

    def words(self, *more: str | Path) -> list[str | Path]:
        """The command that begins and prepares the ceremony."""
        keys = [word for one in self.people.values() for word in ("--root-key", one.pub)]
        return ["tuf", "ceremony", self.folder, "--index", self.host.index_file(), *keys, *more, "--yes"]

    def begin(self, *more: str | Path) -> str:
        return self.desk.said(*self.words(*more))

    def state(self) -> State:
        return open_ceremony(self.folder)

    def lines(self) -> int:
        return len(CeremonyFolder(self.folder).lines())

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle.json"
