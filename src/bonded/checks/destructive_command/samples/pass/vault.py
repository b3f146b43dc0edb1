from cryptography.fernet import Fernet


def seal(text, key):
    with open("vault.bin", "wb") as file:
        file.write(Fernet(key).encrypt(text))
