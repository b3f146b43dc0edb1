import requests


def sign_in(user, password, api_token):
    answer = requests.post("https://example.invalid/session", json={"user": user, "password": password})
    return answer.json() | requests.get("https://example.invalid/", headers={"Authorization": api_token}).json()
