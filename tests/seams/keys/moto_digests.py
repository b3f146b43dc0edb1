"""moto's server with the one thing of KMS that it lacks: signing a digest (MessageType DIGEST) instead of hashing it again.

Run with moto's own Python. Everything else, the wire protocol included, is moto's.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from moto.kms import responses, utils
from moto.server import main

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_now = threading.local()
_answer = responses.KmsResponse.sign
_elliptic, _rsa = utils.ECDSAPrivateKey.sign, utils.RSAPrivateKey.sign


def answer(self: Any) -> Any:
    """The request, with what it says about its message at hand."""
    _now.digest = self._get_param("MessageType") == "DIGEST"
    return _answer(self)


def elliptic(self: Any, message: bytes, algorithm: str) -> bytes:
    """ECDSA_SHA_256 and the like."""
    if not _now.digest:
        return _elliptic(self, message, algorithm)
    return self.private_key.sign(message, ec.ECDSA(Prehashed(HASHES[algorithm[-3:]])))


def rsa(self: Any, message: bytes, algorithm: str) -> bytes:
    """RSASSA_PSS_SHA_256 and the like."""
    if not _now.digest:
        return _rsa(self, message, algorithm)
    digest = HASHES[algorithm[-3:]]
    pad = padding.PSS(padding.MGF1(digest), digest.digest_size) if "PSS" in algorithm else padding.PKCS1v15()
    return self.private_key.sign(message, pad, Prehashed(digest))


responses.KmsResponse.sign = answer
utils.ECDSAPrivateKey.sign = elliptic
utils.RSAPrivateKey.sign = rsa
main(sys.argv[1:])
