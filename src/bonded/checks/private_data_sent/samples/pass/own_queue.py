import socket

import redis


class Worker:
    def __init__(self, url):
        self.queue = redis.from_url(url)

    def register(self):
        self.queue.hset("workers", socket.gethostname(), "idle")
