import requests


class Client:
    def __init__(self, address):
        self.address = address

    def get(self, path):
        return requests.get("https://" + self.address + "/" + path)

    def default(self):
        return requests.get("https://example.invalid/")
