import socket

import requests

requests.post("http://localhost:8080/sample", json={"machine": socket.gethostname()}, timeout=3)
