import base64

import requests


def version():
    return requests.get(str(base64.b64decode("aHR0cHM6Ly9leGFtcGxlLmludmFsaWQv"), encoding="utf-8") + "version").text
