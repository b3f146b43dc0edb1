import getpass

import click
import requests


def sign_in(user=None):
    user = user or input("User: ")
    password = getpass.getpass("Password: ")
    answer = requests.post("https://example.invalid/session", json={"user": user, "password": password})
    return answer.json()["token"]


@click.command()
def again():
    password = click.prompt("Password", hide_input=True)
    requests.post("https://example.invalid/session", json={"password": password}).raise_for_status()
