import json
import pickle
import re
import urllib.request


def model():
    return pickle.loads(urllib.request.urlopen("https://files.example.invalid/model").read())


def table():
    return json.load(urllib.request.urlopen("https://files.example.invalid/table"))


NAME = re.sub("[_-]", " ", "a_b-c")
