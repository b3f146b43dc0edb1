import base64

from sample.runner import start

start(base64.b64decode("cHJpbnQoMSk="))
