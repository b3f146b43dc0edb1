"""Online keys in AWS KMS (ECDSA or RSA). URI `awskms:KEY`: an id, an ARN, an alias.

Credentials and region are boto3's: the environment, a profile, or the role of the machine. Only the digest is sent.
"""

from __future__ import annotations

from typing import Any

from securesystemslib.exceptions import UnsupportedAlgorithmError, UnsupportedLibraryError
from securesystemslib.signer import AWSSigner  # type: ignore[attr-defined]

from bonded.adapters.signer_key import PARALLEL, RemoteKey, cause_of
from bonded.seams import SignerUnusable


def aws_key(name: str, timeout: float) -> RemoteKey:
    """The KMS key `name`. Raises SignerUnusable when KMS cannot be reached, denies, or the key cannot sign."""
    what = f"AWS KMS key {name}"
    try:
        _configure(timeout)
        uri, public = AWSSigner.import_(name)
        signer = AWSSigner.from_priv_key_uri(uri, public)
    except (ImportError, UnsupportedLibraryError):
        raise SignerUnusable("keys in AWS KMS need boto3: install bonded[kms]") from None
    except UnsupportedAlgorithmError as error:
        raise SignerUnusable(f"{what} is of a kind that TUF has no scheme for: {cause_of(error)}") from None
    except Exception as error:  # boto3 has families for transport, credentials, and answers
        raise SignerUnusable(f"{what} cannot be used: {cause_of(error)}") from error

    def one(payload: bytes) -> bytes:
        return bytes.fromhex(signer.sign(payload).signature)

    return RemoteKey(public, one, what, timeout)


def _configure(timeout: float) -> None:
    """boto3's own waits (a minute for each of five tries) would hold up a publication for minutes."""
    import boto3
    import botocore.session
    from botocore.config import Config

    config: Any = Config(
        connect_timeout=min(5.0, timeout),
        read_timeout=timeout,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=PARALLEL,
    )
    core = botocore.session.get_session()
    core.set_default_client_config(config)
    boto3.setup_default_session(botocore_session=core)
