import platform
import socket

with socket.socket() as client:
    client.connect(("example.invalid", 4000))
    client.sendall(platform.node().encode())
