"""`bonded signer` as its own process, on a host as administrators would set it up: settings, secrets in files, nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bonded.adapters.signer_process import ProcessSigner
from bonded.tuf.keys import make_key
from tests.seams.keys.services import Azure, Google, Identity, Service, Vault
from tests.story import clients
from tests.support.ports import reserved

ROOT = Path(__file__).parents[3]
SOFTHSM = next(
    (p for p in map(Path, ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so")) if p.exists()),
    Path("/usr/lib/softhsm/libsofthsm2.so"),
)
BONDED = ("-c", "from bonded.cli import main; main()")
PATIENCE = 60.0
"""Seconds for what needs one, however busy the machine is."""
TIMEOUT = 3.0
"""Seconds that a service is given whose time is to run out."""


@dataclass
class Host:
    """A data directory with the settings of a signer. `libraries`: it has those of tokens and clouds installed."""

    folder: Path
    keys: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    service: Service | None = None
    libraries: bool = True

    def write(self) -> None:
        """bonded.toml, with what `keys` and `settings` say now."""
        lines = ["[signer]", 'engine = "process"', f"timeout = {PATIENCE}", f"keys = {json.dumps(self.keys)}"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in self.settings.items()]
        (self.folder / "bonded.toml").write_text("\n".join(lines) + "\n")

    @property
    def socket(self) -> Path:
        return self.folder / "run/signer.sock"

    @property
    def python(self) -> Path:
        return clients.environment(clients.SIGNER) / "bin/python" if self.libraries else Path(sys.executable)

    def start(self) -> subprocess.Popen[str]:
        """`bonded signer`, which may not have come up yet."""
        self.write()
        env = clients.bare(self.folder / "home") | {"PYTHONPATH": str(ROOT / "src")} | self.environment
        command = [str(self.python), *BONDED, "signer", str(self.folder)]
        with self.log.open("a") as log:
            return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=log, text=True)

    @property
    def log(self) -> Path:
        """What signers of this host wrote to standard error."""
        return self.folder / "signer.log"

    @contextmanager
    def running(self) -> Iterator[ProcessSigner]:
        """A signer that is ready, and the way to it."""
        process = self.start()
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            process.wait(PATIENCE)
            raise AssertionError(self.log.read_text())
        try:
            yield ProcessSigner(self.socket, timeout=PATIENCE + 3)
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)

    def refuses(self) -> str:
        """What a signer says that cannot start; it must be one line and status 1."""
        before = self.log.stat().st_size if self.log.exists() else 0
        done = self.start()
        out, _ = done.communicate(timeout=60)
        assert (done.returncode, out) == (1, "")
        (line,) = [line for line in self.log.read_text()[before:].splitlines() if not line.startswith("{")]
        return line.removeprefix("Error: ").removeprefix("bonded: ")

    @contextmanager
    def opening(self) -> Iterator[Opening]:
        """A process on this host that opens keys with other settings, again and again."""
        env = clients.bare(self.folder / "home") | {"PYTHONPATH": str(ROOT / "src")} | self.environment
        program = [str(self.python), str(Path(__file__).with_name("open_keys.py"))]
        with self.log.open("a") as log:
            process = subprocess.Popen(
                program, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        try:
            yield Opening(self, process)
        finally:
            process.kill()
            process.communicate()


@dataclass
class Opening:
    """See Host.opening."""

    host: Host
    process: subprocess.Popen[str]

    def ask(
        self,
        uri: str = "",
        sign: tuple[str, ...] = ("x",),
        env: Mapping[str, str] | None = None,
        timeout: float = PATIENCE,
        **secrets: str,
    ) -> dict[str, Any]:
        """Open the key and sign; the answer of open_keys.py."""
        values = {"timeout": timeout, **self.host.settings, **secrets}
        line = {"uri": uri or self.host.keys[0], "folder": str(self.host.folder), "secrets": values}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(line | {"sign": sign, "env": dict(env or {})}) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def says(
        self, uri: str = "", env: Mapping[str, str] | None = None, timeout: float = PATIENCE, **secrets: str
    ) -> str:
        """The sentence of a key that cannot be opened or does not sign."""
        said: str = self.ask(uri, env=env, timeout=timeout, **secrets)["said"]
        assert "\n" not in said
        return said


def file_host(folder: Path, count: int = 1) -> Host:
    """Encrypted files."""
    (folder / "keys").mkdir(parents=True)
    (folder / "keys/passphrase").write_text("a long one\n")
    names = [f"keys/online-{i}.pem" for i in range(count)]
    for name in names:
        make_key(folder / name, b"a long one")
    return Host(folder, [f"file:{name}" for name in names], libraries=False)


def hsm_host(folder: Path, *kinds: str) -> Host:
    """SoftHSM2, with a key of each of `kinds` (of pkcs11-tool) under the ids 2, 3, ..."""
    (folder / "tokens").mkdir(parents=True)
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    env = {"SOFTHSM2_CONF": str(config)}
    _run("softhsm2-util --init-token --free --label bonded --pin 123456 --so-pin 654321", env)
    for at, kind in enumerate(kinds or ("EC:prime256v1",), 2):
        base = f"pkcs11-tool --module {SOFTHSM} --login --pin 123456 --token-label bonded"
        _run(f"{base} --keypairgen --key-type {kind} --id {at:02x} --label online-{at}", env)
    (folder / "pin").write_text("123456\n")
    keys = [f"hsm:{at}?label=bonded" for at, _ in enumerate(kinds or ("",), 2)]
    return Host(folder, keys, env, {"pkcs11_module": str(SOFTHSM), "pin_file": "pin"})


def _run(command: str, env: Mapping[str, str]) -> None:
    done = subprocess.run(command.split(), env=os.environ | dict(env), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def vault_host(folder: Path) -> Iterator[Host]:
    """Vault's transit engine."""
    folder.mkdir(parents=True, exist_ok=True)
    service = Vault()
    with service.running():
        env = {"VAULT_ADDR": f"http://127.0.0.1:{service.port}", "VAULT_TOKEN": service.token}
        yield Host(folder, ["hv:online/1"], env, service=service)


