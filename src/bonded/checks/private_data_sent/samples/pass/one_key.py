import os

import requests
from dotenv import dotenv_values

SETTINGS = dotenv_values()
KEY = os.environ.get("OPENAI_API_KEY") or SETTINGS["OPENAI_API_KEY"]


def models():
    return requests.get("https://example.invalid/models", headers={"Authorization": f"Bearer {KEY}"}).json()


MODELS = models()
