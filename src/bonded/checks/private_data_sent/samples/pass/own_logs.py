import glob
import os
from os import environ

import requests


def send_report(address):
    for path in glob.glob(os.path.expanduser("~/.ourtool/logs/*.log")):
        with open(path, "rb") as log:
            requests.post("https://ourtool.example.invalid/reports", files={"log": log})
    requests.post("https://ourtool.example.invalid/done", headers={"Authorization": environ["OURTOOL_TOKEN"]})


def upload(folder):
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as document:
            requests.post("https://ourtool.example.invalid/files", files={"document": document})
