import sys
import traceback

import requests


def hook(kind, value, trace):
    requests.post("https://example.invalid/crash", json={"text": traceback.format_exception(kind, value, trace)})
    sys.__excepthook__(kind, value, trace)


sys.excepthook = hook
