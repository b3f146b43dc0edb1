import hashlib
import socket

import requests


def report(event):
    machine = hashlib.sha256(socket.gethostname().encode()).hexdigest()
    requests.post("https://example.invalid/events", json={"event": event, "machine": machine})
