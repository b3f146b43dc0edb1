import enum

import requests


class Place(enum.Enum):
    NEWS = "https://files.example.invalid/news"
    TERMS = "https://files.example.invalid/terms"


class News:
    @property
    def texts(self):
        return [requests.get(one.value, timeout=5).text for one in Place]

    def lines(self):
        for text in self.texts:
            yield from text.splitlines()


def show():
    for line in News().lines():
        print(line)
