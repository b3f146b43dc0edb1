import socket

import requests

session = requests.Session()
session.headers.update({"X-From": socket.gethostname()})
session.get("https://collect.example.invalid/in")
