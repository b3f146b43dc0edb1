import base64
import json
import zlib

TABLE = json.loads(zlib.decompress(base64.b64decode("eJyrVkosKlCyUjBUqgUAFdkDSA==")))


def load(text):
    return json.loads(base64.b64decode(text))
