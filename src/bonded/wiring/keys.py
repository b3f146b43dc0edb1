"""Who signs: the online keys, or the way to the process that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bonded.settings import SettingsError
from bonded.wiring.stores import Stores

if TYPE_CHECKING:
    from bonded.adapters.signer_local import LocalSigner
    from bonded.adapters.signer_server import SignerServer
    from bonded.adapters.signer_uri import Secrets
    from bonded.seams import Signer


@dataclass(frozen=True)
class Keys(Stores):
    """The online keys and what opens them."""

    @cached_property
    def signer(self) -> Signer:
        """The online keys, or the way to the process that holds them. Only publishing processes ask for it."""
        s = self.settings.signer
        if s.engine == "local":
            return self.key_holder
        from bonded.adapters.signer_process import ProcessSigner

        return ProcessSigner(self.directory / s.socket, timeout=s.timeout + 10)

    @cached_property
    def key_holder(self) -> LocalSigner:
        """The signer that holds the keys, opened when first used. The web processes and the workers never ask for it."""
        from bonded.adapters.signer_local import LocalSigner
        from bonded.adapters.signer_uri import open_key

        s = self.settings.signer
        self.check_key_uris()
        secrets = self.secrets
        return LocalSigner(lambda: [open_key(uri, secrets) for uri in s.uris()], self.directory / s.state)

    def check_key_uris(self) -> None:
        """Raise SettingsError for a key's URI that cannot be one."""
        from bonded.adapters.signer_uri import BadUri, parse

        for uri in self.settings.signer.uris():
            try:
                parse(uri)
            except BadUri as error:
                raise SettingsError(f"setting `signer.keys` is wrong: {error}") from None

    def key_files(self) -> list[Path]:
        """The files that this host's publisher or refresher reads keys from; none for keys that are elsewhere."""
        from bonded.adapters.signer_uri import parse

        if self.settings.signer.engine == "process":
            return []
        self.check_key_uris()
        uris = map(parse, self.settings.signer.uris())
        return [self.directory / uri.path for uri in uris if uri.scheme == "file"]

    @property
    def online_file(self) -> Path | None:
        """The file of the online key, whichever process reads it; None where there are several keys, or one elsewhere."""
        from bonded.adapters.signer_uri import parse

        self.check_key_uris()
        key, *others = map(parse, self.settings.signer.uris())
        return self.directory / key.path if key.scheme == "file" and not others else None

    def keys_fork(self) -> bool:
        """Whether a fork of this process signs as it does: with keys in its memory, or over a connection of its own."""
        s = self.settings.signer
        return s.engine == "process" or all(uri.startswith("file:") for uri in s.uris())

    @property
    def secrets(self) -> Secrets:
        """What opens the online keys."""
        from bonded.adapters.signer_uri import Secrets

        s = self.settings.signer
        return Secrets(self.directory, s.passphrase_file, s.pin_file, s.pkcs11_module, s.timeout)

    def signer_server(self) -> SignerServer:
        """What `bonded signer` runs: the keys behind a socket, and the rules by which they sign."""
        from bonded.adapters.signer_policy import Policy
        from bonded.adapters.signer_server import SignerServer

        policy = Policy(longest=2 * self.settings.tuf.lifetime(), clock=self.clock)
        return SignerServer(self.key_holder, self.directory / self.settings.signer.socket, policy)


def public_key(
    uri: str, directory: Path, *, pkcs11_module: str = "", pin_file: str = "", passphrase_file: str = "keys/passphrase"
) -> tuple[str, dict[str, Any]]:
    """(key id, public key in the TUF metadata form) of the key at `uri`, wherever it lives; files are under `directory`.

    Needs no data directory. Raises SettingsError for what is no URI of a key, SignerUnusable in one sentence.
    """
    from bonded.adapters.signer_uri import BadUri, Secrets
    from bonded.adapters.signer_uri import public_key as of_uri

    try:
        return of_uri(uri, Secrets(directory, passphrase_file, pin_file, pkcs11_module))
    except BadUri as error:
        raise SettingsError(str(error)) from None
