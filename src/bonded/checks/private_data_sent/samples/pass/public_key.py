import os
import socket

import requests


def register(token):
    with open(os.path.expanduser("~/.ssh/id_ed25519.pub")) as file:
        key = file.read()
    headers = {"Authorization": "Bearer " + token}
    requests.post("https://example.invalid/keys", headers=headers, json={"title": socket.gethostname(), "key": key})
