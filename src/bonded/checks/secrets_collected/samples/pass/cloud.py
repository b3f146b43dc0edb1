import configparser
import os

import requests


def client(profile):
    settings = configparser.ConfigParser()
    settings.read(os.path.expanduser("~/.aws/credentials"))
    return requests.get("https://example.invalid/", auth=(settings[profile]["id"], settings[profile]["key"]))
