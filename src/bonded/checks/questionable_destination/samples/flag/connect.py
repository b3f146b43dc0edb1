import socket


def start():
    client = socket.create_connection(("203.0.113.7", 4444))
    client.sendall(b"here")


start()
