"""How bearer secrets (cookies, one-time links) are made and kept: 256 random bits, of which only the hash is stored."""

from __future__ import annotations

import hashlib
import secrets


def new_secret() -> str:
    """A new secret: 43 URL-safe characters, 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Hex sha256. No salt and no stretching: the input has 256 random bits. Never fails on what a client sends."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
