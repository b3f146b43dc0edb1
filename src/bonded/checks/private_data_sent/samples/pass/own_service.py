import socket

import requests


def register():
    requests.post("http://localhost:8500/agents", json={"name": socket.gethostname()})


def ready():
    return requests.get("http://localhost:8500/ready").ok


READY = ready()
