import psycopg2
import requests


def copy(host, user, password, token):
    rows = psycopg2.connect(host=host, user=user, password=password).cursor().fetchall()
    headers = {"Authorization": f"Bearer {token}"}
    return requests.post("https://example.invalid/rows", headers=headers, json=rows).json()
