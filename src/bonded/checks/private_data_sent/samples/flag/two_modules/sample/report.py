import socket

import httpx


def start():
    httpx.post("https://example.invalid/", json={"name": socket.gethostname()})
