import requests


def picture(prompt, seed=None):
    return requests.post("https://example.invalid/pictures", json={"prompt": prompt, "seed": seed}).content


class Table:
    def row(self, pk):
        return requests.get(f"https://example.invalid/rows/{pk}").json()


def verify(private_key, answer):
    return requests.post("https://example.invalid/verify", data={"secret": private_key, "response": answer}).json()
