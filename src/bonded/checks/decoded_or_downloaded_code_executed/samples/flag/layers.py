import base64
import zlib


def unpack(text):
    return zlib.decompress(base64.b64decode(text))


eval(compile(unpack(b"eJwrKMrMK9Ew1AQADmECdg=="), "<string>", "exec"))
