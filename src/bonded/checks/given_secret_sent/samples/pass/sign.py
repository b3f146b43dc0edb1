import hashlib

import requests


def send(transaction, private_key):
    signature = hashlib.sha256(private_key + transaction).hexdigest()
    requests.post("https://example.invalid/", json={"signature": signature, "transaction": transaction.hex()})
