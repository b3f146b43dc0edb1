"""A mirror that turns hostile: an honest, signed index, and the ways to spoil what is served of it."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata

from tests.client.server import Served, answer
from tests.client_proxy.index import Index
from tests.client_proxy.wheels import Wheel, wheel

EVIL = wheel("example", filler=b"malicious")
OLD, NEW = wheel("example", "1.0"), wheel("example", "2.0", requires=("helper",))
HELPER = wheel("helper")


class Mirror(Index):
    """`example` 2.0, which needs `helper`, and 1.0, which had a hole. Root and targets need two of two keys."""

    def __init__(self) -> None:
        super().__init__()
        self.second = CryptoSigner.generate_ed25519()
        self.root.add_key(self.second.public_key, "root")
        self.root.roles["root"].threshold = 2
        self.root.add_key(self.root_signer.public_key, "targets")
        self.root.add_key(self.second.public_key, "targets")
        self.root.revoke_key(self.online.public_key.keyid, "targets")
        self.root.roles["targets"].threshold = 2
        self.sign_root(self.root_signer, self.second)
        self.sign_targets(self.root_signer, self.second)
        self.trusted = self.store["metadata/2.root.json"]
        self.release("helper", HELPER)
        self.release("example", OLD)
        self.before = dict(self.store)
        self.served: Served | None = None

    def sign_targets(self, *signers: CryptoSigner) -> None:
        """Sign the top-level targets, as they are, by `signers` only."""
        targets = Metadata.from_bytes(self.store["metadata/1.targets.json"])
        targets.signatures.clear()
        for signer in signers:
            targets.sign(signer, append=True)
        self.store["metadata/1.targets.json"] = targets.to_bytes()

    def fix(self) -> None:
        """Publish 2.0 in the place of 1.0."""
        self.release("example", NEW)

    def say(self, path: str, what: Callable[[BaseHTTPRequestHandler, bytes], None]) -> None:
        """Answer the path so from now on."""
        assert self.served is not None
        self.served.odd[path] = what

    def pages(self, project: str = "example") -> tuple[str, str]:
        """Where the JSON page of a project lies: by its hash, and as the plain copy."""
        return self.signed_page(project), f"simple/{project}/"

    def show(self, page: bytes) -> None:
        """Serve these bytes as the page of `example`, wherever it is asked for."""
        for path in self.pages():
            self.store[path] = page

    def file(self, made: Wheel) -> str:
        """Where a wheel of `example` or `helper` lies."""
        return f"packages/{made.filename.split('-')[0]}/{made.filename}"

    def endless(self, path: str) -> None:
        """Never end the answer to `path`."""
        served = self.served
        assert served is not None

        def pour(handler: BaseHTTPRequestHandler, _: bytes) -> None:
            handler.send_response(200)
            handler.end_headers()
            while not served.stop.is_set():
                handler.wfile.write(b"x" * 65536)

        self.say(path, pour)

    def drip(self, path: str) -> None:
        """Send the answer to `path` a byte at a time: each in time, all of it never."""
        served = self.served
        assert served is not None

        def slow(handler: BaseHTTPRequestHandler, body: bytes) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            for byte in body:
                if served.stop.wait(0.1):
                    return
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()

        self.say(path, slow)

    def silent(self, path: str) -> None:
        """Take the request for `path` and say nothing."""
        served = self.served
        assert served is not None
        self.say(path, lambda *_: served.stop.wait(120) and None)

    def status(self, path: str, status: int) -> None:
        """Answer `path` with an error."""
        self.say(path, lambda handler, _: answer(handler, b"no", status))
