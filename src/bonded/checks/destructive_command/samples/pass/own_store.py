from pathlib import Path

from cryptography.fernet import Fernet

STORE = Path.home() / ".sample" / "vault"


def change(old, new):
    plain = Fernet(old).decrypt(STORE.read_bytes())
    STORE.write_bytes(Fernet(new).encrypt(plain))
