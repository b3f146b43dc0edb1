import requests


def name():
    token = input("Enter your token: ")
    return requests.get("https://api.example.invalid/me", headers={"Authorization": token}, timeout=5).text
