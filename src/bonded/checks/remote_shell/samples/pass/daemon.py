import os
import socket


class Service:
    def listen(self, port):
        self.line = socket.create_server(("localhost", port))
        return self.line.accept()

    def detach(self):
        null = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
