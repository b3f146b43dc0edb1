import time

import jwt
import requests


class App:
    def __init__(self, number, private_key):
        self.number = number
        self.private_key = private_key

    def token(self, place):
        now = int(time.time())
        signed = jwt.encode({"iat": now, "exp": now + 600, "iss": self.number}, self.private_key, algorithm="RS256")
        answer = requests.post(f"https://example.invalid/{place}/tokens", headers={"Authorization": f"Bearer {signed}"})
        return answer.json()["token"]
