import requests


def show(user, token):
    text = f"User: {user}\nToken: {token[:4]}…"
    print(text)
    requests.get("https://example.invalid/whoami", headers={"Authorization": token}).raise_for_status()


def warn(channel, name):
    requests.post("http://203.0.113.7/notes", data={"text": f"User: {name}\nChannel: {channel}"})
