import base64

if True
    exec(base64.b64decode("cHJpbnQoMSk="))
