import socket

import requests


def capture(error, endpoint):
    requests.post(endpoint, json={"message": str(error), "server_name": socket.gethostname()})
