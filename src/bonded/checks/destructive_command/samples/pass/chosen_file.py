import argparse

from cryptography.fernet import Fernet


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    chosen = parser.parse_args()
    with open(chosen.file, "rb") as file:
        plain = file.read()
    with open(chosen.file, "wb") as file:
        file.write(Fernet(input("Key: ")).encrypt(plain))
