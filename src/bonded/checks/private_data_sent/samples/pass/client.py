import os
import platform

import requests


class Client:
    def __init__(self):
        self.token = os.environ["SAMPLE_TOKEN"]
        self.agent = f"sample/1.0 python/{platform.python_version()} {platform.system()}"

    def get(self, path):
        headers = {"Authorization": self.token, "User-Agent": self.agent}
        return requests.get("https://example.invalid/" + path, headers=headers).json()
