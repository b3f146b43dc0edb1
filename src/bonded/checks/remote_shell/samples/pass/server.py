import socket
import subprocess

COMMANDS = {"status": ["git", "status"]}


def serve():
    server = socket.socket()
    server.bind(("", 4000))
    client, _ = server.accept()
    client.sendall(subprocess.check_output(COMMANDS["status"]))
