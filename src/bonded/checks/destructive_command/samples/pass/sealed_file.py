from cryptography.fernet import Fernet


def seal(path, key):
    with open(path, "rb") as file:
        plain = file.read()
    with open(path + ".sealed", "wb") as file:
        file.write(Fernet(key).encrypt(plain))