@contextmanager
def aws_host(folder: Path, spec: str = "ECC_NIST_P256") -> Iterator[Host]:
    """AWS KMS: moto's server, with one key."""
    folder.mkdir(parents=True, exist_ok=True)
    program = Path(__file__).with_name("moto_digests.py")
    with reserved() as port:
        command = [clients.environment("moto") / "bin/python", program, "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            key = _moto_key(f"http://127.0.0.1:{port}", spec)
            env = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
            env |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
            yield Host(folder, [f"awskms:{key}"], env)
        finally:
            server.kill()
            server.wait()


def _moto_key(url: str, spec: str) -> str:
    body = json.dumps({"KeyUsage": "SIGN_VERIFY", "KeySpec": spec}).encode()
    credential = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=0"
    head = {"X-Amz-Target": "TrentService.CreateKey", "Content-Type": "application/x-amz-json-1.1"}
    end = time.monotonic() + PATIENCE
    while True:
        try:
            request = urllib.request.Request(url, body, head | {"Authorization": credential})
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)["KeyMetadata"]["KeyId"]
        except urllib.error.HTTPError:
            raise
        except OSError:
            assert time.monotonic() < end, "moto did not start"
            time.sleep(0.1)


@contextmanager
def google_host(folder: Path) -> Iterator[Host]:
    """Google Cloud KMS."""
    folder.mkdir(parents=True, exist_ok=True)
    service = Google()
    with service.running():
        env = {"GOOGLE_APPLICATION_CREDENTIALS": str(service.account(folder)), "NO_GCE_CHECK": "true"}
        yield Host(folder, [f"gcpkms:{service.name}?endpoint=http://127.0.0.1:{service.port}"], env, service=service)


@contextmanager
def azure_host(folder: Path) -> Iterator[Host]:
    """Azure Key Vault, asked by a machine with a managed identity."""
    folder.mkdir(parents=True, exist_ok=True)
    service, identity = Azure(folder), Identity()
    with ExitStack() as stack:
        stack.enter_context(service.running())
        stack.enter_context(identity.running())
        env = {"IDENTITY_ENDPOINT": f"http://127.0.0.1:{identity.port}/token", "IDENTITY_HEADER": "i.test"}
        env |= {"REQUESTS_CA_BUNDLE": str(service.certificate)}
        yield Host(folder, [f"azurekms://{service.host}/keys/online/v1"], env, service=service)
